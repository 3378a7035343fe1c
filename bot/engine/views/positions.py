"""Open lots: as they are, and as the documents show them at the mark."""

from dataclasses import replace
from decimal import Decimal

from bot.domain.kinds import OrderKind
from bot.domain.lots import Lot, sold_result, unrealized
from bot.engine.account.equity import exit_rate
from bot.engine.execution.exits import percent
from bot.engine.state.engine_state import EngineState
from bot.engine.state.maker_job import MakerJob
from bot.engine.state.market import Market
from bot.engine.state.moved_levels import LotLevel
from bot.engine.views.times import iso
from bot.rules.sizing import break_even_price
from shared.documents.account import LotDoc, PositionDoc
from shared.figures import plainly
from shared.money import ZERO, plain


class PositionsView:
    """What is held by lots; nothing here changes them."""

    def __init__(self, state: EngineState) -> None:
        self._state = state

    def lots(self, product_id: str | None = None) -> tuple[Lot, ...]:
        """Open lots, oldest first; of one product or of all."""
        book = self._state.positions.lots
        return tuple(book if product_id is None else book.of(product_id))

    @property
    def lot_count(self) -> int:
        return len(self._state.positions.lots)

    @property
    def value(self) -> Decimal:
        """Open lots at mark, quote units; a lot without a mark counts as nothing."""
        return self._state.positions.value

    @property
    def sizing_equity(self) -> Decimal:
        """Quote units that sizes are a share of."""
        return self._state.sizing_equity

    def maker_entries(self) -> dict[str, MakerJob]:
        """Maker entries at work, by product."""
        return {product_id: replace(job) for product_id, job in self._state.positions.makers.items()}

    def lots_to_come(self, product_id: str | None = None) -> int:
        """Entries on their way that are no lot yet."""
        return self._state.positions.lots_to_come(product_id)

    def documents(self) -> list[PositionDoc]:
        """One entry for each product with open lots, in the order of the settings."""
        return positions(self._state)


def positions(state: EngineState) -> list[PositionDoc]:
    """One entry for each product with open lots, in the order of the settings."""
    found = []
    for product_id, market in state.markets.by_product.items():
        lots = state.positions.lots.of(product_id)
        if lots:
            found.append(_position(state, market, lots))
    return found


def _position(state: EngineState, market: Market, lots: list[Lot]) -> PositionDoc:
    instrument, mark = market.instrument, market.mark
    docs = [_lot(state, lot, mark) for lot in lots]
    held = state.positions.lots.base_held(instrument.product_id)
    ours = state.account.portfolio.totals.get(instrument.base)
    cost = sum((lot.cost_left + lot.entry_fee_left for lot in lots), ZERO)
    rate = exit_rate(state)
    result = sum((unrealized(lot, mark, rate) for lot in lots), ZERO) if mark is not None else None
    return PositionDoc(
        symbol=instrument.base,
        product_id=instrument.product_id,
        base_size=float(held),
        size_usd=float(held * mark) if mark is not None else None,
        cost_usd=float(cost),
        unrealized_pnl=float(result) if result is not None else None,
        lots=docs,
        base_size_text=plain(held),
        mark=float(mark) if mark is not None else None,
        mark_source=market.mark_source,
        mark_age_ms=market.age_ms(state.clock.now_ms),
        price_increment_text=plain(instrument.price_increment),
        base_increment_text=plain(instrument.base_increment),
        base_min_text=plain(instrument.base_min_size),
        quote_min_text=plain(instrument.quote_min_size),
        exchange_base_text=plain(ours) if ours is not None else None,
        difference_text=plain(ours - held) if ours is not None else None,
    )


def _lot(state: EngineState, lot: Lot, mark: Decimal | None) -> LotDoc:
    order = state.orders.exit_order(lot)
    exit_state = "none"
    if order is not None:
        resting = order.spec.purpose.value == "take"
        resting = resting or order.spec.kind is OrderKind.LIMIT
        exit_state = ("cancelling" if order.state.value == "cancelling" else "resting") if resting else "exiting"
    elif lot.exit_reason is not None:
        exit_state = "exiting"
    rate = exit_rate(state)
    entry_pct = float(lot.entry_fee / lot.cost * 100)
    result = unrealized(lot, mark, rate) if mark is not None else None
    open_price = lot.open_price
    tick = lot.price_increment
    take, stop = (state.positions.moved.of(lot.lot_id, level) for level in (LotLevel.TAKE, LotLevel.STOP))
    return LotDoc(
        lot_id=lot.lot_id,
        kind=lot.kind.value,
        side=lot.side.value,
        product_id=lot.product_id,
        opened_at=iso(lot.opened_ms),
        opened_ms=lot.opened_ms,
        open_price=float(open_price),
        open_price_text=plain(open_price.quantize(tick.normalize()))
        if open_price % tick == 0
        else plainly(open_price, 10),
        base_size=float(lot.base_left),
        base_size_text=plain(lot.base_left),
        value_usd=float(lot.base_left * mark) if mark is not None else None,
        cost_usd=float(lot.cost_left + lot.entry_fee_left),
        entry_fee_usd=float(lot.entry_fee_left),
        unrealized_pnl=float(result) if result is not None else None,
        sold_pnl=float(sold_result(lot)),
        fees_paid_usd=float(lot.entry_fee + lot.exit_fee),
        bought_usd=float(lot.cost + lot.entry_fee),
        unrealized_pct=percent(mark - open_price, open_price) if mark is not None else None,
        take_price=float(lot.take_price) if lot.take_ticks else None,
        take_price_text=plain(lot.take_price) if lot.take_ticks else None,
        break_even_price=break_even_price(float(open_price), entry_pct, float(rate * 100)),
        stop_price=float(lot.stop_price) if lot.stop_price is not None else None,
        trail_active=lot.trail_active,
        trail_peak=float(lot.peak_ticks * tick) if lot.trail_active else None,
        trail_stop=float(lot.trail_ticks * tick) if lot.trail_active else None,
        exit_state=exit_state,
        exit_reason=lot.exit_reason.value if lot.exit_reason else None,
        exit_order_id=order.order_id if order else None,
        take_moved_by=take.by if take else None,
        take_moved_ms=take.at_ms if take else None,
        stop_moved_by=stop.by if stop else None,
        stop_moved_ms=stop.at_ms if stop else None,
    )
