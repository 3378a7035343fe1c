"""A crash loop: one exchange, and one bot on one ledger, restarted and killed at a named point each time."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.bots import DEFAULT_BOT
from shared.command_table import Cmd
from shared.control import NotSent, ensure_control_file, send_command
from shared.paths import ROOT, DataPaths
from shared.settings import load
from simtest.processes import verdict
from simtest.processes.crash_points import POINTS, CrashPoint, Stimulus
from simtest.processes.forked_bot import fork
from simulator import admin
from simulator.core.venue import VenueRules

LOOK_S = 0.01
NUDGE_S = 0.3  # without an order of its own for so long, a lot is closed by command
GIVE_UP_S = 12.0  # a point that is not reached: the life ends wherever it is
BAR_S = 30.0  # without a lot: until a new bar brings one
BOOT_S = 30.0
SETTLE_S = 200.0
LOSING = frozenset({"intent: during its commit", "intent: committed, nothing sent"})
SELLS = 0.9  # of the lives that lose an intent: in so many a sale, since a lost purchase blocks its product
BLOCKED, REST_S = 3, 90.0  # purchases whose fate is open: each blocks its product for a minute of one life
UP = ("running", "paused", "stopping", "stopped", "killed")
FUNDS = "100000"
BOT = "main"
MODES = ("return_existing", "reject", "not_enforced")
PRODUCTS = "BTC-USD,ETH-USD,SOL-USD,XRP-USD,DOGE-USD,ADA-USD"
SETTINGS: Mapping[str, str] = {
    "PRODUCTS": PRODUCTS,
    "STRATEGY": "always",
    "EDGE_GATE": "false",
    "DEPTH_VIEW": "false",
    "MAX_IMPACT_BP": "0",
    "VOL_RISK_ADJUST": "false",
    "PYRAMID_MIN_ADVERSE_PCT": "0",
    "PYRAMID_DECAY_MIN_PCT": "0",
    "RISK_PER_TRADE_PCT": "0.03",
    "TAKE_PROFIT_PCT": "0.5",
    "SCALP_TP_MIN_PCT": "0.5",
    "RUNNER_TP_MULT": "1",
    "MAX_ORDERS_PER_MIN": "600",
    "MAX_TOTAL_LOTS": "600",
    "MAX_CONCURRENT_LOTS": "100",
    "MAX_ERROR_RATE_PCT": "0",
    "MAX_API_ERROR_PCT": "0",
    "MAX_CONSECUTIVE_LOSSES": "0",
    "MAX_DAILY_LOSS_PCT": "90",
    "MAX_DRAWDOWN_PCT": "0",
    "MAX_VOL_SPIKE": "0",
    "MAX_SPREAD_PCT": "0",
    "SAFE_STARTS": "0",
    "LOG_LEVEL": "WARNING",
    "SIM_FUNDS": FUNDS,
}


@dataclass(slots=True)
class CrashLoopResult:
    """The result of a crash loop. `boot_ms`: fork to trading, of the processes that got there."""

    mode: str
    hits: Counter[str] = field(default_factory=Counter)
    elsewhere: int = 0  # lives that did not reach their point in time and were ended where they were
    boot_ms: list[float] = field(default_factory=list)
    settle_s: float = 0.0
    breaches: list[str] = field(default_factory=list)
    orders: int = 0
    fills: int = 0

    def document(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


class CrashLoop:
    """`run` works through what `wanted` asks for, until nothing is left or the time is over."""

    def __init__(self, folder: Path, number: int, seed: int) -> None:
        self.folder, self.data = folder, folder / "data"
        self.paths = DataPaths(self.data)
        self.result = CrashLoopResult(MODES[number % len(MODES)])
        self._random = random.Random(f"{seed}/{number}")
        self._note = folder / "hit"
        ports = _free_ports(3)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "DATA_DIR": str(self.data),
            "SIM_PORT": str(ports[0]),
            "SIM_ADMIN_PORT": str(ports[1]),
            "DASHBOARD_PORT": str(ports[2]),
            "SIM_IDEMPOTENCY": self.result.mode,
            "SIM_SEED": str(seed + number),
            "ENTRY_ORDER": "maker" if number % 2 else "market",
            **SETTINGS,
        }
        self._sim: subprocess.Popen[bytes] | None = None

    def run(self, wanted: Callable[[str | None, bool], str | None], until_s: float) -> CrashLoopResult:
        """`wanted(hit, trading)` counts the point that was hit and names the next one; None = nothing is left."""
        self.data.mkdir(mode=0o700, parents=True)
        self._start_exchange()
        ensure_control_file(self.paths, None)
        try:
            hit: str | None = None
            while time.monotonic() < until_s:
                name = wanted(hit, self._lots() > 0)
                if name is None:
                    break
                hit = self._one(POINTS[name])
                if verdict.open_purchases(self.data) >= BLOCKED:
                    self._rest()
            self._settle()
        finally:
            self._stop_exchange()
        self._judge()
        return self.result

    # The exchange.

    def _start_exchange(self) -> None:
        out = (self.folder / "sim.out").open("ab")
        self._sim = subprocess.Popen(
            [sys.executable, "-m", "simulator"], cwd=ROOT, env=self.env, stdout=out, stderr=out
        )
        out.close()
        deadline_s = time.monotonic() + BOOT_S
        settings = self._settings()
        while admin.status(self.paths, settings) is None:
            if time.monotonic() > deadline_s or self._sim.poll() is not None:
                raise RuntimeError(f"COIN-SIM did not start: see {self.folder / 'sim.out'}")
            time.sleep(0.05)
        admin.set_limits(self.paths, settings, enforce=False)

    def _settings(self) -> Any:

        return load(Path(os.devnull), self.env).settings

    def _stop_exchange(self) -> None:
        if self._sim is None:
            return
        self._sim.terminate()
        try:
            self._sim.wait(10)
        except subprocess.TimeoutExpired:
            self._sim.kill()
            self._sim.wait()

    # One life.

    def _one(self, point: CrashPoint) -> str | None:
        """Start a process with the point armed and wait for its death; the name of the point that it hit, or None."""
        self._note.unlink(missing_ok=True)
        if point.stimulus is Stimulus.DAY:
            verdict.put_day_back(self.data)
        occasion = 1 + self._random.randrange(3) // 2
        sells_only = point.name in LOSING and self._random.random() < SELLS
        pid = fork(self.env, point, occasion, self._note, sells_only=sells_only)
        began_s = time.monotonic()
        status, killed_by_us = self._watch(pid, point, began_s)
        hit = self._note.read_text() if self._note.exists() else None
        if hit is not None:
            self.result.hits[hit] += 1
        elif killed_by_us:
            self.result.elsewhere += 1
        elif point.stimulus is not Stimulus.END or os.waitstatus_to_exitcode(status) != 0:
            self.result.breaches.append(f"{point.name}: the process ended by itself, {self._last_words(status)}")
        self.result.breaches += [f"{hit or 'elsewhere'}: {text}" for text in self._quick()]
        return hit

    def _rest(self) -> None:
        """Run a process without a crash point, until orders that never reached the exchange are known as absent."""
        pid = fork(self.env, None, 0, self._note)
        until_s = time.monotonic() + REST_S
        while time.monotonic() < until_s and (verdict.unfinished(self.data) or not self._state(pid)):
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                self.result.breaches.append(f"a process ended by itself: {self._last_words(status)}")
                return
            time.sleep(0.2)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.result.elsewhere += 1
        self.result.breaches += [f"elsewhere: {text}" for text in self._quick()]

    def _quick(self) -> list[str]:
        return verdict.after_death(self.data, f"ct-{BOT}-")

    def _last_words(self, status: int) -> str:
        log = self.data / "logs" / f"{DEFAULT_BOT.process}.log"
        tail = log.read_text().strip().splitlines()[-3:] if log.exists() else []
        return f"code {os.waitstatus_to_exitcode(status)}: {' / '.join(tail)}"

    def _watch(self, pid: int, point: CrashPoint, began_s: float) -> tuple[int, bool]:
        """Bring the process to its point; (wait status, whether it was killed from outside)."""
        traded_s: float | None = None
        nudged_s, ended = began_s, False
        while True:
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                return status, ended
            now_s = time.monotonic()
            state = self._state(pid)
            if traded_s is None and state.get("status") in UP:
                traded_s = nudged_s = now_s
                self.result.boot_ms.append((now_s - began_s) * 1000)
            limit_s = BOOT_S if traded_s is None else GIVE_UP_S if self._lots() else BAR_S
            if now_s - (traded_s or began_s) > limit_s and not ended:
                os.kill(pid, signal.SIGKILL)
                ended = True
            elif traded_s is not None and now_s - nudged_s > self._random.uniform(0.1, NUDGE_S):
                nudged_s = now_s
                self._nudge(pid, point, state)
            time.sleep(LOOK_S)

    def _nudge(self, pid: int, point: CrashPoint, state: dict[str, Any]) -> None:
        """What an operator does at this moment, so that the point is reached."""
        if state.get("status") == "killed":
            if state["kill"]["cleared_ms"] is not None:  # also on the way to a second kill of this process
                self.command(Cmd.RESET_KILL, {"latch_id": state["kill"]["latch_id"]}, state)
        elif state.get("status") in ("stopped", "stopping", "paused"):
            self.command(Cmd.START, None, state)
        elif point.stimulus is Stimulus.KILL:
            self.command(Cmd.KILL, None, state)
        elif point.stimulus is Stimulus.END:
            os.kill(pid, signal.SIGTERM)
        elif point.stimulus is Stimulus.TRADE:
            lots = [lot["lot_id"] for p in state.get("positions") or [] for lot in p["lots"]]
            if lots:
                self.command(Cmd.CLOSE_LOT, {"lot_id": self._random.choice(lots)}, state)

    def command(self, cmd: Cmd, args: Mapping[str, str] | None, state: dict[str, Any]) -> None:
        """As the dashboard sends it."""
        seen = [receipt["id"] for receipt in state.get("receipts", ())]
        try:
            send_command(self.paths, cmd, args, by="rig", seen_ids=seen)
        except NotSent as error:
            self.result.breaches.append(f"{cmd} was not sent: {error}")

    def _state(self, pid: int) -> dict[str, Any]:
        """The state that this process has published; {} = nothing yet."""
        try:
            found: dict[str, Any] = json.loads(self.paths.state.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        return found if found.get("pid") == pid else {}

    def _lots(self) -> int:
        try:
            return len(json.loads(self.paths.positions.read_bytes())["lots"])
        except (FileNotFoundError, ValueError, KeyError):
            return 0

    # The end.

    def _settle(self) -> None:
        """A last process without a crash point: it is killed, so that nothing trades, and every order must settle."""
        began_s = time.monotonic()
        pid = fork(self.env, None, 0, self._note)
        asked = False
        while time.monotonic() - began_s < SETTLE_S:
            gone, status = os.waitpid(pid, os.WNOHANG)
            if gone:
                self.result.breaches.append(f"the last process ended by itself: {self._last_words(status)}")
                return
            state = self._state(pid)
            if not asked and state.get("status") in UP:
                self.command(Cmd.KILL, None, state)
                asked = True
            cleared = state.get("kill") is not None and state["kill"]["cleared_ms"] is not None
            if asked and cleared and not verdict.unfinished(self.data):
                self.result.settle_s = round(time.monotonic() - began_s, 1)
                break
            time.sleep(0.1)
        else:
            self.result.breaches.append(f"{verdict.unfinished(self.data)} unsettled orders after {SETTLE_S:g} s")
        time.sleep(2.0)  # the last fills are counted after their orders' end
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)

    def _judge(self) -> None:
        assert VenueRules().idempotency in MODES
        found = verdict.full(self.folder, BOT, FUNDS)
        self.result.breaches += [f"{name}: {text}" for name, breaches in found.items() for text in breaches]
        truth = json.loads((self.folder / "truth.json").read_bytes())
        self.result.orders, self.result.fills = len(truth["venue"]["orders"]), len(truth["venue"]["fills"])


def _free_ports(count: int) -> list[int]:
    """Free ones, all of them different."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
