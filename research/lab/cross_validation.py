"""Does the choice hold out of sample on every part of the history? Combinatorial purged cross-validation of trials.

The days are cut into groups. For each choice of test groups, the trial with the best Sharpe ratio on the other days is
what a person would have chosen; its days in the test groups are out of sample. All the tests make whole histories, each
of days that nothing was chosen on. Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 12.
"""

from dataclasses import dataclass

import numpy as np

from research.errors import Misused
from research.lab import splits
from research.metrics.moments import moments
from research.metrics.returns import DAYS_PER_YEAR, Floats

GROUP_DAYS = 5  # at least
MOST_SPLITS = 5_000


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """`ratios`: Sharpe ratio beyond holding, a year, of each whole history out of sample. `chosen`: how many different
    trials were chosen; `splits`: in how many choices of `tests` out of `groups` stretches of days."""

    groups: int
    tests: int
    splits: int
    chosen: int
    ratios: Floats

    @property
    def losing(self) -> float:
        """Part of the histories that made less than holding."""
        return float((self.ratios < 0.0).mean())


def asked_for(text: str) -> tuple[int, int]:
    """(groups, tests) of a text such as 10,2. Raises Misused."""
    first, _, second = text.partition(",")
    if not (first.strip().isdigit() and second.strip().isdigit()):
        raise Misused(f"--cpcv {text}: write groups and tests, such as 10,2")
    groups, tests = int(first), int(second)
    if not 1 <= tests < groups:
        raise Misused(f"--cpcv {text}: fewer tests than groups, at least one")
    if splits.paths(groups, tests) * groups > MOST_SPLITS * tests:
        raise Misused(f"--cpcv {text} makes more than {MOST_SPLITS:,} splits")
    return groups, tests


def cross_validate(matrix: Floats, groups: int, tests: int, embargo_days: int = 1) -> CrossValidation | None:
    """Of trials (columns) by their daily returns beyond holding (rows). None of fewer than two trials.

    What is held over midnight earns on the next day: a day is known at its end and resolves a day later, so that the
    days beside a test are no training, and `embargo_days` more after it. Raises Misused for too few days.
    """
    days, trials = matrix.shape
    if trials < 2:
        return None
    if days < GROUP_DAYS * groups:
        raise Misused(f"--cpcv: {days} days are too few for {groups} groups of {GROUP_DAYS} days at least")
    known = np.arange(days)
    parts = np.array_split(known, groups)
    best = []
    for one in splits.combinatorial(known, known + 1, groups, tests, embargo_days):
        inside = matrix[one.train]
        if len(inside) < 2:
            raise Misused(f"--cpcv: with {tests} of {groups} groups as tests no day is left to choose on")
        best.append(int(_ratios(inside).argmax()))
    histories = [
        np.concatenate([matrix[part, best[split]] for part, split in zip(parts, path, strict=True)])
        for path in splits.path_places(groups, tests)
    ]
    ratios = np.array([moments(one).sharpe or 0.0 for one in histories]) * DAYS_PER_YEAR**0.5
    return CrossValidation(groups, tests, len(best), len(set(best)), ratios)


def _ratios(returns: Floats) -> Floats:
    """Mean over deviation, column by column; 0 where nothing varies."""
    spread = returns.std(axis=0, ddof=1)
    still = spread <= 0.0
    found: Floats = np.where(still, 0.0, returns.mean(axis=0) / np.where(still, 1.0, spread))
    return found
