"""One run: the bot's real process, life after life, in a world that follows a plan. The outcome goes to the judge."""

import hashlib
import shutil
import sqlite3
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import orjson

from bot.runtime.process import Machine, Process
from proof.faults import FaultBox
from proof.loop import Crash, Finished, VirtualLoop
from proof.machine import InlineOffload, Pulse, SeededRng, VirtualClock, VirtualFs, disk_full, ledger_opener
from proof.net import VirtualNet
from proof.operator import Operator
from proof.patched import Patched, settle
from proof.plan import QUIET_S, Plan
from proof.truth import TruthLog
from proof.venue import Venue
from shared import control
from shared.control import Cmd
from shared.settings import Settings
from shared.times import EPOCH

_HISTORY = (
    "CREATE TABLE IF NOT EXISTS rig_orders (client_order_id TEXT, state TEXT, filled_size TEXT)",
    "CREATE TRIGGER IF NOT EXISTS rig_insert AFTER INSERT ON orders BEGIN "
    "INSERT INTO rig_orders VALUES (new.client_order_id, new.state, new.filled_size); END",
    "CREATE TRIGGER IF NOT EXISTS rig_update AFTER UPDATE ON orders BEGIN "
    "INSERT INTO rig_orders VALUES (new.client_order_id, new.state, new.filled_size); END",
)
MEMORY = Path("/dev/shm")
RESTART_S, RESTART_MAX_S, STEADY_S = 0.1, 15.0, 30.0  # the supervisor's delays grow while lives are short
PERSON_S = 20.0
FREEZE_S = 120.0


@dataclass(slots=True)
class Outcome:
    """What a run left behind."""

    plan: Plan
    folder: Path
    event_hash: str
    events: int
    wall_s: float
    cpu_s: float
    strikes: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    kill_ms: list[float] = field(default_factory=list)  # from each kill to the proof that no order is open


