"""Null tests on the lab in full, power at several sizes, and the pace of a sampled sweep (`./coin bench lab`)."""

import os
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from bench.measurement import Measurement
from bench.research.null_test_log import LabCase, NullTestLog
from research.backtest import BacktestRequest
from research.data import store
from research.engine import MarketModel
from research.lab import nulls
from research.lab.judgement import LabAnswer
from research.lab.nulls import NullWorld
from research.sweep.points import parse
from research.sweep.run import SweepPlan
from research.sweep.sampler import SweepSampler, run_sampled
from shared.paths import ROOT

KEPT = ROOT / ".coin" / "bench" / "lab.jsonl"
SEEDS = 100
POINTS = 30
SWEEP_POINTS = 1_000
PLANTED_POINTS = 12
EDGES = (2.0, 3.0, 4.0, 5.0)
FOUND = 95  # of the seeds, at the largest edge


def _found(case: LabCase) -> bool:
    made = nulls.trials(NullWorld(case.world), case.seed, nulls.BARS, case.points, case.edge)
    return nulls.examine(made).answer is LabAnswer.GO


def measure() -> list[Measurement]:
    """GOs of 100 seeds in every world; seconds of a sweep of 1,000 points by TPE. Stopped, it goes on the next time."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    out, progress = list[Measurement](), NullTestLog(KEPT)
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        for world in NullWorld:
            if world is NullWorld.PLANTED:
                continue
            points = SWEEP_POINTS if world is NullWorld.NOISE_SWEEP else POINTS
            count = count_go(pool, progress, [LabCase(world.value, seed, points, 0.0) for seed in range(SEEDS)])
            out.append(Measurement(f"GO: {world.value}", count, f"of {SEEDS}", 1, f"{points:,} points each"))
        for edge in EDGES:
            cases = [LabCase(NullWorld.PLANTED.value, seed, PLANTED_POINTS, edge) for seed in range(SEEDS)]
            count = count_go(pool, progress, cases)
            goal = FOUND if edge == EDGES[-1] else None
            note = f"{edge:g} a year beyond holding, before fees"
            out.append(Measurement("GO: planted edge", count, f"of {SEEDS}", goal, note, at_least=True))
    out.append(_sampled())
    return out


def count_go(pool: Executor, progress: NullTestLog, cases: Sequence[LabCase]) -> int:
    """How many of them are a GO; each is kept as soon as it is known."""
    running = {pool.submit(_found, case): case for case in cases if case not in progress.known}
    for done in as_completed(running):
        progress.keep(running[done], done.result())
    return sum(progress.known[case] for case in cases)


def _silent(_done: int, _of: int) -> None:
    """Nobody watches."""


def _sampled() -> Measurement:
    """A sweep of 1,000 points over 20,000 bars by TPE, trials kept, from the first point to the table."""
    grid = parse(["MA_FAST=2:30:1", "MA_SLOW=31:200:1", "TAKE_PROFIT_PCT=0.5:8:0.1"])
    asked = {"STRATEGY": "sma_cross", "EDGE_GATE": "false"}
    with tempfile.TemporaryDirectory(prefix="coin-lab-") as name:
        folder = Path(name)
        store.save(folder, "walk", nulls.market(np.random.default_rng(0), nulls.BARS))
        plan = SweepPlan(BacktestRequest(("walk",), asked, MarketModel(taker_pct=0.1)), grid, (), "sharpe")
        began = time.perf_counter()
        swept = run_sampled(folder, plan, SweepSampler.TPE, SWEEP_POINTS, _silent)
        took = time.perf_counter() - began
    note = f"{len(swept.rows):,} different ones, {nulls.BARS:,} bars"
    return Measurement("TPE sweep of 1,000 points", took, "s", 60, note)
