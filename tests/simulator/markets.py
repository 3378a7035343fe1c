"""A market without a crowd of its own, for tests that say themselves what happens."""

from simulator.core.products import SimProduct, other_product
from simulator.core.quiet import QuietMarket
from simulator.core.venue import VenueRules
from simulator.exchange import Config, Exchange
from simulator.store import Store

DEFAULT_RULES = VenueRules()
NOW = 1_790_000_000_000_000
PRODUCT = SimProduct(
    "ABC-USD", "Abc", "US Dollar", "0.01", "0.001", "0.01", "0.001", "100000", "1", "100000000", "100", 100_000
)


def quiet(*products: SimProduct) -> QuietMarket:
    """A market on which nothing happens, of `PRODUCT` where none is named."""
    return QuietMarket(*(products or (PRODUCT,)))


def quiet_exchange(rules: VenueRules = DEFAULT_RULES, funds: str = "10000", *products: SimProduct) -> Exchange:
    """An exchange with an empty book."""
    config = Config(rules=rules, funds=funds, levels=50, enforce_rate_limits=False)
    return Exchange(quiet(*products), Store(None), config, NOW)


__all__ = ["NOW", "PRODUCT", "other_product", "quiet", "quiet_exchange"]
