"""All orders and all fills of the ledger, page by page, so that a long history never stalls the loop."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.order_life import OrderState
from shared.ledger import schema as t
from shared.ledger.db import Database
from shared.ledger.tables import select
from shared.ports import Clock

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

    def __init__(self, engine: Database) -> None:
        self._engine = engine

    def first_order_ms(self) -> int | None:
        """When the oldest order was made; None = there is none."""
        with self._engine.connect() as db:
            found = db.value("SELECT min(created_ms) FROM orders")
            return int(found) if found is not None else None

    def last_order_ms(self) -> int | None:
        """When the newest order was made; None = there is none."""
        with self._engine.connect() as db:
            found = db.value("SELECT max(created_ms) FROM orders")
            return int(found) if found is not None else None

    async def orders(self, clock: Clock) -> AsyncIterator[Sequence[OrderRow]]:
        """Every order, by its client order id; the loop turns between the pages."""
        after = ""
        wanted = select(t.orders, tuple(OrderRow.__slots__))
        query = f"{wanted}WHERE client_order_id > :after ORDER BY client_order_id LIMIT :most"
        while True:
            with self._engine.connect() as db:
                found = db.rows(query, {"after": after, "most": PAGE}, of=t.orders)
            rows = [OrderRow(coid, OrderState(state), *rest) for coid, state, *rest in found]
            if not rows:
                return
            yield rows
            after = rows[-1].client_order_id
            await clock.sleep(0)

    async def fills(self, clock: Clock) -> AsyncIterator[Sequence[FillRow]]:
        """Every fill, by (order id, trade id)."""
        order_id, trade_id = "", ""
        wanted = select(t.fills, tuple(FillRow.__slots__))
        beyond = "WHERE order_id > :order OR (order_id = :order AND trade_id > :trade) "
        query = f"{wanted}{beyond}ORDER BY order_id, trade_id LIMIT :most"
        while True:
            values = {"order": order_id, "trade": trade_id, "most": PAGE}
            with self._engine.connect() as db:
                rows = [FillRow(*row) for row in db.rows(query, values, of=t.fills)]
            if not rows:
                return
            yield rows
            order_id, trade_id = rows[-1].order_id, rows[-1].trade_id
            await clock.sleep(0)
