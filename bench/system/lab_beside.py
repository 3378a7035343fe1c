"""Trading with and without a sweep in COIN-LAB beside it, by turns in one run.

What the bot measures of itself (commits, the loop's lag, requests) is what a job must not change. The sweep runs for as
long as a turn: its year of minutes is made up, its points are more than it can finish.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from bench.measurement import Measurement
from bench.system.beside import SETTLE_S, TIMED, measured_turn
from cli.rig import NotReached, Rig, rig
from research.data import store
from research.data.candles import CandleSet
from shared.bots import DASHBOARD, DEFAULT_BOT, LAB, SIMULATOR
from shared.documents.lab import LabKind, LabQuestion, LabRequest, LabState
from shared.lab_files import LabFolder, new_job_id

TURNS = 3  # of each kind
BARS = 525_600
NAME = "LAB-USD_1m"
READY_S = 240.0


def measure() -> list[Measurement]:
    """Medians of the turns."""
    found: dict[bool, list[dict[str, float]]] = {False: [], True: []}
    with rig() as made:
        _year(made)
        made.start(DASHBOARD, DEFAULT_BOT.process, SIMULATOR, LAB)
        made.wait_trading()
        _swept(made, "1.5,2.5", until=LabState.DONE)  # compiled once, before anything is counted
        for i in range(TURNS):
            for beside in (False, True) if i % 2 == 0 else (True, False):
                with _sweeping(made) if beside else _alone():
                    time.sleep(SETTLE_S)
                    found[beside].append(measured_turn(made))
        return list(_figures(found))


def _year(made: Rig) -> None:
    steps = np.random.default_rng(3).standard_normal(BARS) * 0.0009
    close = np.round(150 * np.exp(np.cumsum(steps)), 2)
    opened = np.concatenate([[150.0], close[:-1]])
    start = 1_700_000_040 + 60 * np.arange(BARS, dtype=np.int64)
    high, low = np.maximum(opened, close), np.minimum(opened, close)
    data_dir = made.paths.root
    store.folder(data_dir).mkdir(mode=0o700, parents=True, exist_ok=True)
    store.save(data_dir, NAME, CandleSet("LAB-USD", 60, start, opened, high, low, close, np.full(BARS, 1000.0)))


def _asked(values: str) -> LabRequest:
    now_ms = time.time_ns() // 1_000_000
    return LabRequest(
        id=new_job_id(now_ms), kind=LabKind.SWEEP, user="bench", by="bench", at_ms=now_ms, title="a sweep",
        question=LabQuestion(data=[NAME], settings={"STRATEGY": "sma_cross"}), grid=[f"TAKE_PROFIT_PCT={values}"],
    )  # fmt: skip


def _swept(made: Rig, values: str, until: LabState) -> LabRequest:
    """Ask for a sweep, and wait until it is in that state. Raises NotReached."""
    folder, request = LabFolder(made.paths), _asked(values)
    folder.put(request)
    made.client.start(LAB)
    _wait(folder, request.id, until)
    return request


def _wait(folder: LabFolder, job_id: str, until: LabState) -> None:
    end_s = time.monotonic() + READY_S
    while time.monotonic() < end_s:
        job = folder.job(job_id)
        if job is not None and job.state is until:
            return
        if job is not None and job.state is LabState.FAILED and job.status is not None:
            raise NotReached(f"the sweep failed: {job.status.error}")
        time.sleep(0.1)
    raise NotReached(f"the sweep is not {until} after {READY_S:.0f} s")


@contextmanager
def _alone() -> Iterator[None]:
    yield


@contextmanager
def _sweeping(made: Rig) -> Iterator[None]:
    begin = time.time_ns() % 1_000  # other points each time: finished ones are not run again
    request = _swept(made, f"1.5{begin:03d}:9:0.004", LabState.RUNNING)
    try:
        yield
    finally:
        folder = LabFolder(made.paths)
        folder.stop(request.id)
        _wait(folder, request.id, LabState.STOPPED)


def _figures(found: dict[bool, list[dict[str, float]]]) -> Iterator[Measurement]:
    titles = {**{name: (f"{title}, mean", "ms") for name, title in TIMED.items()},
              "cpu": ("the bot's processor time", "% of a core")}  # fmt: skip
    for name, (title, unit) in titles.items():
        for beside, word in ((False, "without a job"), (True, "with a sweep")):
            values = [one[name] for one in found[beside] if name in one]
            if values:
                note = f"median of {len(values)} turns, {min(values):.3g} to {max(values):.3g}"
                yield Measurement(f"{title}, {word}", statistics.median(values), unit, note=note)
