"""What a strategy asks for."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Signal:
    """What the strategy says of the newest closed bar."""

    word: str  # buy, sell, flat
    probability: float | None
    values: Mapping[str, float]
