"""What some settings ask of bars before the loop runs: caps in steps, volatility bands, sizes by regime."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.domain.bars import Bar
from bot.engine.state.volatility_bands import Bands
from bot.rules.risk import guard_shut, price_band_ratio
from bot.strategies.base import SignalArrays
from research.data.candles import CandleSet, Floats
from research.errors import ResearchError
from shared.regimes import REGIME_VALUE
from shared.settings import Settings, parse_base_caps


def base_caps(candles: Sequence[CandleSet], max_base: str) -> list[float]:
    """MAX_BASE in steps, product by product; 0 = no such limit."""
    caps = parse_base_caps(max_base) if max_base else {}
    return [float(caps.get(one.product_id.partition("-")[0], 0)) / float(one.base_increment) for one in candles]


def band_percents(candles: Sequence[CandleSet], method: str, kind: Callable[[], Bands] = Bands) -> Floats:
    """Each bar's volatility in percent, all products in a row, as the bot measures it bar by bar; NaN: not known.

    Some microseconds a bar: only for settings that ask for it.
    """
    found = []
    for one in candles:
        bands = kind()
        columns = (one.start_s, one.open, one.high, one.low, one.close, one.volume)
        for row in zip(*(column.tolist() for column in columns), strict=True):
            bands.add(Bar(*row))
            percent = bands.percent(method)
            found.append(math.nan if percent is None else percent)
    return np.array(found)


# What a strategy that minds regimes says of a bar: signal, the regime's code (-1 = not known), size of an entry.
SIZED = np.dtype([("signal", np.int8), ("regime", np.int8), ("size", np.float64)], align=True)


def sized(said: SignalArrays) -> NDArray[Any]:
    """Signals with their regimes and sizes, as one array."""
    found = np.empty(len(said.signal), dtype=SIZED)
    known = said.values[REGIME_VALUE]
    found["signal"], found["regime"] = said.signal, np.where(np.isnan(known), -1, known)
    found["size"] = 1.0 if said.size is None else said.size
    return found


def sides_of(said: NDArray[Any]) -> NDArray[np.int8]:
    """The signals alone."""
    found: NDArray[np.int8] = np.ascontiguousarray(said["signal"] if said.dtype == SIZED else said, dtype=np.int8)
    return found


def sizes_of(said: Sequence[NDArray[Any]], settings: Settings) -> Floats:
    """What each bar's regime makes of a size, all products in a row; empty where REGIME is off.

    Raises ResearchError where signals were made without minding them: nothing is quietly left out.
    """
    if not settings.regime:
        return np.zeros(0)
    if any(one.dtype != SIZED for one in said):
        raise ResearchError("REGIME=true sizes entries, and these signals have no sizes")
    return np.concatenate([one["size"] for one in said])


def inside_bands(percents: Floats, low_pct: float, high_pct: float) -> NDArray[np.int8]:
    """1 where VOL_BAND_LOW_PCT and VOL_BAND_HIGH_PCT let an entry pass; 0 where the volatility is not known, too."""
    judged = [
        not (math.isnan(value) or guard_shut(value, low_pct, True, False) or guard_shut(value, high_pct, False, True))
        for value in percents.tolist()
    ]
    return np.array(judged, dtype=np.int8)


def inside_price_bands(candles: Sequence[CandleSet], s: Settings) -> NDArray[np.int8]:
    """1 where the next bar opens within VOLATILITY_MULT volatilities of the close that decided; the last bar: 1.

    The bot judges the price that it would pay, seconds after the close: of bars, that is the next open.
    """
    percents = band_percents(
        candles, s.volatility_method, lambda: Bands(s.volatility_window, s.volatility_alpha, s.atr_window)
    ).tolist()
    judged: list[bool] = []
    for one in candles:
        opens, closes = one.open.tolist(), one.close.tolist()
        for i, close in enumerate(closes):
            percent = percents[len(judged)]
            price = opens[i + 1] if i + 1 < len(opens) else close
            shut = guard_shut(price_band_ratio(price, close, percent), s.volatility_mult, False, True)
            judged.append(not (math.isnan(percent) or shut))
    return np.array(judged, dtype=np.int8)
