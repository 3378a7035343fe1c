"""The venue port: what the bot asks of an exchange. An adapter implements it; nothing outside of an adapter knows one.

Instruments, bars, orders, fills, balances and fee rates are the domain's types. Product ids are public
("BASE-QUOTE", as PRODUCTS names them); an adapter translates them to its symbols. Every call that speaks to a venue
raises an `ExchangeError` of `bot.venues.errors`, sorted by what the caller should do.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from bot.domain.balances import Balance, FeeRates
from bot.domain.bars import Bar
from bot.domain.events import BookUpdate, OrderReports, PriceUpdate
from bot.domain.fills import Fill
from bot.domain.instrument import Instrument
from bot.domain.order_ids import OrderIdCodec
from bot.domain.orders import OrderReport, OrderSpec
from bot.domain.timeframe import Timeframe
from bot.venues.capabilities import Capabilities
from bot.venues.limiter import Limiter
from bot.venues.net import Net
from shared.documents.market import DepthDoc
from shared.latency import Latencies
from shared.ports import Clock, Rng
from shared.settings import Secret, Settings

# Streams and channels by the names that the state document shows, whatever a venue calls them.
MARKET_STREAM, ORDER_STREAM = "market", "user"
TICKER, ORDERS, BOOK = "ticker", "user", "level2"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What requests are signed with. `name` is public; live permission is bound to both."""

    name: str
    secret: Secret


class BadKey(Exception):
    """The key must not or cannot be used; the text names the file and the way out. Final: exit 78."""


class NoKeyYet(Exception):
    """The simulator has not made its key yet: wait for it."""


@dataclass(frozen=True, slots=True)
class KeyRights:
    """What a key may do, as the venue says; `portfolio` = the account or part of one that it belongs to."""

    can_view: bool
    can_trade: bool
    can_transfer: bool
    portfolio: str | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A product of the venue's list; `volume_quote` = traded in 24 hours, quote units, 0 = none known."""

    instrument: Instrument
    volume_quote: float


@dataclass(slots=True)
class StreamHealth:
    """What is known of one connection; times are the monotonic clock's."""

    name: str
    began_s: float = 0.0  # when it was first tried
    connected: bool = False
    since_ms: int | None = None
    note: str | None = "not connected yet"
    last_s: float | None = None
    good_s: float | None = None  # the last frame, heartbeats among them, of a connection on which all channels answer
    messages: int = 0
    reconnects: int = 0
    gaps: int = 0
    malformed: int = 0
    channel_s: dict[tuple[str, str | None], float] = field(default_factory=dict)


class Sink(Protocol):
    """What a stream hands over. Called in the event loop; must not block."""

    def event(self, event: PriceUpdate | OrderReports) -> None: ...
    def stream_changed(self, name: str, up: bool, note: str) -> None: ...


class VenueStream(Protocol):
    """One connection that comes back by itself. A gap, a silence or a frame that does not hold ends the connection."""

    @property
    def health(self) -> StreamHealth: ...
    async def run(self) -> None:
        """Connect, read, come back, for ever."""

    async def watch(self, product_ids: tuple[str, ...]) -> None:
        """From now on these products."""

    def give_up(self, why: str, heard_s: float | None = None) -> None:
        """What the connection holds is too old to be used. `heard_s`: frames read since then prove nothing of now."""


class BookStream(VenueStream, Protocol):
    """The connection that keeps price books; its failures shut nothing down."""

    def shown(self) -> list[DepthDoc]:
        """The best levels of each product that has a sound book, for people."""

    def told(self, product_id: str) -> BookUpdate | None:
        """All that is kept of one product's book; None = there is no sound one."""


