"""Trained models: one answer of the bot, what a bot with one holds in memory, how long training takes.

Real trainings on made-up candles; kinds whose library is not installed are left out, and said to be.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from bench.bot.learned_memory import BTC
from bench.measurement import Measurement, measured
from bot.app.strategy_port import StrategyAdapter
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from research.backtest import BacktestRequest
from research.data import store
from research.data.candles import CandleSet
from research.engine import MarketModel
from research.lab.nulls import START_S
from research.learning.training import TrainedReport, TrainingPlan, train
from shared.models.states import ModelRegistry, ModelState, StateChange
from shared.paths import ROOT
from shared.settings import GRANULARITY_S, Settings

YEAR_S = 365 * 86_400
ANSWERS = 2_000
ANSWER_GOAL_MS, TREES_GOAL_S, NET_GOAL_S, MEMORY_GOAL_MB = 1.0, 60.0, 300.0, 40.0
LIBRARY = {"lightgbm": "lightgbm", "dqn": "jax", "lstm": "jax"}
SMALL = 12_000  # bars of the models that are only asked
MARKET = MarketModel(maker_pct=0.05, taker_pct=0.05)


def measure() -> list[Measurement]:
    """Every figure, with the machine's load beside it."""
    found = []
    with tempfile.TemporaryDirectory(prefix="coin-learned-") as name:
        folder = Path(name)
        for kind in ("logistic", "qlearning", "linear_dqn", "lightgbm", "dqn", "lstm"):
            if kind in LIBRARY and importlib.util.find_spec(LIBRARY[kind]) is None:
                found.append(Measurement(f"{kind}: {LIBRARY[kind]} is not installed", 0.0, ""))
                continue
            found += _asked(folder / kind, kind)
        if importlib.util.find_spec("lightgbm"):
            done = _trained(folder / "trees", "lightgbm", walk(YEAR_S // 60, 60))
            took = done.took_s["walk lightgbm"]
            found.append(Measurement("LightGBM, walk forward over a year of minutes", took, "s", TREES_GOAL_S, load()))
        if importlib.util.find_spec("jax"):
            done = _trained(folder / "net", "dqn", walk(YEAR_S // 300, 300))
            took = done.took_s["final fit"]
            found.append(Measurement("DQN, a year of 5-minute bars", took, "s", NET_GOAL_S, load()))
    return found


def load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


def walk(bars: int, seconds: int) -> CandleSet:
    """A market whose drift goes on for a while, at the volatility of a large coin."""
    g = np.random.default_rng(11)
    sigma = 0.6 * np.sqrt(seconds / YEAR_S)
    sign = np.where(np.cumsum(g.random(bars) > 0.995) % 2 == 0, 1.0, -1.0)
    close = np.round(30_000 * np.exp(np.cumsum(g.normal(0.0, sigma, bars) + 0.05 * sigma * sign)), 2)
    open_ = np.concatenate([close[:1], close[:-1]])
    start = START_S + seconds * np.arange(bars)
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return CandleSet("BTC-USD", seconds, start, open_, high, low, close, g.gamma(2.0, 5.0, bars))


def _trained(folder: Path, kind: str, candles: CandleSet) -> TrainedReport:
    store.save(folder, "made", candles)
    return train(folder, TrainingPlan("one", kind, BacktestRequest(("made",), {}, MARKET), valid_days=3_650.0))


def _asked(folder: Path, kind: str) -> list[Measurement]:
    """One answer by the bot's own way of asking, features and drift included, and the memory of a process with it."""
    candles = walk(SMALL, 300)
    done = _trained(folder, kind, candles)
    ModelRegistry(folder / "models").add([StateChange("", "one", ModelState.PROMOTED, done.digest)])
    columns = (candles.start_s + SMALL * 300, candles.open, candles.high, candles.low, candles.close, candles.volume)
    bars = [Bar(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    took, worked = answers(folder, bars, 300)
    memory = _memory_mb(folder, "learned") - _memory_mb(folder / "none", "sma_cross")
    return [
        Measurement(f"one answer, processor p99, {kind}", measured(worked, 99) * 1000, "ms", ANSWER_GOAL_MS, load()),
        Measurement(f"… waited for p99, {kind}", measured(took, 99) * 1000, "ms", None, load()),
        Measurement(
            f"memory of a strategy with it, {kind}", memory, "MB", MEMORY_GOAL_MB, "beside one of plain Python"
        ),
    ]


def answers(folder: Path, bars: list[Bar], seconds: int) -> tuple[list[float], list[float]]:
    """(seconds, seconds of the processor) of each answer, bar after bar, after some that warm up."""
    granularity = next(name for name, length in GRANULARITY_S.items() if length == seconds)
    settings = Settings(strategy="learned", granularity=granularity, products=("BTC-USD",), data_dir=folder)
    adapter, took, worked = StrategyAdapter(settings), list[float](), list[float]()
    for number in range(ANSWERS + 50):
        end = 1_000 + number
        question = AskStrategy(BTC, tuple(bars[end - adapter.memory_bars : end]))
        began, work = time.perf_counter(), time.thread_time()
        adapter.answer(question)
        took.append(time.perf_counter() - began)
        worked.append(time.thread_time() - work)
    return took[50:], worked[50:]


def _memory_mb(folder: Path, strategy: str) -> float:
    """Of a process of its own with the bot's code, after one answer of that strategy."""
    command = [sys.executable, "-m", "bench.bot.learned_memory", str(folder), strategy]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout))
