"""What a source of market data gives: bars of any length, and each minute's trades."""

from typing import Protocol

from simulator.core.bars import Print, SimBar
from simulator.core.products import SimProduct

MINUTE_US = 60_000_000
GRANULARITIES: dict[str, int] = {
    "ONE_MINUTE": 60,
    "FIVE_MINUTE": 300,
    "FIFTEEN_MINUTE": 900,
    "THIRTY_MINUTE": 1800,
    "ONE_HOUR": 3600,
    "TWO_HOUR": 7200,
    "FOUR_HOUR": 14_400,
    "SIX_HOUR": 21_600,
    "ONE_DAY": 86_400,
}


class MarketSource(Protocol):
    """Pure: equal questions get equal answers, whatever was asked before. Minutes count from 1970."""

    @property
    def products(self) -> tuple[SimProduct, ...]: ...

    @property
    def begins(self) -> int:
        """First minute with data."""
        ...

    def over(self, product_id: str, minute: int) -> bool:
        """Whether there is no data of the product from this minute on."""
        ...

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        """The minute's bar; None = nothing traded."""
        ...

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        """The bar of a bucket of one of GRANULARITIES; None = nothing traded."""
        ...

    def prints(self, product_id: str, minute: int) -> list[Print]:
        """The minute's trades in order of time; they fold to `minute`'s bar."""
        ...

    def gate(self, product_id: str, minute: int) -> str | None:
        """The name of what the product lets through from this minute on; None = the tape has no say in it."""
        ...

    def half_spread(self, product_id: str, minute: int) -> int:
        """Usual distance in ticks from a print to the other side's best quote: follows volatility."""
        ...

    def depth_percent(self, product_id: str, minute: int) -> int:
        """Liquidity against the usual, in percent: thin when volatility is high."""
        ...
