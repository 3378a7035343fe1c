"""What COIN-WATCH kept of alerts and messages, read by others: `watch/alerts.db`, read-only."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared.documents.alert_life import WATCHED_FACT

DAY_S = 86_400.0
SEEN_MS = 300_000  # an alert that was over sooner need not have been acknowledged


@dataclass(frozen=True, slots=True)
class AlertPast:
    """Of a period: critical alerts, and those that lasted and that nobody acknowledged."""

    critical: int
    unseen: int


@dataclass(frozen=True, slots=True)
class SinkPast:
    """`sent_ms`: when it last took a message, a test among them, within the 90 days that are kept; None = never."""

    name: str
    sent_ms: int | None


class AlertHistoryRow(msgspec.Struct):
    """Of an alert as COIN-WATCH keeps it, what others tell."""

    cause: str
    severity: str
    title: str
    since_ms: int
    resolved_ms: int | None = None
    acknowledged_ms: int | None = None


class _QueueRow(msgspec.Struct):
    sink: str
    sent_ms: int | None = None


def alert_rows(path: Path, start_ms: int, end_ms: int) -> list[AlertHistoryRow] | None:
    """Alerts that fired, or still did, between the two; by their numbers. None = not known."""
    rows = _bodies(path, "SELECT body FROM alerts ORDER BY number")
    try:
        found = None if rows is None else [msgspec.json.decode(body, type=AlertHistoryRow) for body in rows]
    except msgspec.MsgspecError:
        return None
    if found is None:
        return None
    return [r for r in found if r.since_ms < end_ms and (r.resolved_ms is None or r.resolved_ms > start_ms)]


def alert_past(path: Path, start_ms: int, end_ms: int) -> AlertPast | None:
    """None = not known."""
    rows = alert_rows(path, start_ms, end_ms)
    if rows is None:
        return None
    critical = [row for row in rows if row.severity == "critical"]
    unseen = [
        row for row in critical if row.acknowledged_ms is None and (row.resolved_ms or end_ms) - row.since_ms > SEEN_MS
    ]
    return AlertPast(len(critical), len(unseen))


def unwatched_s(path: Path, days: Sequence[str]) -> float | None:
    """Seconds of these UTC days in which nobody watched: what fired then is not known. None = not known either."""
    kept = _bodies(path, "SELECT body FROM facts WHERE name = ?", WATCHED_FACT)
    if not kept:
        return None
    try:
        by_day = msgspec.json.decode(kept[0], type=dict[str, int])
    except msgspec.MsgspecError:
        return None
    return sum(DAY_S - min(DAY_S, by_day.get(day, 0) / 1000) for day in days)


def sinks_past(path: Path) -> Sequence[SinkPast] | None:
    """Every sink that a message was ever for, within 90 days; None = not known."""
    rows = _bodies(path, "SELECT body FROM outbox")
    newest: dict[str, int | None] = {}
    try:
        for body in rows or ():
            row = msgspec.json.decode(body, type=_QueueRow)
            before = newest.get(row.sink)
            newest[row.sink] = row.sent_ms if before is None else max(before, row.sent_ms or 0)
    except msgspec.MsgspecError:
        return None
    return None if rows is None else [SinkPast(name, sent_ms) for name, sent_ms in newest.items()]


def _bodies(path: Path, query: str, *values: str) -> list[bytes] | None:
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=2.0)) as db:
            return [body for (body,) in db.execute(query, values)]
    except sqlite3.Error:
        return None
