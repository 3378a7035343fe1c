"""What the exchange knows: products, books, accounts, open orders, and what changed since the shell last looked."""

import heapq
from collections import deque
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from simulator.core import fees
from simulator.core.accounts import Accounts
from simulator.core.book import OrderBook
from simulator.core.ids import Ids
from simulator.core.orders import SimFill, SimOrder
from simulator.core.products import OPEN, SimProduct, TradingStatus, alias_of

RECENT_TRADES = 1000
SPARE_TIMERS = 1000


class PublicTrade(NamedTuple):
    """A public print. `maker_buys` is the side that the wire shows."""

    trade_id: int
    tick: int
    steps: int
    time_us: int
    maker_buys: bool


class Archive(Protocol):
    """Orders and fills that are done, and the ids that are used up."""

    def order(self, order_id: str) -> SimOrder | None: ...
    def by_client_id(self, portfolio: str, client_order_id: str) -> SimOrder | None: ...
    def volume_usd(self, since_us: int) -> tuple[float, float]:
        """(notional, fees) of all fills in USD since then."""
        ...


@dataclass(slots=True)
class MarketState:
    """One product's running state."""

    product: SimProduct
    book: OrderBook = field(default_factory=OrderBook)
    gate: TradingStatus = OPEN
    trades: deque[PublicTrade] = field(default_factory=lambda: deque(maxlen=RECENT_TRADES))
    last: int | None = None  # tick of the last trade
    next_trade_id: int = 1
    fresh: list[PublicTrade] = field(default_factory=list)  # trades that the shell has not taken yet
    stops: list[SimOrder] = field(default_factory=list)  # orders that wait for a trade price
    open_orders: int = 0
    gate_changed: bool = False


class VenueRules(NamedTuple):
    """What a user may set about the venue's behaviour."""

    idempotency: str = "return_existing"
    maker_ppm: int = 5000
    taker_ppm: int = 9000
    protection_ppm: int = 50_000  # a market order never trades further than this from the first price
    band: int = 10  # a limit price may be at most so many times, and at least such a part of, the last price; 0 = any
    queue_us: int = 25_000  # a cancel or an edit waits so long in the matching engine


class ExchangeState:
    """The exchange's state. `execution`, `lifecycle` and `triggers` hold the rules that change it."""

    def __init__(self, products: Mapping[str, SimProduct], archive: Archive, ids: Ids, rules: VenueRules) -> None:
        self.products = dict(products)
        self.markets = {name: MarketState(product) for name, product in products.items()}
        self.aliases = {alias: name for name, product in products.items() for alias in product.alias_to}
        self.listed = {**products, **{a: alias_of(products[name], a) for a, name in self.aliases.items()}}
        self.archive = archive
        self.ids = ids
        self.rules = rules
        self.accounts = Accounts()
        self.user_id = ids.uuid("user")
        self.open: dict[str, SimOrder] = {}
        self.tiers = fees.schedule(rules.maker_ppm, rules.taker_ppm)
        self.tier = self.tiers[0]
        self.tier_checked_us = 0
        self.order_events: list[SimOrder] = []  # frozen copies, in order
        self.dirty: dict[str, SimOrder] = {}
        self.fresh_fills: list[SimFill] = []
        self.timers: list[tuple[int, str]] = []  # heap of (time, order id)
        self.book_events = 0

    def market(self, product_id: str) -> MarketState | None:
        """The market of a product or of its alias (BTC-USDC shares BTC-USD's book)."""
        return self.markets.get(self.aliases.get(product_id, product_id))

    def changed(self, order: SimOrder) -> None:
        """Note a change that the user channel and the archive must see."""
        self.order_events.append(copy(order))
        self.dirty[order.order_id] = order

    def trade(self, market: MarketState, tick: int, steps: int, maker_buys: bool, now_us: int) -> None:
        """Print a trade."""
        made = PublicTrade(market.next_trade_id, tick, steps, now_us, maker_buys)
        market.next_trade_id += 1
        market.last = tick
        market.trades.append(made)
        market.fresh.append(made)

    def add_timer(self, at_us: int, order_id: str) -> None:
        """Wake `order_id` at a time. Orders that ended before their date leave timers behind: those go in heaps."""
        heapq.heappush(self.timers, (at_us, order_id))
        if len(self.timers) > SPARE_TIMERS + 4 * len(self.open):
            self.timers = [timer for timer in self.timers if timer[1] in self.open]
            heapq.heapify(self.timers)

    def refresh_tier(self, now_us: int) -> None:
        """Look up the fee tier, at most once an hour."""
        if now_us - self.tier_checked_us >= 3_600_000_000 or not self.tier_checked_us:
            self.tier_checked_us = now_us
            volume, _ = self.archive.volume_usd(now_us - fees.WINDOW_US)
            self.tier = fees.tier_for(self.tiers, volume)
