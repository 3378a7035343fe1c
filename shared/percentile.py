"""The one percentile of the project: nearest rank, so that it is a value that was measured."""

import math
from collections.abc import Iterable


def percentile(values: Iterable[float], percent: float, digits: int | None = None) -> float | None:
    """The smallest value that at least `percent` % (0 to 100) of all do not exceed; None = there are no values.

    `digits`: decimals that it is rounded to.
    """
    ordered = sorted(values)
    if not ordered:
        return None
    found = ordered[max(0, math.ceil(percent * len(ordered) / 100) - 1)]
    return found if digits is None else round(found, digits)
