"""What a learner is given, and what it gives back: arrays, as a model's folder holds them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from bot.strategies.inference.drift import fit_bins
from bot.strategies.inference.evaluators import ModelEvaluator, evaluator_of
from bot.strategies.inference.trained import TrainedModel
from research.data.candles import Floats
from research.engine import MarketModel, RawResult
from research.errors import ResearchError
from research.learning.samples import LearningSamples, all_rows
from shared.models.manifest import ModelManifest
from shared.settings import Settings

LEAST_ROWS = 200  # known rows of training


@dataclass(frozen=True, slots=True)
class LearningTask:
    """One fit. `parts`: the products' samples, with nothing in them that was not known when training ends. `draft`: the
    manifest as far as it is known before. `tried`: told of each fit that was judged, by its run and its parameters."""

    parts: tuple[LearningSamples, ...]
    draft: ModelManifest
    settings: Settings
    market: MarketModel
    parameters: Mapping[str, float]
    tried: Callable[[RawResult, Mapping[str, str]], None] = lambda _result, _point: None
    progress: Callable[[], None] = lambda: None

    @property
    def seed(self) -> int:
        return self.draft.seed

    @property
    def until_s(self) -> int:
        """The close of the newest bar of training."""
        return max(int(one.known_at[-1]) for one in self.parts)


@dataclass(frozen=True, slots=True)
class FittedModel:
    """`arrays`: what the evaluator of the kind reads. `enter`, `leave`: of a probability, else None. `fits`: how many
    fits it took."""

    arrays: Mapping[str, Any]
    enter: float | None = None
    leave: float | None = None
    sequence: int = 1
    fits: int = 1
    said: Mapping[str, float] = field(default_factory=dict)  # what else is worth keeping, by name


class Learner(Protocol):
    """Fits one kind of model. Raises ResearchError where there is nothing to learn from."""

    def __call__(self, task: LearningTask) -> FittedModel: ...


def evaluator(task: LearningTask, fitted: FittedModel) -> ModelEvaluator:
    """The bot's own evaluator of what was fitted, so that training judges what will trade."""
    enter, leave = (1.0, 0.0) if fitted.enter is None else (fitted.enter, fitted.leave)
    manifest = replace(task.draft, enter=enter, leave=leave, sequence=fitted.sequence)
    return evaluator_of(manifest, fitted.arrays)


def trained(task: LearningTask, fitted: FittedModel, expires_s: int) -> TrainedModel:
    """The model as the bot would ask it from the end of training on, drift and expiry included."""
    manifest = replace(
        task.draft, enter=fitted.enter, leave=fitted.leave, sequence=fitted.sequence, known_from_s=task.until_s,
        expires_s=expires_s,
    )  # fmt: skip
    rows = all_rows(task.parts)
    return TrainedModel(manifest, "", evaluator_of(manifest, fitted.arrays), fit_bins(rows, manifest.drift_bars))


def labelled(parts: tuple[LearningSamples, ...]) -> tuple[Floats, Any]:
    """(rows, whether they rose) of all products. Raises ResearchError where there are too few."""
    masks = [one.labelled for one in parts]
    rows = np.concatenate([one.rows[mask] for one, mask in zip(parts, masks, strict=True)])
    rises = np.concatenate([one.rises[mask] for one, mask in zip(parts, masks, strict=True)])
    if len(rows) < LEAST_ROWS:
        raise ResearchError(f"{len(rows):,} bars with a known outcome are too few to learn from: at least {LEAST_ROWS}")
    return rows, rises


def scale_of(rows: Floats) -> tuple[Floats, Floats]:
    """(mean, standard deviation) of each column; a column that never moves has 1."""
    mean, std = rows.mean(axis=0), rows.std(axis=0)
    std[std <= 1e-12 * np.maximum(np.abs(mean), 1e-12)] = 1.0
    return mean, std
