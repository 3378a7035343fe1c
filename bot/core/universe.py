"""Which products are traded: those of PRODUCTS, those that the scanner picked, and every one with open lots."""

from bot.core.events import Picked, ProductsSeen
from bot.core.lots import on_grid
from bot.core.market import Market
from bot.core.model import Product
from bot.core.risk.bands import Bands
from bot.core.world import World


def products_seen(world: World, event: ProductsSeen) -> None:
    """Take the products as the exchange shows them now; ones that are not traded only give marks."""
    for product in event.products:
        product_id = product.product_id
        if product_id not in world.markets and not _kept(world, product_id):
            world.other_products[product_id] = product
            continue
        market = world.markets.get(product_id) or _added(world, product)
        if market.product.halted != product.halted and world.ready:
            word = product.halted or "trading again"
            world.note("feed", f"{product_id}: {word}", "warn", product_id)
        market.product = product
        _follow_increment(world, product)


def _follow_increment(world: World, product: Product) -> None:
    """The exchange changes price increments at times; levels in ticks of the old one would be judged against the new.

    Asked at each look, so that it holds for lots of an earlier run, too.
    """
    for lot in world.book.of(product.product_id):
        if lot.price_increment != product.price_increment:
            world.save_lot(on_grid(lot, product.price_increment))
            text = f"{product.product_id}: the price increment is {product.price_increment:f} now; levels follow"
            world.note("feed", text, "warn", product.product_id, lot.lot_id)


def held_besides(world: World) -> tuple[str, ...]:
    """Products whose price only serves to value what the account holds besides; no stream tells of them."""
    quote = world.portfolio.quote
    found = (f"{currency}-{quote}" for currency, total in world.portfolio.totals.items() if total and currency != quote)
    return tuple(sorted(product_id for product_id in found if product_id not in world.markets))


def without_price(world: World) -> str | None:
    """A product of ours that is held and has no price: equity is not known then. None = all that is held has one.

    One that is only watched counts for nothing, and must not keep the day from turning or its loss limit from being
    judged.
    """
    for product_id, market in world.markets.items():
        held = world.portfolio.totals.get(market.product.base) or world.book.of(product_id)
        if held and market.mark is None:
            return product_id
    return None


def _kept(world: World, product_id: str) -> bool:
    return world.traded(product_id) or bool(world.book.of(product_id))


def _added(world: World, product: Product) -> Market:
    s = world.settings
    market = Market(product, s.max_history_candles)
    if s.volatility_mult:
        market.price_bands = Bands(s.volatility_window, s.volatility_alpha, s.atr_window)
    market.last_add_ms = int(world.facts.get(f"last_add:{product.product_id}", "0"))
    used = world.facts.get(f"used_bar:{product.product_id}")
    market.used_bar_s = int(used) if used else None
    world.markets[product.product_id] = market
    return market


def picked(world: World, event: Picked) -> None:
    """Trade these from now on. What has lots, orders or a bid at work stays; its exits are judged, nothing is added."""
    if not event.product_ids:
        return  # a scan that finds nothing is a poor reason to stop watching
    chosen = frozenset(event.product_ids)
    if chosen != world.picked:
        world.picked = chosen
        world.save_fact("picked", ",".join(event.product_ids))
        world.note("risk", f"the scanner picked {', '.join(event.product_ids)}")
    for product_id in event.product_ids:
        product = world.other_products.pop(product_id, None)
        if product is not None and product_id not in world.markets:
            _added(world, product)
    for product_id in list(world.markets):
        if product_id not in chosen and not in_use(world, product_id):
            world.other_products[product_id] = world.markets.pop(product_id).product


def in_use(world: World, product_id: str) -> bool:
    """Something of ours hangs on it: an open lot, an order that may still fill, a bid at work."""
    return (
        bool(world.book.of(product_id))
        or product_id in world.makers
        or any(order.spec.product_id == product_id and not order.settled for order in world.orders.values())
    )
