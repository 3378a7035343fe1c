"""One measured figure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


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


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all don't exceed. Raises ValueError for none."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
