"""What the lots earned, against what the backtest assumes on the same decisions, and where the difference comes from.

The backtest fills a market order at the best price of the tape's next line of that product, at the tier's taker fee,
and a resting take at its own price, at the maker fee. The ledger says what the exchange really did.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median
from types import MappingProxyType
from typing import Any

from bot.rules.sizing import base_steps, quote_units
from shared.ledger.db import Database
from shared.ledger.schema import fills, lots
from shared.ledger.tables import select
from shared.times import from_epoch_ms, iso_seconds

Line = dict[str, Any]
Row = Mapping[Any, Any]


@dataclass(slots=True)
class Decision:
    """An order as it was decided, and the first price after it."""

    order: Line
    at_ms: int
    fees: tuple[Decimal, Decimal]  # maker, taker
    next_price: Decimal | None = None  # best ask for a purchase, best bid for a sale


@dataclass(frozen=True, slots=True)
class LotResult:
    """One closed lot: what it earned, what the backtest says, and the parts of the difference, in quote units."""

    lot_id: str
    product_id: str
    closed_ms: int
    real: Decimal
    assumed: Decimal
    by_entry_price: Decimal
    by_exit_price: Decimal
    by_fees: Decimal
    by_size: Decimal
    latencies_ms: tuple[int, ...]  # from each decision to the news of its last fill

    @property
    def rest(self) -> Decimal:
        """What no part explains."""
        parts = self.by_entry_price + self.by_exit_price + self.by_fees + self.by_size
        return self.real - self.assumed - parts


@dataclass(slots=True)
class Tracker:
    """Collects decisions and the prices after them while a tape is read; and the settings in force."""

    decisions: dict[str, Decision] = field(default_factory=dict)
    products: dict[str, Line] = field(default_factory=dict)
    in_force: tuple[int, Mapping[str, str]] = (0, MappingProxyType({}))  # since when (ms), texts
    stretches: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)  # each change of settings
    _fees: tuple[Decimal, Decimal] = (Decimal(0), Decimal(0))
    _waiting: dict[str, list[Decision]] = field(default_factory=dict)

    def watch(self, lines: Iterable[Line]) -> Iterable[Line]:
        """Hand the lines on, looking at each."""
        for line in lines:
            self._look(line)
            yield line

    def _look(self, line: Line) -> None:
        told = line.get("boot") or line.get("reload")
        if told is not None and told["settings"] != self.in_force[1]:
            self.in_force = (line["t"], told["settings"])
            self.stretches.append(self.in_force)
        for row in line.get("products", ()):
            self.products[row["product_id"]] = row
        if "fees" in line:
            self._fees = (Decimal(line["fees"][0]), Decimal(line["fees"][1]))
        if "price" in line:
            product_id, price, bid, ask, _ = line["price"]
            for decision in self._waiting.pop(product_id, ()):
                side = ask if decision.order["side"] == "BUY" else bid
                decision.next_price = Decimal(side or price)
        for order in line.get("orders", ()):
            decision = Decision(order, line["t"], self._fees)
            self.decisions[order["client_order_id"]] = decision
            if order["kind"] == "market":
                self._waiting.setdefault(order["product_id"], []).append(decision)


def earned(ledger: Database, tracker: Tracker, since_ms: int) -> tuple[list[LotResult], int]:
    """(closed lots that the tape knows whole, closed lots that it does not). Raises LedgerError."""
    found, unknown = [], 0
    closed = f"{select(lots)}WHERE closed_ms >= :since ORDER BY closed_ms, seq"
    of_lot = f"{select(fills)}WHERE lot_id = :lot ORDER BY exchange_ms"
    with ledger.connect() as db:
        for lot in db.rows(closed, {"since": since_ms}, of=lots):
            filled = [fill._asdict() for fill in db.rows(of_lot, {"lot": lot.lot_id}, of=fills)]
            one = _of_lot(lot._asdict(), filled, tracker)
            unknown += one is None
            found += [one] if one is not None else []
    return found, unknown


def _of_lot(lot: Row, filled: Sequence[Row], tracker: Tracker) -> LotResult | None:
    entry = tracker.decisions.get(lot["lot_id"])
    sales = [fill for fill in filled if fill["side"] == "SELL"]
    exits = [tracker.decisions.get(fill["client_order_id"]) for fill in sales]
    product = tracker.products.get(lot["product_id"])
    dusty = lot["dust"] != 0
    if entry is None or entry.next_price is None or not sales or None in exits or product is None or dusty:
        return None
    last = exits[-1]
    assert last is not None
    sold_at = Decimal(last.order["limit_price"]) if last.order["kind"] == "limit" else last.next_price
    if sold_at is None:
        return None
    maker, taker = last.fees
    bought = _assumed_size(entry, product)
    fee_in, fee_out = entry.fees[1], maker if last.order["kind"] == "limit" else taker
    assumed = bought * (sold_at * (1 - fee_out) - entry.next_price * (1 + fee_in))
    size, cost, proceeds = (lot[name] for name in ("base_bought", "cost", "proceeds"))
    fees = lot["entry_fee"] + lot["exit_fee"]
    buys = [fill for fill in filled if fill["side"] == "BUY"]
    came = [max(int(fill["received_ms"]) for fill in buys) - entry.at_ms] if buys else []
    if last.order["kind"] == "market":
        came.append(max(int(fill["received_ms"]) for fill in sales) - last.at_ms)
    return LotResult(
        lot["lot_id"], lot["product_id"], lot["closed_ms"], lot["realized_pnl"], assumed,
        by_entry_price=size * entry.next_price - cost,
        by_exit_price=proceeds - size * sold_at,
        by_fees=size * (entry.next_price * fee_in + sold_at * fee_out) - fees,
        by_size=(size - bought) * (sold_at * (1 - fee_out) - entry.next_price * (1 + fee_in)),
        latencies_ms=tuple(came),
    )  # fmt: skip


def agreement(found: Sequence[LotResult]) -> float | None:
    """Part of the lots' results that the backtest shares: 1 - sum of what lies between / sum of the larger of each two.

    Lot by lot, so that a gain too much here does not make up for a loss too much there. None = nothing to compare.
    """
    apart = sum((abs(lot.real - lot.assumed) for lot in found), Decimal(0))
    whole = sum((max(abs(lot.real), abs(lot.assumed)) for lot in found), Decimal(0))
    return max(0.0, 1.0 - float(apart / whole)) if whole else None


def totals(found: Sequence[LotResult]) -> tuple[Decimal, Decimal]:
    """(what the lots earned, what the backtest says)."""
    real, assumed = (sum((getattr(lot, name) for lot in found), Decimal(0)) for name in ("real", "assumed"))
    return real, assumed


def _assumed_size(entry: Decision, product: Mapping[str, str]) -> Decimal:
    """What the loop buys for the order's quote at the next price, fee included."""
    assert entry.next_price is not None
    tick, step = Decimal(product["price_increment"]), Decimal(product["base_increment"])
    units = quote_units(float(entry.order["quote_size"]), float(tick * step))
    return base_steps(units, round(entry.next_price / tick), round(entry.fees[1] * 1_000_000)) * step


