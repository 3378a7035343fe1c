"""One run: the bot's real process, restarted whenever it ends, under a plan of faults. The judge gets the outcome."""

import asyncio
import re
import shutil
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson

from shared import control
from shared.command_table import Cmd
from shared.times import EPOCH
from simtest import disk, evidence
from simtest.bot_instance import BotInstance, Environment, pid_of
from simtest.effective_settings import effective_settings
from simtest.external_activity import ExternalActivity
from simtest.faults import FaultInjector
from simtest.ground_truth import GroundTruth
from simtest.key_acts import KeyActs
from simtest.machine_faults import MachineFaults
from simtest.operator import Operator
from simtest.patches import Patches, settle
from simtest.permission import PermissionActs
from simtest.plan import QUIET_S, Act, Plan
from simtest.publications import LedgerProbe
from simtest.virtual_loop import Crash, Finished, VirtualLoop
from simtest.virtual_ports import ChangeSignal
from simtest.virtual_venue import VirtualVenue
from simtest.watcher import VirtualWatcher

MEMORY = Path("/dev/shm")
RESTART_S, RESTART_MAX_S, STEADY_S = 0.1, 15.0, 30.0  # the supervisor's delays grow while lives are short
PERSON_S = 20.0
COPY_STARTS_US = 1_000_000
FREEZE_S = 120.0
LOOK_US = 20_000_000
AWAKE_US = 5_000_000
KILL_TIMEOUT_US = 8_000_000


@dataclass(slots=True)
class Outcome:
    """The results of a run."""

    plan: Plan
    folder: Path
    event_hash: str
    events: int
    wall_s: float
    cpu_s: float
    strikes: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    cells: Counter[str] = field(default_factory=Counter)  # "fault state": strikes while an order was in the state
    own_cells: Counter[str] = field(default_factory=Counter)  # "fault state": strikes at a request of an order so
    kill_ms: list[float] = field(default_factory=list)  # from each kill to the proof that no order is open


