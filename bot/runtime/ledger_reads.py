"""All orders and all fills of the ledger, page by page, so that a long history never stalls the loop."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import Engine, func, or_, select

from bot.core.orders import OrderState
from shared.ledger import schema as t
from shared.seams import Clock

PAGE = 500


@dataclass(frozen=True, slots=True)
class OrderRow:
    """What an audit compares of an order."""

    client_order_id: str
    state: OrderState
    filled_size: Decimal
    created_ms: int
    updated_ms: int


@dataclass(frozen=True, slots=True)
class FillRow:
    """What an audit compares of a fill."""

    order_id: str
    trade_id: str
    client_order_id: str
    price: Decimal
    base_size: Decimal
    fee: Decimal
    received_ms: int


class LedgerReads:
    """Reads beside the writer, between its transactions."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def first_order_ms(self) -> int | None:
        """When the oldest order was made; None = there is none."""
        with self._engine.connect() as db:
            found = db.execute(select(func.min(t.orders.c.created_ms))).scalar()
            return int(found) if found is not None else None

    def last_order_ms(self) -> int | None:
        """When the newest order was made; None = there is none."""
        with self._engine.connect() as db:
            found = db.execute(select(func.max(t.orders.c.created_ms))).scalar()
            return int(found) if found is not None else None

    async def orders(self, clock: Clock) -> AsyncIterator[Sequence[OrderRow]]:
        """Every order, by its client order id; the loop turns between the pages."""
        after = ""
        c = t.orders.c
        wanted = (c.client_order_id, c.state, c.filled_size, c.created_ms, c.updated_ms)
        while True:
            query = select(*wanted).where(c.client_order_id > after).order_by(c.client_order_id).limit(PAGE)
            with self._engine.connect() as db:
                rows = [OrderRow(coid, OrderState(state), *rest) for coid, state, *rest in db.execute(query)]
            if not rows:
                return
            yield rows
            after = rows[-1].client_order_id
            await clock.sleep(0)

    async def fills(self, clock: Clock) -> AsyncIterator[Sequence[FillRow]]:
        """Every fill, by (order id, trade id)."""
        order_id, trade_id = "", ""
        c = t.fills.c
        wanted = (c.order_id, c.trade_id, c.client_order_id, c.price, c.base_size, c.fee, c.received_ms)
        while True:
            beyond = or_(c.order_id > order_id, (c.order_id == order_id) & (c.trade_id > trade_id))
            query = select(*wanted).where(beyond).order_by(c.order_id, c.trade_id).limit(PAGE)
            with self._engine.connect() as db:
                rows = [FillRow(*row) for row in db.execute(query)]
            if not rows:
                return
            yield rows
            order_id, trade_id = rows[-1].order_id, rows[-1].trade_id
            await clock.sleep(0)
