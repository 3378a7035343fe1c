"""The baseline: logistic regression, which every deeper model must beat."""

import numpy as np

from bot.strategies import logistic_fit
from research.learning.learner import FittedModel, LearningTask, labelled
from research.learning.samples import LearningSamples
from research.learning.supervised import fit_supervised


def learn(task: LearningTask) -> FittedModel:
    """Newton's method on all labelled rows."""
    return fit_supervised(task, _fit)


def _fit(task: LearningTask, parts: tuple[LearningSamples, ...]) -> FittedModel:  # noqa: ARG001 - as every fit
    rows, rises = labelled(parts)
    fit = logistic_fit.fit(rows, rises)
    return FittedModel(
        {"weights": fit.weights, "intercept": np.array([fit.intercept]), "mean": fit.mean, "std": fit.std}
    )
