"""Is the bot alive? A pure function of what a reader saw and when, by the reader's own monotonic clock."""

from dataclasses import dataclass
from enum import StrEnum

LATE_S = 1.5
STALE_S = 5.0
OFFLINE_S = 60.0
CLOCK_WARNING_S = 2.0


class Presence(StrEnum):
    """Of the state file. FRESH: the header shows the bot's own status instead."""

    LOADING = "loading"
    FRESH = "fresh"
    STALE = "stale"
    OFFLINE = "offline"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What the reader knows now. Every figure is the reader's; the writer's `ts` is only the first guess."""

    age_s: float | None  # since (boot_id, seq) last changed; None = no good document was ever read
    error: str | None  # what is wrong with the file now
    missing: bool
    moved: bool  # (boot_id, seq) has changed at least once while this reader looked
    watched_s: float  # how long this reader has looked
    process_alive: bool | None  # the pid lives and the lock is held; None = cannot be told


def judge(seen: Sighting) -> Presence:
    """The presence that may be shown. RUNNING must never be shown for a bot that isn't: doubt goes to OFFLINE."""
    if seen.error is not None:
        return Presence.UNREADABLE
    if seen.age_s is None or seen.missing:
        return Presence.LOADING if seen.watched_s < STALE_S and not seen.missing else Presence.OFFLINE
    if seen.process_alive is False or seen.age_s > OFFLINE_S:
        return Presence.OFFLINE
    if not seen.moved:
        # A first look cannot tell a live file from one of yesterday whose age the writer's clock hides.
        return Presence.LOADING if seen.age_s <= STALE_S and seen.watched_s < LATE_S else Presence.OFFLINE
    return Presence.FRESH if seen.age_s <= STALE_S else Presence.STALE
