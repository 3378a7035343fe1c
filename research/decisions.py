"""What a strategy says of every bar, and the loop that carries it out: signals become lots, weights become holdings."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from research import engine, exposure, limits, signals
from research.engine import MarketModel, Prepared, RawResult, Style
from research.errors import ResearchError
from research.loops import types as t
from shared.settings import Settings

Said = Sequence[NDArray[Any]]  # product by product: int8 signals, signals with sizes, or float64 target weights


def decide(
    settings: Settings,
    prepared: Prepared,
    style: Style = Style.LOTS,
    *,
    plain: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> list[NDArray[Any]]:
    """Signals, or target weights where the strategy or KIND says so. Raises SettingsError, StrategyError."""
    if style is Style.FLIP and settings.regime:
        raise ResearchError("--style flip goes all in and all out, which REGIME does not size: --set REGIME=false")
    if not exposure.wants_weights(settings):
        return list(signals.fast(settings, prepared, plain, progress))
    if style is Style.FLIP:
        raise ResearchError(f"--style flip needs a strategy of signals; STRATEGY={settings.strategy} says weights")
    return list(exposure.all_weights(settings, prepared.candles, progress))


def are_weights(said: Said) -> bool:
    """Whether these are target weights, not signals."""
    return said[0].dtype == np.float64


def carry_out(
    prepared: Prepared,
    said: Said,
    settings: Settings,
    model: MarketModel,
    style: Style = Style.LOTS,
    *,
    plain: bool = False,
    sums: tuple[Any, Any] | None = None,
    room: t.Out | None = None,
) -> RawResult:
    """One run of the loop that fits. `room`: arrays of an earlier run to write into, whose result is then gone."""
    if are_weights(said):
        return exposure.run_exposure(prepared, said, settings, model, plain=plain, room=room)
    if style is Style.FLIP:
        return engine.run_flip(prepared, said[0], model, plain=plain, room=room)
    return engine.run_lots(prepared, said, settings, model, sums=sums, plain=plain, room=room)


def sides(said: Said) -> list[NDArray[np.int8]]:
    """As signals: of weights 1 where something is to be held, -1 where nothing is, 0 where there is no opinion."""
    if not are_weights(said):
        return [limits.sides_of(one) for one in said]
    with np.errstate(invalid="ignore"):
        return [(one > 0.0).astype(np.int8) - (one == 0.0).astype(np.int8) for one in said]
