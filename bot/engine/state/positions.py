"""Open lots, maker entries at work, and the pauses of their exits."""

from decimal import Decimal

from bot.domain.kinds import Side
from bot.engine.state.lot_book import LotBook
from bot.engine.state.maker_job import MakerJob
from bot.engine.state.markets import MarketsState
from bot.engine.state.moved_levels import MovedLevels
from bot.engine.state.orders import OrdersState
from bot.engine.state.rebalance_job import RebalanceJob
from bot.engine.state.slicing import Slicing
from shared.money import ZERO


class PositionsState:
    """Pauses are epoch milliseconds: nothing of that kind before."""

    def __init__(self, lots: LotBook, markets: MarketsState, orders: OrdersState, moved: MovedLevels) -> None:
        self._markets, self._orders = markets, orders
        self.lots = lots
        self.moved = moved  # takes and stops that a person moved
        self.makers: dict[str, MakerJob] = {}  # product → its maker entry at work
        self.rebalances: dict[str, RebalanceJob] = {}  # product → its way to its target weight
        self.rebalance_hold_ms: dict[tuple[str, Side], int] = {}  # no new job on this side before this
        self.purchase_numbers: dict[str, tuple[int, int]] = {}  # product → bar, next number of an order on it
        self.take_hold_ms: dict[str, int] = {}  # lot → no resting take before this
        self.exit_hold_ms: dict[str, int] = {}  # lot → no further exit before this
        self.slicing: dict[str, Slicing] = {}  # lot → its sale that goes in parts
        self.exits_refused: dict[str, int] = {}  # lot → its sales refused in a row

    @property
    def value(self) -> Decimal:
        """Open lots at mark, quote units."""
        return sum((lot.base_left * (self._markets.mark_of_lot(lot) or ZERO) for lot in self.lots), ZERO)

    def lots_to_come(self, product_id: str | None = None) -> int:
        """Entries on their way that are no lot yet; a maker entry counts also between two of its orders."""
        entries = self._orders.entries_in_flight(product_id)
        coming = {order.spec.lot_id or order.spec.client_order_id for order in entries}
        coming |= {job.lot_id for job in self.makers.values() if product_id in (None, job.product_id)}
        return sum(self.lots.get(lot_id) is None for lot_id in coming)
