"""The same gains computed a second time, another way: exact fractions of unit costs, each product apart.

Plain and slow; it shares no code with `methods`. A figure for a tax office is shown only where both agree to the cent.
"""

from collections.abc import Iterable
from decimal import Context, Decimal
from fractions import Fraction

from statements.methods import Account
from statements.trades import Trade

HALF_CENT = Decimal("0.005")
_SUM = Context(prec=60)  # sums of fractions of many denominators would grow without end


def gains(trades: Iterable[Trade], method: str) -> dict[tuple[str, int], Decimal]:
    """(product, UTC year of the sale) → gain of all that was sold with a known cost, in quote currency."""
    by_product: dict[str, list[Trade]] = {}
    for trade in trades:
        by_product.setdefault(trade.product_id, []).append(trade)
    found: dict[tuple[str, int], Decimal] = {}
    for product_id, own in by_product.items():
        for year, gain in _of_product(own, method):
            exact = _SUM.divide(Decimal(gain.numerator), Decimal(gain.denominator))
            found[product_id, year] = _SUM.add(found.get((product_id, year), Decimal(0)), exact)
    return found


class _Bought:
    """A purchase: what is left of it, and its unit cost."""

    def __init__(self, trade: Trade) -> None:
        self.trade, self.left = trade, Fraction(trade.size)
        self.unit = (Fraction(trade.quote) + Fraction(trade.fee)) / self.left


def _of_product(trades: list[Trade], method: str) -> Iterable[tuple[int, Fraction]]:
    """(year, gain) of each sale, oldest first."""
    coming = sorted((t for t in trades if t.buys and t.size), key=lambda t: (t.at_ms, t.trade_id), reverse=True)
    stock: list[_Bought] = []  # oldest first
    for sale in sorted((t for t in trades if not t.buys and t.size), key=lambda t: (t.at_ms, t.trade_id)):
        while coming and coming[-1].at_ms <= sale.at_ms:
            stock.append(_Bought(coming.pop()))
        to_sell = Fraction(sale.size)
        price = (Fraction(sale.quote) - Fraction(sale.fee)) / to_sell
        gain = Fraction(0)
        for one in _sorted(stock, sale, method):
            taken = min(one.left, to_sell)
            one.left -= taken
            to_sell -= taken
            gain += taken * (price - one.unit)
            if not to_sell:
                break
        stock = [one for one in stock if one.left]
        yield _year(sale.at_ms), gain


def _sorted(stock: list[_Bought], sale: Trade, method: str) -> list[_Bought]:
    match method:
        case "lifo":
            return stock[::-1]
        case "hifo":
            return sorted(stock, key=lambda one: one.unit, reverse=True)  # stable: the older one first where equal
        case "specific":
            return sorted(stock, key=lambda one: sale.lot_id is None or one.trade.lot_id != sale.lot_id)
    return stock


def _year(at_ms: int) -> int:
    """Of the Gregorian calendar in UTC, by counting days (the other computation asks `datetime`)."""
    days, year = at_ms // 86_400_000, 1970
    while True:
        length = 366 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 365
        if days < length:
            return year
        days, year = days - length, year + 1


def agrees(found: Account, trades: Iterable[Trade]) -> bool:
    """Whether the account's gains are those of the second computation, to half a cent for each product and year."""
    first: dict[tuple[str, int], Decimal] = {}
    for one in found.disposals:
        if one.gain is not None:
            key = one.product_id, one.sold_year
            first[key] = first.get(key, Decimal(0)) + one.gain
    second, zero = gains(trades, found.method), Decimal(0)
    return all(abs(first.get(key, zero) - second.get(key, zero)) < HALF_CENT for key in first.keys() | second.keys())
