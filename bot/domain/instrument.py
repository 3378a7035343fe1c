"""What may be traded, and in which steps."""

from dataclasses import dataclass
from decimal import Decimal

from shared.money import floor_to, to_units


def currencies_of(product_id: str) -> tuple[str, str]:
    """(base, quote) of a public product id ("BASE-QUOTE" on every venue), for what no instrument list showed."""
    base, _, quote = product_id.partition("-")
    return base, quote


def product_id_of(base: str, quote: str) -> str:
    """The public product id."""
    return f"{base}-{quote}"


@dataclass(frozen=True, slots=True)
class Instrument:
    """What may be traded and in which steps. Sizes in base, notionals in quote units."""

    product_id: str
    base: str
    quote: str
    base_increment: Decimal
    quote_increment: Decimal
    price_increment: Decimal
    base_min_size: Decimal
    base_max_size: Decimal
    quote_min_size: Decimal
    quote_max_size: Decimal
    price: Decimal | None = None  # last trade as the product list shows it
    halted: str | None = None  # why no new order is taken (cancel_only, trading_disabled, …); None = open
    limit_only: bool = False
    post_only: bool = False

    def ticks(self, price: Decimal) -> int:
        """The crossing from exact price to the rulebook's whole ticks."""
        return to_units(price, self.price_increment)

    def floor_size(self, base_size: Decimal) -> Decimal:
        return floor_to(base_size, self.base_increment)

    def floor_quote(self, quote_size: Decimal) -> Decimal:
        return floor_to(quote_size, self.quote_increment)

    def sellable(self, base_size: Decimal, price: Decimal) -> bool:
        """Whether the exchange takes a sale of this much; what it does not take is dust."""
        size = self.floor_size(base_size)
        return size > 0 and size >= self.base_min_size and size * price >= self.quote_min_size
