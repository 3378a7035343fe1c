"""What a strategy asks for. The list is closed: what is no `Target` is carried out by nobody.

A new kind is one class here and one executor in `bot.engine.execution.executors`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class SignalSide(StrEnum):
    """What a signal says."""

    BUY = "buy"
    SELL = "sell"
    FLAT = "flat"


@dataclass(frozen=True, slots=True)
class Signal:
    """Buy, sell or neither, decided on one closed bar. `values`: what else a person wants to see, by name.

    `size`: 0..1, what an entry's size is multiplied by (REGIME_SCALES).
    """

    side: SignalSide
    probability: float | None  # that the next bar closes up; None = the strategy has no model
    values: Mapping[str, float]
    size: float = 1.0


@dataclass(frozen=True, slots=True)
class Exposure:
    """How much of its share a product may hold, decided on one closed bar.

    `weight`: 0..1 of the product's share of equity; NaN = no opinion: what is held is kept. `values` as of a signal.
    """

    weight: float
    values: Mapping[str, float]


Target = Signal | Exposure


@dataclass(frozen=True, slots=True)
class StrategyFailure:
    """The strategy raised, or answered with something else than it declares; the text names its file and line."""

    text: str
