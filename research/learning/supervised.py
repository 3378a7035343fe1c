"""Models of a probability: fitted to labels, and held by bounds that were chosen through the loop that trades.

The bounds are chosen on the last part of the training bars, by a fit that has not seen them: where the account ends
highest after costs. Where nothing earns anything, the answer is to hold nothing. The model that is kept is then
fitted to all of them.
"""

from collections.abc import Callable, Sequence

import numpy as np

from bot.strategies.inference.trained import whole_sequences
from research import engine, exposure
from research.data.candles import CandleSet, Floats
from research.engine import RawResult
from research.errors import ResearchError
from research.learning.learner import FittedModel, LearningTask, evaluator
from research.learning.samples import LearningSamples
from research.metrics.summary import by_key, figures

JUDGED = 0.25  # of the time of training: where the bounds are chosen
ENTER = (0.5, 0.7, 0.85, 0.95, 0.99)  # quantiles of the probabilities
LEAVE = (0.05, 0.2, 0.35, 0.5)
NEVER_ENTER, ALWAYS_LEAVE = 2.0, 1.0
Fit = Callable[[LearningTask, tuple[LearningSamples, ...]], FittedModel]


def fit_supervised(task: LearningTask, fit: Fit) -> FittedModel:
    """Fit, choose the bounds, fit again to everything. Raises ResearchError."""
    first = min(int(one.known_at[0]) for one in task.parts)
    split_s = int(first + (task.until_s - first) * (1.0 - JUDGED))
    before = tuple(one.until(split_s) for one in task.parts)
    if any(not len(one) for one in before):
        raise ResearchError("a product's bars all belong to the last part of training: give it a longer history")
    inner = fit(task, before)
    task.progress()
    enter, leave, result = choose_bounds(task, inner, split_s)
    task.tried(result, {"ENTER": f"{enter:.6g}", "LEAVE": f"{leave:.6g}", "PART": "inner"})
    whole = fit(task, task.parts)
    task.progress()
    return FittedModel(whole.arrays, enter, leave, whole.sequence, inner.fits + whole.fits, whole.said)


def probabilities(task: LearningTask, fitted: FittedModel, part: LearningSamples, begin_s: int) -> Floats:
    """At each bar that closes after `begin_s`, by the bot's own evaluator; NaN where a feature is not known."""
    first = int(np.searchsorted(part.known_at, begin_s, side="right"))
    found = np.full(len(part) - first, np.nan)
    rows = part.rows[max(first - fitted.sequence + 1, 0) :]
    lead = len(rows) - len(found)
    fine = whole_sequences(rows, fitted.sequence)
    at = np.flatnonzero(fine[lead:])
    if not len(at):
        return found
    asked = evaluator(task, fitted)
    if fitted.sequence == 1:
        found[at] = asked.wants(rows[lead:][at])[1]
    else:
        said = asked.wants(np.nan_to_num(rows))[1]  # from row sequence - 1 on
        found[at] = said[lead + at - (fitted.sequence - 1)]
    return found


def bounded(p: Floats, enter: float, leave: float) -> Floats:
    """Weights of probabilities, as the bot's evaluator makes them."""
    with np.errstate(invalid="ignore"):
        found: Floats = np.where(p >= enter, 1.0, np.where(p <= leave, 0.0, np.nan))
    return found


def choose_bounds(task: LearningTask, fitted: FittedModel, split_s: int) -> tuple[float, float, RawResult]:
    """(enter, leave, the run with them) with which the account ends highest on the bars that close after `split_s`."""
    said = [probabilities(task, fitted, one, split_s) for one in task.parts]
    candles = [one.candles.rows(len(one) - len(p), len(one)) for one, p in zip(task.parts, said, strict=True) if len(p)]
    known = np.concatenate(said)
    known = known[np.isfinite(known)]
    if not len(known):
        raise ResearchError("no bar of the last part of training has all its features")
    said = [p for p in said if len(p)]
    prepared = engine.prepare(candles)
    best = (NEVER_ENTER, ALWAYS_LEAVE, _run(task, prepared, said, NEVER_ENTER, ALWAYS_LEAVE))
    most = task.market.cash
    pairs = {(float(np.quantile(known, up)), float(np.quantile(known, down))) for up in ENTER for down in LEAVE}
    for enter, leave in sorted(pairs):
        if leave >= enter:
            continue
        result = _run(task, prepared, said, enter, leave)
        final = by_key(figures(result, chances=False))["final_equity"] or 0.0
        if final > most:
            best, most = (enter, leave, result), final
    return best


def _run(
    task: LearningTask, prepared: engine.Prepared, said: Sequence[Floats], enter: float, leave: float
) -> RawResult:
    weights = [bounded(p, enter, leave) for p in said]
    return exposure.run_exposure(prepared, weights, task.settings, task.market)


def span(candles: Sequence[CandleSet]) -> tuple[int, int]:
    """(first open, last close) of the sets, seconds since 1970."""
    first = min(int(one.start_s[0]) for one in candles)
    return first, max(int(one.start_s[-1]) + one.granularity_s for one in candles)
