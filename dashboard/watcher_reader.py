"""What COIN-WATCH publishes, and whether it still does: of all readers this one tells when the watcher is gone."""

import time
from collections.abc import Callable
from dataclasses import replace

from dashboard.views.snapshot import WatcherLook
from shared.disk_room import disk_full
from shared.documents.alerts import decode_alerts
from shared.files import TolerantReader
from shared.paths import DataPaths


class WatcherReader:
    """Reads `alerts.json`; `look` never blocks and never raises."""

    def __init__(self, paths: DataPaths, *, wanted: bool, clock: Callable[[], float] = time.monotonic) -> None:
        """`wanted`: the setting WATCH. `clock`: monotonic seconds."""
        self._reader = TolerantReader(paths.alerts, decode_alerts)
        self._wanted, self._clock, self._folder = wanted, clock, paths.root
        self._changed_s: float | None = None
        self._first_age_s = 0.0
        self.seen = WatcherLook(wanted=wanted)

    def look(self) -> bool:
        """Look once; True where what a page shows of it changed."""
        before, reading = self.seen, self._reader.look()
        now_s = self._clock()
        if reading.changed and reading.value is not None:
            # What lay there at the first look may be of yesterday: its age is by the writer's clock.
            written_s = time.time() - reading.value.ts_ms / 1000
            self._first_age_s = max(0.0, written_s) if self._changed_s is None else 0.0
            self._changed_s = now_s
        age_s = None if self._changed_s is None else self._first_age_s + now_s - self._changed_s
        found = WatcherLook(reading.value, age_s, reading.error, self._wanted)
        self.seen = replace(found, disk_full=True) if found.gone and disk_full(self._folder) else found
        return (before.gone, before.error, before.firing) != (self.seen.gone, self.seen.error, self.seen.firing)
