"""The text of stream messages. Each is put together from parts, so that twenty readers share one body."""

from collections.abc import Sequence

import orjson

from simulator.core.bars import SimBar
from simulator.core.candles import DayFigures
from simulator.core.products import SimProduct
from simulator.core.times import Stamps
from simulator.core.units import ratio_text, text
from simulator.core.venue import MarketState, PublicTrade

_STAMPS = Stamps()
CLOCK_SET_BACK_NS = 5_000_000_000


def error_frame(message: str) -> str:
    return orjson.dumps({"type": "error", "message": message}).decode()


class Envelope:
    """Wraps events for each connection: its own number, nanoseconds in the time, which never goes back.

    Unless the clock itself was set back by seconds: then every connection is closed, and a new time begins.
    """

    def __init__(self, *, client_id: bool) -> None:
        self._client = '"client_id":"",' if client_id else ""
        self._count = 0
        self._last_ns = 0

    def _stamp_ns(self, now_us: int) -> int:
        """The time of the next message: its microsecond with some nanoseconds, later than the message before."""
        self._count += 577
        found = now_us * 1000 + self._count % 999 + 1
        if found <= self._last_ns < found + CLOCK_SET_BACK_NS:
            found = self._last_ns + 1
        self._last_ns = found
        return found

    def head(self, channel: str, now_us: int) -> str:
        """Everything before the number."""
        second, fraction = divmod(self._stamp_ns(now_us), 1_000_000_000)
        base = _STAMPS.of(second * 1_000_000)[:-1]
        nanos = f"{fraction:09d}".rstrip("0") or "0"
        return f'{{"channel":"{channel}",{self._client}"timestamp":"{base}.{nanos}Z","sequence_num":'

    @staticmethod
    def whole(head: str, number: int, events: str) -> str:
        return f'{head}{number},"events":{events}}}'


def level2(product: SimProduct, kind: str, rows: Sequence[tuple[str, int, int]], event_us: int) -> str:
    """Rows of (side, tick, steps), bids first and descending, offers ascending."""
    at = _STAMPS.of(event_us)
    price, size = product.price_text, product.size_text
    updates = ",".join(
        f'{{"side":"{side}","event_time":"{at}","price_level":"{price(tick)}","new_quantity":"{size(steps)}"}}'
        for side, tick, steps in rows
    )
    return f'[{{"type":"{kind}","product_id":"{product.product_id}","updates":[{updates}]}}]'


def trades(product: SimProduct, kind: str, rows: Sequence[PublicTrade]) -> str:
    """Newest first."""
    shown = ",".join(
        f'{{"product_id":"{product.product_id}","trade_id":"{t.trade_id}","price":"{product.price_text(t.tick)}",'
        f'"size":"{product.size_text(t.steps)}","time":"{_STAMPS.of(t.time_us)}",'
        f'"side":"{"BUY" if t.maker_buys else "SELL"}"}}'
        for t in rows
    )
    return f'[{{"type":"{kind}","trades":[{shown}]}}]'


def _ticker_fields(product: SimProduct, price: int, figures: DayFigures) -> str:
    show = product.price_text
    change = ratio_text((price - figures.open) * 100, figures.open) if figures.open else "0"
    return (
        f'"type":"ticker","product_id":"{product.product_id}","price":"{show(price)}",'
        f'"volume_24_h":"{text(figures.volume * product.step)}","low_24_h":"{show(figures.low)}",'
        f'"high_24_h":"{show(figures.high)}","low_52_w":"{show(figures.year_low)}",'
        f'"high_52_w":"{show(figures.year_high)}","price_percent_chg_24_h":"{change}"'
    )


class TopOfBook:
    """The best prices with what stands there, as the ticker shows them."""

    __slots__ = ("_product", "numbers")

    def __init__(self, market: MarketState) -> None:
        self._product, book = market.product, market.book
        bid, ask = book.bids.best(), book.asks.best()
        # Of most moments only these are compared: as text they would cost ten times as much.
        self.numbers = (bid, ask, book.bids.total(bid) if bid else 0, book.asks.total(ask) if ask else 0)

    @property
    def fields(self) -> str:
        """As members of a JSON object."""
        product, (bid, ask, bid_steps, ask_steps) = self._product, self.numbers
        return (
            f'"best_bid":"{product.price_text(bid) if bid else ""}",'
            f'"best_ask":"{product.price_text(ask) if ask else ""}",'
            f'"best_bid_quantity":"{product.size_text(bid_steps) if bid else ""}",'
            f'"best_ask_quantity":"{product.size_text(ask_steps) if ask else ""}"'
        )


def ticker(product: SimProduct, kind: str, price: int, figures: DayFigures, top: TopOfBook) -> str:
    return f'[{{"type":"{kind}","tickers":[{{{_ticker_fields(product, price, figures)},{top.fields}}}]}}]'


def ticker_batch(product: SimProduct, kind: str, price: int, figures: DayFigures) -> str:
    return f'[{{"type":"{kind}","tickers":[{{{_ticker_fields(product, price, figures)}}}]}}]'


def candles(product: SimProduct, kind: str, rows: Sequence[tuple[int, SimBar]]) -> str:
    show = product.price_text
    shown = ",".join(
        f'{{"start":"{start}","high":"{show(bar.high)}","low":"{show(bar.low)}","open":"{show(bar.open)}",'
        f'"close":"{show(bar.close)}","volume":"{product.size_text(bar.volume)}",'
        f'"product_id":"{product.product_id}"}}'
        for start, bar in rows
    )
    return f'[{{"type":"{kind}","candles":[{shown}]}}]'


def status(kind: str, markets: Sequence[MarketState]) -> str:
    rows = [
        {
            "product_type": "SPOT",
            "id": market.product.product_id,
            "base_currency": market.product.base,
            "quote_currency": market.product.quote,
            "base_increment": market.product.base_increment,
            "quote_increment": market.product.quote_increment,
            "display_name": market.product.product_id.replace("-", "/"),
            "status": market.gate.status,
            "status_message": market.gate.status_message,
            "min_market_funds": market.product.quote_min_size,
        }
        for market in markets
    ]
    return orjson.dumps([{"type": kind, "products": rows}]).decode()


def user(kind: str, orders: Sequence[dict[str, object]]) -> str:
    positions: dict[str, list[object]] = {
        "perpetual_futures_positions": [],
        "expiring_futures_positions": [],
        "prediction_market_positions": [],
    }
    return orjson.dumps([{"type": kind, "orders": orders, "positions": positions}]).decode()


def futures_balance(kind: str, summary: dict[str, object]) -> str:
    return orjson.dumps([{"type": kind, "fcm_balance_summary": summary}]).decode()


def heartbeat(now_us: int, started_us: int) -> str:
    """Counter = whole seconds that the server is up."""
    up_us = max(0, now_us - started_us)
    stamp = _STAMPS.of(now_us)[:-1].replace("T", " ")
    base, _, fraction = stamp.partition(".")
    return (
        f'[{{"current_time":"{base}.{fraction or "0"} +0000 UTC m=+{up_us / 1e6:.9f}",'
        f'"heartbeat_counter":{up_us // 1_000_000}}}]'
    )
