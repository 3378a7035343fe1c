"""Signals of a strategy over history: its own vectorised function, or a compiled form of the very same rule."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.strategies import registry
from bot.strategies.base import SignalArrays, Strategy
from research import limits
from research.data.candles import CandleSet
from research.engine import Prepared, kernel
from shared.settings import Settings


def strategy_of(settings: Settings) -> Strategy:
    """A new strategy as the settings ask. Raises SettingsError."""
    return registry.chosen(settings)


def full(settings: Settings, candles: CandleSet, progress: Callable[[int, int], None] | None = None) -> SignalArrays:
    """Signal, strength and values of every bar, by the strategy's own function."""
    strategy = strategy_of(settings)
    strategy.progress = progress
    return strategy.signals(candles.bars())


def has_fast_form(settings: Settings) -> bool:
    """Whether `fast` computes without the strategy's own arrays (and so without Python's lock)."""
    return settings.strategy == "sma_cross" and not settings.regime


def fast(
    settings: Settings, prepared: Prepared, plain: bool = False, progress: Callable[[int, int], None] | None = None
) -> list[NDArray[Any]]:
    """The signal alone, product by product: equal to `full(…).signal`, which a test compares.

    With REGIME its size stands beside it (`limits.SIZED`)."""
    found: list[NDArray[Any]] = []
    for one, low, high in zip(prepared.candles, prepared.first.tolist(), prepared.end.tolist(), strict=True):
        if has_fast_form(settings):
            out = np.empty(high - low, dtype=np.int8)
            kernel("sma_signal", plain)(prepared.ticks[3][low:high], settings.ma_fast, settings.ma_slow, out)
            found.append(out)
        elif settings.regime:
            found.append(limits.sized(full(settings, one, progress)))
        else:
            found.append(np.ascontiguousarray(full(settings, one, progress).signal, dtype=np.int8))
    return found


def calls(signals: Sequence[NDArray[np.int8]]) -> tuple[int, int]:
    """(bars that say BUY, bars that say SELL)."""
    return sum(int((one == 1).sum()) for one in signals), sum(int((one == -1).sum()) for one in signals)
