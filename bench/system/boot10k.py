"""Start to reconciled on an account with a past: 10,000 fills in the ledger, 100 open orders at the exchange.

Real processes, without PM2: the bot is started on the account, killed with SIGKILL, and started again.
"""

import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.measurement import Measurement, measured
from bench.system.account import build
from bench.system.programs import environment, program
from cli.rig import NotReached
from shared.command_table import Cmd
from shared.control import ensure_control_file, send_command
from shared.documents.state import BotState, decode_state
from shared.documents.status import Phase
from shared.files import Unreadable
from shared.paths import DataPaths
from shared.settings import load
from simulator import admin

FILLS, OPEN, STARTS = 10_000, 100, 5
WAIT_S = 60.0
RECONCILED = frozenset({Phase.BACKFILL, Phase.TRADING, Phase.STOPPED})


def measure() -> list[Measurement]:
    """Each start from the process's first instruction; the last one is killed with all orders open."""
    with tempfile.TemporaryDirectory(prefix="coin-boot10k-") as folder:
        env = environment(Path(folder), SIM_FUNDS="1000000", MAX_TOTAL_LOTS="500", MAX_CONCURRENT_LOTS="500")
        settings = load(Path(os.devnull), env).settings
        count = build(settings, FILLS, OPEN)
        paths = settings.paths
        ensure_control_file(paths, "pause")
        with program("simulator", env):
            _until(lambda: admin.status(paths, settings), "COIN-SIM")
            reconciled, trading, cpu = zip(*(_start(paths, env) for _ in range(STARTS)), strict=True)
            shut_ms, cleared_ms, found = _kill(paths, env)
    note = f"{count:,} fills, {OPEN} open orders, n={STARTS}"
    return [
        Measurement("start to reconciled, worst", max(reconciled), "s", 5.0, note),
        Measurement("start to reconciled, p50", measured(reconciled, 50), "s", None, f"load {os.getloadavg()[0]:.1f}"),
        Measurement("processor time of it, p50", measured(cpu, 50), "s", None, "what it takes of a core"),
        Measurement("start to trading, worst", max(trading), "s", None, "with the charts' history"),
        Measurement("KILL to gate shut", shut_ms, "ms", 50.0),
        Measurement(f"gate shut to none of {found} orders left, seen twice", cleared_ms, "ms", 2000.0),
    ]


def _until(what: Callable[[], object], name: str) -> None:
    deadline_s = time.monotonic() + WAIT_S
    while not what():
        if time.monotonic() > deadline_s:
            raise NotReached(f"{name}: not in {WAIT_S:g} s")
        time.sleep(0.005)


def _state(paths: DataPaths, pid: int) -> BotState | None:
    """What the process with this pid has published."""
    try:
        found = decode_state(paths.state.read_bytes())
    except (FileNotFoundError, Unreadable):
        return None
    return found if found.pid == pid else None


def _start(paths: DataPaths, env: Mapping[str, str]) -> tuple[float, float, float]:
    """Seconds from the start of the process to (reconciled, ready to trade), and its processor time until the first;
    ended by SIGKILL.
    """
    began_s = time.monotonic()
    with program("bot", env) as bot:
        _until(lambda: (s := _state(paths, bot.pid)) is not None and s.phase in RECONCILED, "reconciled")
        reconciled_s = time.monotonic() - began_s
        state = _state(paths, bot.pid)
        cpu_s = state.metrics.cpu_s if state is not None and state.metrics is not None else 0.0
        _until(lambda: (s := _state(paths, bot.pid)) is not None and s.phase is Phase.TRADING, "trading")
        trading_s = time.monotonic() - began_s
        state = _state(paths, bot.pid)
        lots = sum(len(position.lots) for position in state.positions or ()) if state is not None else 0
        if lots != OPEN or state is None or state.differences is not None:
            raise NotReached(f"{lots} lots instead of {OPEN}, or the account differs: {state and state.differences}")
        bot.kill()
    return reconciled_s, trading_s, cpu_s


def _kill(paths: DataPaths, env: Mapping[str, str]) -> tuple[float, float, int]:
    """(KILL to gate shut in ms, latch to nothing left in ms, orders found)."""
    with program("bot", env) as bot:
        _until(lambda: (s := _state(paths, bot.pid)) is not None and s.phase is Phase.TRADING, "trading")
        send_command(paths, Cmd.KILL, by="bench")
        made_ms = paths.kill.stat().st_mtime_ns / 1e6
        _until(
            lambda: (s := _state(paths, bot.pid)) is not None and s.kill is not None and s.kill.cleared_ms is not None,
            "no order left",
        )
        state = _state(paths, bot.pid)
        assert state is not None
        assert state.kill is not None
        assert state.kill.cleared_ms is not None
        shut_ms = state.kill.at_ms + state.kill.gate_shut_ms - made_ms
        return shut_ms, state.kill.cleared_ms, state.kill.orders_found or 0