class Run:
    """One seed."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self.loop = VirtualLoop()
        self.venue = Venue(plan, self.loop)
        self.truth = TruthLog()
        self.faults = FaultBox(plan.seed, plan.windows, lambda: self.loop.now_us)
        settings: dict[str, Any] = {"depth_view": False, **plan.settings}  # a view: nothing that trades reads it
        self.settings = Settings(data_dir=folder / "data", products=plan.products, log_level="WARNING", **settings)
        self.paths = self.settings.paths
        self.pulse = Pulse(self.loop)
        self.operator = Operator(self)
        self.clock_off_us = 0
        self.lose_ledger = False
        self.lives = 0
        self._restart_s = RESTART_S
        self.process: Process | None = None
        self.clock: VirtualClock | None = None
        self._random = Random(f"run/{plan.seed}")
        self._net: VirtualNet | None = None
        self._engine: Any = None
        self._alive = False
        self._eye: sqlite3.Connection | None = None

    def now(self) -> datetime:
        """True time."""
        return EPOCH + timedelta(microseconds=self.venue.now_us)

    def go(self) -> Outcome:
        """Run to the end of the plan."""
        began_s, cpu_s = time.perf_counter(), time.process_time()
        self.paths.prepare()
        self.paths.sim.mkdir(mode=0o700, exist_ok=True)
        key = self.paths.sim / "key.json"
        key.write_bytes(orjson.dumps(self.venue.key))
        key.chmod(0o600)
        control.ensure_control_file(self.paths, None)  # as the start command does
        self.operator.schedule(self.plan.acts)
        end_s = self.plan.minutes * 60
        self.loop.agenda.at(round(end_s * 1e6), self._calm)
        self.loop.agenda.at(round((end_s + FREEZE_S - 10) * 1e6), self._rest)
        self.loop.agenda.at(round((end_s + FREEZE_S) * 1e6), self.venue.freeze)
        self.loop.agenda.at(round((end_s + QUIET_S) * 1e6), self._finish)
        with Patched(self):
            try:
                while True:
                    self._live()
            except Finished:
                pass
        self._end_life("end of run")
        if self._eye is not None:
            self._eye.close()
        self.loop.bury()
        self.loop.close()
        self._write_truth()
        self.venue.note("ledger", self._ledger_bytes())
        return Outcome(
            self.plan,
            self.folder,
            self.venue.hash.hexdigest(),
            self.venue.events,
            time.perf_counter() - began_s,
            time.process_time() - cpu_s,
            self.faults.strikes,
            self._counts(),
            self._kill_ms(),
        )

    # One life of the process.

    def _live(self) -> None:
        """Start the process and let it run until it ends or is ended; then wait as the supervisor does."""
        self.lives += 1
        self._alive = True
        alive = lambda life=self.lives: self._alive and life == self.lives  # noqa: E731
        if self.lose_ledger:
            self._remove_ledger()
        self.clock = clock = VirtualClock(self.loop, self.venue.start_us, self.pulse, self._control_busy)
        clock.wall_off_us = self.clock_off_us
        self._net = net = VirtualNet(
            self.loop,
            self.venue,
            self.faults,
            self.truth,
            Random(f"net/{self.plan.seed}/{self.lives}"),
            self.lives,
        )
        life = self.lives
        machine = Machine(
            clock=clock,
            rng=SeededRng(Random(f"rng/{self.plan.seed}/{self.lives}")),
            fs=VirtualFs(
                alive,
                lambda: self.faults.strike("disk_full") is not None,
                lambda path, data: self.truth.written(path, data, self.loop.now_us, life),
            ),
            net=net,
            files=InlineOffload(alive),
            market=InlineOffload(alive),
            open_ledger=ledger_opener(self._at_ledger, self._opened),
        )
        row: dict[str, Any] = {"life": self.lives, "from_us": self.loop.now_us, "to_us": None, "end": None}
        self.truth.lives.append(row)
        self.pulse.changed()
        wait_s = self._restart_s
        try:
            self.process = Process(self.settings, [], machine)
            code = self.loop.run_until_complete(self.process.run())
            row["end"] = f"exit {code}"
            if code == 78:
                wait_s = PERSON_S
                self._help()
            if code == 1:
                failure = self.process.bot.failure
                error = failure.exception() if failure is not None and failure.done() else None
                row["error"] = f"{type(error).__name__}: {error}" if error else self.process.bot.error
        except Crash as crash:
            row["end"] = f"crash: {crash.where}"
        finally:
            row["to_us"] = self.loop.now_us
            short = row["to_us"] - row["from_us"] < STEADY_S * 1e6
            self._restart_s = min(self._restart_s * 1.5, RESTART_MAX_S) if short else RESTART_S
            self._end_life(str(row["end"]))
        self.loop.pass_to(self.loop.now_us + round(wait_s * 1e6))

    def _end_life(self, why: str) -> None:
        del why
        if not self._alive:
            return
        self._alive = False
        self.loop.drop_everything()
        self.pulse.forget()
        if self._net is not None:
            self._net.die()
        if self.process is not None:
            self.process.lock.release()
            self.process = None
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _opened(self, engine: Any) -> None:
        """The ledger is open: remember it, and have it keep every version of an order for the judge."""
        self._engine = engine
        engine.execute_raw(_HISTORY)
        if self._eye is not None:
            self._eye.close()
        self._eye = sqlite3.connect(f"file:{self.paths.ledger}?mode=ro", uri=True)
        self.truth.recorded, self.truth.entries_open = self._is_recorded, self._entries_open

    def _is_recorded(self, client_order_id: Any) -> bool:
        """Whether somebody else who reads the ledger sees the intent now."""
        assert self._eye is not None
        query = "SELECT 1 FROM orders WHERE client_order_id = ?"
        return self._eye.execute(query, (client_order_id,)).fetchone() is not None

    def _entries_open(self, client_order_id: Any, product_id: Any) -> int:
        """How many other purchases of the product the ledger holds without an end or an answer."""
        assert self._eye is not None
        query = (
            "SELECT count(*) FROM orders WHERE product_id = ? AND client_order_id != ? AND purpose = 'entry' "
            "AND kind = 'market' AND state IN ('new', 'sent', 'unknown')"
        )
        return int(self._eye.execute(query, (product_id, client_order_id)).fetchone()[0])

    def _control_busy(self) -> bool:
        bot = self.process.bot if self.process is not None else None
        return bot is None or bool(bot.commands._waiting)

    def _at_ledger(self, where: str) -> None:
        if where == "begin":
            if self.faults.strike("ledger_full"):
                raise disk_full()
            return
        if self.faults.strike("crash_at_commit", where):
            raise Crash(where)

    # What the acts do to the process.

    def crash(self, where: str) -> None:
        """Now, at whatever the process waits for."""
        if self._alive:
            raise Crash(where)

    def crash_soon(self) -> None:
        self.loop.agenda.at(self.loop.now_us + 1_000_000, lambda: self.crash("soon"))

    def terminate(self) -> None:
        """SIGTERM, and SIGKILL where the process is not gone in time."""
        if self.process is None or not self._alive:
            return
        self.process.stop.set()
        life = self.lives
        self.loop.agenda.at(
            self.loop.now_us + 8_000_000, lambda: self.crash("kill timeout") if self.lives == life else None
        )

    def mend_clock(self) -> None:
        self.clock_off_us = 0
        if self.clock is not None:
            self.clock.wall_off_us = 0

    def _help(self) -> None:
        """What the operator does about a bot that refuses to start over a lost ledger: as its message says."""
        if any(act["kind"] == "lose_ledger" for act in self.truth.acts):
            for path in (self.paths.positions, self.paths.live_positions):
                path.unlink(missing_ok=True)

    def _remove_ledger(self) -> None:
        self.lose_ledger = False
        for name in ("", "-wal", "-shm"):
            self.paths.ledger.with_name(self.paths.ledger.name + name).unlink(missing_ok=True)

    # The end.

    def _calm(self) -> None:
        """The liveness phase begins: no fault any more."""
        self.faults.over = True
        self.loop.crash_at_step = None
        self.loop.asleep_until_us = 0
        self.mend_clock()
        self.operator.mend_control()
        self.venue.calm()
        self.truth.acts.append({"us": self.loop.now_us, "kind": "calm", "arg": 0})

    def _rest(self) -> None:
        """No entries from here on, so that all can be counted at the end."""
        self.truth.acts.append({"us": self.loop.now_us, "kind": "rest", "arg": 0})
        latest = self.truth.states[-1] if self.truth.states else None
        if latest is not None and latest["status"] == "running":
            self.operator.send(Cmd.PAUSE)

    def _finish(self) -> None:
        raise Finished

    def _ledger_bytes(self) -> bytes:
        """The ledger's rows, but for the rows of the boots' own times."""
        path = self.paths.ledger
        if not path.exists():
            return b""
        out = hashlib.sha256()
        with sqlite3.connect(path) as db:
            for table in ("orders", "fills", "lots", "days", "latches", "commands", "journal", "facts"):
                for row in db.execute(f"SELECT * FROM {table} ORDER BY rowid"):  # noqa: S608
                    out.update(repr(row).encode())
        db.close()
        return out.digest()

    def _kill_ms(self) -> list[float]:
        """How long each kill took, as the bot published it."""
        cleared = {state["latch"]: state["cleared_ms"] for state in self.truth.states if state["latch"]}
        return [float(ms) for ms in cleared.values() if ms is not None]

    def _counts(self) -> dict[str, int]:
        return {
            "posts": len(self.truth.posts),
            "lives": self.lives,
            "fills": self.venue.fill_count(),
            "orders": len(self.venue.orders()),
            "states": len(self.truth.states),
            "steps": self.loop.steps,
        }

    def _write_truth(self) -> None:
        document = {
            "plan": self.plan.to_json(),
            "bot_name": self.settings.bot_name,
            "stale_data_s": self.settings.stale_data_sec,
            "max_order_usd": self.settings.max_order_usd,
            "max_orders_per_min": self.settings.max_orders_per_min,
            "end_us": self.loop.now_us,
            "start_us": self.venue.start_us,
            "venue": self.venue.truth(),
            **self.truth.document(),
        }
        (self.folder / "truth.json").write_bytes(orjson.dumps(document))


def folder_for(seed: int) -> Path:
    """A folder of its own, on a memory disk where there is one."""
    base = MEMORY if MEMORY.is_dir() else None
    return Path(tempfile.mkdtemp(prefix=f"proof-{seed}-", dir=base))


def run_plan(plan: Plan, folder: Path | None = None) -> Outcome:
    """Run one plan in a folder, which the caller removes."""
    folder = folder_for(plan.seed) if folder is None else folder
    settle()
    return Run(plan, folder).go()


def remove(outcome: Outcome) -> None:
    shutil.rmtree(outcome.folder, ignore_errors=True)
