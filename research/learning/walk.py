"""Walk forward: fit on the past, trade what came after as the bot would, again and again; beside the baselines.

Training of a fold ends where its test begins: labels that had not resolved by then are left out (purging), and every
test is asked of the bot's own evaluator, drift included. All tests together are one run of one account.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from bot.strategies.inference.trained import ModelSilence
from research import engine, exposure
from research.backtest import BacktestRequest
from research.data.candles import CandleSet, Floats
from research.engine import MarketModel, RawResult
from research.errors import ResearchError
from research.lab.trials import TrialKind, TrialRegistry, TrialSource
from research.learning.kinds import ModelKind
from research.learning.learner import LEAST_ROWS, FittedModel, LearningTask, trained
from research.learning.samples import LearningSamples
from research.learning.supervised import span
from research.metrics import summary
from research.metrics.summary import MeasuredRun, by_key, measured
from shared.models.manifest import ModelManifest
from shared.settings import Settings
from shared.times import from_epoch_ms

SHOWN = ("total_return", "sharpe", "max_drawdown", "lots", "fees", "time_in_market", "final_equity")
LEAST_FOLD = 50  # bars


@dataclass(frozen=True, slots=True)
class LearningRig:
    """What all fits of one training share. `drafts`: the manifest so far, by kind of model."""

    candles: tuple[CandleSet, ...]
    request: BacktestRequest
    settings: Settings
    draft: ModelManifest
    folds: int
    group: str
    registry: TrialRegistry
    progress: Callable[[], None]

    @property
    def market(self) -> MarketModel:
        return self.request.model

    def edges(self) -> list[int]:
        """Where tests begin, and the end of the last one: the span in equal parts, the first of them for training."""
        first, end = span(self.candles)
        return [first + (end - first) * part // (self.folds + 1) for part in range(1, self.folds + 2)]

    def check_spans(self) -> None:
        """Raises ResearchError where a product's history does not reach over the first training and every test."""
        edges = self.edges()
        for one in self.candles:
            for begin, end in pairwise([span(self.candles)[0], *edges]):
                bars = len(one.between(begin, end))
                least = LEAST_ROWS if end == edges[0] else LEAST_FOLD
                if bars < least:
                    first, last = (f"{from_epoch_ms(at * 1000):%Y-%m-%d}" for at in (begin, end))
                    raise ResearchError(
                        f"{one.name} has {bars:,} bars from {first} to {last}, and {least} are needed: fewer --folds, "
                        "more data, or --since where every product has bars"
                    )

    def task(
        self, kind: ModelKind, parts: tuple[LearningSamples, ...], parameters: Mapping[str, float]
    ) -> LearningTask:
        """A fit of that kind to these samples. Each run that judges one is kept as a trial."""
        draft = replace(self.draft, kind=kind.name, parameters=dict(parameters))

        def tried(result: RawResult, point: Mapping[str, str]) -> None:
            self.keep(kind, parameters, result, point)

        return LearningTask(parts, draft, self.settings, self.market, parameters, tried, self.progress)

    def keep(
        self, kind: ModelKind, parameters: Mapping[str, float], result: RawResult, point: Mapping[str, str]
    ) -> MeasuredRun:
        """The run of a fit as a trial of the lab's registry. Raises ResearchError."""
        found = measured(result, chances=False)
        source = TrialSource.of(TrialKind.LEARNING, self.group, self.request, result.prepared.candles)
        named = {f"MODEL_{name.upper()}": f"{value:g}" for name, value in parameters.items()}
        whole = {"MODEL_KIND": kind.name, "MODEL_SEED": str(self.draft.seed), **named, **point}
        self.registry.add([source.trial(whole, found.first_day, found.edge)])
        return found


@dataclass(frozen=True, slots=True)
class LearnedWalk:
    """What one kind did out of sample. `figures`: of the whole account, by name; `edge`: daily returns beyond holding
    from UTC day `first_day`; `silent`: part of the tested bars after which drift kept it silent; `fits`: made."""

    figures: Mapping[str, float | None]
    held: float
    edge: Floats
    first_day: int
    silent: float
    fits: int


def walk(
    rig: LearningRig, kind: ModelKind, parts: tuple[LearningSamples, ...], parameters: Mapping[str, float]
) -> LearnedWalk:
    """Every fold, then all tests as one account. Raises ResearchError."""
    edges, learner = rig.edges(), kind.learner()
    weights = [np.full(len(one), np.nan) for one in parts]
    silent = tested = fits = 0
    for number, (begin, end) in enumerate(pairwise(edges)):
        task = rig.task(kind, tuple(one.until(begin) for one in parts), parameters)
        fitted = learner(task)
        fits += fitted.fits
        quiet, bars = test(task, fitted, parts, weights, begin, end)
        silent, tested = silent + quiet, tested + bars
        rig.keep(kind, parameters, run(rig, weights, begin, end), {"FOLD": str(number)})
    result = run(rig, weights, edges[0], edges[-1])
    found = measured(result, chances=False)
    value = by_key(found.figures)
    held = summary.holding(result)[1]
    return LearnedWalk(
        {name: value[name] for name in SHOWN}, held, found.edge, found.first_day, silent / max(tested, 1), fits
    )


def test(
    task: LearningTask, fitted: FittedModel, parts: Sequence[LearningSamples], weights: Sequence[Floats], begin_s: int,
    end_s: int,
) -> tuple[int, int]:  # fmt: skip
    """Write what the model wants after each bar of [begin, end) into `weights`; (silenced by drift, all) of them."""
    model, silent, count = trained(task, fitted, end_s), 0, 0
    for one, weight in zip(parts, weights, strict=True):
        start = one.candles.start_s
        first, end = (int(np.searchsorted(start, at)) for at in (begin_s, end_s))
        before = max(first - model.manifest.memory_bars, 0)
        found = model.over(one.candles.rows(before, end).bars())
        weight[first:end] = found.weight[first - before :]
        silent += int((found.silence[first - before :] == ModelSilence.DRIFTED).sum())
        count += end - first
    return silent, count


def run(rig: LearningRig, weights: Sequence[Floats], begin_s: int, end_s: int) -> RawResult:
    """The account over bars that open in [begin, end), by these weights. Raises ResearchError."""
    candles, wanted = [], []
    for one, weight in zip(rig.candles, weights, strict=True):
        first, end = (int(np.searchsorted(one.start_s, at)) for at in (begin_s, end_s))
        candles.append(one.rows(first, end))
        wanted.append(np.ascontiguousarray(weight[first:end]))
    return exposure.run_exposure(engine.prepare(candles), wanted, rig.settings, rig.market)
