"""A market without a crowd of its own, for tests that say themselves what happens."""

from simulator.core.bars import Print, SimBar
from simulator.core.products import SimProduct, other_product
from simulator.core.venue import VenueRules
from simulator.exchange import Config, Exchange
from simulator.store import Store

DEFAULT_RULES = VenueRules()
NOW = 1_790_000_000_000_000
PRODUCT = SimProduct(
    "ABC-USD", "Abc", "US Dollar", "0.01", "0.001", "0.01", "0.001", "100000", "1", "100000000", "100", 100_000
)


class Quiet:
    """A tape on which nothing happens."""

    begins = 0

    def __init__(self, *products: SimProduct) -> None:
        self.products = products or (PRODUCT,)

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
        return 2

    def depth_percent(self, product_id: str, minute: int) -> int:
        return 100


def quiet_exchange(rules: VenueRules = DEFAULT_RULES, funds: str = "10000", *products: SimProduct) -> Exchange:
    """An exchange with an empty book."""
    config = Config(rules=rules, funds=funds, levels=50, enforce_rate_limits=False)
    return Exchange(Quiet(*products), Store(None), config, NOW)


__all__ = ["NOW", "PRODUCT", "Quiet", "other_product", "quiet_exchange"]
