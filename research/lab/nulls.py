"""Null tests on the tester: markets and signals without an edge, which the lab must refuse, and one with a known edge.

Each world has 20,000 hourly bars by default; its last fifth is the holdout. A sweep's trials are judged as the lab
judges those of a person: the best one by its Sharpe ratio, by the same gates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from research import engine, signals
from research.backtest import settings_for
from research.data.candles import CandleSet
from research.engine import MarketModel, Prepared, RawResult
from research.lab.holdout import PART
from research.lab.judgement import (
    HoldoutOutcome,
    HoldoutState,
    LabJudgement,
    evidence,
    holdout_gate,
    judge,
    training_gates,
)
from research.metrics import summary
from research.metrics.chance import beta
from research.metrics.ratios import sharpe
from research.metrics.returns import DAY_S, Floats

HOUR = 3600
BARS = 20_000
START_S = 1_600_000_000 // DAY_S * DAY_S
MODEL = MarketModel(maker_pct=0.02, taker_pct=0.02)
HOURLY_VOLATILITY = 0.006
Signals = NDArray[np.int8]


class NullWorld(StrEnum):
    """What a person might fall for. All but PLANTED hold no edge."""

    RANDOM_WALK = "random walk, swept by moving averages"
    NOISE_FEATURES = "models fitted to white-noise features"
    SHUFFLED_LABELS = "models fitted to shuffled labels"
    NOISE_SWEEP = "sweep over random signals"
    PLANTED = "planted edge"


def market(g: np.random.Generator, bars: int, drift: Floats | float = 0.0) -> CandleSet:
    """A random walk of hours; `drift`: expected log return of each bar."""
    moves = g.normal(0.0, HOURLY_VOLATILITY, bars) + drift
    close = np.round(1_000 * np.exp(np.cumsum(moves)), 2)
    open_ = np.concatenate([[1_000.0], close[:-1]])
    high, low = np.maximum(open_, close), np.minimum(open_, close)
    return CandleSet("BTC-USD", HOUR, START_S + HOUR * np.arange(bars), open_, high, low, close, np.full(bars, 50.0))


NullRun = Callable[[Prepared, int, int], RawResult]


@dataclass(frozen=True, slots=True)
class NullTrials:
    """Trials on one market: each gives a run over the bars first..end-1, which are handed over ready for the loop."""

    candles: CandleSet
    runs: Sequence[NullRun]


def _all_in_out(said: Signals) -> NullRun:
    def run(bars: Prepared, first: int, end: int) -> RawResult:
        return engine.run_flip(bars, said[first:end], MODEL)

    return run


def _lots(candles: CandleSet, whole: Prepared, fast: int, slow: int, take: float) -> NullRun:
    """The bot's own lots on a moving-average cross."""
    asked = {"STRATEGY": "sma_cross", "MA_FAST": str(fast), "MA_SLOW": str(slow), "TAKE_PROFIT_PCT": f"{take:g}",
             "EDGE_GATE": "false", "MAX_DRAWDOWN_PCT": "0", "MAX_DAILY_LOSS_PCT": "100", "MAX_CONSECUTIVE_LOSSES": "0",
             "STOP_LOSS_PCT": "5"}  # fmt: skip
    settings = settings_for(asked, [candles])
    said = signals.fast(settings, whole)[0]

    def run(bars: Prepared, first: int, end: int) -> RawResult:
        return engine.run_lots(bars, [np.ascontiguousarray(said[first:end])], settings, MODEL)

    return run


def _fitted(features: Floats, labels: Floats, until: int) -> Signals:
    """BUY where a least-squares model, fitted to the first `until` bars, expects a gain; else SELL."""
    weights, *_ = np.linalg.lstsq(features[:until], labels[:until], rcond=None)
    return np.where(features @ weights > 0, 1, -1).astype(np.int8)


