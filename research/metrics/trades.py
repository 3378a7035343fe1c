"""Statistics of lots, from their results in quote currency after fees; who calls says what an open one has earned."""

from typing import NamedTuple

import numpy as np

from research.metrics.returns import Floats, Ints


class LotFigures(NamedTuple):
    """None where the formula has no value (no lot, no loss)."""

    closed: int  # lots counted
    wins: int
    win_rate: float | None  # wins / lots counted
    profit_factor: float | None  # sum of gains / sum of losses
    expectancy: float | None  # mean result
    payoff: float | None  # mean gain / mean loss
    sqn: float | None
    best: float | None
    worst: float | None
    longest_losing: int


def lots(results: Floats) -> LotFigures:
    """Figures of lots in the order in which they closed; those that are open come last, as if sold now.

    SQN = sqrt(n) x mean / sample standard deviation (Van Tharp, system quality number).
    """
    count = len(results)
    gains, losses = results[results > 0], -results[results < 0]
    deviation = float(results.std(ddof=1)) if count > 1 else 0.0
    return LotFigures(
        closed=count,
        wins=len(gains),
        win_rate=len(gains) / count if count else None,
        profit_factor=float(gains.sum() / losses.sum()) if len(losses) else None,
        expectancy=float(results.mean()) if count else None,
        payoff=float(gains.mean() / losses.mean()) if len(gains) and len(losses) else None,
        sqn=float(np.sqrt(count) * results.mean() / deviation) if deviation > 1e-12 else None,
        best=float(results.max()) if count else None,
        worst=float(results.min()) if count else None,
        longest_losing=longest_run(results < 0),
    )


def longest_run(flags: np.ndarray) -> int:
    """Most True values in a row."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return int((last - first).max()) if len(first) else 0


def time_in_market(held: Floats) -> float:
    """Part of the marks at which a lot was open."""
    return float(np.mean(held > 0)) if len(held) else 0.0


def exposure(held: Floats, equity: Floats) -> float:
    """Mean of lots' value / equity over all marks."""
    known = equity > 0
    return float(np.mean(held[known] / equity[known])) if known.any() else 0.0


def longest_flat_s(times_s: Ints, held: Floats) -> int:
    """Longest time without an open lot, seconds."""
    edges = np.diff(np.concatenate([[0], (held <= 0).astype(np.int8), [0]]))
    first, last = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(first):
        return 0
    return int((times_s[last - 1] - times_s[first]).max())
