"""From real numbers to whole ticks and steps, and how ties at an increment are settled.

A level such as 10,000.00 x 1.0155 is 10,155.00 exactly, yet in float64 it is a hair above and a bare `ceil` gives
10,155.01; 0.29 / 0.01 is a hair below 29 and a bare `floor` gives 28. So a result within the rounding error of a
whole number counts as that number. Percentages with up to four decimals and prices below 1e8 ticks come out exact.
"""

import math

SNAP = 1e-7
SNAP_RELATIVE = 1e-15


def ceil_units(x: float) -> int:
    """Least whole number >= x; x within 1e-7 (+ 1e-15 x |x|) of a whole number is that number.

    Units: ticks or steps. Favours the higher number: for sell prices and for "at least" thresholds.
    """
    nearest = math.floor(x + 0.5)
    if abs(x - nearest) <= SNAP + SNAP_RELATIVE * abs(x):
        return nearest
    return math.ceil(x)


def floor_units(x: float) -> int:
    """Greatest whole number <= x; x within 1e-7 (+ 1e-15 x |x|) of a whole number is that number.

    Units: ticks or steps. Favours the lower number: for sizes, buy prices and "at most" thresholds.
    """
    nearest = math.floor(x + 0.5)
    if abs(x - nearest) <= SNAP + SNAP_RELATIVE * abs(x):
        return nearest
    return math.floor(x)
