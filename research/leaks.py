"""What kind of look into the future it is, told from which earlier signals move when one bar is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np

from bot.strategies.base import Bars
from bot.strategies.lookahead import COMPARED

RUNS, RUN = 3, 30  # stretches of neighbouring bars that are changed one by one
FACTORS = (50.0, 0.02)  # a signal is a step, and a mean of all history hardly moves: large changes, up and down


class LookaheadKind(StrEnum):
    """The leaks that have a name of their own. `{bars}`: how far ahead."""

    SHIFT = "it reads the bar {bars} ahead, as shift(-{bars}) does"
    WHOLE = "it uses all of the history at every bar, as scaling or ranking by the full sample does"
    RESAMPLED = "it reads bars of {bars} before they are closed, as resampling without a shift does"
    AHEAD = "its window or its label reaches {bars} bars ahead, as a centred window or a label not yet resolved does"


@dataclass(frozen=True, slots=True)
class LeakProbe:
    """One changed bar, and the bars before it whose signal, strength or values moved."""

    bar: int
    moved: tuple[int, ...]


def changed(bars: Bars, at: int, factor: float) -> Bars:
    """Copies of the bars in which the prices of one are so many times as large, its volume too; peers stay."""
    open_, high, low, close, volume = (
        np.array(column) for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)
    )
    for copy in (open_, high, low, close, volume):
        copy[at] *= factor
    return replace(bars, open=open_, high=high, low=low, close=close, volume=volume)


def moved_before(before: Mapping[str, Any], after: Mapping[str, Any], at: int) -> set[int]:
    """Bars before `at` at which an array of the two answers differs, NaN equal to NaN."""
    found: set[int] = set()
    for what, array in before.items():
        a, b = array[:at], after[what][:at]
        found.update(np.flatnonzero(~((a == b) | (np.isnan(a) & np.isnan(b)))).tolist())
    return found


def probe_places(count: int, lowest: int, seed: int) -> list[int]:
    """Bars to change: three runs of neighbours, each from a place drawn at random, and the last one, on which all of
    history hangs where a leak has no end."""
    random, last = np.random.default_rng(seed), count - RUN - 1
    if last <= lowest:
        return []
    found = [int(first) + i for first in random.integers(lowest, last, RUNS) for i in range(RUN)]
    return [count - 1, *found]


def named_kind(probes: Sequence[LeakProbe], bars: Bars) -> str | None:
    """The kind of leak in words; None where nothing moved, or it fits none of them.

    The probes are runs of neighbouring bars, so that a leak that stops where a longer bar ends can be told from one
    that always reaches as far.
    """
    seen = [probe for probe in probes if probe.moved]
    if not seen:
        return None
    reach = max(probe.bar - min(probe.moved) for probe in seen)
    if reach > COMPARED:
        return LookaheadKind.WHOLE.value
    leads = {probe.bar - moved for probe in seen for moved in probe.moved}
    if len(leads) == 1:
        return LookaheadKind.SHIFT.format(bars=leads.pop())
    length = _bucket(seen, bars, reach)
    if length is not None:
        return LookaheadKind.RESAMPLED.format(bars=_span(length * bars.granularity_s))
    return LookaheadKind.AHEAD.format(bars=reach)


def _bucket(seen: Sequence[LeakProbe], bars: Bars, reach: int) -> int | None:
    """The fewest bars of a longer bar, counted from 00:00 UTC, within which every leak stays; None = they cross."""
    place = bars.start_s // bars.granularity_s
    for length in range(reach + 1, 2 * reach + 1):
        bucket = place // length
        if all(bucket[moved] == bucket[probe.bar] for probe in seen for moved in probe.moved):
            return length
    return None


def _span(seconds: int) -> str:
    for unit, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds} s"
