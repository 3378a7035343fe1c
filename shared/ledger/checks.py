"""What must hold in a ledger, each as a function from the evidence to its findings.

The sums are added up here a second time, straight from the fills and without the reducer, so that a mistake in the
one shows in the other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from decimal import Decimal

from shared.ledger import schema as t
from shared.ledger.dump import spelled
from shared.ledger.events import EventType, JournalEvent, Row, UnreadableEvent
from shared.ledger.evidence import Evidence
from shared.ledger.journal_writer import GENESIS, link
from shared.ledger.reduce import DONE_STATES, blank, key_of
from shared.ledger.replay import Memory
from shared.ledger.shape import outdated
from shared.ledger.tables import Table
from shared.lot_money import average_price, realized_pnl
from shared.money import ZERO, plain

ORDER_STATES = DONE_STATES | {"new", "sent", "unknown", "open", "cancelling"}


def file(e: Evidence) -> Iterator[str]:
    """The database's own check of its pages and indexes."""
    yield from e.file_errors


def schema(e: Evidence) -> Iterator[str]:
    """Revision, tables, columns and indexes are those of this program."""
    if (why := outdated(e.revision)) is not None:
        yield why
    yield from e.shape


def keys(e: Evidence) -> Iterator[str]:
    """What may be there once is there once: keys, the exchange's order ids, the numbers of lots."""
    for table, rows in e.rows.items():
        yield from _doubled(table.name, (key_of(table, row) for row in rows))
    yield from _doubled("order_id", (o["order_id"] for o in e.rows[t.orders] if o["order_id"] is not None))
    yield from _doubled("lot number", (lot["seq"] for lot in e.rows[t.lots]))


def _doubled(what: str, values: Iterable[object]) -> Iterator[str]:
    for value, count in Counter(values).items():
        if count > 1:
            yield f"{what} {value} occurs {count} times"


def amounts(e: Evidence) -> Iterator[str]:
    """Every amount is a plain, finite number."""
    yield from e.bad_amounts


def chain(e: Evidence) -> Iterator[str]:
    """The journal is whole: numbered from 1 without a gap, every row hashed on top of the one before."""
    before = GENESIS
    for expected, row in enumerate(e.journal, 1):
        if row.seq != expected:
            yield f"row {expected} is missing: {row.seq} follows {expected - 1}"
            return
        if link(before, row.seq, row.at_ms, row.boot_id, row.data) != row.chain:
            yield f"row {row.seq} was changed, or does not follow the row before it"
            return
        before = row.chain


def replayed(e: Evidence) -> Iterator[str]:
    """Every table is what the journal comes to, row by row."""
    memory = Memory()
    for row in e.journal:
        try:
            memory.take(row)
        except (UnreadableEvent, KeyError, TypeError, ValueError, ArithmeticError) as error:
            yield f"row {row.seq} of the journal cannot be replayed: {error}"
            return
    for table in t.DERIVED:
        there = {key_of(table, row): row for row in e.texts[table]}
        given = {key_of(table, row): row for row in spelled(table, memory.tables[table].values())}
        for key in sorted(there.keys() | given.keys(), key=str):
            yield from _compared(table, key, there.get(key), given.get(key))


def _compared(table: Table, key: object, there: Row | None, given: Row | None) -> Iterator[str]:
    if there == given:
        return
    name = f"{table.name} {', '.join(str(part)[-40:] for part in key) if isinstance(key, tuple) else key}"
    if there is None:
        yield f"{name} is missing, the journal has it"
    elif given is None:
        yield f"{name} follows from no event of the journal"
    else:
        changed = [column for column in there if there[column] != given[column]]
        told = (f"{c} is {str(there[c])[:60]}, the journal gives {str(given[c])[:60]}" for c in changed)
        yield f"{name}: {'; '.join(told)}"


