"""`market.json`: prices and books, every second."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteDoc:
    """The last prices that the bot heard within one minute: for charts, while the exchange's own bar is not there."""

    start_s: int  # of the minute, by the exchange's clock
    since_ms: int  # when the first of them came: what was before is not known
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    product_id: str
    bid: float | None
    ask: float | None
    last: float | None
    at_ms: int
    price_increment_text: str = ""  # "" = not told
    minutes: list[MinuteDoc] = field(default_factory=list)  # the running one and the one before, oldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthDoc:
    """The best levels of one product's book: [price, base size], best first."""

    product_id: str
    bids: list[list[float]]
    asks: list[list[float]]
    at_ms: int  # when the book last changed


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketDoc:
    """`market.json`: best bid and ask of each product, and the book where it is kept, every second."""

    version: int = 1
    ts_ms: int
    quotes: list[Quote]
    depth: list[DepthDoc] = field(default_factory=list)
