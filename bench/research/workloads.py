"""The workloads of the table: A the plain cross, B the lots, C a hundred points of A, and the refitted model."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from research import engine
from research.backtest import BacktestRequest, settings_for
from research.data.candles import CandleSet
from research.engine import MarketModel, Style, kernel
from research.signals import strategy_of
from research.sweep import evaluate as ev
from research.sweep import points as pt
from research.sweep import pools

FEE_PCT = 0.1
CASH = 1_000_000.0
# One whole coin each time, so that engines that know no fractions agree to the last digit.
FLIP_MODEL = MarketModel(taker_pct=FEE_PCT, cash=CASH, fixed_steps=100_000_000)
MODEL = MarketModel(maker_pct=0.05, taker_pct=FEE_PCT, cash=10_000.0)
B_SETTINGS = {
    "STRATEGY": "sma_cross", "MA_FAST": "20", "MA_SLOW": "50", "EDGE_GATE": "false", "RISK_PER_TRADE_PCT": "4",
    "MAX_DAILY_LOSS_PCT": "100", "MAX_DRAWDOWN_PCT": "0", "MAX_CONSECUTIVE_LOSSES": "0", "MAX_CONCURRENT_LOTS": "20",
}  # fmt: skip
GRID = ("MA_FAST=5:50:5", "MA_SLOW=60:150:10")


@dataclass(frozen=True, slots=True)
class Timed:
    """Of several runs in seconds: the median, the best, the least processor time; and what the last one gave."""

    s: float
    best: float
    cpu: float
    result: Any
    runs: int


def timed(work: Callable[[], Any], runs: int) -> Timed:
    """Run once to warm up, then `runs` times."""
    result = work()
    spent, cpu = [], []
    for _ in range(runs):
        gc.collect()
        began, busy = time.perf_counter(), time.process_time()
        result = work()
        spent.append(time.perf_counter() - began)
        cpu.append(time.process_time() - busy)
    return Timed(median(spent), min(spent), min(cpu), result, runs)


def once(work: Callable[[], Any]) -> Timed:
    """One run without a warm-up, for what takes long."""
    began, busy = time.perf_counter(), time.process_time()
    result = work()
    spent = time.perf_counter() - began
    return Timed(spent, spent, time.process_time() - busy, result, 1)


def work_a(candles: CandleSet) -> engine.RawResult:
    """From prices to ticks, signals, trades and equity."""
    prepared = engine.prepare([candles])
    signal = np.empty(len(candles), dtype=np.int8)
    kernel("sma_signal", plain=False)(prepared.ticks[3], 20, 50, signal)
    return engine.run_flip(prepared, signal, FLIP_MODEL)


def work_b(candles: list[CandleSet], model: MarketModel = MODEL) -> engine.RawResult:
    """From prices to ticks, signals, volatility, lots and equity."""
    settings = settings_for(B_SETTINGS, candles)
    prepared = engine.prepare(candles)
    signals = []
    for first, end in zip(prepared.first.tolist(), prepared.end.tolist(), strict=True):
        signal = np.empty(end - first, dtype=np.int8)
        kernel("sma_signal", plain=False)(prepared.ticks[3][first:end], 20, 50, signal)
        signals.append(signal)
    return engine.run_lots(prepared, signals, settings, model)


def work_c(candles: CandleSet, jobs: int, grid: tuple[str, ...] = GRID) -> list[Any]:
    """A hundred points of A with their figures, data prepared once."""
    request = BacktestRequest(("bench",), {"STRATEGY": "sma_cross"}, FLIP_MODEL, Style.FLIP)
    bench = ev.SweepContext.of([candles], request)
    return list(pools.in_threads(bench, pt.all_points(pt.parse(grid)), jobs))


def work_logistic(candles: CandleSet) -> Any:
    """The model walked forward, refitted every hour."""
    settings = settings_for({"STRATEGY": "logistic", "WALK_FORWARD_MIN": "60"}, [candles])
    return strategy_of(settings).signals(candles.bars())
