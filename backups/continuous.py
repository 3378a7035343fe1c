"""`python -m backups.continuous [PID]`: follow the ledgers and let Litestream ship copies to BACKUP_URL, until told.

COIN-WATCH starts it and starts it again when it ends; it ends with COIN-WATCH. Every bot of the data folder is
followed, each by itself, so that one that cannot be holds up no other. What is done is in `backups/continuous.json`
of each bot's folder. Every five minutes what lies at BACKUP_URL is listed: Litestream itself says nothing of a
server that does not answer. Once after its start and then every six hours the replica is restored into a scratch
folder, and the newest row of its journal is compared with the copy's: only that proves that it can be had again.

Exit code 0: asked to end; 1: it could not go on; 75: another one follows this ledger; 78: settings forbid it.
"""

import ctypes
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

from backups.continuous_record import ContinuousRecord, read_continuous, write_continuous
from backups.ledger_copy import LedgerCopy
from backups.place import ReplicaError, place_of
from backups.replica import (
    configured,
    environ_for,
    fetch,
    local_position,
    plain,
    replicate_command,
    shipped_position,
)
from shared import flocks
from shared import settings as settings_module
from shared.bots import DEFAULT_BOT, BotRef, bots_in
from shared.errors import first_line
from shared.exits import Exit
from shared.ledger.connect import ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.location import ledger_location
from shared.ledger.open import DamagedLedger
from shared.liveness import read_state
from shared.setting_table import Mode
from shared.settings import Settings, SettingsError

log = logging.getLogger("continuous")
FOLDER = "continuous"
FOLLOW_S, WRITE_S = 1.0, 10.0
BOTS_S, ENDS_S = 10.0, 30.0
PROVE_S, PROVE_AGAIN_S, FIRST_PROOF_S = 6 * 3600.0, 300.0, 15.0
SHIPPED_S, SHIPPED_AGAIN_S = 300.0, 60.0
_PR_SET_PDEATHSIG = 1


