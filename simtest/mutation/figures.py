"""The detection rate of a sample, with how sure it is."""

import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

Z_95 = 1.959964


class Share(NamedTuple):
    """`found` of `of`, with the bounds of Wilson's 95 % interval as shares of one; nothing tried: 0 to 1."""

    found: int
    of: int
    low: float
    high: float

    def __str__(self) -> str:
        if not self.of:
            return "–"
        share, low, high = (round(100 * part) for part in (self.found / self.of, self.low, self.high))
        return f"{self.found} of {self.of}, {share} % ({low}–{high} %)"


def wilson(found: int, of: int) -> Share:
    """Wilson's score interval at 95 %."""
    if not of:
        return Share(0, 0, 0.0, 1.0)
    share, z2 = found / of, Z_95**2
    middle = (share + z2 / (2 * of)) / (1 + z2 / of)
    half = Z_95 / (1 + z2 / of) * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return Share(found, of, max(0.0, middle - half), min(1.0, middle + half))


def rates(rows: Iterable[Mapping[str, Any]]) -> dict[str, Share]:
    """By tests, by plain seeds, by either: of rows with `tests` and `seeds`, each true where it found the mutant.

    Seeds are given what the tests did not find, and of the rest only those that were drawn `for_seeds`: their own rate
    is that of the drawn ones.
    """
    known = list(rows)
    drawn = [row for row in known if row["for_seeds"]]
    return {
        "tests": wilson(sum(1 for row in known if row["tests"]), len(known)),
        "seeds": wilson(sum(1 for row in drawn if row["seeds"]), len(drawn)),
        "either": wilson(sum(1 for row in known if row["tests"] or row["seeds"]), len(known)),
    }
