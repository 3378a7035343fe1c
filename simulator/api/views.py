"""The JSON shapes of REST's answers: products, candles, trades, books, accounts."""

from typing import Any

from simulator.core.accounts import Wallet
from simulator.core.bars import SimBar
from simulator.core.products import FIAT, SimProduct
from simulator.core.times import rfc3339
from simulator.core.units import ONE, ratio_text, text
from simulator.core.venue import MarketState, PublicTrade
from simulator.exchange import Exchange


def percent_change(now: int, before: int) -> str:
    return ratio_text((now - before) * 100, before) if before else "0"


def product_view(exchange: Exchange, product: SimProduct, *, tradability: bool = False) -> dict[str, Any]:
    """One product, as `GET /products/{id}` gives it."""
    market = exchange.venue.market(product.product_id)
    assert market is not None
    figures = exchange.candles[market.product.product_id].figures(exchange.now_us)
    last = market.last or figures.open
    gate = market.gate
    volume = figures.volume * product.step
    return {
        "product_id": product.product_id,
        "price": product.price_text(last),
        "price_percentage_change_24h": percent_change(last, figures.open),
        "volume_24h": text(volume),
        "volume_percentage_change_24h": percent_change(figures.volume, figures.previous_volume),
        "base_increment": product.base_increment,
        "quote_increment": product.quote_increment,
        "quote_min_size": product.quote_min_size,
        "quote_max_size": product.quote_max_size,
        "base_min_size": product.base_min_size,
        "base_max_size": product.base_max_size,
        "base_name": product.base_name,
        "quote_name": product.quote_name,
        "watched": False,
        "is_disabled": gate.is_disabled,
        "new": False,
        "status": gate.status,
        "cancel_only": gate.cancel_only,
        "limit_only": gate.limit_only,
        "post_only": gate.post_only,
        "trading_disabled": gate.trading_disabled,
        "auction_mode": gate.auction_mode,
        "product_type": "SPOT",
        "quote_currency_id": product.quote,
        "base_currency_id": product.base,
        "fcm_trading_session_details": None,
        "mid_market_price": "",
        "alias": product.alias,
        "alias_to": list(product.alias_to),
        "base_display_symbol": product.base,
        "quote_display_symbol": product.alias.partition("-")[2] or product.quote,
        "view_only": gate.view_only if tradability else False,
        "price_increment": product.price_increment,
        "display_name": product.product_id,
        "product_venue": "CBE",
        "approximate_quote_24h_volume": text(volume * last * product.tick // ONE // (ONE // 100) * (ONE // 100)),
        "new_at": "2023-01-01T00:00:00Z",
        "market_cap": "",
        "base_cbrn": "",
        "quote_cbrn": "",
        "product_cbrn": "",
        "icon_color": "",
        "icon_url": "",
        "display_name_overwrite": "",
        "is_alpha_testing": False,
        "about_description": "",
        "best_bid_price": "",
        "best_ask_price": "",
        "high_24h": product.price_text(figures.high),
        "low_24h": product.price_text(figures.low),
        "hidden_from_discovery": False,
    }


def candle_view(product: SimProduct, start_s: int, bar: SimBar) -> dict[str, str]:
    return {
        "start": str(start_s),
        "low": product.price_text(bar.low),
        "high": product.price_text(bar.high),
        "open": product.price_text(bar.open),
        "close": product.price_text(bar.close),
        "volume": product.size_text(bar.volume),
    }


def trade_view(product: SimProduct, trade: PublicTrade) -> dict[str, str]:
    return {
        "trade_id": str(trade.trade_id),
        "product_id": product.product_id,
        "price": product.price_text(trade.tick),
        "size": product.size_text(trade.steps),
        "time": rfc3339(trade.time_us),
        "side": "BUY" if trade.maker_buys else "SELL",
        "bid": "",
        "ask": "",
        "exchange": "coinbase",
    }


def levels_view(product: SimProduct, levels: list[tuple[int, int]]) -> list[dict[str, str]]:
    return [{"price": product.price_text(tick), "size": product.size_text(steps)} for tick, steps in levels]


def book_view(exchange: Exchange, product: SimProduct, market: MarketState, limit: int | None) -> dict[str, Any]:
    """`pricebook`."""
    return {
        "product_id": product.product_id,
        "bids": levels_view(product, market.book.bids.levels(limit)),
        "asks": levels_view(product, market.book.asks.levels(limit)),
        "time": rfc3339(exchange.now_us),
    }


def money(atoms: int, currency: str) -> dict[str, str]:
    return {"value": text(atoms), "currency": currency}


def account_view(wallet: Wallet) -> dict[str, Any]:
    fiat = wallet.currency in FIAT
    return {
        "uuid": wallet.uuid,
        "name": "Cash (USD)" if wallet.currency == "USD" else f"{wallet.currency} Wallet",
        "currency": wallet.currency,
        "available_balance": money(wallet.available, wallet.currency),
        "default": wallet.currency == "USD",
        "active": True,
        "created_at": rfc3339(wallet.created_us),
        "updated_at": rfc3339(wallet.updated_us),
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if fiat else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": money(wallet.held, wallet.currency),
        "retail_portfolio_id": wallet.portfolio,
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }
