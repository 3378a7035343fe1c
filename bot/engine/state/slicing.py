"""What is kept of a sale that goes in parts, while it does (`bot.engine.execution.slices` decides)."""

from dataclasses import dataclass


@dataclass(slots=True)
class Slicing:
    """One lot's sale in parts."""

    since_ms: int
    asked_ms: int
    spread: float | None  # between bid and ask when it began
    parts: int = 0
    ending: bool = False  # the rest goes at market
