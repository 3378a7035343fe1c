"""Walk forward: choose on the past, judge on what came after, again and again.

Between a training window and its test lie `purge_s` (bars dropped at the end of training, whose outcome reaches into
the test) and `embargo_s` (bars dropped at the start of the test). Lopez de Prado (2018), Advances in Financial
Machine Learning, chapter 7.
"""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from research import decisions, engine
from research.backtest import BacktestRequest, load_data, settings_for
from research.data.candles import CandleSet, Floats, Ints
from research.engine import RawResult
from research.errors import ResearchError
from research.lab.trials import TrialKind, TrialRegistry, TrialSource, tried
from research.metrics import ratios
from research.metrics.drawdown import drawdowns
from research.metrics.returns import daily_equity, simple_returns
from research.metrics.summary import by_key, figures, holding_of
from research.sweep import evaluate as ev
from research.sweep import pools
from research.sweep.points import Point, key_of
from research.verdict import BacktestVerdict, judge

Progress = Callable[[int, int], None]
MIN_BARS = 100
SOLD = "lot sold because a test ended"


@dataclass(frozen=True, slots=True)
class WalkForwardPlan:
    """Lengths in seconds. `anchored`: training always begins at the first bar."""

    request: BacktestRequest
    points: tuple[Point, ...]
    train_s: int
    test_s: int
    purge_s: int = 0
    embargo_s: int = 0
    anchored: bool = False
    metric: str = "sharpe"
    jobs: int = 1

    def name(self) -> str:
        """Equal questions have one name."""
        asked = repr(
            (self.request, self.points, self.train_s, self.test_s, self.purge_s, self.embargo_s, self.anchored)
        )
        return hashlib.sha256((asked + self.metric).encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class WalkForwardWindow:
    """One step. Times in seconds: training [train_from, train_to), test [test_from, test_to)."""

    train_from: int
    train_to: int
    test_from: int
    test_to: int
    chosen: Point | None = None
    trained: float | None = None  # the metric in training
    tested: dict[str, float | None] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Walked:
    """`growth`: equity after each window that was tested, begun with 1: lots left at a test's end are sold there.

    `sharpe`, `max_drawdown`: of all tests in a row, marked at every bar. `verdict`: None where nothing was tested.
    """

    windows: tuple[WalkForwardWindow, ...]
    growth: Floats
    sharpe: float | None
    max_drawdown: float = 0.0
    verdict: BacktestVerdict | None = None


def windows(first_s: int, end_s: int, plan: WalkForwardPlan) -> list[WalkForwardWindow]:
    """The steps that fit whole between the first and the last bar. Raises ResearchError where none does."""
    out = []
    test_from = first_s + plan.train_s
    while test_from + plan.test_s <= end_s:
        train_from = first_s if plan.anchored else test_from - plan.train_s
        out.append(
            WalkForwardWindow(train_from, test_from - plan.purge_s, test_from + plan.embargo_s, test_from + plan.test_s)
        )
        test_from += plan.test_s
    if not out:
        raise ResearchError("the data is too short for one training and test window")
    if plan.purge_s >= plan.train_s or plan.embargo_s >= plan.test_s:
        raise ResearchError("purge and embargo must be shorter than the windows they shorten")
    return out


def cut(
    candles: Sequence[CandleSet], said: Sequence[Any], begin_s: int, end_s: int
) -> tuple[list[CandleSet], list[Any]]:
    """Bars that open in [begin, end) with their signals, which were made on everything before them."""
    parts, calls = [], []
    for one, calls_of in zip(candles, said, strict=True):
        low, high = (int(np.searchsorted(one.start_s, at)) for at in (begin_s, end_s))
        parts.append(one.rows(low, high))
        calls.append(np.ascontiguousarray(calls_of[low:high]))
    return parts, calls


def walk(data_dir: Path, plan: WalkForwardPlan, progress: Progress | None = None) -> Walked:
    """Every window in order; those that were finished, where a person stopped it. Raises ResearchError."""
    candles = load_data(data_dir, plan.request.data, plan.request.since_s, plan.request.until_s)
    first = min(int(one.start_s[0]) for one in candles)
    end = max(int(one.start_s[-1]) for one in candles) + candles[0].granularity_s
    return walk_on(candles, plan, windows(first, end, plan), progress, TrialRegistry(data_dir))


def walk_on(
    candles: Sequence[CandleSet],
    plan: WalkForwardPlan,
    steps: Sequence[WalkForwardWindow],
    progress: Progress | None = None,
    registry: TrialRegistry | None = None,
) -> Walked:
    """The same on candles in hand. `registry`: where every point of every window is kept as a trial."""
    done: list[WalkForwardWindow] = []
    chain = Chain(plan.request.model.cash)
    try:
        for i, step in enumerate(steps):
            # The account goes on: each test begins with what the one before left.
            request = dataclasses.replace(plan.request, model=dataclasses.replace(plan.request.model, cash=chain.cash))
            window, result = _step(candles, plan, step, request, registry)
            done.append(window)
            if result is not None:
                chain.add(window, result)
            if progress is not None:
                progress(i + 1, len(steps))
            if chain.cash < 1.0:
                break  # all is lost: nothing can be traded with
    except KeyboardInterrupt:
        if not done:
            raise
    return _walked(candles, plan, done, chain)


@dataclass(slots=True)
class Chain:
    """One account through all tests. At the end of each its open lots are sold at market."""

    cash: float
    growth: list[float] = dataclasses.field(default_factory=lambda: [1.0])
    times: list[Ints] = dataclasses.field(default_factory=list)
    equity: list[Floats] = dataclasses.field(default_factory=list)
    total: dict[str, float] = dataclasses.field(default_factory=dict)

    def add(self, window: WalkForwardWindow, result: RawResult) -> None:
        """What one test left."""
        final = window.tested["final_equity"] or 0.0
        self.growth.append(self.growth[-1] * final / self.cash)
        curve = result.equity.copy()
        curve[-1] = final
        self.times.append(result.prepared.times)
        self.equity.append(curve)
        for key in ("lots", "open_lots", "realised", "open_result"):
            self.total[key] = self.total.get(key, 0.0) + (window.tested[key] or 0.0)
        self.cash = final


def _walked(
    candles: Sequence[CandleSet], plan: WalkForwardPlan, done: Sequence[WalkForwardWindow], chain: Chain
) -> Walked:
    growth, tested = np.array(chain.growth), [window for window in done if window.chosen is not None]
    if not tested:
        return Walked(tuple(done), growth, None)
    request, cash = plan.request, plan.request.model.cash
    # Holding is bought once, where the first test begins, and sold where the last one ends.
    whole = [one.between(tested[0].test_from, tested[-1].test_to) for one in candles]
    held, whole_return = holding_of(engine.prepare(whole), request.model, request.style)
    times, equity = np.concatenate(chain.times), np.concatenate(chain.equity)
    days = simple_returns(daily_equity(times, equity, cash)[1], cash)
    value = {**chain.total, "total_return": float(growth[-1]) - 1.0, "buy_and_hold": whole_return}
    currency = candles[0].product_id.partition("-")[2]
    return Walked(
        tuple(done), growth, ratios.sharpe(days), min(float(drawdowns(equity, cash).min()), 0.0),
        judge(value, (days, held) if len(days) == len(held) else None, currency, request.seed, SOLD),
    )  # fmt: skip


def _step(
    candles: Sequence[CandleSet],
    plan: WalkForwardPlan,
    step: WalkForwardWindow,
    request: BacktestRequest,
    registry: TrialRegistry | None,
) -> tuple[WalkForwardWindow, RawResult | None]:
    training = [one.between(step.train_from, step.train_to) for one in candles]
    if any(len(one) < MIN_BARS for one in training):
        return step, None
    bench = ev.SweepContext.of(training, request)
    best: ev.Row | None = None
    place = {key_of(point): number for number, point in enumerate(plan.points)}
    rows = sorted(pools.in_threads(bench, plan.points, plan.jobs), key=lambda row: place[key_of(row["point"])])
    if registry is not None:
        source = TrialSource.of(TrialKind.WALK_FORWARD, plan.name(), request, training)
        registry.add(trial for row in rows for trial in tried(row, source))
    for row in rows:
        value = row.get("figures", {}).get(plan.metric)
        if value is not None and (best is None or value > best["figures"][plan.metric]):
            best = row
    if best is None:
        return step, None
    result = test(candles, request, best["point"], step)
    if result is None:
        return step, None
    tested = dict(by_key(figures(result, chances=False)))
    trained = best["figures"][plan.metric]
    return dataclasses.replace(step, chosen=best["point"], trained=trained, tested=tested), result


def test(
    candles: Sequence[CandleSet], request: BacktestRequest, point: Point, step: WalkForwardWindow
) -> RawResult | None:
    """The chosen point on the window's test bars. Its signals know all bars before them, as the bot's would."""
    settings = settings_for({**request.overrides, **point}, candles)
    history = [one.between(None, step.test_to) for one in candles]
    said = decisions.decide(settings, engine.prepare(history), request.style)
    parts, calls = cut(history, said, step.test_from, step.test_to)
    if any(len(one) < 2 for one in parts):
        return None
    prepared = engine.prepare(parts)
    return decisions.carry_out(prepared, calls, settings, request.model, request.style)
