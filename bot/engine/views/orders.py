"""Own orders, which fills and ids are known, and orders of others that the account shows."""

from bot.domain.lots import Lot
from bot.domain.order_life import Order
from bot.domain.orders import OrderReport
from bot.engine.state.engine_state import EngineState
from bot.engine.views.times import iso
from shared.documents.account import OrderDoc

ORDERS_SHOWN = 24


class OrdersView:
    """Orders are frozen records; nothing here changes which there are."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    def get(self, client_order_id: str) -> Order | None:
        return self._state.orders.by_id.get(client_order_id)

    def all(self) -> tuple[Order, ...]:
        """Every own order that is remembered, settled ones among them, oldest first."""
        return tuple(self._state.orders.by_id.values())

    def working(self) -> tuple[Order, ...]:
        """Those that are not settled."""
        return tuple(order for order in self.all() if not order.settled)

    def entries_in_flight(self, product_id: str | None = None) -> tuple[Order, ...]:
        return tuple(self._state.orders.entries_in_flight(product_id))

    def resting_take(self, lot: Lot) -> Order | None:
        """The lot's take profit that rests at the exchange, or may."""
        return self._state.orders.resting_take(lot)

    def exchange_ids_to_cancel(self) -> list[str]:
        """The exchange's ids of own orders that may still be open there."""
        return [order.order_id for order in self.all() if order.order_id is not None and not order.done]

    def client_order_id_of(self, order_id: str) -> str:
        """Our id of an order that the exchange names; empty = none of ours that is remembered."""
        return next((order.spec.client_order_id for order in self.all() if order.order_id == order_id), "")

    def fill_known(self, key: tuple[str, str]) -> bool:
        """Whether the fill (order id, trade id) was counted already."""
        return key in self._state.orders.fill_keys

    @property
    def fill_keys(self) -> frozenset[tuple[str, str]]:
        """(order id, trade id) of every fill that was counted."""
        return frozenset(self._state.orders.fill_keys)

    @property
    def own_ids(self) -> frozenset[str]:
        """Client order ids that this ledger made."""
        return frozenset(self._state.orders.own_ids)

    @property
    def attempts(self) -> dict[str, int]:
        """Lot → orders made for its exit."""
        return dict(self._state.orders.attempts)

    def is_own(self, client_order_id: str) -> bool:
        """Of this bot; what a second bot of its name made was told of when it was seen (`orders.second_writer`)."""
        if client_order_id in self._state.orders.own_ids:
            return True
        ours = self._state.orders.ids.is_ours(client_order_id)
        return ours and self._state.orders.ids.epoch_of(client_order_id) not in self._state.orders.fence.foreign_epochs

    @property
    def second_writer(self) -> str | None:
        """What showed that another bot trades under this name; None = nothing did."""
        return self._state.orders.fence.second_writer

    def foreign(self) -> tuple[OrderReport, ...]:
        """Working orders of others, as the exchange listed them."""
        return tuple(self._state.orders.foreign.values())

    def documents(self) -> list[OrderDoc]:
        """Own orders in flight, then those just over, newest first in each; then foreign ones."""
        return orders(self._state)


def orders(state: EngineState) -> list[OrderDoc]:
    """Own orders in flight, then those just over, newest first in each; then foreign ones."""
    own = sorted(state.orders.by_id.values(), key=lambda order: (order.settled, -order.created_ms))
    docs = [_order(order) for order in own[:ORDERS_SHOWN]]
    docs += [_foreign(shown) for shown in list(state.orders.foreign.values())[: ORDERS_SHOWN // 3]]
    return docs


def _order(order: Order) -> OrderDoc:
    spec, average = order.spec, order.average_fill_price
    return OrderDoc(
        client_order_id=spec.client_order_id,
        order_id=order.order_id,
        product_id=spec.product_id,
        side=spec.side.value,
        kind=spec.kind.value,
        purpose=spec.purpose.value,
        state=order.state.value,
        base_size=float(spec.base_size) if spec.base_size is not None else None,
        quote_size=float(spec.quote_size) if spec.quote_size is not None else None,
        limit_price=float(spec.limit_price) if spec.limit_price is not None else None,
        filled_size=float(order.counted_size),
        average_fill_price=float(average) if average is not None else None,
        created_at=iso(order.created_ms),
        updated_at=iso(order.updated_ms),
        lot_id=spec.lot_id,
        reason=order.reason,
    )


def _foreign(shown: OrderReport) -> OrderDoc:
    return OrderDoc(
        client_order_id=shown.client_order_id,
        order_id=shown.order_id,
        product_id=shown.product_id,
        side=shown.side.value,
        kind=shown.kind,
        purpose="foreign",
        state=shown.status.value.lower(),
        base_size=float(shown.base_size) if shown.base_size is not None else None,
        quote_size=None,
        limit_price=float(shown.limit_price) if shown.limit_price is not None else None,
        filled_size=float(shown.filled_size),
        average_fill_price=float(shown.average_fill_price) if shown.average_fill_price is not None else None,
        created_at=iso(shown.created_ms),
        updated_at=iso(shown.created_ms),
        reason="not ours: listed, never touched",
    )
