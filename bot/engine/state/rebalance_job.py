"""One product on its way to its target weight: one order after another, all on one side."""

from dataclasses import dataclass

from bot.domain.kinds import Side


@dataclass(slots=True)
class RebalanceJob:
    """At most one of its orders is unsettled at any time; nothing is planned ahead: each order asks what is wanted."""

    product_id: str
    side: Side
    bar_s: int  # the bar that the target was decided on
    since_ms: int
    deadline_ms: int  # until then post-only, afterwards at market
    lot_id: str | None = None  # a purchase: the lot that its fills go into
    working: str | None = None  # client order id
    next_price_ms: int = 0  # no new post-only order before this
    cancelled: bool = False  # its order is being cancelled by the job itself
    ending: str | None = None  # why no further order is sent
    trouble: bool = False  # it ends without its target: a pause follows
