"""A year's disposals by one method: sums for a page, rows for a file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

from shared.money import ZERO, plain
from statements.methods import account, cost_of
from statements.second_look import agrees
from statements.trades import Disposal, Holding, Trade

HEADER = (
    "product,size,acquired_at_utc,sold_at_utc,held_days,proceeds_after_fee,cost_with_fee,gain,currency,method,lot_id"
)
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class TaxYear:
    """Amounts by quote currency, as each is an account of its own; gains of what was sold with a known cost."""

    year: int
    method: str
    disposals: tuple[Disposal, ...]
    held: tuple[Holding, ...]  # what is left of all purchases by this method, after every sale of every year
    gain: dict[str, Decimal]
    proceeds: dict[str, Decimal]
    other_years: dict[str, Decimal]  # gain of what was sold before or after this year
    unknown: tuple[Disposal, ...]  # sold in this year, bought where this ledger does not reach
    checked: bool  # a second computation comes to the same gains, to the cent

    @property
    def held_cost(self) -> dict[str, Decimal]:
        """What the rest had cost, with its fees."""
        currencies = {currency(one.product_id) for one in self.held}
        return {c: cost_of(one for one in self.held if currency(one.product_id) == c) for c in sorted(currencies)}


def currency(product_id: str) -> str:
    """The quote currency of a product such as BTC-USD."""
    return product_id.rpartition("-")[2]


def years(trades: Sequence[Trade]) -> list[int]:
    """UTC years in which something was sold, newest first."""
    return sorted({_year(trade.at_ms) for trade in trades if not trade.buys}, reverse=True)


def tax_year(trades: Sequence[Trade], year: int, method: str) -> TaxYear:
    """Raises ValueError for a method that there is not."""
    found = account(trades, method)
    mine = tuple(one for one in found.disposals if one.sold_year == year)
    known = [one for one in mine if one.gain is not None]
    others = [one for one in found.disposals if one.gain is not None and one.sold_year != year]
    return TaxYear(
        year,
        method,
        mine,
        found.held,
        _sums((one.product_id, one.gain) for one in known if one.gain is not None),
        _sums((one.product_id, one.proceeds) for one in known),
        _sums((one.product_id, one.gain) for one in others if one.gain is not None),
        tuple(one for one in mine if one.gain is None),
        agrees(found, trades),
    )


def _sums(amounts: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for product_id, value in amounts:
        found[currency(product_id)] = found.get(currency(product_id), ZERO) + value
    return found


def csv(found: TaxYear) -> str:
    """One row a disposal, by the time of the sale; cost and gain are empty where the purchase is not known.

    Proceeds, cost and gain are to the cent; each row's gain is its proceeds less its cost, so that columns add up.
    """
    return "".join(f"{line}\r\n" for line in (HEADER, *(_row(one, found.method) for one in found.disposals)))


def _row(one: Disposal, method: str) -> str:
    proceeds, cost = _cents(one.proceeds), None if one.cost is None else _cents(one.cost)
    cells = (
        one.product_id, plain(one.size), _stamp(one.bought_ms), _stamp(one.sold_ms), one.held_days, proceeds, cost,
        None if cost is None else proceeds - cost, currency(one.product_id), method, one.lot_id,
    )  # fmt: skip
    return ",".join("" if cell is None else str(cell) for cell in cells)


def _cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def _stamp(ms: int | None) -> str:
    return "" if ms is None else f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"


def _year(ms: int) -> int:
    return datetime.fromtimestamp(ms / 1000, UTC).year
