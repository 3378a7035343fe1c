"""Price levels of a lot (docs/trading-rules.md §4, §5), in exact decimals.

A level is a set of one price, or of two neighbours where the unrounded level lies so near to a tick that rounding
either way is right.
"""

from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import Any

Levels = frozenset[Decimal]
# Ticks: so near to a whole tick a level is on it; in between it is open, since binary fractions err a little.
ON_TICK, NEAR_TICK = Decimal("1e-8"), Decimal("1e-6")
NO_LEVELS: Levels = frozenset()
HUNDRED = Decimal(100)


def number(value: Any) -> Decimal:
    """A setting as an exact number."""
    return Decimal(str(value))


def take_levels(open_price: Decimal, tp_pct: Decimal, tick: Decimal) -> Levels:
    """Take price = open x (1 + tp/100), up to the tick."""
    return _rounded(open_price * (1 + tp_pct / HUNDRED), tick, ROUND_CEILING)


def stop_levels(open_price: Decimal, stop_pct: Decimal, tick: Decimal) -> Levels:
    """Stop price = open x (1 - stop/100), down to the tick; none from 100 % on."""
    if stop_pct >= HUNDRED:
        return NO_LEVELS
    return frozenset(at for at in _rounded(open_price * (1 - stop_pct / HUNDRED), tick, ROUND_FLOOR) if at > 0)


def activation_levels(open_price: Decimal, activate_pct: Decimal, tick: Decimal) -> Levels:
    """The price from which a runner's stop trails, up to the tick."""
    return _rounded(open_price * (1 + activate_pct / HUNDRED), tick, ROUND_CEILING)


def trail_levels(peak: Decimal, distance_pct: Decimal, tick: Decimal) -> Levels:
    """Trailing stop = peak x (1 - distance/100), down to the tick."""
    return _rounded(peak * (1 - distance_pct / HUNDRED), tick, ROUND_FLOOR)


def adverse_levels(last_open: Decimal, need_pct: Decimal, tick: Decimal) -> Levels:
    """The highest price at which a scalp may be added, down to the tick."""
    return _rounded(last_open * (1 - need_pct / HUNDRED), tick, ROUND_FLOOR)


def runner_take_pct(settings: Mapping[str, Any]) -> Decimal:
    """Take profit of a lot that is opened when the product is flat, percent."""
    return number(settings["take_profit_pct"]) * number(settings["runner_tp_mult"])


def scalp_take_pct(settings: Mapping[str, Any], scalps: int) -> Decimal:
    """Take profit of a scalp that is added to so many scalps, percent."""
    base = number(settings["take_profit_pct"])
    if not settings["scalp_tp_decay_enable"]:
        return base
    if settings["scalp_tp_dec_mode"] == "linear":
        decayed = base - scalps * number(settings["scalp_tp_dec_pct"])
    else:
        decayed = base * number(settings["scalp_tp_decay_factor"]) ** scalps
    return max(decayed, number(settings["scalp_tp_min_pct"]))


def adverse_need_pct(settings: Mapping[str, Any], minutes_since_add: float) -> Decimal:
    """The fall since the newest entry that a scalp needs, percent: it decays with time down to a floor."""
    decay = (-number(settings["pyramid_decay_lambda"]) * number(max(minutes_since_add, 0.0))).exp()
    return max(number(settings["pyramid_min_adverse_pct"]) * decay, number(settings["pyramid_decay_min_pct"]))


def _rounded(level: Decimal, tick: Decimal, way: str) -> Levels:
    ticks = level / tick
    nearest = ticks.to_integral_value(ROUND_HALF_EVEN)
    off = abs(ticks - nearest)
    found = {nearest} if off <= NEAR_TICK else set()
    if off > ON_TICK:
        found.add(ticks.to_integral_value(way))
    return frozenset(at * tick for at in found)
