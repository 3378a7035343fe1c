"""What was published, as the judge reads it: samples of the documents, each beside what was true at that moment."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from simtest.judge.case import Case, Row, dec
from simtest.judge.intervals import LASTS_S, clear, runs

# These change a price or repeat what was told: none of them keeps a fill, a balance or an answer from the bot.
HIDES_NOTHING = frozenset({"ws_price", "ws_twice", "page_twice", "crash_at_commit", "crash_at_send"})
HIDES = frozenset(LASTS_S) - HIDES_NOTHING | {"gate", "delist", "lose_ledger", "old_ledger", "restored"}
HIDES |= {"ledger_removed"}
BOOT_US = 30_000_000  # after the start of a process all that it missed has been fetched


# An own fill is told by the stream, and asked for when that is silent: the slowest network takes two seconds.
NEWS_US = 15_000_000
# A deposit or a stranger's trade is believed when two answers in a row show it, half a minute apart.
SYNC_US = 80_000_000


def samples(case: Case) -> list[Row]:
    """Those of the bot's own processes, oldest first."""
    return [row for row in case.truth["published"]["samples"] if row["life"] > 0]


def settled(case: Case) -> Iterator[Row]:
    """Samples whose figures the bot knows of the exchange, and whose ledger is written."""
    for row in samples(case):
        if row["positions"] is not None and row["ledger_ok"]:
            yield row


def neighbours(case: Case) -> Iterator[tuple[Row, Row]]:
    """Two samples in a row of one process, both settled."""
    for before, after in pairwise(samples(case)):
        if before["life"] == after["life"] and all(
            row["positions"] is not None and row["ledger_ok"] for row in (before, after)
        ):
            yield before, after


def lot_rows(case: Case) -> list[Row]:
    """Rows of the ledger's lots, by the number that samples name them by."""
    return _named(case, "lots")


def shown_lots(case: Case) -> list[Row]:
    """The same of the lots that `bot_state.json` shows."""
    return _named(case, "shown")


def shown_orders(case: Case) -> list[Row]:
    """The same of its orders."""
    return _named(case, "orders")


def _named(case: Case, kind: str) -> list[Row]:
    told = case.truth["published"]
    return [dict(zip(told["fields"][kind], row, strict=True)) for row in told[kind]]


def hears(case: Case, from_us: int, until_us: int) -> bool:
    """Whether nothing kept the bot from hearing what happened then: no fault, no end or sleep of its process."""
    return runs(case, from_us - BOOT_US, until_us) and clear(case, HIDES, from_us, until_us)


def at_rest(case: Case, from_us: int, until_us: int) -> bool:
    """Whether no own order moved the account then: balances are taken over only while none but takes is at work."""
    takes = {row["client_order_id"] for row in case.tables["orders"] if row["purpose"] == "take"}
    if any(from_us <= fill["us"] <= until_us for fill in case.truth["venue"]["fills"]):
        return False
    return not any(
        order["created_us"] <= until_us and (order["done_us"] is None or order["done_us"] >= from_us)
        for order in case.own
        if order["client_order_id"] not in takes
    )


@dataclass(slots=True)
class LotFills:
    """What the exchange filled for one lot, oldest first: (when, size)."""

    product_id: str
    bought: list[tuple[int, Decimal]]
    sold: list[tuple[int, Decimal]]


def fills_by_lot(case: Case) -> dict[str, LotFills]:
    """Lot → the exchange's fills of its orders; the ledger says which orders are a lot's."""
    found: dict[str, LotFills] = {}
    for order in case.own:
        row = case.row_of.get(order["client_order_id"])
        if row is None:
            continue
        entry = row["purpose"] == "entry"
        lot_id = row["lot_id"] or (row["client_order_id"] if entry else None)
        fills = case.fills_of.get(order["order_id"], ())
        if lot_id is None or not fills:
            continue
        lot = found.setdefault(lot_id, LotFills(order["product_id"], [], []))
        (lot.bought if entry else lot.sold).extend((int(fill["us"]), dec(fill["size"])) for fill in fills)
    return found


def until(fills: list[tuple[int, Decimal]], us: int) -> Decimal:
    """The size that was filled by then."""
    return sum((size for at_us, size in fills if at_us <= us), Decimal(0))


def near(shown: float, true: Decimal | float, least: float = 1e-6) -> bool:
    """Whether a figure is what it should be, but for the last digits of a float."""
    return abs(float(shown) - float(true)) <= max(least, abs(float(true)) * 1e-9)
