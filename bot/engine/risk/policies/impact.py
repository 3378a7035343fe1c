"""How far an entry walks the book: the next one at the decision, the order itself before it is sent.

An exit is never refused, it goes in parts (`bot.engine.execution.slices`).
"""

from bot.domain.price_book import BP, buy_impact_bp
from bot.engine.risk.guard import Guard, Planned, at_decision
from bot.engine.risk.policy import Backtest, Failure, guard_policy
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market


def _impact_bp(state: EngineState, market: Market, entry: Planned) -> float | None:
    """Average price of the purchase above the best ask, in basis points; None = not known. A bid that rests walks none.

    Where no book is kept, what fits into the best ask walks nothing; of more nobody knows. 10,000: the book ends first.
    """
    if entry.rests:
        return 0.0
    book, quote = market.fresh_book(state.clock.now_ms), float(entry.quote)
    if book is not None:
        found = buy_impact_bp(book.asks, quote)
        return min(found, BP) if found is not None else None
    offered = market.ask_depth_quote
    return 0.0 if offered is not None and quote <= offered else None


POLICY = guard_policy(
    Guard(
        "impact",
        "Impact of the entry on the book",
        "bp",
        lambda s: s.max_impact_bp,
        at_decision(_impact_bp),
        "when more is offered near the best ask; smaller entries have less impact",
        unknown_shuts=True,
        per_product=True,
        unknown="no order book of that depth",
        of_entry=_impact_bp,
    ),
    "Average price of the entry above the best ask; until more is offered near it. Smaller entries have less impact",
    Failure.CRITICAL,
    Backtest.LIVE_ONLY,
    ("MAX_IMPACT_BP",),
    "every entry was filled whole, and no sale went in parts",
)
