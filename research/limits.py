"""What some settings ask of bars before the loop runs: caps in steps, volatility bands, sizes by regime."""

import math
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from bot.domain.bars import Bar
from bot.engine.state.volatility_bands import Bands
from bot.rules.risk import guard_shut, price_band_ratio
from bot.strategies import regime_arrays
from research.data.candles import CandleSet, Floats
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


def regime_sizes(candles: Sequence[CandleSet], settings: Settings) -> Floats:
    """What each bar's regime makes of a size, all products in a row; empty where REGIME is off."""
    if not settings.regime:
        return np.zeros(0)
    numbers = regime_arrays.numbers_of(settings)
    return np.concatenate(
        [regime_arrays.scales(regime_arrays.regimes(one.close, numbers), settings) for one in candles]
    )


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
