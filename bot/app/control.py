"""The control file, looked at every 10 ms: levels by value, once-commands by id, the KILL file by its being there.

Garbage never means run: a file that does not hold leaves the last good level, and at a start with nothing good
known the bot comes up paused. Where it mentions kill in whatever form, it kills.
"""

import hashlib
from dataclasses import dataclass, field, replace
from datetime import datetime

from shared.command_table import Cmd
from shared.control import LEVEL_OF, Command, ControlFile, TradingState, decode_control
from shared.control_json import BadControl
from shared.documents.control import ControlDoc
from shared.files import Unreadable
from shared.paths import DataPaths
from shared.ports import Fs
from shared.times import iso_seconds

LOOK_S = 0.01
REREAD_S = 1.0
TRIES = 3
RETRY_S = 0.05


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found. `kill`: where a kill was seen; it is acted on before anything else."""

    level: TradingState | None = None  # changed to this
    source: str = ""
    kill: str | None = None
    commands: tuple[Command, ...] = ()  # not seen before
    changed: bool = False  # the state document should say so at once


@dataclass(slots=True)
class ControlReader:
    """Reads the file as it changes; holds the last good document."""

    paths: DataPaths
    fs: Fs
    level: TradingState = TradingState.RUN
    error: str | None = None
    broken_kill: str | None = None  # how a file that does not hold mentions kill
    good: ControlFile | None = None
    seen_at: datetime | None = None
    seen_ids: set[str] = field(default_factory=set)
    _good_data: bytes = b""  # that `good` was read from
    _key: tuple[int, int, int] | None = None
    _read_s: float = -1e9
    _bad_since: int = 0
    _retry_s: float = 0.0
    _manual: int = 0
    void_level: TradingState | None = None  # what the file still says after a reset or a flatten put it out of force

    def first(self, wish: TradingState | None, now: datetime, now_s: float) -> TradingState:
        """The level at a start. `wish` is what the ledger kept; None = no ledger yet."""
        found = self._read(now, now_s)
        if found is not None:
            if wish is None or found.level is not self.void_level:
                self.void_level = None
            self.level = wish if wish is not None and self.void_level is not None else found.level
        elif self.error is not None:
            self.level = wish if wish is not None else TradingState.PAUSE
        else:
            self.level = wish if wish is not None else TradingState.RUN
        return self.level

    def look(self, now: datetime, now_s: float) -> Look:
        """One look. Costs two stats while nothing changes."""
        kill = "KILL file" if self.fs.exists(self.paths.kill) else None
        key = self._stat()
        due = key != self._key or now_s - self._read_s >= REREAD_S
        if key is None or not due or (self._bad_since and now_s < self._retry_s):
            changed = key is None and self.error is not None
            if key is None:
                self.error, self.broken_kill, self._key, self._bad_since = None, None, None, 0
            return Look(kill=kill, changed=changed)
        before_error, before_good = self.error, self.good
        found = self._read(now, now_s)
        if found is None:
            return Look(kill=kill or self.broken_kill, changed=self.error != before_error)
        if found.level is TradingState.KILL:
            kill = kill or ("kill_switch" if found.kill_switch else "command kill")
        unseen = {command.id: command for command in reversed(found.commands) if command.id not in self.seen_ids}
        fresh = tuple(reversed(unseen.values()))  # of two entries with one id the first
        if any(command.cmd == Cmd.KILL for command in fresh):
            kill = kill or "a kill in the ring"
        self.seen_ids.update(command.id for command in fresh)
        if found.level is not self.void_level or any(command.cmd in LEVEL_OF for command in fresh):
            self.void_level = None
        in_force = found.level is not TradingState.KILL and self.void_level is None
        level = found.level if found.level is not self.level and in_force else None
        source = fresh[-1].by if fresh else "by hand"
        if in_force:
            self.level = found.level
        if level is not None and not fresh:
            fresh = (self._manual_command(found, now),)
        changed = before_error is not None or found != before_good
        return Look(level, source, kill, fresh, changed)

    def _read(self, now: datetime, now_s: float) -> ControlFile | None:
        """The good document, or None with `error` set once it was bad three times, 50 ms apart."""
        key = self._stat()
        if key is None:
            return None
        try:
            data = self.fs.read_bytes(self.paths.control)
            # Equal bytes were judged already: what was no kill then is none now that more commands are known.
            found = self.good if self.good is not None and data == self._good_data else self._decoded(data)
        except FileNotFoundError:
            return None
        except (Unreadable, OSError) as error:
            self._bad_since += 1
            self._retry_s = now_s + RETRY_S
            said = error.kill if isinstance(error, BadControl) else None
            at_once = said is not None and isinstance(error, BadControl) and not error.torn  # no half of a write
            if self._bad_since >= TRIES or self.good is None or at_once:
                self.broken_kill = f"damaged control.json: {said}" if said else None
                self.error = f"control.json: {error}; keeping the last valid level"
                self._key, self._read_s = key, now_s
                self._bad_since = 0
            return None
        self._key, self._read_s, self._bad_since = key, now_s, 0
        self.error, self.good, self.seen_at, self.broken_kill = None, found, now, None
        return found

    def _decoded(self, data: bytes) -> ControlFile:
        """Raises BadControl."""
        found = decode_control(data, self.seen_ids)
        self._good_data = data
        return found

    def _stat(self) -> tuple[int, int, int] | None:
        """Of the file; a path that cannot even be looked at counts as a file that cannot be read."""
        try:
            return self.fs.stat_key(self.paths.control)
        except OSError as error:
            return -1, error.errno or 0, 0

    def hold_stop(self) -> None:
        """A reset or a flatten: the level is stop, whatever the file still says, until it says something new."""
        self.level = TradingState.STOP
        said = self.good.level if self.good is not None else None
        self.void_level = said if said is not TradingState.STOP else None

    def _manual_command(self, found: ControlFile, now: datetime) -> Command:
        """What a person wrote gets a receipt of its own."""
        self._manual += 1
        digest = hashlib.sha256(f"{found.command}|{now.isoformat()}|{self._manual}".encode()).hexdigest()[:16]
        return Command(seq=found.seq, id=f"manual:{digest}", cmd=found.command or "start", at="", by="by hand")

    def document(self, level: TradingState) -> ControlDoc:
        """For the state file."""
        return ControlDoc(
            ok=self.error is None,
            error=self.error,
            level=level.word,
            seen_at=iso_seconds(self.seen_at) if self.seen_at else None,
            seq=self.good.seq if self.good else None,
        )


def as_seen(command: Command) -> Command:
    """A command as it is kept: whoever wrote it, its words are cut to what a row holds."""
    return replace(command, by=command.by[:80], id=command.id[:80])