class Run:
    """One seed."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.loop = VirtualLoop()
        self.venue = VirtualVenue(plan, self.loop)
        self.truth = GroundTruth()
        self.truth.worth = self.venue.worth
        self.truth.publications.exchange = self._beside
        self.faults = FaultInjector(plan.seed, plan.windows, lambda: self.loop.now_us)
        settings = effective_settings(plan.settings, plan.products, folder, live=plan.live)
        self.paths, self.bot_name = settings.paths, settings.bot_name
        self.change_signal = ChangeSignal(self.loop)
        self._around = Environment(plan, settings, self.loop, self.venue, self.faults, self.truth, self.change_signal)
        self._operator = Operator(self)
        self._acts = self._operator.acts | MachineFaults(self).acts | ExternalActivity(self).acts
        self._acts |= PermissionActs(self, settings).acts
        self._acts |= KeyActs(self).acts
        self.clock_off_us = plan.skew_ms * 1000
        self._watcher = VirtualWatcher(settings, self.loop, plan.seed, self._wall_us) if plan.watched else None
        self.at_restart = ""
        self._copied_us: dict[str, int] = {}  # how the ledger will be put back → when that copy was made
        self._life: BotInstance | None = None
        self.faults.order_states = lambda: self._life.order_states() if self._life is not None else ()
        self._lives = 0
        self._second: BotInstance | None = None
        self._copy: BotInstance | None = None  # a bot on a copy of the folder
        self._copied: Environment | None = None
        self._restart_s = RESTART_S
        self._ledger_probe: LedgerProbe | None = None

    def now(self) -> datetime:
        """True time."""
        return EPOCH + timedelta(microseconds=self.venue.now_us)

    def go(self) -> Outcome:
        """Run to the end of the plan."""
        began_s, cpu_s = time.perf_counter(), time.process_time()
        self._prepare()
        with Patches(self.plan, lambda: self._wall_us() / 1e6, self._lives_now):
            if self._watcher is not None:
                self._watcher.begin()
            asyncio.set_event_loop(self.loop)
            try:
                while True:
                    self._live()
            except Finished:
                pass
            finally:
                asyncio.set_event_loop(None)
        self._end_life()
        if self._ledger_probe is not None:
            self._ledger_probe.close()
        self.loop.bury()
        self.loop.close()
        told = evidence.document(self.plan, self._around.settings, self.venue, self.truth, self.loop.now_us)
        told["struck"] = self.faults.intervals()
        told["watch"] = self._watcher.end() if self._watcher is not None else None
        (self.folder / "truth.json").write_bytes(orjson.dumps(told))
        self.venue.note("ledger", evidence.ledger_digest(self.paths.ledger))
        return Outcome(
            self.plan,
            self.folder,
            self.venue.hash.hexdigest(),
            self.venue.events,
            time.perf_counter() - began_s,
            time.process_time() - cpu_s,
            self.faults.strikes,
            self._counts(),
            self.faults.cells,
            self.faults.own_cells,
            evidence.kill_times_ms(self.truth),
        )

    def _wall_us(self) -> int:
        """The machine's clock, microseconds since 1970."""
        return self.venue.now_us + self.clock_off_us

    def _lives_now(self, pid: int) -> bool:
        return self._life is not None and pid == pid_of(self._lives)

    def _prepare(self) -> None:
        """Prepare the folder as a start command does, and schedule the plan."""
        self.paths.prepare()
        self.paths.sim.mkdir(mode=0o700, exist_ok=True)
        key = self.paths.sim / "key.json"
        key.write_bytes(orjson.dumps(self.venue.key))
        key.chmod(0o600)
        control.ensure_control_file(self.paths, None)
        events, end_us = self.loop.event_queue, round(self.plan.minutes * 60e6)
        for act in self.plan.acts:
            events.at(round(act.at_s * 1e6), lambda act=act: self._do(act))  # type: ignore[misc]
        events.at(end_us, self._calm)
        events.at(end_us + round((FREEZE_S - 10) * 1e6), self._rest)
        events.at(end_us + round(FREEZE_S * 1e6), self.venue.freeze)
        events.at(end_us + round(QUIET_S * 1e6), self._finish)
        events.at(LOOK_US, self._look)

    def _do(self, act: Act) -> None:
        self.truth.acts.append({"us": self.loop.now_us, "kind": act.kind, "arg": act.arg})
        self.faults.count(act.kind)
        self._acts[act.kind](act, Random(f"act/{self.plan.seed}/{act.number}"))

    def _look(self) -> None:
        """Record the process' resource use; the judge reads the peaks."""
        life = self._life
        # What waits for a process that stands still is no queue of its own: it gets some seconds to read it.
        if life is not None and self.loop.now_us > self.loop.asleep_until_us + AWAKE_US:
            bounds = self.truth.bounds
            now = evidence.held(self.loop, life.number, life.net.unread, life.backlog())
            if bounds and bounds[-1]["life"] == life.number:
                bounds[-1] = {name: max(value, now[name]) for name, value in bounds[-1].items()}
            else:
                bounds.append(now)
        self.loop.event_queue.at(self.loop.now_us + LOOK_US, self._look)

    def _beside(self) -> dict[str, Any]:
        """What is true when the bot publishes something."""
        prices = {product_id: list(seen[-1]) for product_id, seen in self.truth.ticks.items() if seen}
        return {
            "balances": self.venue.balances(),
            "fees": self.venue.fees(),
            "prices": prices,
            "clock_off_us": self.clock_off_us,
            "heard": dict(self.truth.heard),
        }

    # One life of the process.

    def _live(self) -> None:
        """Start the process and run it until it ends or is killed; then wait as the supervisor does."""
        self._lives += 1
        self._find_ledger()
        row: dict[str, Any] = {"life": self._lives, "from_us": self.loop.now_us, "to_us": None, "end": None}
        self.truth.lives.append(row)
        self.change_signal.changed()
        wait_s = self._restart_s
        try:
            self._life = life = BotInstance(self._around, self._lives, self.clock_off_us, self._opened)
            if self._copied is not None:
                self.loop.event_queue.at(self.loop.now_us + COPY_STARTS_US, self._start_copy)
            code = self.loop.run_until_complete(life.process.run())
            row["end"] = f"exit {code}"
            if code == 78:
                wait_s = PERSON_S
                self._help()
            if code == 1:
                row["error"] = life.failure()
        except Crash as crash:
            row["end"] = f"crash: {crash.where}"
        finally:
            row["to_us"] = self.loop.now_us
            short = row["to_us"] - row["from_us"] < STEADY_S * 1e6
            self._restart_s = min(self._restart_s * 1.5, RESTART_MAX_S) if short else RESTART_S
            self._end_life()
        self.loop.pass_to(self.loop.now_us + round(wait_s * 1e6))

    def _find_ledger(self) -> None:
        """Do to the ledger what the acts ask for between two processes."""
        how, self.at_restart = self.at_restart, ""
        if how not in ("restore", "rescued"):
            if disk.restore(self.paths, how):
                self._swapped(how)
            return
        now = self.now() + timedelta(microseconds=self.clock_off_us)
        if disk.put_back(self.paths, now, self._lives, rescued=how == "rescued"):
            self.truth.acts.append({"us": self.loop.now_us, "kind": "restored", "arg": 0})
            self._swapped(how)
        elif how == "rescued":  # it died before it had made the copy
            self.truth.acts.append({"us": self.loop.now_us, "kind": "lose_ledger", "arg": 0})
            self._swapped("lose")

    def _swapped(self, how: str) -> None:
        """The ledger knows what happened until its copy was made (`copy_us`; 0 = nothing) and from now on."""
        if how == "rescued":  # the bot wrote until it saw that the files were gone
            copy_us = max(act["us"] for act in self.truth.acts if act["kind"] == "ledger_removed")
        else:
            copy_us = self._copied_us.get(how, 0)
        self.truth.swaps.append({"us": self.loop.now_us, "how": how, "copy_us": copy_us})

    def _end_life(self) -> None:
        life, self._life = self._life, None
        if life is None:
            return
        self.loop.drop_everything()
        self.change_signal.forget()
        life.end()
        for other in filter(None, (self._second, self._copy)):
            other.end()
        self._second = self._copy = None
        if self._copied is not None:
            self._copied.change_signal.forget()

    def _opened(self, engine: Any) -> None:
        """The process opened its ledger."""
        self.truth.storage.extend(evidence.storage_faults(engine))
        if self._ledger_probe is not None:
            self._ledger_probe.close()
        self._ledger_probe = LedgerProbe(self.paths.ledger)
        self.truth.recorded, self.truth.entries_open = self._ledger_probe.recorded, self._ledger_probe.entries_open
        self.truth.publications.ledger = self._ledger_probe

    # What the acts do to the process.

    def crash(self, where: str) -> None:
        """Crash now, whatever the process waits for."""
        if self._life is not None:
            raise Crash(where)

    def crash_soon(self) -> None:
        self.loop.event_queue.at(self.loop.now_us + 1_000_000, lambda: self.crash("soon"))

    def part_dies(self) -> None:
        """A task of the process fails; it ends by itself."""
        if self._life is not None:
            self.truth.lives[-1]["part_died"] = True
            self._life.process.bot.fail(RuntimeError("a part died"))

    def cut_power(self) -> None:
        """Cut the power: what was not synced may be lost."""
        if self._life is not None:
            disk.tear(self.paths, self._life.fs.unsynced, Random(f"power/{self.plan.seed}/{self.loop.now_us}"))
            raise Crash("power")

    def terminate(self) -> None:
        """SIGTERM, then SIGKILL where the process does not end in time."""
        life = self._life
        if life is None:
            return
        life.process.stop.set()
        events = self.loop.event_queue
        events.at(self.loop.now_us + KILL_TIMEOUT_US, lambda: self.crash("timeout") if self._life is life else None)

    def set_clock(self, off_us: int) -> None:
        """Set the machine's wall clock off true time by so much."""
        self.clock_off_us = off_us
        if self._life is not None:
            self._life.clock.wall_off_us = off_us

    def mend_clock(self) -> None:
        self.set_clock(self.plan.skew_ms * 1000)

    def second_bot(self) -> None:
        """Somebody starts a second bot on the folder while this one runs."""
        if self._life is None or self._second is not None:
            return
        row: dict[str, Any] = {"us": self.loop.now_us, "life": self._lives, "opened": False, "end": None, "to_us": None}
        self.truth.seconds.append(row)
        self._second = second = BotInstance(
            self._around, -self._lives, self.clock_off_us, lambda _: row.update(opened=True)
        )
        handler = self.loop.get_exception_handler()

        async def stand() -> None:
            row["end"] = f"exit {await second.process.run()}"
            row["to_us"] = self.loop.now_us
            second.end()
            self._second = None

        self.loop.create_task(stand(), name="second bot")
        self.loop.call_soon(self.loop.set_exception_handler, handler)  # each process has a loop of its own

    def copied_folder(self) -> None:
        """Somebody starts a copy of the folder, as it is now, with a lock of its own."""
        if self._life is None or self._copied is not None:
            return
        data = self.folder / "copy"
        settings = replace(self._around.settings, data_dir=data)
        disk.copy_folder(self.paths, settings.paths)
        truth = GroundTruth()
        mark = re.compile(rf"ct-{re.escape(self.bot_name)}-[0-9a-f]{{32}}")
        truth.watched = self.truth.watched = mark
        change_signal = ChangeSignal(self.loop)
        self._copied = replace(self._around, settings=settings, truth=truth, change_signal=change_signal)
        self.truth.copies.append({"us": self.loop.now_us, "truth": truth})
        self._start_copy()

    def _start_copy(self) -> None:
        """Both bots end with the machine, and both are restarted."""
        if self._life is None or self._copy is not None or self._copied is None:
            return
        number = -1000 - self._lives
        self._copied.change_signal.changed()
        self._copy = copy = BotInstance(self._copied, number, self.clock_off_us, lambda _: None)
        row: dict[str, Any] = {"life": number, "from_us": self.loop.now_us, "to_us": None, "end": None}
        self._copied.truth.lives.append(row)
        handler = self.loop.get_exception_handler()

        async def stand() -> None:
            row["end"] = f"exit {await copy.process.run()}"
            row["to_us"] = self.loop.now_us
            copy.end()
            self._copy = None

        self.loop.create_task(stand(), name="copy")
        self.loop.call_soon(self.loop.set_exception_handler, handler)  # each process has a loop of its own

    def keep_ledger(self) -> None:
        self._copied_us["old"] = self.loop.now_us
        disk.keep(self.paths)

    def keep_backup(self) -> None:
        self._copied_us["restore"] = self.loop.now_us
        disk.backup(self.paths)

    def _help(self) -> None:
        """What the operator does about a bot that refuses to start over a lost ledger: as its message says."""
        if any(act["kind"] == "lose_ledger" for act in self.truth.acts):
            for path in (self.paths.positions, self.paths.live_positions):
                path.unlink(missing_ok=True)

    # The end.

    def _calm(self) -> None:
        """Begin the liveness phase: no more faults."""
        self.faults.over = True
        self.loop.crash_at_step = None
        self.loop.asleep_until_us = 0
        self.mend_clock()
        self._operator.mend_control()
        self.venue.calm()
        self.truth.acts.append({"us": self.loop.now_us, "kind": "calm", "arg": 0})

    def _rest(self) -> None:
        """Pause entries, so that everything can be compared at the end."""
        self.truth.acts.append({"us": self.loop.now_us, "kind": "rest", "arg": 0})
        latest = self.truth.states[-1] if self.truth.states else None
        if latest is not None and latest["status"] == "running":
            self._operator.send(Cmd.PAUSE)

    def _finish(self) -> None:
        raise Finished

    def _counts(self) -> dict[str, int]:
        return {
            "posts": len(self.truth.posts),
            "lives": self._lives,
            "fills": self.venue.fill_count(),
            "orders": len(self.venue.orders()),
            "states": len(self.truth.states),
            "steps": self.loop.steps,
        }


def folder_for(seed: int) -> Path:
    """A new folder, in memory where the machine has a memory disk."""
    base = MEMORY if MEMORY.is_dir() else None
    return Path(tempfile.mkdtemp(prefix=f"simtest-{seed}-", dir=base))


def run_plan(plan: Plan, folder: Path | None = None) -> Outcome:
    """Run one plan in a folder, which the caller removes."""
    folder = folder_for(plan.seed) if folder is None else folder
    settle()
    evidence.others_hold()
    return Run(plan, folder).go()


def remove(outcome: Outcome) -> None:
    shutil.rmtree(outcome.folder, ignore_errors=True)