def trials(world: NullWorld, seed: int, bars: int, points: int, edge: float = 0.0) -> NullTrials:
    """The trials of one seed. `edge`: of PLANTED, the Sharpe ratio a year that its true signal has before fees."""
    g = np.random.default_rng([seed, list(NullWorld).index(world)])
    until = round(bars * (1 - PART))
    if world is NullWorld.PLANTED:
        return _planted(g, bars, points, edge)
    candles = market(g, bars)
    moves = np.diff(np.log(candles.close), append=np.log(candles.close[-1]))
    if world is NullWorld.RANDOM_WALK:
        pairs = [(fast, slow) for slow in (20, 40, 80, 160) for fast in (3, 5, 8, 12)]
        every = [(*pair, take) for take in (1.0, 2.0, 4.0, 8.0) for pair in pairs]
        chosen = g.permutation(len(every))[:points]
        whole = engine.prepare([candles])
        return NullTrials(candles, [_lots(candles, whole, *every[i]) for i in chosen.tolist()])
    found = []
    for _ in range(points):
        if world is NullWorld.NOISE_SWEEP:
            said = g.integers(-1, 2, bars).astype(np.int8)
        elif world is NullWorld.NOISE_FEATURES:
            said = _fitted(g.normal(size=(bars, 4)), moves, until)
        else:
            windows = g.integers(2, 100, 4)
            features = np.column_stack([_past_mean(moves, int(window)) for window in windows])
            said = _fitted(features, g.permutation(moves), until)
        found.append(_all_in_out(said))
    return NullTrials(candles, found)


def _past_mean(moves: Floats, window: int) -> Floats:
    """Mean of the `window` moves before each bar's own."""
    total = np.concatenate([[0.0], np.cumsum(moves)])
    at = np.arange(len(moves))
    first = np.maximum(at - window, 0)
    found: Floats = (total[at] - total[first]) / np.maximum(at - first, 1)
    return found


STAY = 0.98  # chance that the planted drift keeps its sign for another bar
LAG = 6  # bars by which each trial knows the sign later than the one before


def _planted(g: np.random.Generator, bars: int, points: int, edge: float) -> NullTrials:
    """A drift that keeps its sign for two days on average; each trial knows it six hours later than the one before.

    The true signal is long in half of the time: its return beyond holding is half the drift, its spread half the
    market's, so the ratio is drift / volatility x sqrt(bars a year), before fees.
    """
    drift = edge * HOURLY_VOLATILITY / np.sqrt(365 * 24)
    sign = np.where(np.cumsum(g.random(bars) > STAY) % 2 == 0, 1, -1).astype(np.int8)
    candles = market(g, bars, np.concatenate([[0.0], sign[:-1] * drift]))
    found = [np.concatenate([np.zeros(LAG * i, dtype=np.int8), sign[: bars - LAG * i]]) for i in range(points)]
    return NullTrials(candles, [_all_in_out(said) for said in found])


def examine(made: NullTrials) -> LabJudgement:
    """What the lab says of the best trial: the gates of training, then the one look."""
    bars = len(made.candles)
    until = round(bars * (1 - PART))
    ready = engine.prepare([made.candles.rows(0, until)])
    days = [_days(run(ready, 0, until)) for run in made.runs]
    own = np.column_stack(
        [returns - beta(returns, held) * held if returns.any() else returns for returns, held in days]
    )
    best = max(range(len(days)), key=lambda i: sharpe(days[i][0]) or -np.inf)
    gates = training_gates(evidence(own[:, best], own))
    if not all(gate.passed for gate in gates):
        return judge([*gates, holdout_gate(HoldoutState(True, (), (bars - until) // 24), waits=True)])
    returns, held = _days(made.runs[best](engine.prepare([made.candles.rows(until, bars)]), until, bars))
    outcome = HoldoutOutcome(returns - beta(*days[best]) * held, returns, held, 0)
    return judge([*gates, holdout_gate(HoldoutState(True, (), len(returns), outcome), waits=False)])


def _days(result: RawResult) -> tuple[Floats, Floats]:
    return summary.curve(result).by_day, summary.holding(result)[0]
