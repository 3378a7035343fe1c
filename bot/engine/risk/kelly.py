"""The size of an entry by Kelly's criterion: one function from a typed question to a typed answer.

J. L. Kelly, *A New Interpretation of Information Rate* (1956); E. O. Thorp, *The Kelly Criterion in Blackjack, Sports
Betting and the Stock Market* (1997), for betting a part of it. The arithmetic is `bot.rules.position_sizing`'s, which
the compiled backtest runs as well (docs/risk.md, Sizes).
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from bot.rules.position_sizing import KELLY_RESULTS_MIN, kelly_of_averages, kelly_quote, regime_quote
from shared.figures import exactly


class KellyBound(StrEnum):
    """What decided the answer."""

    NONE = "none"  # the fraction itself
    CAP = "cap"
    NO_EDGE = "no edge"
    FEW_TRADES = "too few trades"


@dataclass(frozen=True, slots=True)
class KellyRequest:
    """What is known of a strategy's results, and what the next entry is of.

    `price`: quote currency for one base unit; None = not known. `portfolio_value`: quote currency. `win_rate`: 0..1 of
    the closed trades. `average_win`, `average_loss`: both positive, in one unit (percent of the cost, or money), each
    None where there is no such trade. `trades`: closed ones behind these figures. `confidence`: the part of the full
    size that is used, 0..1. `cap_pct`: most of the portfolio in percent. `regime_scale`: 0..1, what the regime makes
    of a size. Raises ValueError for what cannot be.
    """

    symbol: str
    strategy: str
    price: float | None
    portfolio_value: float
    trades: float
    win_rate: float
    average_win: float | None
    average_loss: float | None
    confidence: float
    cap_pct: float
    order_min: float = 0.0
    regime: str | None = None
    regime_scale: float = 1.0

    def __post_init__(self) -> None:
        for name, value, high in (
            ("win_rate", self.win_rate, 1.0), ("confidence", self.confidence, 1.0),
            ("regime_scale", self.regime_scale, 1.0), ("cap_pct", self.cap_pct, 100.0),
            ("trades", self.trades, math.inf), ("order_min", self.order_min, math.inf),
            ("portfolio_value", self.portfolio_value, math.inf), ("average_win", self.average_win or 0.0, math.inf),
            ("average_loss", self.average_loss or 0.0, math.inf), ("price", self.price or 0.0, math.inf),
        ):  # fmt: skip
            if not 0.0 <= value <= high or math.isinf(value):
                raise ValueError(f"{name}={value} must lie in 0..{high:g}")


@dataclass(frozen=True, slots=True)
class KellyAnswer:
    """`fraction`: of the portfolio, 0..1, with confidence, cap and regime; `full`: Kelly's own; both None = not known,
    as there are too few trades. `quote`: the entry in quote currency, at least ORDER_MIN_USD; `base`: base units."""

    fraction: float | None
    full: float | None
    quote: float | None
    base: float | None
    trades: float
    trades_needed: int
    bound: KellyBound

    @property
    def sentence(self) -> str:
        """For a person."""
        if self.fraction is None or self.full is None:
            return f"not known: {exactly(math.floor(self.trades))} of {self.trades_needed} closed trades so far"
        share, full = f"{self.fraction * 100:.2f} % of equity", f"full Kelly is {self.full * 100:.2f} %"
        match self.bound:
            case KellyBound.NO_EDGE:
                return "no edge in the results so far: the smallest entry"
            case KellyBound.CAP:
                return f"{share}, held by the cap; {full}"
            case _:
                return f"{share}; {full}"


def kelly_size(request: KellyRequest) -> KellyAnswer:
    """The size of the next entry, or that there are too few results for one (`KELLY_RESULTS_MIN`).

    fraction = min(full x confidence, cap) x regime_scale, full = p - (1 - p) / b with b = average win / average loss.
    It never falls as the win rate or b rises, is 0 without an edge, and never exceeds the cap.
    """
    r, needed = request, int(KELLY_RESULTS_MIN)
    if r.trades < KELLY_RESULTS_MIN:
        return KellyAnswer(None, None, None, None, r.trades, needed, KellyBound.FEW_TRADES)
    full = kelly_of_averages(r.win_rate, r.average_win or 0.0, r.average_loss or 0.0)
    fraction = min(full * r.confidence, r.cap_pct / 100.0) * r.regime_scale
    quote = kelly_quote(r.portfolio_value, full, r.confidence, r.cap_pct, r.order_min)
    quote = regime_quote(quote, r.regime_scale, r.order_min)
    bound = KellyBound.NONE
    if full <= 0.0:
        bound = KellyBound.NO_EDGE
    elif full * r.confidence > r.cap_pct / 100.0:
        bound = KellyBound.CAP
    return KellyAnswer(fraction, full, quote, quote / r.price if r.price else None, r.trades, needed, bound)
