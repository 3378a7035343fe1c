"""What a market channel shows of a product: its snapshot, and the change of its book."""

from collections.abc import Sequence

from simulator.api.ws import frames
from simulator.api.ws.frames import TopOfBook
from simulator.core.venue import MarketState, PublicTrade
from simulator.exchange import Exchange

SNAPSHOT_TRADES = 100
SNAPSHOT_CANDLES = 100
FIVE_MINUTES = 300


def snapshot(
    exchange: Exchange, channel: str, market: MarketState, waiting: Sequence[PublicTrade], now_us: int
) -> list[str]:
    """The events' texts that a new reader gets; `waiting`: trades that the next update will bring."""
    product = market.product
    if channel == "level2":
        rows = [("bid", tick, steps) for tick, steps in market.book.bids.levels()]
        rows += [("offer", tick, steps) for tick, steps in market.book.asks.levels()]
        return [frames.level2(product, "snapshot", rows, now_us)]
    if channel == "market_trades":
        later = {trade.trade_id for trade in waiting}
        recent = [trade for trade in list(market.trades)[-SNAPSHOT_TRADES:] if trade.trade_id not in later]
        return [frames.trades(product, "snapshot", recent[::-1])]
    candles = exchange.candles[product.product_id]
    if channel == "candles":
        second = now_us // 1_000_000
        bars = candles.window(second - SNAPSHOT_CANDLES * FIVE_MINUTES, second, FIVE_MINUTES, now_us)
        return [frames.candles(product, "snapshot", bars[::-1])]
    price = market.last
    if price is None:
        return []
    if channel == "ticker":
        return [frames.ticker(product, "snapshot", price, candles.figures(now_us), TopOfBook(market))]
    if channel == "ticker_batch":
        return [frames.ticker_batch(product, "snapshot", price, candles.figures(now_us))]
    return []


def level2_update(market: MarketState, now_us: int) -> str:
    """The levels that changed since the last update, as they stand: bids falling, then offers rising."""
    bids, asks = market.book.bids, market.book.asks
    rows = [("bid", tick, bids.total(tick)) for tick in sorted(bids.changed, reverse=True)]
    rows += [("offer", tick, asks.total(tick)) for tick in sorted(asks.changed)]
    return frames.level2(market.product, "update", rows, now_us)
