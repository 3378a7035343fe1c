"""What must outlive a crash: updates that were taken, confirmations, refusals. One SQLite file, each write on the disk
before the next step."""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from chat.confirmations import OPEN, ChatConfirmation
from shared.documents.chat import ChatRefusalDoc

_SCHEMA = """
CREATE TABLE IF NOT EXISTS updates (name TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS confirmations (token TEXT PRIMARY KEY, open INTEGER NOT NULL, at_ms INTEGER NOT NULL,
    body BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusals (person TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, body BLOB NOT NULL)
    STRICT, WITHOUT ROWID;
"""
DAY_MS = 86_400_000
UPDATES_KEPT_MS = 14 * DAY_MS  # Telegram keeps an update for one day
CONFIRMATIONS_KEPT_MS = 90 * DAY_MS


class ChatStoreError(Exception):
    """The file cannot be read or written; the text says why."""


class ChatStore:
    """Every method but `close` raises ChatStoreError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    def _opened(self) -> sqlite3.Connection:
        if self._db is None:
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            db = sqlite3.connect(self._path, timeout=2.0, isolation_level=None)
            try:
                db.execute("PRAGMA journal_mode=DELETE")
                db.execute("PRAGMA synchronous=FULL")
                db.executescript(_SCHEMA)
            except BaseException:
                db.close()
                raise
            self._db = db
        return self._db

    def _run(self, statement: str, values: tuple[object, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._opened().execute(statement, values)
        except (sqlite3.Error, OSError) as error:
            self.close()
            if type(error) is sqlite3.DatabaseError:  # damaged, not busy or full
                self._put_aside()
            raise ChatStoreError(f"{self._path.name}: {error}") from error

    def _put_aside(self) -> None:
        """The next write begins a new file. What is forgotten by it can do no harm: a button whose question is not
        known does nothing."""
        with contextlib.suppress(OSError):
            self._path.replace(self._path.with_name(f"{self._path.name}.damaged-{time.time_ns()}"))

    def close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None

    def claim(self, update: str, now_ms: int) -> bool:
        """Write down that the update is taken; False = it was taken before, by this run or an earlier one."""
        return self._run("INSERT OR IGNORE INTO updates VALUES (?, ?)", (update, now_ms)).rowcount == 1

    def keep(self, one: ChatConfirmation) -> None:
        """As it is now."""
        self._run(
            "INSERT OR REPLACE INTO confirmations VALUES (?, ?, ?, ?)",
            (one.token, int(one.state in OPEN), one.asked_ms, msgspec.json.encode(one)),
        )

    def find(self, token: str) -> ChatConfirmation | None:
        """None = there is no such confirmation, or no more."""
        row = self._run("SELECT body FROM confirmations WHERE token = ?", (token,)).fetchone()
        return None if row is None else _confirmation(row[0])

    def unsettled(self, since_ms: int) -> list[ChatConfirmation]:
        """Those that are not over, and those asked since then, whose end may not have been told; oldest first."""
        rows = self._run(
            "SELECT body FROM confirmations WHERE open = 1 OR at_ms >= ? ORDER BY at_ms", (since_ms,)
        ).fetchall()
        return [found for (body,) in rows if (found := _confirmation(body)) is not None]

    def refuse(self, refusal: ChatRefusalDoc) -> None:
        """The person's newest refusal that was told."""
        self._run(
            "INSERT OR REPLACE INTO refusals VALUES (?, ?, ?)",
            (refusal.person, refusal.at_ms, msgspec.json.encode(refusal)),
        )

    def refusals(self, since_ms: int) -> list[ChatRefusalDoc]:
        """Oldest first."""
        rows: Iterable[tuple[bytes]] = self._run(
            "SELECT body FROM refusals WHERE at_ms >= ? ORDER BY at_ms", (since_ms,)
        ).fetchall()
        return [msgspec.json.decode(body, type=ChatRefusalDoc) for (body,) in rows]

    def prune(self, now_ms: int) -> None:
        """Forget what is older than anything could ask for."""
        self._run("DELETE FROM updates WHERE at_ms < ?", (now_ms - UPDATES_KEPT_MS,))
        self._run("DELETE FROM confirmations WHERE open = 0 AND at_ms < ?", (now_ms - CONFIRMATIONS_KEPT_MS,))
        self._run("DELETE FROM refusals WHERE at_ms < ?", (now_ms - DAY_MS,))


def _confirmation(body: bytes) -> ChatConfirmation | None:
    """None where it is of another version: it is over for this one."""
    try:
        return msgspec.json.decode(body, type=ChatConfirmation)
    except msgspec.MsgspecError:
        return None
