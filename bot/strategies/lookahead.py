"""Does a strategy look into the future, or forget more slowly than it says? Answered on data, not by reading it.

A signal must not change when later bars are cut off. And the live bot hands over a window, not history: the newest
signal of the window must be the one that history gave.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.strategies.base import Bars, SignalArrays, Strategy


@dataclass(frozen=True, slots=True)
class Difference:
    """A bar whose signal was another one when less was known."""

    bar: int
    what: str  # signal, strength or a value's name
    with_future: float
    without: float
    newest_bar: int  # the last bar that the strategy was shown the second time


def _named(result: SignalArrays) -> dict[str, Any]:
    return {"signal": result.signal, "strength": result.strength, **result.values}


def find_lookahead(
    strategy: Strategy, bars: Bars, cuts: int = 20, seed: int = 0, tell: Callable[[], None] = lambda: None
) -> Difference | None:
    """The first difference found when history ends at `cuts` random bars; None = none found.

    Every array is compared to the bit over its last bars, NaN equal to NaN. A cheat that looks `n` bars ahead shows
    in the last n bars before a cut, so each cut compares up to 200 of them. `tell` is called after each cut.
    """
    arrays = _named(strategy.signals(bars))
    random = np.random.default_rng(seed)
    lowest = min(max(strategy.warmup_bars, 1), len(bars))
    for end in sorted(random.integers(lowest, len(bars) + 1, cuts).tolist()):
        again = _named(strategy.signals(bars.between(0, end)))
        tell()
        first = max(end - 200, 0)
        for what, array in arrays.items():
            before, after = array[first:end], again[what][first:end]
            wrong = np.flatnonzero(~((before == after) | (np.isnan(before) & np.isnan(after))))
            if len(wrong):
                at = int(wrong[0])
                return Difference(first + at, what, float(before[at]), float(after[at]), end - 1)
    return None


def find_window_difference(
    strategy: Strategy,
    bars: Bars,
    cuts: int = 20,
    seed: int = 0,
    tolerance: float = 0.0,
    tell: Callable[[], None] = lambda: None,
) -> Difference | None:
    """The first bar whose signal differs between history and the window of `memory_bars` that the live bot shows.

    `tolerance` bears on strength and values, for strategies whose memory only fades; the signal itself must agree.
    """
    whole = _named(strategy.signals(bars))
    random = np.random.default_rng(seed)
    length = max(strategy.memory_bars, strategy.warmup_bars)
    lowest = min(length, len(bars))
    for end in sorted(random.integers(lowest, len(bars) + 1, cuts).tolist()):
        window = bars.between(max(end - length, 0), end)
        part = _named(strategy.signals(window))
        tell()
        for what, before in whole.items():
            a, b = float(before[end - 1]), float(part[what][-1])
            allowed = 0.0 if what == "signal" else tolerance * max(abs(a), abs(b))
            if not (abs(a - b) <= allowed or (np.isnan(a) and np.isnan(b))):
                return Difference(end - 1, what, a, b, end - 1)
    return None
