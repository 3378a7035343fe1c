"""Bars that a market cannot have made: a price in cents among prices in dollars, a leap that is taken back at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.data.candles import Floats, Ints
from shared.figures import trimmed

NEIGHBOURS = 5  # on each side; their median is what a bar is compared with
LEAP = 3.0  # a close so many times off its neighbours, which agree with each other
WICK = 1.5  # a high or low so many times off its own open and close, and off its neighbours
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Outliers:
    """`leaps`: bars off as a whole. `wicks`: bars whose high or low alone is. `shift`: first bar of another unit."""

    leaps: NDArray[np.bool_]
    wicks: NDArray[np.bool_]
    shift: int | None
    ratio: float  # of the shift, or the median of the leaps: 100 means dollars and cents

    def told(self, start_s: Ints) -> list[str]:
        """A sentence for each kind, with the times of the first ones."""
        out = []
        if self.shift is not None:
            out.append(
                f"from {_time(start_s[self.shift])} on every price is about {trimmed(self.ratio, 4)} times the one "
                "before: two units in one table?"
            )
        if self.leaps.any():
            about = f", about {trimmed(self.ratio, 4)} times" if self.shift is None else ""
            out.append(f"{_counted(self.leaps)} far from the ones beside them{about} ({_first(start_s, self.leaps)})")
        if self.wicks.any():
            out.append(f"{_counted(self.wicks)} with only the high or low far off ({_first(start_s, self.wicks)})")
        return out

    @property
    def any(self) -> bool:
        return self.shift is not None or bool(self.leaps.any() or self.wicks.any())


def find(open_: Floats, high: Floats, low: Floats, close: Floats) -> Outliers:
    """Judge bars in order of time; all prices above zero."""
    count = len(close)
    none = np.zeros(count, dtype=np.bool_)
    if count < 2 * NEIGHBOURS + 1:
        return Outliers(none, none, None, 1.0)
    middle = np.log((open_ + close) / 2)
    usual = _neighbours(middle)
    off = middle - usual
    leaps = np.abs(off) > np.log(LEAP)
    shift = _shift(middle)
    if shift is not None:
        # Around a lasting change the neighbours are of both units: that is one event, and no leap.
        leaps[max(shift - NEIGHBOURS, 0) : shift + NEIGHBOURS] = False
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    tall = (high > WICK * top) & (np.log(high) - usual > np.log(WICK))
    deep = (low * WICK < bottom) & (usual - np.log(low) > np.log(WICK))
    ratio = float(np.exp(np.median(off[leaps]))) if leaps.any() else 1.0
    if shift is not None:
        ratio = float(np.exp(middle[shift] - middle[shift - 1]))
    return Outliers(leaps, (tall | deep) & ~leaps, shift, ratio)


def _neighbours(values: Floats) -> Floats:
    """Median of the bars beside each one, itself left out."""
    padded = np.pad(values, NEIGHBOURS, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1)
    return np.asarray(np.median(np.delete(windows, NEIGHBOURS, axis=1), axis=1))


def _shift(middle: Floats) -> int | None:
    """The first bar from which on prices are of another size by a factor of eight and more, and stay so."""
    for at in (np.flatnonzero(np.abs(np.diff(middle)) > np.log(8.0)) + 1).tolist():
        before, after = middle[max(at - NEIGHBOURS, 0) : at], middle[at : at + NEIGHBOURS]
        if len(after) == NEIGHBOURS and abs(float(np.median(after) - np.median(before))) > np.log(8.0):
            return int(at)
    return None


def _counted(found: NDArray[np.bool_]) -> str:
    count = int(found.sum())
    return f"{count:,} bar{'' if count == 1 else 's'}"


def _first(start_s: Ints, found: NDArray[np.bool_]) -> str:
    times = [_time(start_s[i]) for i in np.flatnonzero(found)[:_SHOWN].tolist()]
    return ", ".join(times) + (" …" if int(found.sum()) > _SHOWN else "")


def _time(second: int) -> str:
    return str(np.datetime64(int(second), "s")).replace("T", " ")[:16]
