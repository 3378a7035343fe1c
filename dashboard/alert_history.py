"""What COIN-WATCH keeps of alerts that were: one alert's life, and the last days. Blocks: for a thread."""

import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from shared.documents.alert_life import (
    DAY_MS,
    WATCHED_FACT,
    AlertChange,
    AlertStep,
    FeedCountsDoc,
    KeptAlert,
    KeptDelivery,
)
from shared.documents.alerts import AlertKind, AlertSeverity, SentState
from shared.times import from_epoch_ms

T = TypeVar("T")
DAYS = 30
MOST_ALERTS, MOST_CHANGES, MOST_SENT = 2_000, 500, 200


class AlertHistoryError(Exception):
    """The file cannot be read; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class AlertLife:
    """One alert with every step that was kept, oldest first, and every message at every sink, newest first."""

    alert: KeptAlert
    changes: list[AlertChange] = field(default_factory=list)
    sent: list[KeptDelivery] = field(default_factory=list)
    feed: FeedCountsDoc | None = None  # None = it is about no feed, or an older watcher kept none


@dataclass(frozen=True, slots=True)
class AlertEpisode:
    """A time in which one cause fired. `end_ms` None: it still does."""

    cause: str
    title: str
    severity: AlertSeverity  # the worst
    begin_ms: int
    end_ms: int | None


@dataclass(frozen=True, slots=True)
class AlertMonth:
    """`watched`: milliseconds of each UTC day; a day that is missing was watched by nobody. `told_s`: from the moment
    that an alert began to its first arrival at a sink, seconds."""

    episodes: list[AlertEpisode]
    watched: dict[str, int]
    told_s: list[float]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=1.0)) as db:
            yield db
    except (sqlite3.Error, msgspec.MsgspecError) as error:
        raise AlertHistoryError(f"{path.name} cannot be read: {error}") from error


def life(path: Path, number: int) -> AlertLife | None:
    """The alert of that number; None = there is none. Raises AlertHistoryError."""
    if not path.exists():
        return None
    with _opened(path) as db:
        row = db.execute("SELECT body FROM alerts WHERE number = ?", (number,)).fetchone()
        if row is None:
            return None
        changes = _bodies(
            db,
            AlertChange,
            "SELECT body FROM changes WHERE alert = ? ORDER BY number DESC LIMIT ?",
            number,
            MOST_CHANGES,
        )
        sent = _bodies(
            db, KeptDelivery, "SELECT o.body FROM outbox o JOIN messages m ON m.number = o.message WHERE m.alert = ? "
            "ORDER BY o.message DESC, o.sink LIMIT ?", number, MOST_SENT,
        )  # fmt: skip
        known = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'feeds'").fetchone() is not None
        feeds = _bodies(db, FeedCountsDoc, "SELECT body FROM feeds WHERE alert = ?", number) if known else []
        alert = msgspec.json.decode(row[0], type=KeptAlert)
        return AlertLife(alert, changes[::-1], sent, next(iter(feeds), None))


def month(path: Path, now_ms: int, days: int = DAYS) -> AlertMonth | None:
    """The last `days` UTC days, today among them; None = nothing was ever kept. Raises AlertHistoryError."""
    if not path.exists():
        return None
    from_ms = first_day_ms(now_ms, days)
    with _opened(path) as db:
        alerts = _bodies(
            db, KeptAlert, "SELECT body FROM alerts WHERE open = 1 OR at_ms >= ? ORDER BY number DESC LIMIT ?",
            from_ms, MOST_ALERTS,
        )  # fmt: skip
        steps = _bodies(
            db, AlertChange, "SELECT c.body FROM changes c JOIN alerts a ON a.number = c.alert WHERE (a.open = 1 OR "
            "a.at_ms >= ?) AND json_extract(CAST(c.body AS TEXT), '$.step') != ? ORDER BY c.number",
            from_ms, AlertStep.VALUE.value,
        )  # fmt: skip
        watched = db.execute("SELECT body FROM facts WHERE name = ?", (WATCHED_FACT,)).fetchone()
        sent = _bodies(
            db, KeptDelivery, "SELECT body FROM outbox WHERE state = ? AND at_ms >= ?", SentState.SENT.value, from_ms
        )
    of_alert: dict[int, list[AlertChange]] = {}
    for step in steps:
        of_alert.setdefault(step.alert, []).append(step)
    episodes = [one for alert in alerts for one in episodes_of(alert, of_alert.get(alert.number, []))]
    return AlertMonth(
        [one for one in episodes if one.end_ms is None or one.end_ms >= from_ms],
        msgspec.json.decode(watched[0], type=dict[str, int]) if watched else {},
        _told(sent),
    )


def first_day_ms(now_ms: int, days: int = DAYS) -> int:
    """When the first of the last `days` UTC days began."""
    return now_ms // DAY_MS * DAY_MS - (days - 1) * DAY_MS


def day_name(at_ms: int) -> str:
    return f"{from_epoch_ms(at_ms):%Y-%m-%d}"


def episodes_of(alert: KeptAlert, changes: Iterable[AlertChange]) -> list[AlertEpisode]:
    """The times in which it fired, oldest first. Where no step was kept, the alert's own times stand for the last."""
    found: list[AlertEpisode] = []
    begin_ms, worst = None, alert.severity
    for change in changes:
        if change.step in (AlertStep.BEGAN, AlertStep.AGAIN):
            begin_ms, worst = change.at_ms, change.severity
        elif change.step is AlertStep.RESOLVED and begin_ms is not None:
            found.append(AlertEpisode(alert.cause, alert.title, worst, begin_ms, change.at_ms))
            begin_ms = None
        elif change.severity.rank > worst.rank:
            worst = change.severity
    if begin_ms is not None or not found:
        begin_ms = alert.since_ms if begin_ms is None else begin_ms
        found.append(AlertEpisode(alert.cause, alert.title, worst, begin_ms, alert.resolved_ms))
    return found


def _bodies(db: sqlite3.Connection, kind: type[T], query: str, *values: object) -> list[T]:
    return [msgspec.json.decode(body, type=kind) for (body,) in db.execute(query, values)]


def _told(sent: Iterable[KeptDelivery]) -> list[float]:
    """For each message that said that something fires: seconds to its first arrival."""
    first: dict[int, float] = {}
    for one in sent:
        if one.message.kind is AlertKind.FIRED and one.sent_ms is not None:
            took_s = (one.sent_ms - one.message.at_ms) / 1000
            first[one.message.number] = min(took_s, first.get(one.message.number, took_s))
    return list(first.values())
