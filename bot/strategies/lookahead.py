"""Does a strategy look into the future, or forget more slowly than it says? Answered on data, not by reading it.

A signal must not change when later bars are cut off. And the live bot hands over a window, not history: the newest
signal of the window must be the one that history gave. History is cut where signals are on, so that a rare one is
looked at, too. These functions share one process with the strategy, which a module's cache or a file may outwit:
`./coin check-strategy` asks in processes that hold nothing else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.strategies.base import Bars, ExposureArrays, SignalArrays, Strategy

COMPARED = 200  # bars before each cut


@dataclass(frozen=True, slots=True)
class Difference:
    """A bar whose signal was another one when less was known."""

    bar: int
    what: str  # signal, strength or a value's name
    with_future: float
    without: float
    newest_bar: int  # the last bar that the strategy was shown the second time


def named(result: SignalArrays | ExposureArrays) -> dict[str, Any]:
    """Every array of a result by its name; of weights also `signal`, which tells them as BUY and SELL."""
    if isinstance(result, ExposureArrays):
        return {"signal": side_of(result.weight), "weight": result.weight, **result.values}
    return {"signal": result.signal, "strength": result.strength, **result.values}


def side_of(weight: Any) -> Any:
    """Weights as signals: 1 where something is to be held, -1 where nothing is, 0 where there is no opinion."""
    with np.errstate(invalid="ignore"):
        return (weight > 0.0).astype(np.int8) - (weight == 0.0).astype(np.int8)


def frozen(bars: Bars) -> Bars:
    """Copies that can't be written and know of no larger array."""
    start_s, open_, high, low, close, volume = (
        _frozen(column) for column in (bars.start_s, bars.open, bars.high, bars.low, bars.close, bars.volume)
    )
    peers = {name: frozen(one) for name, one in bars.peers.items()}
    return Bars(start_s, open_, high, low, close, volume, bars.price_increment, bars.granularity_s, peers)


def _frozen(column: Any) -> Any:
    copy = np.array(column)
    copy.setflags(write=False)
    return copy


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where history ends, rising: a cut at `end` shows bars 0..end-1. `buys`, `sells`: how many end with one."""

    ends: tuple[int, ...]
    buys: int
    sells: int


def cuts_at(signal: Any, lowest: int, cuts: int, on: int, seed: int) -> Cuts:
    """`cuts` random bars, and up to `on` BUYs and a quarter as many SELLs, drawn evenly where there are more."""
    random = np.random.default_rng(seed)
    every = np.arange(lowest, len(signal) + 1)
    ends = set(random.choice(every, min(cuts, len(every)), replace=False).tolist())
    for value, most in ((1, on), (-1, on // 4)):
        at = np.flatnonzero(signal == value) + 1
        at = at[at >= lowest]
        if len(at) > most:
            at = random.choice(at, most, replace=False)
        ends.update(at.tolist())
    rising = tuple(sorted(ends))
    newest = np.array([signal[end - 1] if end else 0 for end in rising])
    return Cuts(rising, int((newest == 1).sum()), int((newest == -1).sum()))


def compare_cut(whole: dict[str, Any], again: dict[str, Any], end: int) -> Difference | None:
    """The first difference in the last bars before a cut at `end`; `again` may hold these bars alone.

    Compared to the bit, NaN equal to NaN. A cheat that looks n bars ahead shows in the last n bars before a cut.
    """
    first = max(end - COMPARED, 0)
    for what, array in whole.items():
        if what not in again:
            return Difference(end - 1, what, float(array[end - 1]), float("nan"), end - 1)
        before, after = array[first:end], again[what][-(end - first) :] if end > first else array[:0]
        wrong = np.flatnonzero(~((before == after) | (np.isnan(before) & np.isnan(after))))
        if len(wrong):
            at = int(wrong[0])
            return Difference(first + at, what, float(before[at]), float(after[at]), end - 1)
    return None


def compare_window(whole: dict[str, Any], part: dict[str, Any], end: int, tolerance: float = 0.0) -> Difference | None:
    """History's entry of bar end-1 against the last one of a window that ends there."""
    for what, before in whole.items():
        a, b = float(before[end - 1]), float(part[what][-1]) if what in part else float("nan")
        allowed = 0.0 if what == "signal" else tolerance * max(abs(a), abs(b))
        if not (abs(a - b) <= allowed or (np.isnan(a) and np.isnan(b))):
            return Difference(end - 1, what, a, b, end - 1)
    return None


def find_lookahead(
    strategy: Strategy,
    bars: Bars,
    cuts: int = 20,
    seed: int = 0,
    tell: Callable[[], None] = lambda: None,
    on: int = 50,
) -> Difference | None:
    """The first difference found when history ends at `cuts` random bars and at up to `on` BUYs; None = none found.

    `tell` is called after each cut.
    """
    arrays = named(strategy.checked(frozen(bars)))
    lowest = min(max(strategy.warmup_bars, 1), len(bars))
    for end in cuts_at(arrays["signal"], lowest, cuts, on, seed).ends:
        again = named(strategy.checked(frozen(bars.between(0, end))))
        tell()
        found = compare_cut(arrays, again, end)
        if found is not None:
            return found
    return None


def find_window_difference(
    strategy: Strategy,
    bars: Bars,
    cuts: int = 20,
    seed: int = 0,
    tolerance: float = 0.0,
    tell: Callable[[], None] = lambda: None,
    on: int = 50,
) -> Difference | None:
    """The first bar whose signal differs between history and the window of `memory_bars` that the live bot shows.

    `tolerance` bears on strength and values, for strategies whose memory only fades; the signal itself must agree.
    """
    whole = named(strategy.checked(frozen(bars)))
    length = max(strategy.memory_bars, strategy.warmup_bars)
    for end in cuts_at(whole["signal"], min(length, len(bars)), cuts, on, seed).ends:
        part = named(strategy.checked(frozen(bars.between(max(end - length, 0), end))))
        tell()
        found = compare_window(whole, part, end, tolerance)
        if found is not None:
            return found
    return None
