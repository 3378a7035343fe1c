"""One maker entry at work: a planned amount, bought through one post-only order after another."""

from dataclasses import dataclass, field
from decimal import Decimal

from bot.domain.kinds import LotKind
from shared.money import ZERO


@dataclass(slots=True)
class MakerJob:
    """All its orders fill one lot. At most one of them is unsettled at any time; money in quote units."""

    lot_id: str  # the client order id of its first order
    product_id: str
    bar_s: int
    kind: LotKind
    tp_pct: Decimal
    planned_quote: Decimal  # fees included: the most that all its orders together may cost
    deadline_ms: int
    working: str | None = None  # client order id
    orders: list[str] = field(default_factory=list)
    spent_quote: Decimal = ZERO  # by settled orders, fees included as reserved
    next_price_ms: int = 0  # no new order before this
    ending: str | None = None  # why no further order is placed
    repricing: bool = False  # its order is being cancelled for a better price
    retried: bool = False  # funds were short once
