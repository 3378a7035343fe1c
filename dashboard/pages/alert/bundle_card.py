"""The card of incident bundles: what one holds, how to make it, and those that were made while the alert lasted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.alert_history import AlertLife
from dashboard.views import format as f
from incident.kept import KeptBundle

AFTER_MS = 600_000  # one that is made within ten minutes of the end still holds all of it
MOST_SHOWN = 3
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class BundleRow:
    what: str
    name: str
    at: datetime | None
    size: str


@dataclass(frozen=True, slots=True)
class BundleCard:
    """`none`: what is said where there is no row. `unread`: why it is not known; empty = it is."""

    rows: list[BundleRow]
    since: str
    none: str
    unread: str


def card(life: AlertLife, found: Sequence[KeptBundle] | str, now_ms: int) -> BundleCard:
    """`found`: all that lie there, newest first, or why they cannot be listed."""
    alert = life.alert
    since = _since(alert.since_ms, now_ms)
    if isinstance(found, str):
        return BundleCard([], since, "", f.clean(found))
    end_ms = alert.resolved_ms + AFTER_MS if alert.resolved_ms is not None else now_ms
    rows = [_row(one, alert.title) for one in found if alert.since_ms <= one.made_ms + 999 and one.made_ms <= end_ms]
    none = "None was made while it fired." if not found else f"None was made while it fired; {_others(found)} kept."
    return BundleCard(rows[:MOST_SHOWN], since, none, "")


def _row(one: KeptBundle, title: str) -> BundleRow:
    if one.reason is None:
        what = "Not readable"
    elif one.reason == title:
        what = "Made by itself for this alert"
    else:
        what = f.sentence(f.clean(one.reason))
    return BundleRow(what, one.path.name, f.of_ms(one.made_ms), f.mebibytes(one.size))


def _others(found: Sequence[KeptBundle]) -> str:
    return "another is" if len(found) == 1 else f"{len(found)} others are"


def _since(since_ms: int, now_ms: int) -> str:
    """What `--since` reaches back to before the alert began: whole hours, days where it is long ago."""
    hours = max(2, -(-(now_ms - since_ms) // HOUR_MS) + 1)
    return f"{hours}h" if hours <= 48 else f"{-(-hours // 24)}d"
