"""Opening lots: one entry for one BUY bar, and its single retry when funds were short (docs/trading-rules.md §4)."""

from decimal import Decimal

from bot.core import maker
from bot.core.gates import entry_plan, first_shut
from bot.core.market import Market
from bot.core.model import Kind, OrderSpec, Purpose, Side
from bot.core.orders import Order
from bot.core.risk import pretrade
from bot.core.risk.sizing import affordable, entry_size_quote
from bot.core.send import say_retry, send
from bot.core.world import Signal, StrategyFailed, World
from shared.money import plain, spoken


def decide(world: World, market: Market) -> None:
    """A bar closed: take the strategy's word for it. One decision for each product and closed bar."""
    bar = market.bars[-1]
    if market.signal_bar_s == bar.start_s or world.safe is not None:
        return  # in SAFE nothing is entered, and a strategy that hung must not hang once more
    try:
        signal = world.strategy.latest(market.product, market.bars)
    except StrategyFailed as error:
        # A strategy that raises says nothing: no entry comes of it, exits go on.
        signal = Signal("flat", None, {})
        if str(error) != market.strategy_error:
            world.note("strategy", str(error), "bad", market.product.product_id)
        market.strategy_error = str(error)
    else:
        market.strategy_error = None
    _keep_model(world, market)
    market.signal, market.probability, market.values = signal.word, signal.probability, dict(signal.values)
    market.signal_bar_s = bar.start_s
    if world.ready:
        world.count("decisions")
        world.count(f"signal_{signal.word}")


def _keep_model(world: World, market: Market) -> None:
    """A fitted model survives a restart."""
    product_id = market.product.product_id
    state = world.strategy.state(product_id)
    if state is not None and world.facts.get(f"model:{product_id}") != state:
        world.save_fact(f"model:{product_id}", state)


def consider(world: World, market: Market) -> None:
    """A price came: open a lot if the newest bar says buy and every gate is open."""
    if market.signal != "buy" or first_shut(world, market) is not None:
        return
    wished = entry_size_quote(world, market)
    quote = affordable(world, market, wished)
    if quote != wished and world.settings.low_funds == "retry":
        say_retry(world, wished, "not enough funds")
    if quote == 0:
        return
    market.used_bar_s = market.signal_bar_s
    world.save_fact(f"used_bar:{market.product.product_id}", str(market.used_bar_s))
    if world.settings.entry_order == "maker":
        kind, tp_pct = entry_plan(world, market)
        maker.begin(world, market, quote, kind, Decimal(str(tp_pct)))
        return
    _submit(world, market, quote, retry_of=None)
    if quote != wished and world.settings.low_funds != "retry":
        text = f"{market.product.product_id} entry of {quote:,.2f} instead of {wished:,.2f}: not enough free cash"
        world.note("entry", text, product_id=market.product.product_id)


def _submit(world: World, market: Market, quote: Decimal, retry_of: str | None) -> None:
    kind, tp_pct = entry_plan(world, market)
    price = market.mark
    assert price is not None
    product_id = market.product.product_id
    attempt = "retry" if retry_of else "first"
    spec = OrderSpec(
        client_order_id=world.intent_id("entry", product_id, market.used_bar_s, attempt),
        product_id=product_id,
        side=Side.BUY,
        kind=Kind.MARKET,
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
    if world.own_ids.known_for(spec.client_order_id) is not None:
        return  # this bar's entry was made by an earlier run
    why_not = pretrade.refusal(world, spec)
    if why_not is not None:
        world.note("risk", f"{product_id} entry refused by {why_not.text}", "warn", product_id)
        return
    send(world, spec)
    world.note(
        "order",
        f"{product_id} buys for {spoken(quote, market.product.quote_increment)} {market.product.quote} ({kind.value})",
        product_id=product_id,
        ref=spec.client_order_id,
        quote_size=plain(quote),
    )


def refused(world: World, order: Order, reason: str, insufficient: bool) -> None:
    """The exchange refused an entry: with LOW_FUNDS=retry once more at ORDER_MIN_USD where funds were short."""
    spec = order.spec
    if spec.kind is Kind.LIMIT:
        maker.refused(world, order, reason, insufficient)
        return
    market = world.market(spec.product_id)
    least = Decimal(str(world.settings.order_min_usd))
    retry = insufficient and spec.retry_of is None and (spec.quote_size or least) > least
    retry = retry and world.settings.low_funds == "retry"
    if retry and market is not None and world.may_enter:
        say_retry(world, spec.quote_size or least, reason)
        _submit(world, market, market.product.floor_quote(least), retry_of=spec.client_order_id)
        return
    world.note("order", f"{spec.product_id} buy refused: {reason}", "warn", spec.product_id, spec.client_order_id)
