"""What a strategy of rules says of closed bars (docs/trading-rules.md §3): `always`, `sma_cross` by its averages, and
both together by votes or weights (§11).

Closes are exact prices, oldest first, and end with the bar that is asked about.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

_ALONE = ("always", "sma_cross")


def is_modelled(settings: Mapping[str, Any]) -> bool:
    """Whether `says_buy` and `says_sell` know what these settings' strategy says."""
    if settings["regime"]:
        return False
    names = settings["strategies"] if settings["strategy"] == "combined" else [settings["strategy"]]
    return all(name in _ALONE for name in names)


def says_buy(settings: Mapping[str, Any], closes: Sequence[Decimal]) -> bool | None:
    """Whether the strategy says BUY; None = it is not modelled, or the bars do not reach so far back."""
    side = _side(settings, closes)
    return None if side is None else side > 0


def says_sell(settings: Mapping[str, Any], closes: Sequence[Decimal]) -> bool | None:
    """Whether the strategy says SELL; None as for `says_buy`."""
    side = _side(settings, closes)
    return None if side is None else side < 0


def _side(settings: Mapping[str, Any], closes: Sequence[Decimal]) -> int | None:
    if not is_modelled(settings):
        return None
    if settings["strategy"] != "combined":
        return _one_side(settings["strategy"], settings, closes)
    sides = [_one_side(name, settings, closes) for name in settings["strategies"]]
    if any(side is None for side in sides):
        return None
    weights = _weights(settings)
    buy, sell = (sum(weight for weight, side in zip(weights, sides, strict=True) if side == way) for way in (1, -1))
    enough = Fraction(str(settings["strategies_majority"])) * sum(weights)
    return (buy > max(enough, sell)) - (sell > max(enough, buy))


def _weights(settings: Mapping[str, Any]) -> list[Fraction]:
    """Of the strategies of STRATEGIES, in their order; one that has none counts 1."""
    given = dict(part.split(":") for part in settings["strategies_weights"].split(",") if part)
    return [Fraction(given.get(name, "1")) for name in settings["strategies"]]


def _one_side(name: str, settings: Mapping[str, Any], closes: Sequence[Decimal]) -> int | None:
    match name:
        case "always":
            return 1 if closes else None
        case "sma_cross":
            fast, slow = int(settings["ma_fast"]), int(settings["ma_slow"])
            if len(closes) < slow:
                return None
            above, below = sum(closes[-fast:]) * slow, sum(closes[-slow:]) * fast
            return (above > below) - (above < below)
        case _:
            return None
