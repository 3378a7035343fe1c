"""Coinbase Advanced Trade behind the venue port."""

from string import ascii_letters, digits

from bot.domain.kinds import OrderKind
from bot.domain.timeframe import Timeframe
from bot.venues.capabilities import Capabilities, ClientIds, Repeat
from bot.venues.coinbase.depth import CoinbaseBookStream
from bot.venues.coinbase.endpoints import Endpoints, endpoints
from bot.venues.coinbase.keys import load_key
from bot.venues.coinbase.rest import BARS_PAGE, CANCEL_BATCH, CoinbaseRestClient
from bot.venues.coinbase.stream import CoinbaseStream
from bot.venues.limiter import Limiter
from bot.venues.port import MARKET_STREAM, ORDER_STREAM, Access, ApiKey, Sink, Venue
from shared.ports import Clock
from shared.settings import Settings

KILL_SHARE = 1 / 4  # of its request rate is left to the kill path, however often the exchange says 429
CAPABILITIES = Capabilities(
    timeframes=frozenset(Timeframe),
    order_kinds=frozenset(OrderKind),
    # No limit is documented; 56 characters (a BOT_NAME of 20) are the longest that the bot makes.
    client_ids=ClientIds(56, ascii_letters + digits + "-_", Repeat.SAME_ORDER, listed=True),
    post_only=True,
    reduce_only=False,  # spot: the balance bounds a sale
    market_by_quote=True,
    good_till=True,
    quote_fees=True,
    fills_since=True,
    cancel_batch=CANCEL_BATCH,
    cancel_all=False,
    book=True,
    bars_page=BARS_PAGE,
)


def _endpoints(where: object) -> Endpoints:
    assert isinstance(where, Endpoints), "addresses of another venue"
    return where


class CoinbaseVenue:
    """The adapter's one entry."""

    name = "coinbase"
    capabilities = CAPABILITIES

    def where(self, settings: Settings) -> Endpoints:
        return endpoints(settings)

    def load_key(self, settings: Settings, where: object, *, may_wait: bool) -> ApiKey:
        return load_key(settings, _endpoints(where).key_file, may_wait=may_wait)

    def budget(self, clock: Clock) -> Limiter:
        return Limiter(clock)

    def trading_client(self, access: Access, budget: Limiter, pool: str = "main") -> CoinbaseRestClient:
        return CoinbaseRestClient(_endpoints(access.where), access.key, access.net, access.clock, budget, pool)

    def kill_client(self, access: Access) -> CoinbaseRestClient:
        return self.trading_client(access, Limiter(access.clock, least_share=KILL_SHARE), "kill")

    def market_stream(self, access: Access, product_ids: tuple[str, ...], sink: Sink) -> CoinbaseStream:
        return self._stream(MARKET_STREAM, _endpoints(access.where).market_ws, "ticker", access, product_ids, sink)

    def order_stream(self, access: Access, product_ids: tuple[str, ...], sink: Sink) -> CoinbaseStream:
        return self._stream(ORDER_STREAM, _endpoints(access.where).user_ws, "user", access, product_ids, sink)

    def _stream(
        self, name: str, url: str, channel: str, access: Access, product_ids: tuple[str, ...], sink: Sink
    ) -> CoinbaseStream:
        return CoinbaseStream(
            name,
            url,
            ("heartbeats", channel),
            product_ids,
            endpoints=_endpoints(access.where),
            key=access.key,
            net=access.net,
            clock=access.clock,
            rng=access.rng,
            sink=sink,
        )

    def book_stream(self, access: Access, product_ids: tuple[str, ...]) -> CoinbaseBookStream:
        return CoinbaseBookStream(
            product_ids,
            endpoints=_endpoints(access.where),
            key=access.key,
            net=access.net,
            clock=access.clock,
            rng=access.rng,
        )


VENUE: Venue = CoinbaseVenue()
