"""Looks at one bot, cheaply: a stat where nothing changed, one small file of the kernel for its process."""

import os
from collections.abc import Callable
from pathlib import Path

from shared import live_permission
from shared.bots import BotRef
from shared.disk_room import disk_full
from shared.documents.state import BotState, decode_state
from shared.files import TolerantReader
from shared.liveness import process_lives
from shared.paths import DataPaths
from shared.pm2 import Effective, Pm2Process, pid_alive
from shared.presence import Presence, Sighting, judge
from shared.times import parse_time
from shared.verdict import Outside
from shared.verdict import judge as judge_all
from watch.bot_memory import BotMemory, KeptFacts, ended_in_order
from watch.observations import FRESH_S, BotObservation, Pm2Observation

START_GRACE_S = 15.0  # a bot that this watcher never saw alive may be about to be started beside it
PM2_WAIT_S = 2.0  # for PM2's word after a process is gone
FILES_S, BACKUPS_S = 5.0, 60.0
FLAVOURS = ("replay", "paper")


class BotObserver:
    """One bot's files and process. `ask_pm2`: look again now."""

    def __init__(
        self,
        ref: BotRef,
        data_dir: Path,
        *,
        kept: KeptFacts | None = None,
        key_file: Path | None = None,
        ask_pm2: Callable[[], None] = lambda: None,
        mono_s: float,
    ) -> None:
        self.ref = ref
        self.memory = BotMemory(kept)
        self._data_dir, self._key_file, self._ask_pm2 = data_dir, key_file, ask_pm2
        self._paths = ref.paths(data_dir)
        self._reader = TolerantReader(self._paths.state, decode_state)
        self._permission = TolerantReader(self._paths.live_permission, live_permission.read)
        self._began_s = mono_s
        self._read_once = False
        self._moved_s: float | None = None  # when the document last changed under our eyes
        self._resumed_s: float | None = None  # when it last did so after a silence
        self._first_age_s = 0.0
        self._first_s = mono_s
        self._process: tuple[int, str] | None = None  # pid, and when the kernel says that it began
        self._ever_alive = False
        self._gone_s: float | None = None
        self._files_s = self._backups_s = -1e9
        self._still: float | None = None  # wall time of the newest change of the records
        self._ledger_made: float | None = None
        self._backup: float | None = None
        self._key: float | None = None

    def look(self, now_ms: int, mono_s: float, pm2: Pm2Observation | None) -> BotObservation:
        reading = self._reader.look()
        state = reading.value
        if reading.changed and state is not None:
            self._took(state, now_ms, mono_s)
        alive = self._alive(state) if state is not None else None
        age_s = self._age_s(state, mono_s)
        process = pm2.find(self.ref.process) if pm2 is not None else None
        dead_s, in_order = self._dead(state, alive, mono_s, pm2, process)
        if mono_s - self._files_s >= FILES_S:
            self._files_s = mono_s
            self._look_at_files(state.mode if state is not None else None)
        if mono_s - self._backups_s >= BACKUPS_S:
            self._backups_s = mono_s
            self._backup = _newest(self._paths.backups, "*.tar.gz")
        presence = judge(
            Sighting(
                age_s=age_s, error=reading.error, missing=reading.missing, moved=self._moved_s is not None,
                watched_s=mono_s - self._began_s, process_alive=alive,
            )
        )  # fmt: skip
        document, status = (state.verdict, state.status.value) if state is not None else (None, None)
        label = process.effective.value if process is not None else None
        full = presence is not Presence.FRESH and disk_full(self._paths.root)
        outside = Outside(presence, age_s, alive, label, reading.error, reading.missing, full)
        now = now_ms / 1000
        permission = self._permission.look().value if state is not None and state.mode == "live" else None
        return BotObservation(
            ref=self.ref,
            mode=state.mode if state is not None else None,
            state=state,
            judged=judge_all(document, status, outside),
            age_s=age_s,
            alive=alive,
            dead_s=dead_s,
            ended_in_order=in_order,
            recovering=self.memory.recovering,
            resumed_s=mono_s - self._resumed_s if self._resumed_s is not None else None,
            pm2=process,
            kill_file=self._paths.kill.exists(),
            records_still_s=_since(self._still, now),
            backup_age_s=_since(self._backup, now),
            ledger_age_s=_since(self._ledger_made, now),
            permission_ends_ms=permission.expires_ms if permission is not None else None,
            key_age_s=_since(self._key, now),
            facts=self.memory.facts(now_ms),
        )

    def _took(self, state: BotState, now_ms: int, mono_s: float) -> None:
        if not self._read_once:  # it may be of yesterday: its age is by the writer's clock
            self._read_once = True
            self._first_age_s = max(0.0, (now_ms - state.ts_ms) / 1000)
            self._first_s = mono_s
        else:
            last_s = self._moved_s if self._moved_s is not None else self._first_s - self._first_age_s
            if mono_s - last_s > FRESH_S:
                self._resumed_s = mono_s
            self._moved_s = mono_s
        self.memory.seen(state, now_ms)

    def _age_s(self, state: BotState | None, mono_s: float) -> float | None:
        if state is None:
            return None
        if self._moved_s is None:
            return self._first_age_s + mono_s - self._first_s
        return mono_s - self._moved_s

    def _alive(self, state: BotState) -> bool | None:
        """Whether the process that wrote the document lives: by its number and the moment at which it began."""
        pid = state.pid
        began = _began(pid)
        if began is None:
            lives: bool | None = pid_alive(pid) if not Path("/proc/self/stat").exists() else False
        elif self._process is not None and self._process[0] == pid:
            lives = self._process[1] == began
        else:
            lives = process_lives(pid, parse_time(state.started_at))
            if lives:
                self._process = (pid, began)
        self._ever_alive = self._ever_alive or lives is True
        return lives

    def _dead(
        self,
        state: BotState | None,
        alive: bool | None,
        mono_s: float,
        pm2: Pm2Observation | None,
        process: Pm2Process | None,
    ) -> tuple[float | None, bool]:
        """(seconds since it is gone against everybody's will, whether it was ended in order)."""
        if state is None or alive is not False:
            self._gone_s = None
            return None, False
        if self._gone_s is None:
            self._gone_s = mono_s
            self._ask_pm2()
        gone_s = mono_s - self._gone_s
        if ended_in_order(state):
            return None, True
        asked = pm2 is not None and pm2.error is None
        if asked and pm2 is not None and pm2.asked_s < self._gone_s and gone_s < PM2_WAIT_S:
            return None, False  # what PM2 said is from before
        if process is not None and process.effective is Effective.STOPPING:
            return None, False
        if process is not None and process.effective is Effective.STOPPED and process.exit_code not in (75, 78):
            return None, True  # a person stopped it
        if not self._ever_alive and mono_s - self._began_s < START_GRACE_S:
            return None, False
        return gone_s, False

    def _look_at_files(self, mode: str | None) -> None:
        paths = DataPaths(self._paths.root, f"-{mode}" if mode in FLAVOURS else "")
        databases = (paths.ledger, paths.market_db)
        times = [_mtime(path.with_name(path.name + part)) for path in databases for part in ("", "-wal")]
        known = [at for at in times if at is not None]
        self._still = max(known) if known else None
        self._ledger_made = _mtime(paths.folder_id) if _mtime(paths.ledger) is not None else None
        self._key = _mtime(self._key_file) if self._key_file is not None and mode == "live" else None


def _began(pid: int) -> str | None:
    """The kernel's word for when the process began; None = it is gone, or there is no such table."""
    if pid <= 0:
        return None
    try:
        handle = os.open(f"/proc/{pid}/stat", os.O_RDONLY)
    except OSError:
        return None
    try:
        fields = os.read(handle, 1024).decode(errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    finally:
        os.close(handle)
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else None


def _mtime(path: Path) -> float | None:
    try:
        return path.stat().st_mtime
    except OSError:
        return None


def _newest(folder: Path, pattern: str) -> float | None:
    return max((at for path in folder.glob(pattern) if (at := _mtime(path)) is not None), default=None)


def _since(at: float | None, now: float) -> float | None:
    return None if at is None else max(0.0, now - at)
