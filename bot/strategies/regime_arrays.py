"""The regime after every bar of a window or of a whole history: one vectorised function for bot and research."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from bot.rules.regime import (
    UNKNOWN,
    drifts,
    narrows,
    regime_code,
    rests,
    variance_of,
    widens,
)
from bot.strategies import arrays
from shared.regimes import parse_scales
from shared.settings import Settings

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.int8]


class RegimeNumbers(NamedTuple):
    """Windows in closed bars, thresholds as REGIME_TREND_… and REGIME_WILD_… say them."""

    trend_bars: int
    vol_bars: int
    vol_long_bars: int
    trend_enter: float
    trend_leave: float
    wild_enter: float
    wild_leave: float

    @property
    def bars(self) -> int:
        """Closed bars before a state can be known."""
        return max(self.trend_bars, self.vol_bars, self.vol_long_bars) + 1


def numbers_of(s: Settings) -> RegimeNumbers:
    return RegimeNumbers(
        s.regime_trend_bars, s.regime_vol_bars, s.regime_vol_long_bars,
        s.regime_trend_enter, s.regime_trend_leave, s.regime_wild_enter, s.regime_wild_leave,
    )  # fmt: skip


def regimes(close: Floats, n: RegimeNumbers) -> Codes:
    """The code of each bar's regime (`shared.regimes.REGIMES`), from bars up to it; UNKNOWN (-1) until it is known.

    Hysteresis remembers without an end. A state is therefore unknown until a bar was clearly on one side: from there on
    it is the same wherever the bars began.
    """
    np, units_of = arrays.numpy(), arrays.volatility().return_units
    out: Codes = np.full(len(close), UNKNOWN, dtype=np.int8)
    if len(close) < n.bars:
        return out
    units = units_of(close)[1:]
    first = n.bars - 1
    total, variance = _window(units, n.trend_bars, first)
    rising = _held(
        drifts(total, variance, n.trend_bars, n.trend_enter), rests(total, variance, n.trend_bars, n.trend_leave)
    )
    falling = _held(
        drifts(-total, variance, n.trend_bars, n.trend_enter), rests(-total, variance, n.trend_bars, n.trend_leave)
    )
    (_, short), (_, long) = _window(units, n.vol_bars, first), _window(units, n.vol_long_bars, first)
    wild = _held(widens(short, long, n.wild_enter), narrows(short, long, n.wild_leave))
    out[first:] = regime_code(rising, falling, wild)
    return out


def scales(codes: Codes, settings: Settings) -> Floats:
    """What each bar's state makes of a size (REGIME_SCALES), 0..1; 0 where the state is not known."""
    np = arrays.numpy()
    found: Floats = np.array([*parse_scales(settings.regime_scales), 0.0])[codes]
    return found


def _window(units: Any, bars: int, first: int) -> tuple[Any, Any]:
    """(sum, variance) of the newest `bars` returns at each bar from `first` on."""
    np, rolling_sum = arrays.numpy(), arrays.indicators().rolling_sum
    total = rolling_sum(units, bars)[first - 1 :].astype(np.float64)
    squares = rolling_sum(units * units, bars)[first - 1 :].astype(np.float64)
    return total, variance_of(total, squares, bars)


def _held(entered: Any, left: Any) -> Any:
    """`bot.rules.regime.held_state` bar after bar: the newest bar that was clear decides."""
    np = arrays.numpy()
    clear = (entered | left) == 1
    newest = np.maximum.accumulate(np.where(clear, np.arange(len(clear)), -1))
    return np.where(newest >= 0, entered[newest], UNKNOWN)
