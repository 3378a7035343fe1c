"""A market on which nothing happens by itself, for measurements and tests that say themselves what happens."""

from simulator.core.bars import Print, SimBar
from simulator.core.products import SimProduct


class QuietMarket:
    """A source of market data without data: no bar, no trade, an even spread. As `MarketSource`."""

    # ruff: noqa: ARG002  a source is asked for more than this one needs to know
    begins = 0

    def __init__(self, *products: SimProduct, half_spread_ticks: int = 2) -> None:
        self.products = products
        self._half_spread = half_spread_ticks

    def minute(self, product_id: str, minute: int) -> SimBar | None:
        return None

    def bar(self, product_id: str, start_s: int, seconds: int) -> SimBar | None:
        return None

    def prints(self, product_id: str, minute: int) -> list[Print]:
        return []

    def over(self, product_id: str, minute: int) -> bool:
        return False

    def gate(self, product_id: str, minute: int) -> str | None:
        return None

    def half_spread(self, product_id: str, minute: int) -> int:
        return self._half_spread

    def depth_percent(self, product_id: str, minute: int) -> int:
        return 100