class Continuous:
    """One ledger's. `stop`: set when it is to end. `prove_s`, `shipped_s`: monotonic, of the next proof and look."""

    def __init__(self, settings: Settings, stop: threading.Event) -> None:
        self.paths = paths = settings.paths
        self._location, self._backups, self._stop = ledger_location(settings), paths.backups, stop
        self.folder = paths.backups / FOLDER
        self.copy_file = self.folder / f"ledger{paths.flavour}.db"
        self.place = place_of(settings)
        self._copy: LedgerCopy | None = None
        self._child: subprocess.Popen[bytes] | None = None
        self.prove_s = time.monotonic() + FIRST_PROOF_S
        self.shipped_s = time.monotonic() + SHIPPED_AGAIN_S
        self._behind_place: str | None = None  # stands until a look at the place finds it level
        self.must_be_there = 0  # transaction that was due there at the last look
        before = read_continuous(paths.backups)
        self.record = replace(before, problem=None) if before is not None else ContinuousRecord(at_ms=_now_ms())

    def run(self) -> None:
        """Until `stop`. Raises nothing: what fails is in the record, and is tried again."""
        written_s = -WRITE_S
        while not self._stop.is_set():
            before = self.record.problem
            try:
                self.step()
                self.record = replace(self.record, problem=self._behind_place)
            except (LedgerError, DamagedLedger, ReplicaError, sqlite3.Error, OSError, ValueError) as error:
                self.record = replace(self.record, problem=first_line(error))
                self._close_copy()
            if self.record.problem != before:
                log.warning("continuous.problem %s", self.record.problem or "over")
            if self.record.problem != before or time.monotonic() - written_s >= WRITE_S:
                written_s = time.monotonic()
                self._write()
            self._stop.wait(FOLLOW_S)
        self.close()

    def close(self) -> None:
        """End Litestream, which ships what is left first."""
        self._close_copy()
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(10)
            except subprocess.TimeoutExpired:
                self._child.kill()
        self._write()

    def step(self) -> None:
        """Follow to the end of the journal, see that Litestream runs, and prove it when that is due."""
        if self._copy is None:
            if not ledger_exists(self._location):
                raise ReplicaError("there is no ledger yet")
            self._copy = LedgerCopy(self._location, self.copy_file)
        while not self._stop.is_set():
            found = self._copy.step()
            self.record = replace(self.record, head=found.head, behind=found.behind)
            if found.began_anew:
                log.warning("continuous.anew: the ledger was replaced; the copy follows the one that is there now")
            if not found.behind:
                self.record = replace(self.record, followed_ms=_now_ms())
                break
        self._ship()
        if time.monotonic() >= self.shipped_s:
            self._look_there()
        if time.monotonic() >= self.prove_s:
            self.prove_s = time.monotonic() + PROVE_AGAIN_S
            self._prove()
            self.prove_s = time.monotonic() + PROVE_S

    def _look_there(self) -> None:
        """Whether what was here at the last look lies at the place by now."""
        due, self.must_be_there = self.must_be_there, local_position(self.copy_file)
        try:
            there = shipped_position(self.copy_file, self.place, self.folder)
            late = there < due
            self._behind_place = f"{self.place.shown} lacks what was due there a minute ago and more" if late else None
        except ReplicaError as error:
            self._behind_place = str(error)
        if self._behind_place is None:
            self.record = replace(self.record, shipped_ms=_now_ms())
        self.shipped_s = time.monotonic() + (SHIPPED_S if self._behind_place is None else SHIPPED_AGAIN_S)

    def _ship(self) -> None:
        if self._child is not None and self._child.poll() is None:
            return
        if self._child is not None:
            code, self._child = self._child.returncode, None
            raise ReplicaError(f"Litestream ended with code {code}: {self.said()}; it is started again")
        if self.place.folder is not None:
            self.place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = replicate_command(configured(self.copy_file, self.place, self.folder))
        with (self.folder / "litestream.log").open("wb") as out:
            self._child = subprocess.Popen(  # noqa: S603
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=environ_for(self.place),
                preexec_fn=_end_with_parent,  # noqa: PLW1509  two plain calls; an orphan would ship for ever
            )  # fmt: skip
        log.info("continuous.ships target=%s pid=%d", self.place.shown, self._child.pid)

    def said(self) -> str:
        """Litestream's last line."""
        try:
            return plain((self.folder / "litestream.log").read_bytes()) or "it said nothing"
        except OSError:
            return "it said nothing"

    def _prove(self) -> None:
        """Restore the replica and look at what came. Raises ReplicaError."""
        wanted = self.record.head
        with tempfile.TemporaryDirectory(dir=self.folder, prefix=".proof-") as scratch:
            out = Path(scratch) / "ledger.db"
            fetch(self.place, out)
            with closing(sqlite3.connect(out)) as db:
                (found,) = db.execute("SELECT max(seq) FROM events").fetchone()
        if (found or 0) < wanted - 1000:
            raise ReplicaError(f"the replica ends at row {found or 0:,} of the journal, the copy at {wanted:,}")
        self.record = replace(self.record, proven_ms=_now_ms(), proven_head=int(found or 0))

    def _close_copy(self) -> None:
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def _write(self) -> None:
        self.record = replace(self.record, at_ms=_now_ms())
        with suppress(OSError):
            write_continuous(self._backups, self.record)


