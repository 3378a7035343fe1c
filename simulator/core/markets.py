"""Synthetic markets by name."""

from simulator.core.lively import Lively
from simulator.core.products import DEFAULT_PRODUCTS, SimProduct
from simulator.core.synthetic import TEMPERS, Synthetic

MARKETS: tuple[str, ...] = ("lively", *TEMPERS)


def synthetic(name: str, seed: int, products: tuple[SimProduct, ...] = DEFAULT_PRODUCTS) -> Lively | Synthetic:
    """The market of that name, one of MARKETS. Raises KeyError."""
    return Lively(seed, products) if name == "lively" else Synthetic(seed, TEMPERS[name], products)
