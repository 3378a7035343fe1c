"""One measured figure, its goal, and its line in a report."""

from collections.abc import Iterable
from dataclasses import dataclass

from shared.figures import plainly
from shared.percentile import percentile


@dataclass(frozen=True, slots=True)
class Measurement:
    """What was measured, how much it was, and what it should be."""

    name: str
    value: float
    unit: str
    goal: float | None = None  # at most; None = no goal is stated
    note: str = ""
    at_least: bool = False  # the goal is a lower bound

    @property
    def met(self) -> bool | None:
        """None = no goal."""
        if self.goal is None:
            return None
        return self.value >= self.goal if self.at_least else self.value <= self.goal

    @property
    def text(self) -> str:
        """Name, value, goal and note in columns."""
        goal = f"  goal {'≥' if self.at_least else '≤'} {plainly(self.goal)}" if self.goal is not None else ""
        note = f"  ({self.note})" if self.note else ""
        return f"{self.name:<52} {self.value:>12,.2f} {self.unit}{goal}{note}"

    @property
    def line(self) -> str:
        """`text` with its verdict, for a program of its own."""
        return f"{ {True: 'ok  ', False: 'MISS', None: '    '}[self.met] } {self.text}"


def measured(values: Iterable[float], percent: float) -> float:
    """`percentile` of values that must be there. Raises ValueError for none."""
    found = percentile(values, percent)
    if found is None:
        raise ValueError("no values")
    return found