def orders(e: Evidence) -> Iterator[str]:
    """Each order's fills add up to what it says of them, and its state is one that there is."""
    of = e.fills_of("client_order_id")
    for order in e.rows[t.orders]:
        name, filled = order["client_order_id"], of.get(order["client_order_id"], [])
        size = sum((f["base_size"] for f in filled), ZERO)
        quote = sum((f["base_size"] * f["price"] for f in filled), ZERO)
        if (size, quote) != (order["counted_size"], order["counted_quote"]):
            yield f"{name}: its fills are {plain(size)} for {plain(quote)}, it counted {plain(order['counted_size'])}"
        if order["filled_size"] < size:
            yield f"{name}: filled {plain(order['filled_size'])}, but its fills are {plain(size)}"
        if order["state"] not in ORDER_STATES:
            yield f"{name}: no state is called {order['state']!r}"
        over = order["state"] in DONE_STATES and size >= order["filled_size"] and (order["state"] != "filled" or size)
        if bool(order["settled"]) != bool(over):
            yield f"{name}: {order['state']}, {plain(size)} of {plain(order['filled_size'])} counted, yet " + (
                "marked as settled" if order["settled"] else "not marked as settled"
            )


def fills(e: Evidence) -> Iterator[str]:
    """Each fill belongs to an order of the ledger, of its product and side, and to a lot where it names one."""
    by_id = {order["client_order_id"]: order for order in e.rows[t.orders]}
    lot_ids = {lot["lot_id"] for lot in e.rows[t.lots]}
    for fill in e.rows[t.fills]:
        name, order = f"fill {fill['trade_id']} of {fill['order_id']}", by_id.get(fill["client_order_id"])
        if order is None:
            yield f"{name}: its order {fill['client_order_id']} is not in the ledger"
            continue
        for column in ("product_id", "side"):
            if order[column] != fill[column]:
                yield f"{name}: {column} {fill[column]}, its order's is {order[column]}"
        if order["order_id"] not in (None, fill["order_id"]):
            yield f"{name}: its order is {order['order_id']}"
        if fill["lot_id"] is not None and fill["lot_id"] not in lot_ids:
            yield f"{name}: its lot {fill['lot_id']} is not in the ledger"
        if fill["price"] <= 0 or fill["base_size"] <= 0:
            yield f"{name}: {plain(fill['base_size'])} at {plain(fill['price'])}"


def lots(e: Evidence) -> Iterator[str]:
    """Each lot is what its fills come to: bought, sold, left, cost, fees, result."""
    of, late = e.fills_of("lot_id"), _came_late(e)
    for lot in e.rows[t.lots]:
        # What was sold for a closed lot changed nothing in it; it is in the ledger, and was told.
        filled = [fill for fill in of.get(lot["lot_id"], []) if (fill["order_id"], fill["trade_id"]) not in late]
        if not any(fill["side"] == "BUY" for fill in filled):
            yield f"lot {lot['lot_id']}: no fill bought it"
            continue
        for column, value in _of_fills(lot, filled).items():
            if lot[column] != value:
                yield f"lot {lot['lot_id']}: {column} is {_plain(lot[column])}, its fills come to {_plain(value)}"


def _came_late(e: Evidence) -> set[tuple[str, str]]:
    """Sales that came when their lot was closed already, by the order of the journal: clocks may be set back."""
    closed: set[str] = set()
    late: set[tuple[str, str]] = set()
    for _, event in e.events():
        data = event.data
        if event.word is EventType.FILL and data["side"] == "SELL" and data.get("lot_id") in closed:
            late.add((data["order_id"], data["trade_id"]))
        elif event.word in (EventType.LOT, EventType.LOT_SET) and data.get("closed_ms") is not None:
            closed.add(data["lot_id"])
    return late


