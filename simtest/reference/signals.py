"""What a strategy of rules says of closed bars (docs/trading-rules.md §3): `always`, and `sma_cross` by its averages.

Closes are exact prices, oldest first, and end with the bar that is asked about.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

MODELLED = ("always", "sma_cross")


def says_buy(settings: Mapping[str, Any], closes: Sequence[Decimal]) -> bool | None:
    """Whether the strategy says BUY; None = it is not modelled, or the bars do not reach so far back."""
    side = _side(settings, closes)
    return None if side is None else side > 0


def says_sell(settings: Mapping[str, Any], closes: Sequence[Decimal]) -> bool | None:
    """Whether the strategy says SELL; None as for `says_buy`."""
    side = _side(settings, closes)
    return None if side is None else side < 0


def _side(settings: Mapping[str, Any], closes: Sequence[Decimal]) -> int | None:
    match settings["strategy"]:
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
