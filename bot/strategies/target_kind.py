"""What the bot is asked to carry out (KIND): lots opened by signals, or a weight that each product is held at."""

import math
from collections.abc import Mapping

from bot.domain import targets
from bot.domain.targets import SignalSide
from bot.strategies import arrays
from bot.strategies.base import ExposureArrays, Signal, SignalArrays, Strategy
from shared.settings import Settings, SettingsError

WEIGHT_OF: Mapping[SignalSide, float] = {SignalSide.BUY: 1.0, SignalSide.SELL: 0.0, SignalSide.FLAT: math.nan}


def target_type_of(settings: Settings, strategy: Strategy) -> type[targets.Target]:
    """The kind of target that KIND makes of what the strategy asks for. Raises SettingsError where it cannot."""
    wanted = targets.Exposure if settings.kind == "exposure" else strategy.target_type
    if settings.kind == "lots" and strategy.target_type is targets.Exposure:
        name = settings.strategy
        raise SettingsError(
            [f"KIND=lots needs a strategy of signals, and {name} says weights: set KIND=auto or another STRATEGY"]
        )
    if wanted is targets.Exposure and settings.scanner_max_products:
        raise SettingsError(["target weights hold the products that are set: SCANNER_MAX_PRODUCTS must be 0"])
    return wanted


def exposure_of_signal(signal: Signal) -> targets.Exposure:
    """BUY = all of the share times its size, SELL = nothing, FLAT = no opinion: what is held is kept."""
    return targets.Exposure(WEIGHT_OF[signal.call] * signal.size, signal.values)


def weights_of_signals(signals: SignalArrays) -> ExposureArrays:
    """The same over history."""
    np = arrays.numpy()
    full = 1.0 if signals.size is None else signals.size
    weight = np.where(signals.signal > 0, full, np.where(signals.signal < 0, 0.0, math.nan))
    return ExposureArrays(weight, signals.values)
