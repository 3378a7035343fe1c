"""Which weight of its share a product should hold (docs/trading-rules.md §10), and what follows from it.

Weights 0..1, money in quote units, all exact. What is known within bounds only is a `Bounds`.
"""

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from simtest.reference.signals import says_buy, says_sell

# The strategy `weight_steps` of the tests: each weight holds for so many bars.
STEP_BARS = 2
STEPS = (0.5, 0.25, 1.0, 0.35, 0.9, 0.1, 0.0, 0.6, math.nan, 0.0)

# A weight; "none" = the strategy has no opinion; None = what it says is not modelled.
Target = Decimal | Literal["none"] | None


class Bounds(NamedTuple):
    least: Decimal
    most: Decimal


def step_weight(start_s: int, bar_s: int) -> float:
    """What `weight_steps` wants on the bar that opened at `start_s`, seconds since 1970; NaN = no opinion."""
    return STEPS[start_s // bar_s // STEP_BARS % len(STEPS)]


def asked_for(settings: Mapping[str, Any]) -> bool:
    """Whether products are held at weights, instead of in lots with exits of their own."""
    kind = settings["kind"]
    return bool(kind == "exposure" or (kind == "auto" and settings["strategy"] == "weight_steps"))


def target(settings: Mapping[str, Any], start_s: int, bar_s: int, closes: Sequence[Decimal]) -> Target:
    """What the strategy wants on the bar that opened at `start_s`; `closes` end with this bar's."""
    if settings["strategy"] == "weight_steps":
        weight = step_weight(start_s, bar_s)
        return "none" if math.isnan(weight) else Decimal(str(weight))
    buys, sells = says_buy(settings, closes), says_sell(settings, closes)
    if buys is None or sells is None:
        return None
    return Decimal(1) if buys else Decimal(0) if sells else "none"


def wants(weight: Decimal, held: Bounds, share: Bounds, band_pct: Decimal) -> Literal["more", "less"] | None:
    """Which way it is to be traded for certain: outside the band wherever the figures lie; None = it is open."""
    band = band_pct / 100
    if share.least <= 0:
        return None
    if held.most / share.least < weight - band:
        return "more"
    if held.least > 0 and (weight == 0 or held.least / share.most > weight + band):
        return "less"
    return None


def most_change(weight: Decimal, held: Bounds, share: Bounds) -> Bounds:
    """(least, most) quote units by which the holding may be short of its target; negative = it is above it."""
    return Bounds(weight * share.least - held.most, weight * share.most - held.least)