class TradingClient(Protocol):
    """Requests. A read may be repeated by whoever calls; an order is sent once and never again by the client."""

    fee_rate: Decimal  # of the notional, for fills whose fee is not stated (FEE_RATE_PCT)

    @property
    def calls(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def forbidden(self) -> int:
        """Answers that said the key lacks a right."""

    @property
    def rate_limited(self) -> int:
        """Answers that said there were too many requests (429)."""

    @property
    def latencies(self) -> Latencies:
        """How long requests took, those that failed or got no answer in time among them."""

    @property
    def last_ms(self) -> float | None:
        """How long the last answered request took."""

    @property
    def last_error(self) -> str | None: ...
    @property
    def answered_s(self) -> float | None:
        """The last answer of any kind (monotonic), a refusal among them."""

    @property
    def silent_since_s(self) -> float | None:
        """Since when (monotonic) nothing was answered that was asked; None = the last request was answered."""

    async def server_time(self) -> datetime: ...
    async def key_rights(self) -> KeyRights: ...
    async def instrument(self, product_id: str) -> Instrument:
        """Raises Rejected where there is none of that name."""

    async def products(self, product_ids: Sequence[str]) -> tuple[Instrument, ...]:
        """These as they are now, in one request; what the venue does not list is left out."""

    async def listed(self) -> tuple[Listing, ...]:
        """Everything that could be traded."""

    async def spreads(self, product_ids: list[str]) -> dict[str, float]:
        """Percent of the mid, of each product with both sides."""

    async def fees(self) -> FeeRates: ...
    async def balances(self) -> tuple[Balance, ...]:
        """All of them."""

    async def open_orders(self) -> tuple[OrderReport, ...]:
        """Every order that may still fill, own and foreign, complete."""

    async def open_ids(self) -> list[tuple[str, str]]:
        """(order id, client order id or "") of every order that may still fill, for the kill path."""

    async def orders_since(
        self, since_ms: int, product_id: str | None = None, pages_max: int = ...
    ) -> tuple[OrderReport, ...]:
        """Every order created since, whatever its status, complete."""

    async def order(self, order_id: str) -> OrderReport:
        """One order. Raises Rejected with code "404" where the venue knows none of this id."""

    async def fills_of(self, order_id: str, client_order_id: str) -> tuple[Fill, ...]: ...
    async def fills_since(self, since_ms: int, pages_max: int = ...) -> tuple[Fill, ...]:
        """Every fill of the account executed since, by the venue's clock; none names our ids."""

    async def candles(self, product_id: str, timeframe: Timeframe, start_s: int, end_s: int) -> tuple[Bar, ...]:
        """Bars that start in [start_s, end_s], at most `Capabilities.bars_page`, oldest first; one without a trade
        is absent."""

    async def admit(self, spec: OrderSpec) -> None:
        """Wait for the order's turn in the request budget: seconds, where the venue throttles."""

    async def create(self, spec: OrderSpec, shut: Callable[[], str | None] | None = None) -> str:
        """Send an admitted order, once; the answer is the venue's id. `shut` has the last word, right before the
        socket: a reason there and nothing is sent.

        Raises Unreachable (nothing was sent), Rejected, RateLimited, Unauthorized, Forbidden (no order was made), or
        NoAnswerGot (it may exist).
        """

    async def cancel(self, order_ids: list[str]) -> dict[str, str | None]:
        """Ask to cancel up to `Capabilities.cancel_batch` orders; id → None where it was taken, else the reason."""


@dataclass(frozen=True, slots=True)
class Access:
    """What clients and streams of one run are made with. `where` is the adapter's own and opaque to everybody else."""

    where: object
    key: ApiKey
    net: Net
    clock: Clock
    rng: Rng


class Venue(Protocol):
    """One exchange: it makes the clients. It holds no state of a run."""

    @property
    def name(self) -> str: ...
    @property
    def capabilities(self) -> Capabilities: ...
    def where(self, settings: Settings) -> object:
        """The pinned addresses of the mode. Only live ever names a host that is not this machine."""

    def load_key(self, settings: Settings, where: object, *, may_wait: bool) -> ApiKey:
        """The key. Raises BadKey, or NoKeyYet where `may_wait`."""

    def budget(self, clock: Clock) -> Limiter:
        """A request budget at the venue's rate."""

    def trading_client(self, access: Access, budget: Limiter, pool: str = "main") -> TradingClient:
        """A client; `pool` names its threads."""

    def kill_client(self, access: Access) -> TradingClient:
        """The kill path's own, with threads and a budget of its own that throttling cannot starve."""

    def market_stream(self, access: Access, product_ids: tuple[str, ...], sink: Sink) -> VenueStream:
        """Prices: MARKET_STREAM with the channel TICKER."""

    def order_stream(self, access: Access, product_ids: tuple[str, ...], sink: Sink) -> VenueStream:
        """Order news: ORDER_STREAM with the channel ORDERS."""

    def book_stream(self, access: Access, product_ids: tuple[str, ...]) -> BookStream:
        """Price books; asked for only where `Capabilities.book`."""


def ids_of(venue: Venue, settings: Settings) -> OrderIdCodec:
    """How this bot's orders are called on the venue."""
    taken = venue.capabilities.client_ids
    return OrderIdCodec.fitting(settings.bot_name, taken.max_length if taken is not None else 0)
