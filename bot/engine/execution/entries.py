"""Opening lots: one entry for one BUY bar, and its single retry when funds were short (docs/trading-rules.md §4)."""

from decimal import Decimal

from bot.domain.kinds import LotKind, OrderKind, Purpose, Side
from bot.domain.order_life import Order
from bot.domain.orders import OrderSpec
from bot.engine.execution import maker
from bot.engine.execution.edge import entry_plan
from bot.engine.orders.submit import say_retry, send
from bot.engine.risk import pretrade
from bot.engine.risk.gates import first_shut
from bot.engine.risk.sizing import affordable, entry_size_quote
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.money import plain, spoken


def consider(state: EngineState, market: Market) -> None:
    """A price came: open a lot if the newest bar says buy and every gate is open."""
    if market.signal != "buy" or first_shut(state, market) is not None:
        return
    wished = entry_size_quote(state, market)
    quote = affordable(state, market, wished)
    if quote != wished and state.settings.low_funds == "retry":
        say_retry(state, wished, "not enough funds")
    if quote == 0:
        return
    market.used_bar_s = market.signal_bar_s
    state.save_value(f"used_bar:{market.instrument.product_id}", str(market.used_bar_s))
    if state.settings.entry_order == "maker":
        kind, tp_pct = entry_plan(state, market)
        maker.begin(state, market, quote, kind, Decimal(str(tp_pct)))
        return
    _submit(state, market, quote, retry_of=None)
    if quote != wished and state.settings.low_funds != "retry":
        text = f"{market.instrument.product_id} entry of {quote:,.2f} instead of {wished:,.2f}: not enough free cash"
        state.note("entry", text, product_id=market.instrument.product_id)


def _submit(state: EngineState, market: Market, quote: Decimal, retry_of: str | None) -> None:
    kind, tp_pct = entry_plan(state, market)
    price = market.mark
    assert price is not None
    product_id = market.instrument.product_id
    attempt = "retry" if retry_of else "first"
    spec = OrderSpec(
        client_order_id=state.intent_id("entry", product_id, market.used_bar_s, attempt),
        product_id=product_id,
        side=Side.BUY,
        kind=OrderKind.MARKET,
        purpose=Purpose.ENTRY,
        base_size=None,
        quote_size=quote,
        limit_price=None,
        post_only=False,
        end_ms=None,
        expected_price=price,
        lot_kind=kind,
        tp_pct=Decimal(str(tp_pct)),
        retry_of=retry_of,
    )
    if state.orders.own_ids.known_for(spec.client_order_id) is not None:
        return  # this bar's entry was made by an earlier run
    why_not = pretrade.refusal(state, spec)
    if why_not is not None:
        state.note("risk", f"{product_id} entry refused by {why_not.text}", "warn", product_id)
        return
    send(state, spec)
    amount = f"{spoken(quote, market.instrument.quote_increment)} {market.instrument.quote}"
    state.note(
        "order",
        f"{product_id} buys for {amount} ({kind.value})",
        product_id=product_id,
        ref=spec.client_order_id,
        quote_size=plain(quote),
    )


def refused(state: EngineState, order: Order, reason: str, insufficient: bool) -> None:
    """The exchange refused an entry: with LOW_FUNDS=retry once more at ORDER_MIN_USD where funds were short."""
    spec = order.spec
    if spec.lot_kind is LotKind.HOLDING:  # its job makes the next one, or ends
        text = f"{spec.product_id} purchase refused: {reason}"
        state.note("order", text, "warn", spec.product_id, spec.client_order_id)
        return
    if spec.kind is OrderKind.LIMIT:
        maker.refused(state, order, reason, insufficient)
        return
    market = state.markets.get(spec.product_id)
    least = Decimal(str(state.settings.order_min_usd))
    retry = insufficient and spec.retry_of is None and (spec.quote_size or least) > least
    retry = retry and state.settings.low_funds == "retry"
    if retry and market is not None and state.control.may_enter:
        say_retry(state, spec.quote_size or least, reason)
        _submit(state, market, market.instrument.floor_quote(least), retry_of=spec.client_order_id)
        return
    state.note("order", f"{spec.product_id} buy refused: {reason}", "warn", spec.product_id, spec.client_order_id)
