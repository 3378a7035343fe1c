"""How much of each UTC day somebody watched: what was not watched is unknown later, and no quiet day."""

import msgspec

from shared.documents.alert_life import DAY_MS
from shared.times import from_epoch_ms

GAP_MOST_S = 5.0  # between two rounds; after a longer one the time between them was not watched
DAYS_KEPT = 90


class WatchedDays:
    """Milliseconds by day, such as "2026-11-30"."""

    def __init__(self, kept: bytes | None = None) -> None:
        """`kept`: what `encoded` gave the run before; what cannot be read of it is unknown."""
        try:
            self.by_day = msgspec.json.decode(kept, type=dict[str, int]) if kept is not None else {}
        except msgspec.MsgspecError:
            self.by_day = {}
        self._last_s: float | None = None

    def note(self, now_ms: int, mono_s: float) -> None:
        """A round was done at `now_ms`, `mono_s` by the clock that nobody sets."""
        passed_s = mono_s - self._last_s if self._last_s is not None else 0.0
        self._last_s = mono_s
        if not 0.0 < passed_s <= GAP_MOST_S:
            return
        day = f"{from_epoch_ms(now_ms):%Y-%m-%d}"
        self.by_day[day] = min(DAY_MS, self.by_day.get(day, 0) + round(passed_s * 1000))
        if len(self.by_day) > DAYS_KEPT:
            del self.by_day[min(self.by_day)]

    def encoded(self) -> bytes:
        return msgspec.json.encode(self.by_day)