def _end_with_parent() -> None:
    """The kernel ends this process when the one that started it is gone, whatever ended that."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _now_ms() -> int:
    return round(time.time() * 1000)


class EveryBot:
    """The followers of all bots of the default bot's folder; one that gets a folder later is followed then."""

    def __init__(self, settings: Settings) -> None:
        """`settings`: the default bot's; where the copies go, and its keys, are the same for all."""
        self._settings = settings
        self._running: dict[str, tuple[Continuous, threading.Thread, threading.Event]] = {}
        self._locks: dict[str, int] = {}

    def look(self) -> None:
        """Begin with those that are new, end with those whose folder is gone. Raises nothing."""
        root = self._settings.paths.root
        wanted = {
            ref.name: (ref, settings_of(self._settings, ref))
            for ref in bots_in(root)
            if ref.is_default or ref.paths(root).state.exists()
        }
        for name, (made, _, _) in list(self._running.items()):
            if name not in wanted or wanted[name][1].paths != made.paths:  # it runs in another mode by now
                self._end(name)
        taken = {made.place.name for made, _, _ in self._running.values()}
        for name, (_, own) in wanted.items():
            if name not in self._running:
                self._begin(name, own, taken)

    def close(self) -> None:
        """End them all, at the same time: each Litestream ships what is left."""
        for _, _, stop in self._running.values():
            stop.set()
        for name in list(self._running):
            self._end(name)

    def follows(self) -> dict[str, Continuous]:
        return {name: made for name, (made, _, _) in self._running.items()}

    def _begin(self, name: str, own: Settings, taken: set[str]) -> None:
        stop = threading.Event()
        try:
            made = Continuous(own, stop)
            if made.place.name in taken:
                raise ReplicaError(f"another bot's copy lies in {made.place.shown} already: BOT_NAME is taken")
            made.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = flocks.take(made.folder / "lock", 0)  # held until its follower ends
        except (ReplicaError, OSError) as error:
            _refused(own, first_line(error))
            return
        if lock is None:
            return
        taken.add(made.place.name)
        thread = threading.Thread(target=made.run, name=f"copy-{name}", daemon=True)
        self._running[name] = (made, thread, stop)
        self._locks[name] = lock
        thread.start()
        log.info("continuous.follows bot=%s target=%s", name, made.place.shown)

    def _end(self, name: str) -> None:
        _, thread, stop = self._running.pop(name)
        stop.set()
        thread.join(ENDS_S)
        os.close(self._locks.pop(name))


def settings_of(settings: Settings, ref: BotRef) -> Settings:
    """Those by which that bot's ledger and its copy are found; `settings` are the default bot's."""
    if ref.is_default:
        return settings
    state, _, _ = read_state(ref.paths(settings.paths.root))
    mode = Mode(state.mode) if state is not None else settings.coin_mode
    return replace(settings, data_dir=ref.folder(settings.paths.root), bot_name=ref.name, coin_mode=mode)


def _refused(settings: Settings, problem: str) -> None:
    """Nothing is copied, and a person is to be told: COIN-WATCH reads it in the record."""
    before = read_continuous(settings.paths.backups) or ContinuousRecord(at_ms=_now_ms())
    with suppress(OSError):
        settings.paths.backups.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_continuous(settings.paths.backups, replace(before, at_ms=_now_ms(), problem=problem))


def main(argv: Sequence[str]) -> int:
    """At a low priority: it must not be felt by what trades. `argv`: the pid of who started it, where it has one."""
    os.umask(0o077)
    os.nice(10)
    _end_with_parent()
    if argv and os.getppid() != int(argv[0]):
        return Exit.DONE  # who started it ended before the kernel was told to say so
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        settings = settings_module.load().settings
    except SettingsError as error:
        sys.stderr.write(f"{error}\n")
        return Exit.SETTINGS
    stop = threading.Event()
    try:
        place_of(settings)
        (settings.paths.backups / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    except ReplicaError as error:
        sys.stderr.write(f"{error}\n")
        _refused(settings, str(error))
        return Exit.SETTINGS
    except OSError as error:
        sys.stderr.write(f"{error.strerror or error}\n")
        return Exit.FAILED
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    every = EveryBot(settings)
    every.look()
    if DEFAULT_BOT.name not in every.follows():
        every.close()
        sys.stderr.write("another one follows this ledger\n")
        return Exit.LOCKED
    while not stop.wait(BOTS_S):
        every.look()
    every.close()
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