def lines(found: list[LotResult], unknown: int, currency: str) -> list[str]:
    """What was found, for people."""
    out = []
    if unknown:
        out.append(
            f"· {unknown:,} closed lots are not compared: opened before the recording, sold by hand, or partly dust"
        )
    if not found:
        return [*out, "· No lot was opened and closed on the tape: results are not compared"]
    real, assumed = totals(found)
    parts = {
        "price at entry": sum((lot.by_entry_price for lot in found), Decimal(0)),
        "price at exit": sum((lot.by_exit_price for lot in found), Decimal(0)),
        "fees": sum((lot.by_fees for lot in found), Decimal(0)),
        "size": sum((lot.by_size for lot in found), Decimal(0)),
        "rest": sum((lot.rest for lot in found), Decimal(0)),
    }
    mark = "✓" if abs(parts["rest"]) < Decimal("0.01") * len(found) else "✗"
    words = ", ".join(f"{name} {value:+.2f}" for name, value in parts.items())
    out.append(
        f"{mark} {len(found):,} lots: the bot earned {real:+,.2f} {currency}, the backtest on the same decisions "
        f"{assumed:+,.2f}; the {real - assumed:+,.2f} between them: {words}"
    )
    waits = sorted(ms for lot in found for ms in lot.latencies_ms)
    if waits:
        late = waits[min(len(waits) - 1, round(len(waits) * 0.95))]
        out.append(
            f"· From decision to fill report: median {median(waits):,.0f} ms, 95 % within {late:,} ms, worst "
            f"{waits[-1]:,} ms ({len(waits):,} market orders)"
        )
    worst = max(found, key=lambda lot: abs(lot.real - lot.assumed))
    at = iso_seconds(from_epoch_ms(worst.closed_ms))
    out.append(
        f"· Largest difference: {worst.product_id} closed {at}: {worst.real:+,.2f} against {worst.assumed:+,.2f}"
    )
    return out
