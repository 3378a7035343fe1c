"""One measured figure."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.percentile import percentile


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, how much it was, and what it should be."""

    name: str
    value: float
    unit: str
    goal: float | None = None  # at most; None = no goal is stated
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None = no goal."""
        return None if self.goal is None else self.value <= self.goal


def measured(values: Iterable[float], percent: float) -> float:
    """`percentile` of values that must be there. Raises ValueError for none."""
    found = percentile(values, percent)
    if found is None:
        raise ValueError("no values")
    return found
