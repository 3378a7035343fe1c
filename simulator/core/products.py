"""The products that are traded, their grids and their gates."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import NamedTuple

from simulator.core.units import DECIMALS, ONE, text, to_atoms

FEE_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class SimProduct:
    """What stays the same about one product. Prices count in ticks, sizes in steps."""

    product_id: str
    base_name: str
    quote_name: str
    price_increment: str  # quote per base
    base_increment: str
    quote_increment: str
    base_min_size: str
    base_max_size: str
    quote_min_size: str
    quote_max_size: str
    reference_price: str  # the synthetic market wanders about this
    daily_volume: int  # base units on a usual day of the synthetic market
    alias_to: tuple[str, ...] = ()
    alias: str = ""  # the product whose book this one shares
    tick: int = field(init=False)  # atoms
    step: int = field(init=False)  # atoms
    unit: int = field(init=False)  # atoms of quote in one tick times one step

    def __post_init__(self) -> None:
        decimals = sum(_decimals(value) for value in (self.price_increment, self.base_increment))
        if decimals + FEE_DECIMALS > DECIMALS:
            raise ValueError(f"{self.product_id}: amounts would be finer than an atom")
        object.__setattr__(self, "tick", to_atoms(self.price_increment))
        object.__setattr__(self, "step", to_atoms(self.base_increment))
        object.__setattr__(self, "unit", self.tick * self.step // ONE)

    @property
    def base(self) -> str:
        return self.product_id.partition("-")[0]

    @property
    def quote(self) -> str:
        return self.product_id.partition("-")[2]

    def price_text(self, ticks: int) -> str:
        return text(ticks * self.tick)

    def size_text(self, steps: int) -> str:
        return text(steps * self.step)


def alias_of(product: SimProduct, alias: str) -> SimProduct:
    """The same book under another quote currency's id."""
    quote = alias.partition("-")[2]
    return replace(product, product_id=alias, quote_name=NAMES.get(quote, quote), alias_to=(), alias=product.product_id)


def _decimals(value: str) -> int:
    exponent = Decimal(value).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


class TradingStatus(NamedTuple):
    """What a product lets through; changed by scenarios, replay's end and the admin API."""

    status: str = "online"
    status_message: str = ""
    trading_disabled: bool = False
    is_disabled: bool = False
    cancel_only: bool = False
    limit_only: bool = False
    post_only: bool = False
    auction_mode: bool = False
    view_only: bool = False


OPEN = TradingStatus()
GATES: dict[str, TradingStatus] = {
    "online": OPEN,
    "cancel_only": TradingStatus("online", "Only cancels are accepted.", cancel_only=True),
    "limit_only": TradingStatus("online", "Only limit orders are accepted.", limit_only=True),
    "post_only": TradingStatus("online", "Only post-only orders are accepted.", post_only=True),
    "auction": TradingStatus("online", "The product is in an auction.", auction_mode=True),
    "offline": TradingStatus("offline", "Trading is disabled.", trading_disabled=True),
    "delisted": TradingStatus("delisted", "The product is delisted.", trading_disabled=True, is_disabled=True),
}


def _usd(
    base: str, name: str, tick: str, step: str, base_max: str, quote_max: str, price: str, daily: int
) -> SimProduct:
    return SimProduct(
        f"{base}-USD",
        name,
        "US Dollar",
        tick,
        step,
        tick,
        step,
        base_max,
        "1",
        quote_max,
        price,
        daily,
        (f"{base}-USDC",),
    )


DEFAULT_PRODUCTS: tuple[SimProduct, ...] = (
    _usd("BTC", "Bitcoin", "0.01", "0.00000001", "3400", "150000000", "65000", 5200),
    _usd("ETH", "Ethereum", "0.01", "0.00000001", "42000", "150000000", "3200", 76_000),
    _usd("SOL", "Solana", "0.01", "0.00000001", "1274000", "25000000", "150", 700_000),
    _usd("XRP", "XRP", "0.0001", "0.000001", "12000000", "10000000", "0.62", 90_000_000),
    _usd("ADA", "Cardano", "0.0001", "0.00000001", "30176000", "10000000", "0.45", 40_000_000),
    _usd("DOGE", "Dogecoin", "0.00001", "0.1", "141834300", "10000000", "0.125", 300_000_000),
)


# Served beside the usual ones where PRODUCTS names them: each costs a market of its own.
MORE_PRODUCTS: tuple[SimProduct, ...] = (
    _usd("LTC", "Litecoin", "0.01", "0.00000001", "190000", "10000000", "85", 300_000),
    _usd("BCH", "Bitcoin Cash", "0.01", "0.00000001", "22000", "10000000", "420", 40_000),
    _usd("AVAX", "Avalanche", "0.001", "0.00000001", "600000", "10000000", "28", 1_200_000),
    _usd("LINK", "Chainlink", "0.001", "0.01", "800000", "10000000", "14", 1_500_000),
    _usd("DOT", "Polkadot", "0.0001", "0.00000001", "1600000", "10000000", "5", 3_000_000),
)


def served(wanted: Sequence[str]) -> tuple[SimProduct, ...]:
    """The usual products and those of the others that are asked for by id."""
    return (*DEFAULT_PRODUCTS, *(product for product in MORE_PRODUCTS if product.product_id in wanted))


def other_product(product_id: str, price_increment: str = "0.01", price: str = "100") -> SimProduct:
    """A product that the table lacks, for recordings of it: usual increments, the given tick."""
    base, _, quote = product_id.partition("-")
    return SimProduct(
        product_id, base, quote, price_increment, "0.00000001", price_increment, "0.00000001",
        "100000000", "1", "50000000", price, 10_000,
    )  # fmt: skip


NAMES: dict[str, str] = {
    **{p.base: p.base_name for p in (*DEFAULT_PRODUCTS, *MORE_PRODUCTS)},
    "USD": "US Dollar",
    "USDC": "USDC",
    "PYUSD": "PayPal USD",
    "EUR": "Euro",
    "EURC": "EURC",
    "GBP": "British Pound",
}
FIAT: frozenset[str] = frozenset({"USD", "EUR", "GBP"})
