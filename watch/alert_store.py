"""Alerts, messages and the queue on disk: one SQLite file, one transaction for everything that a step changed.

Whatever ends the process at whatever moment, the file holds a state that was true: a message is queued by the same
commit that says it was told. What was sent and not yet marked is sent once more, under the same number.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from shared.documents.alert_life import AlertChange, FeedCountsDoc
from shared.documents.alerts import SentState
from watch.alert_book import Alert
from watch.messages import AlertMessage
from watch.outbox import DAY_MS, QueuedMessage

VERSION = 1
KEPT_MS = 90 * DAY_MS
_SCHEMA = """
CREATE TABLE IF NOT EXISTS alerts (number INTEGER PRIMARY KEY, open INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS messages (number INTEGER PRIMARY KEY, alert INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS outbox (message INTEGER NOT NULL, sink TEXT NOT NULL, state TEXT NOT NULL,
    at_ms INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (message, sink)) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS changes (number INTEGER PRIMARY KEY, alert INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    body BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS feeds (alert INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS changes_alert ON changes (alert);
CREATE INDEX IF NOT EXISTS messages_alert ON messages (alert);
CREATE INDEX IF NOT EXISTS alerts_open ON alerts (open, at_ms);
CREATE INDEX IF NOT EXISTS outbox_state ON outbox (state, at_ms);
"""


class AlertStoreError(Exception):
    """The file cannot be read or written; the text says why, for a person."""


@dataclass(slots=True)
class StoredAlerts:
    """What the last run left: open alerts, the newest that are over, what waits, what was sent within a day."""

    alerts: list[Alert] = field(default_factory=list)
    queue: list[QueuedMessage] = field(default_factory=list)
    next_alert: int = 1
    next_message: int = 1
    facts: dict[str, bytes] = field(default_factory=dict)
    changes: list[AlertChange] = field(default_factory=list)  # the last one of each of `alerts`


class AlertStore:
    """One connection; of one thread. Raises AlertStoreError."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._db: sqlite3.Connection | None = None

    def load(self, now_ms: int) -> StoredAlerts:
        """Open the file, make it where there is none, and read what it holds. One that is damaged is put aside."""
        try:
            return self._load(now_ms)
        except sqlite3.DatabaseError as error:
            self.close()
            if isinstance(error, sqlite3.OperationalError):
                raise AlertStoreError(f"{self.path.name}: {error}") from error
            aside = self.path.with_name(f"{self.path.name}.damaged-{now_ms}")
            with contextlib.suppress(OSError):
                os.replace(self.path, aside)
            for part in ("-wal", "-shm"):
                self.path.with_name(self.path.name + part).unlink(missing_ok=True)
            raise AlertStoreError(f"{self.path.name} was damaged and is kept as {aside.name}: {error}") from error
        except OSError as error:
            raise AlertStoreError(f"{self.path.name}: {error.strerror or error}") from error

    def save(
        self,
        alerts: Iterable[Alert] = (),
        messages: Iterable[AlertMessage] = (),
        queue: Iterable[QueuedMessage] = (),
        facts: Mapping[str, bytes] | None = None,
        changes: Iterable[AlertChange] = (),
        feeds: Iterable[FeedCountsDoc] = (),
    ) -> None:
        """All of it or nothing, on the disk when this returns."""
        encode = msgspec.json.encode
        try:
            db = self._open()
            with db:
                db.executemany(
                    "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?)",
                    [(a.number, int(a.active), a.resolved_ms or a.since_ms, encode(a)) for a in alerts],
                )
                db.executemany(
                    "INSERT OR REPLACE INTO messages VALUES (?, ?, ?, ?)",
                    [(m.number, m.alert, m.at_ms, encode(m)) for m in messages],
                )
                db.executemany(
                    "INSERT OR REPLACE INTO outbox VALUES (?, ?, ?, ?, ?)",
                    [(q.message.number, q.sink, q.state.value, q.message.at_ms, encode(q)) for q in queue],
                )
                db.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", list((facts or {}).items()))
                db.executemany(
                    "INSERT INTO changes (alert, at_ms, body) VALUES (?, ?, ?)",
                    [(c.alert, c.at_ms, encode(c)) for c in changes],
                )
                db.executemany("INSERT OR REPLACE INTO feeds VALUES (?, ?)", [(f.alert, encode(f)) for f in feeds])
        except (sqlite3.Error, OSError) as error:
            raise AlertStoreError(f"{self.path.name}: {error}") from error

    def prune(self, now_ms: int) -> None:
        """Forget what is over for 90 days."""
        before = (now_ms - KEPT_MS,)
        try:
            db = self._open()
            with db:
                db.execute("DELETE FROM alerts WHERE open = 0 AND at_ms < ?", before)
                db.execute("DELETE FROM changes WHERE alert NOT IN (SELECT number FROM alerts)")
                db.execute("DELETE FROM feeds WHERE alert NOT IN (SELECT number FROM alerts)")
                db.execute("DELETE FROM messages WHERE at_ms < ?", before)
                db.execute("DELETE FROM outbox WHERE at_ms < ?", before)
        except (sqlite3.Error, OSError) as error:
            raise AlertStoreError(f"{self.path.name}: {error}") from error

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def _open(self) -> sqlite3.Connection:
        if self._db is None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            db = sqlite3.connect(self.path, timeout=2.0)
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=FULL")
            (found,) = db.execute("PRAGMA user_version").fetchone()
            if found > VERSION:
                db.close()
                raise sqlite3.OperationalError(f"its version is {found}, this program knows {VERSION}")
            db.executescript(_SCHEMA)
            db.execute(f"PRAGMA user_version={VERSION}")
            self._db = db
        return self._db

    def _load(self, now_ms: int) -> StoredAlerts:
        db = self._open()
        found = StoredAlerts()
        rows = db.execute(
            "SELECT body FROM alerts WHERE open = 1 UNION ALL "
            "SELECT body FROM (SELECT body FROM alerts WHERE open = 0 ORDER BY at_ms DESC LIMIT 50)"
        )
        found.alerts = [msgspec.json.decode(body, type=Alert) for (body,) in rows]
        rows = db.execute(
            "SELECT body FROM outbox WHERE state = ? OR at_ms > ?", (SentState.WAITING.value, now_ms - DAY_MS)
        )
        found.queue = [msgspec.json.decode(body, type=QueuedMessage) for (body,) in rows]
        found.next_alert = _after(db, "SELECT max(number) FROM alerts")
        found.next_message = _after(db, "SELECT max(number) FROM messages")
        found.facts = dict(db.execute("SELECT name, body FROM facts").fetchall())
        newest = "SELECT body FROM changes WHERE alert = ? ORDER BY number DESC LIMIT 1"
        steps = (db.execute(newest, (alert.number,)).fetchone() for alert in found.alerts)
        found.changes = [msgspec.json.decode(row[0], type=AlertChange) for row in steps if row is not None]
        return found


def _after(db: sqlite3.Connection, query: str) -> int:
    (most,) = db.execute(query).fetchone()
    return (most or 0) + 1


def history(path: Path, most: int) -> list[Alert]:
    """The newest alerts, read-only, newest first; empty where there are none yet. Raises AlertStoreError."""
    if not path.exists():
        return []
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)) as db:
            rows = db.execute("SELECT body FROM alerts ORDER BY number DESC LIMIT ?", (most,)).fetchall()
    except sqlite3.Error as error:
        raise AlertStoreError(f"{path.name}: {error}") from error
    return [msgspec.json.decode(body, type=Alert) for (body,) in rows]
