"""Which products are traded: those of PRODUCTS, those that the scanner picked, and every one with open lots."""

from bot.domain.events import InstrumentList, ScannerSelection
from bot.domain.instrument import Instrument
from bot.domain.lots import on_grid
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.state.volatility_bands import Bands


def products_seen(state: EngineState, event: InstrumentList) -> None:
    """Take the products as the exchange shows them now; ones that are not traded only give marks."""
    for instrument in event.products:
        product_id = instrument.product_id
        if product_id not in state.markets.by_product and not _kept(state, product_id):
            state.markets.add_other(instrument)
            continue
        market = state.markets.by_product.get(product_id) or _added(state, instrument)
        if market.instrument.halted != instrument.halted and state.control.ready:
            word = instrument.halted or "trading again"
            state.note("feed", f"{product_id}: {word}", "warn", product_id)
        market.instrument = instrument
        _follow_increment(state, instrument)


def _follow_increment(state: EngineState, instrument: Instrument) -> None:
    """The exchange changes price increments at times; levels in ticks of the old one would be judged against the new.

    Asked at each look, so that it holds for lots of an earlier run, too.
    """
    for lot in state.positions.lots.of(instrument.product_id):
        if lot.price_increment != instrument.price_increment:
            state.save_lot(on_grid(lot, instrument.price_increment))
            text = f"{instrument.product_id}: price increment now {instrument.price_increment:f}; exit levels adjusted"
            state.note("feed", text, "warn", instrument.product_id, lot.lot_id)


def held_besides(state: EngineState) -> tuple[str, ...]:
    """Products whose price only serves to value what the account holds besides; no stream tells of them."""
    quote = state.account.portfolio.quote
    found = (
        f"{currency}-{quote}"
        for currency, total in state.account.portfolio.totals.items()
        if total and currency != quote
    )
    return tuple(sorted(product_id for product_id in found if product_id not in state.markets.by_product))


def without_price(state: EngineState) -> str | None:
    """A product of ours that is held and has no price: equity is not known then. None = all that is held has one.

    One that is only watched counts for nothing, and must not keep the day from turning or its loss limit from being
    judged.
    """
    for product_id, market in state.markets.by_product.items():
        held = state.account.portfolio.totals.get(market.instrument.base) or state.positions.lots.of(product_id)
        if held and market.mark is None:
            return product_id
    return None


def _kept(state: EngineState, product_id: str) -> bool:
    return state.markets.is_traded(product_id) or bool(state.positions.lots.of(product_id))


def _added(state: EngineState, instrument: Instrument) -> Market:
    s = state.settings
    market = Market(instrument, s.max_history_candles)
    if s.volatility_mult:
        market.price_bands = Bands(s.volatility_window, s.volatility_alpha, s.atr_window)
    market.last_add_ms = int(state.records.key_values.get(f"last_add:{instrument.product_id}", "0"))
    used = state.records.key_values.get(f"used_bar:{instrument.product_id}")
    market.used_bar_s = int(used) if used else None
    state.markets.add(market)
    return market


def picked(state: EngineState, event: ScannerSelection) -> None:
    """Trade these from now on. What has lots, orders or a bid at work stays; its exits are judged, nothing is added."""
    if not event.product_ids:
        return  # a scan that finds nothing is a poor reason to stop watching
    chosen = frozenset(event.product_ids)
    if chosen != state.markets.picked:
        state.markets.picked = chosen
        state.save_value("picked", ",".join(event.product_ids))
        state.note("risk", f"the scanner picked {', '.join(event.product_ids)}")
    for product_id in event.product_ids:
        instrument = state.markets.other(product_id)
        if instrument is not None and product_id not in state.markets.by_product:
            _added(state, instrument)
    for product_id in list(state.markets.by_product):
        if product_id not in chosen and not in_use(state, product_id):
            state.markets.drop(product_id)


def in_use(state: EngineState, product_id: str) -> bool:
    """Something of ours hangs on it: an open lot, an order that may still fill, a bid at work."""
    return (
        bool(state.positions.lots.of(product_id))
        or product_id in state.positions.makers
        or any(order.spec.product_id == product_id and not order.settled for order in state.orders.by_id.values())
    )
