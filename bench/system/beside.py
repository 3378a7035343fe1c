"""Trading with and without COIN-WATCH beside it, by turns in one run; what COIN-WATCH and COIN-CHAT hold.

What the bot measures of itself is counted since its start, so that the difference of two looks is one turn's. The
order of the turns is changed each time: a machine that warms up, or that others use, favours neither.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.measurement import Measurement
from bench.system.resources import Usage, usage
from cli.rig import NotReached, Rig, rig
from shared.bots import DASHBOARD, DEFAULT_BOT, SIMULATOR, WATCHER
from shared.documents.feeds import LatencyDoc
from shared.documents.state import BotState
from shared.paths import ROOT
from shared.pm2 import Effective

TURNS = 6  # of each kind
SETTLE_S, TURN_S = 4.0, 15.0
CHAT_S = 8.0
TIMED = {"ledger_commit": "a commit of the ledger", "loop_lag": "the loop's lag", "rest_request": "a request"}
# The chat's first half reads this .env; nobody answers at its platform's address, and it goes on trying.
_CHAT = (
    "import sys; from pathlib import Path; from chat.handover import main; "
    "sys.exit(main(Path(sys.argv[1]), telegram_api='http://127.0.0.1:9'))"
)


def measure() -> list[Measurement]:
    """Six turns of each kind, medians of them."""
    found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    watcher: list[tuple[float, float]] = []
    with rig() as made:
        made.start(DASHBOARD, DEFAULT_BOT.process, SIMULATOR)
        made.wait_trading()
        for turn in range(TURNS):
            for beside in (False, True) if turn % 2 == 0 else (True, False):
                with _watched(made) if beside else _alone():
                    time.sleep(SETTLE_S)
                    found[beside].append(measured_turn(made))
                    if beside:
                        watcher.append(_cost(made.pid(WATCHER)))
        figures = [*_figures(found), *_of_watcher(watcher)]
        return [*figures, *_of_chat(made)]


@contextmanager
def _alone() -> Iterator[None]:
    yield


@contextmanager
def _watched(made: Rig) -> Iterator[None]:
    made.start(WATCHER)
    until_s = time.monotonic() + 30
    while (process := made.client.find(WATCHER)) is None or process.effective is not Effective.ONLINE:
        if time.monotonic() > until_s:
            raise NotReached(f"{WATCHER} does not run")
        time.sleep(0.1)
    try:
        yield
    finally:
        made.client.delete(WATCHER)


def measured_turn(made: Rig) -> dict[str, float]:
    """Means of one turn: milliseconds, percent of a core, messages a second."""
    pid = made.pid(DEFAULT_BOT.process)
    before, cpu, began_s = _state(made), usage(pid), time.monotonic()
    time.sleep(TURN_S)
    after, span_s = _state(made), time.monotonic() - began_s
    found = {
        "cpu": (usage(pid).cpu_s - cpu.cpu_s) / span_s * 100,
        "messages": (_messages(after) - _messages(before)) / span_s,
    }
    for name in TIMED:
        took_ms = _mean_ms(_latency(before, name), _latency(after, name))
        if took_ms is not None:
            found[name] = took_ms
    return found


def _state(made: Rig) -> BotState:
    state = made.state()
    if state is None:
        raise NotReached("the bot shows no state")
    return state


def _messages(state: BotState) -> int:
    return state.feeds.ws_messages if state.feeds is not None else 0


def _latency(state: BotState, name: str) -> LatencyDoc | None:
    return state.metrics.latencies.get(name) if state.metrics is not None else None


def _mean_ms(before: LatencyDoc | None, after: LatencyDoc | None) -> float | None:
    """None = nothing of it happened between the two."""
    if after is None:
        return None
    count = sum(after.counts) - (sum(before.counts) if before is not None else 0)
    return (after.sum_ms - (before.sum_ms if before is not None else 0.0)) / count if count > 0 else None


def _figures(found: dict[bool, list[dict[str, float]]]) -> Iterator[Measurement]:
    titles = {
        **{name: (f"{title}, mean", "ms") for name, title in TIMED.items()},
        "cpu": ("the bot's processor time", "% of a core"), "messages": ("messages to the bot", "a second"),
    }  # fmt: skip
    for name, (title, unit) in titles.items():
        for beside, word in ((False, "without COIN-WATCH"), (True, "with it")):
            values = [turn[name] for turn in found[beside] if name in turn]
            if values:
                note = f"median of {len(values)} turns, {min(values):.3g} to {max(values):.3g}"
                yield Measurement(f"{title}, {word}", statistics.median(values), unit, note=note)


def _cost(pid: int) -> tuple[float, float]:
    """(MB, % of a core) over some seconds."""
    before: Usage = usage(pid)
    time.sleep(5)
    after = usage(pid)
    return after.rss_mb, (after.cpu_s - before.cpu_s) / 5 * 100


def _of_watcher(found: list[tuple[float, float]]) -> Iterator[Measurement]:
    yield Measurement("COIN-WATCH RSS, no sink", max(mb for mb, _ in found), "MB", 45.0, note="the most of all turns")
    yield Measurement("COIN-WATCH CPU, no sink", statistics.median(cpu for _, cpu in found), "% of a core", 1.0)


def _of_chat(made: Rig) -> Iterator[Measurement]:
    """COIN-CHAT with Telegram, which nobody answers here."""
    with tempfile.TemporaryDirectory(prefix="coin-bench-") as folder:
        env_file = Path(folder) / "chat.env"
        env_file.touch(mode=0o600)
        env_file.write_text("TELEGRAM_BOT_TOKEN=1:nobody\nCHAT_USERS=telegram:1:viewer\n")
        env = {name: value for name, value in made.env.items() if name != "PM2_HOME"}
        command = [sys.executable, "-c", _CHAT, str(env_file)]
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(CHAT_S)
            if process.poll() is not None:
                raise NotReached(f"COIN-CHAT ended with code {process.returncode}")
            mb, cpu = _cost(process.pid)
            yield Measurement("COIN-CHAT RSS, Telegram", mb, "MB", 45.0)
            yield Measurement("COIN-CHAT CPU, Telegram", cpu, "% of a core", 1.0, note="nobody answers it here")
        finally:
            process.terminate()
            process.wait(15)