def _of_fills(lot: Row, filled: list[Row]) -> dict[str, Decimal | None]:
    size, cost, fee = _sums([f for f in filled if f["side"] == "BUY"])
    out, proceeds, exit_fee = _sums([f for f in filled if f["side"] == "SELL"])
    left = size - out
    closed = lot["closed_ms"] is not None
    return {
        "base_bought": size,
        "cost": cost,
        "entry_fee": fee,
        "open_price": average_price(cost, size) if size else ZERO,
        "proceeds": proceeds,
        "exit_fee": exit_fee,
        "base_left": ZERO if closed else left,
        "dust": left if closed else ZERO,
        "realized_pnl": realized_pnl(cost, fee, size, left, proceeds, exit_fee) if closed and size else None,
    }


def _sums(filled: list[Row]) -> tuple[Decimal, Decimal, Decimal]:
    """(size, price x size, fees)."""
    size, quote, fee = ZERO, ZERO, ZERO
    for fill in filled:
        size += fill["base_size"]
        quote += fill["base_size"] * fill["price"]
        fee += fill["fee"]
    return size, quote, fee


def _plain(value: Decimal | None) -> str:
    return "none" if value is None else plain(value)


def days(e: Evidence) -> Iterator[str]:
    """Each day's fees, results and transfers are those of the fills, lots and transfers while it was the newest."""
    results = {lot["lot_id"]: lot["realized_pnl"] for lot in e.rows[t.lots]}
    closed: set[str] = set()
    sums: dict[str, dict[str, Decimal]] = {}
    for _, event in e.events():
        _add_to_day(sums, event, results, closed)
    for day in e.rows[t.days]:
        expected = sums.get(day["day"])
        if expected is None:
            yield f"{day['day']}: no event began it"
            continue
        for column, value in expected.items():
            if day[column] != value:
                yield f"{day['day']}: {column} {plain(day[column])}, its fills, lots and transfers make {plain(value)}"


def _add_to_day(
    sums: dict[str, dict[str, Decimal]], event: JournalEvent, results: dict[str, Decimal | None], closed: set[str]
) -> None:
    data = event.data
    newest = max(sums, default=None)
    if event.word is EventType.ROW and data["table"] in ("days", "lots"):
        row = data["row"]
        if data["table"] == "days":
            sums[row["day"]] = {name: row[name] for name in ("fees", "realized", "transfers")}
        elif row.get("closed_ms") is not None:
            closed.add(row["lot_id"])
    elif event.word is EventType.DAY and data["day"] not in sums:
        empty = blank(t.days)
        sums[data["day"]] = {name: data.get(name, empty[name]) for name in ("fees", "realized", "transfers")}
    elif event.word is EventType.TRANSFER and data["day"] in sums:
        sums[data["day"]]["transfers"] += data["amount"]
    elif event.word is EventType.FILL and newest is not None:
        sums[newest]["fees"] += data.get("fee", ZERO)  # what is as in a blank row is left out
    elif event.word is EventType.LOT and data.get("closed_ms") is not None and data["lot_id"] not in closed:
        closed.add(data["lot_id"])
        if newest is not None:
            sums[newest]["realized"] += results.get(data["lot_id"]) or ZERO


def derived(e: Evidence) -> Iterator[str]:
    """No money was ever set by hand: every amount follows from fills and transfers."""
    for row, event in e.events():
        if event.word in (EventType.LOT_SET, EventType.DAY_SET):
            names = ", ".join(name for name in event.data if name not in ("lot_id", "day"))
            what = event.data.get("lot_id") or event.data.get("day")
            yield f"row {row.seq} of the journal sets {names} of {what}, which no fill explains"


def commands(e: Evidence) -> Iterator[str]:
    """A command that ended says when; at most one kill latch holds."""
    for command in e.rows[t.commands]:
        if command["state"] != "seen" and command["done_ms"] is None:
            yield f"command {command['id']}: {command['state']}, but not when"
    held = [latch["latch_id"] for latch in e.rows[t.latches] if latch["kind"] == "kill" and latch["lifted_ms"] is None]
    if len(held) > 1:
        yield f"{len(held)} kill latches hold at once: {', '.join(held)}"
