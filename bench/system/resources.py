"""Memory and processor time of each process."""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from bench.measurement import Measurement
from bench.system.recording import write_recording
from cli.rig import Rig, rig
from shared.bots import DEFAULT_BOT
from shared.pm2_plan import MODULES

SETTLE_S = 5.0
WATCH_S = 20.0
MINUTES = 60 * 24 * 20  # of the recording: two thirds of it last long enough at a hundred times
# As at the venue, a ticker comes four times a second at most: so many products give more than a hundred a second.
PRODUCTS = tuple(f"B{number:02d}-USD" for number in range(28))
GOALS_MB = {DEFAULT_BOT.process: 100.0}


@dataclass(frozen=True, slots=True)
class Usage:
    rss_mb: float
    cpu_s: float


def measure() -> list[Measurement]:
    """On the default market, and on recordings of many products played too fast; nobody looks at the dashboard."""
    with rig() as made:
        made.start()
        made.wait_trading()
        time.sleep(SETTLE_S)
        figures = _watch(made, "idle")
    with tempfile.TemporaryDirectory(prefix="coin-bench-") as folder:
        recordings = [write_recording(Path(folder), MINUTES, product_id) for product_id in PRODUCTS]
        played = {
            "COIN_MODE": "replay",
            "SIM_REPLAY": ",".join(map(str, recordings)),
            "SIM_REPLAY_SPEED": "40",
            "PRODUCTS": ",".join(PRODUCTS),
        }
        with rig(**played) as made:
            made.start()
            made.wait_trading()
            time.sleep(SETTLE_S)
            figures += _watch(made, "loaded")
            figures += _own_word(made)
    return figures


def _own_word(made: Rig) -> list[Measurement]:
    """What the bot under load measured of itself: a price in the engine → its order recorded and on its way."""
    state = made.state()
    found = state.metrics if state is not None else None
    if found is None or found.tick_to_order_ms_p50 is None or found.tick_to_order_ms_p99 is None:
        return []
    return [
        Measurement("price to order on its way, p50, loaded", found.tick_to_order_ms_p50, "ms", 2.0),
        Measurement("price to order on its way, p99, loaded", found.tick_to_order_ms_p99, "ms", 10.0),
    ]


def _watch(made: Rig, when: str) -> list[Measurement]:
    pids = {name: made.pid(name) for name in MODULES}
    before = {name: usage(pid) for name, pid in pids.items()}
    messages = _messages(made)
    began = time.monotonic()
    time.sleep(WATCH_S)
    span_s = time.monotonic() - began
    rate = (_messages(made) - messages) / span_s
    figures = [Measurement(f"stream messages to the bot, {when}", rate, "a second")]
    for name, pid in pids.items():
        after = usage(pid)
        cpu_pct = (after.cpu_s - before[name].cpu_s) / span_s * 100
        figures.append(Measurement(f"{name} RSS, {when}", after.rss_mb, "MB", GOALS_MB.get(name)))
        figures.append(Measurement(f"{name} CPU, {when}", cpu_pct, "% of a core", note=f"over {span_s:.0f} s"))
    return figures


def _messages(made: Rig) -> int:
    state = made.state()
    return state.feeds.ws_messages if state is not None and state.feeds is not None else 0


def usage(pid: int) -> Usage:
    """What the process holds and has used, from /proc. Raises OSError where it is gone."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return Usage(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, ticks / os.sysconf("SC_CLK_TCK"))
