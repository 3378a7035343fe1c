"""The state file's rhythm, as a reader sees it."""

import itertools
import time

from bench.measurement import Measurement, measured
from cli.rig import Rig, rig

WATCH_S = 30.0


def measure() -> list[Measurement]:
    """The spans between two writes of bot_state.json over half a minute of trading."""
    with rig() as made:
        made.start()
        made.wait_trading()
        time.sleep(2.0)
        spans, interval_ms = _watch(made)
    return [
        Measurement("state write interval, p50", measured(spans, 50), "ms", note=f"n={len(spans)}"),
        Measurement(
            "state write interval, p99",
            measured(spans, 99),
            "ms",
            interval_ms + 25.0,
            f"of {interval_ms} ms; shorter ones are events",
        ),
    ]


def _watch(made: Rig) -> tuple[list[float], int]:
    """(spans between writes in ms, the writer's interval). The look every millisecond is the measurement's error."""
    times: list[float] = []
    key: int | None = None
    until = time.monotonic() + WATCH_S
    while time.monotonic() < until:
        now = made.paths.state.stat().st_mtime_ns
        if now != key:
            key = now
            times.append(now / 1e6)
        time.sleep(0.001)
    state = made.state()
    assert state is not None
    return [after - before for before, after in itertools.pairwise(times)], state.interval_ms
