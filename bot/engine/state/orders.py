"""Own orders and their ids, foreign orders, and which fills were counted."""

from bot.domain.kinds import Purpose
from bot.domain.lots import Lot
from bot.domain.order_ids import OrderIdCodec, OwnIds
from bot.domain.order_life import Order, OrderState
from bot.domain.orders import OrderReport
from bot.engine.state.fence import Fence
from bot.engine.state.lot_book import LotBook
from bot.engine.state.recovered import RecoveredState

FORGET_AFTER_MS = 60_000


class OrdersState:
    """`by_id`: own orders by client order id, until they are over and nothing waits for them."""

    def __init__(self, recovered: RecoveredState, bot_name: str) -> None:
        self.by_id: dict[str, Order] = {order.spec.client_order_id: order for order in recovered.orders}
        self.fill_keys: set[tuple[str, str]] = set(recovered.fill_keys)  # (order id, trade id)
        self.ids = recovered.ids or OrderIdCodec(bot_name)
        self.own_ids = OwnIds(recovered.own_ids, self.ids)
        self.fence = Fence(recovered.epoch, recovered.earlier_epochs, recovered.fence_ms)
        self.fence.restore(recovered.key_values)
        self.attempts: dict[str, int] = dict(recovered.attempts)  # lot → orders made for its exit
        self.foreign: dict[str, OrderReport] = {}  # by the exchange's order id

    def entries_in_flight(self, product_id: str | None = None) -> list[Order]:
        """Entries that are not settled, UNKNOWN ones among them; of one product or of all."""
        return [
            order
            for order in self.by_id.values()
            if order.spec.purpose is Purpose.ENTRY
            and not order.settled
            and (product_id is None or order.spec.product_id == product_id)
        ]

    def exit_order(self, lot: Lot) -> Order | None:
        """The order that works for the lot's exit, as long as it may still fill."""
        order = self.by_id.get(lot.exit_client_order_id or "")
        return order if order is not None and not order.settled else None

    def resting_take(self, lot: Lot) -> Order | None:
        """The lot's take profit that rests at the exchange, or may."""
        order = self.exit_order(lot)
        return order if order is not None and order.spec.purpose is Purpose.TAKE_PROFIT else None

    def forget_settled(self, lots: LotBook, now_ms: int) -> None:
        """Drop orders that are over and that nothing waits for; the ledger keeps them."""
        waited = {lot.exit_client_order_id for lot in lots}
        for coid, order in list(self.by_id.items()):
            old = now_ms - order.updated_ms > FORGET_AFTER_MS
            if order.settled and old and coid not in waited and order.state is not OrderState.ABSENT:
                del self.by_id[coid]
