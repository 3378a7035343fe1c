"""What a slow model costs the bot: loop lag, and KILL to gate shut, while 300 ms of inference follow each other.

Real processes on COIN-SIM. `python -m bench.bot.slow_model` alone is the bot with the strategies of
`slow_strategies`.
"""

import os
import runpy
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.measurement import Measurement
from bench.system.programs import environment, program
from bot.strategies import registry
from cli.rig import NotReached
from shared.command_table import Cmd
from shared.control import send_command
from shared.documents.state import BotState
from shared.documents.status import Phase
from shared.liveness import read_state
from shared.paths import DataPaths

WINDOW_S = 13.0  # the lag is of the newest 12 s
WAIT_S = 90.0
LAG_GOAL_MS, KILL_GOAL_MS = 5.0, 20.0


KINDS = {"slow_none": "Slow", "slow_python": "SlowPython", "slow_arrays": "SlowArrays"}


def measure() -> list[Measurement]:
    """Each kind of model in a bot of its own."""
    found = []
    for name, label in (("slow_none", "no model"), ("slow_python", "plain Python"), ("slow_arrays", "numpy")):
        lag_ms, shut_ms, handled_ms = lag_and_kill(name)
        load = f"load {os.getloadavg()[0]:.1f}"
        goal = None if name == "slow_none" else LAG_GOAL_MS
        found.append(Measurement(f"loop lag p99, {label}", lag_ms, "ms", goal, load))
        found.append(
            Measurement(f"KILL to gate shut, {label}", shut_ms, "ms", KILL_GOAL_MS, f"of it {handled_ms:.2f} ours")
        )
    return found


def lag_and_kill(strategy: str) -> tuple[float, float, float]:
    """(loop lag p99 of 12 s, KILL made to gate shut, of it since it was read), ms, with that strategy."""
    with tempfile.TemporaryDirectory(prefix="coin-model-") as folder:
        env = environment(Path(folder), STRATEGY=strategy, WATCHDOG_SEC="60")
        paths = DataPaths(Path(env["DATA_DIR"]))
        paths.prepare()
        with program("simulator", env), program("bench.bot.slow_model", env):
            _until(paths, lambda state: state.phase is Phase.TRADING, "trading")
            time.sleep(WINDOW_S)
            state = _until(paths, lambda state: state.metrics is not None, "figures")
            assert state.metrics is not None
            if strategy != "slow_none" and not _computing(state):
                raise NotReached(f"{strategy}: the model was over before the lag was measured")
            send_command(paths, Cmd.KILL, by="bench")
            made_ms = paths.kill.stat().st_mtime_ns / 1e6
            killed = _until(paths, lambda state: state.kill is not None, "killed").kill
            assert killed is not None
            return state.metrics.loop_lag_ms_p99, killed.at_ms + killed.gate_shut_ms - made_ms, killed.gate_shut_ms


def _computing(state: BotState) -> bool:
    gates = [gate for product in (state.gates.products if state.gates else ()) for gate in product.gates]
    return any(gate.name == "signal" and (gate.value or "").startswith(("computing", "no answer")) for gate in gates)


def _until(paths: DataPaths, what: Callable[[BotState], bool], name: str) -> BotState:
    deadline_s = time.monotonic() + WAIT_S
    while time.monotonic() < deadline_s:
        state = read_state(paths)[0]
        if state is not None and what(state):
            return state
        time.sleep(0.01)
    raise NotReached(f"{name}: not in {WAIT_S:g} s")


if __name__ == "__main__":
    own = {name: ("bench.bot.slow_strategies", kind) for name, kind in KINDS.items()}
    registry.BUILT_IN = {**registry.BUILT_IN, **own}
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
