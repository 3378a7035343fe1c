"""What the watcher sees to by itself: backups with their drill, and a bundle when something serious happens."""

import logging
import os
from collections.abc import Iterable, Mapping

from backups.continuous_record import ContinuousRecord, read_continuous
from backups.record import BackupRecord, read_record
from backups.schedule import Schedule
from shared.bots import bots_in
from shared.documents.alerts import AlertKind
from shared.exits import Exit
from shared.paths import DataPaths
from watch.jobs import JobResult, Jobs
from watch.messages import AlertMessage

log = logging.getLogger("upkeep")
LOOK_S, COPIES_S, COPIES_REFUSED_S = 300.0, 10.0, 60.0
BACKUP_LIMIT_S, BUNDLE_LIMIT_S = 1800.0, 120.0
BACKUP, BUNDLE, COPIES = "backup", "incident", "continuous"
# A bundle is made when one of these first fires: afterwards logs rotate and rows are forgotten.
BUNDLED = frozenset({"killed", "bot_safe", "ledger_unwritable", "restart_loop", "order_lost"})
BUNDLE_EVERY_MS = 600_000


class Upkeep:
    """`record`: what became of the last backup and drill."""

    def __init__(self, paths: DataPaths, jobs: Jobs, schedule: Schedule, *, continuous: bool = False) -> None:
        """`continuous`: BACKUP_URL is set."""
        self._paths, self._jobs, self._schedule, self._continuous = paths, jobs, schedule, continuous
        self._look_s = self._copies_s = -1e9
        self.copies: Mapping[str, ContinuousRecord] = {}  # bot → what is known; none where BACKUP_URL is not set
        self._bundle_ms = -BUNDLE_EVERY_MS
        self.record = BackupRecord()

    def step(self, messages: Iterable[AlertMessage], now_ms: int, mono_s: float) -> None:
        """`messages`: of this round."""
        if mono_s - self._look_s >= LOOK_S:
            self._look_s = mono_s
            self.record = read_record(self._paths.backups)
            due = self._schedule.backup_due(self.record, now_ms) or self._schedule.drill_due(self.record, now_ms)
            if due and self._paths.state.exists():  # a bot has run here; its ledger may be on a server
                self._jobs.start(BACKUP, "backups", mono_s=mono_s, limit_s=BACKUP_LIMIT_S)
        if self._continuous and mono_s - self._copies_s >= COPIES_S:
            self._copies_s = mono_s
            root = self._paths.root
            found = {ref.name: read_continuous(ref.paths(root).backups) for ref in bots_in(root)}
            self.copies = {name: record for name, record in found.items() if record is not None}
            if self._paths.state.exists():  # one that runs is left to run
                self._jobs.start(COPIES, "backups.continuous", str(os.getpid()), mono_s=mono_s, limit_s=float("inf"))
        serious = next((m for m in messages if m.kind is AlertKind.FIRED and BUNDLED & set(m.rules)), None)
        if serious is not None and now_ms - self._bundle_ms >= BUNDLE_EVERY_MS:
            self._bundle_ms = now_ms
            self._jobs.start(BUNDLE, "incident", "--reason", serious.title, mono_s=mono_s, limit_s=BUNDLE_LIMIT_S)

    def ended(self, result: JobResult, mono_s: float) -> None:
        """A backup is over: look at once. A copy whose settings do not hold is tried again, and costs little."""
        if result.name == BACKUP:
            self._look_s = -1e9
        elif result.name == COPIES and result.code == Exit.SETTINGS:
            self._copies_s = mono_s - COPIES_S + COPIES_REFUSED_S
