"""Orders: what each came to (average, fee, result), on the page, in the API and in the export."""

import csv
import io
import re
from decimal import Decimal as D
from pathlib import Path
from typing import Any

import pytest

from dashboard import order_money
from dashboard.queries import LedgerQueries
from dashboard.rows import OrderMoney
from shared.ledger.open import open_writer
from shared.ledger.schema import fills, lots, orders
from shared.lot_money import realized_pnl
from tests.dashboard.conftest import Dash
from tests.dashboard.past_files import fill_ledger
from tests.ledger_rows import put


class Book:
    """A ledger that is filled row by row."""

    def __init__(self, path: Path) -> None:
        self.path, self.trades = path, 0
        self.engine = open_writer(path)

    def put(self, table: Any, **row: Any) -> None:
        with self.engine.begin() as db:
            put(db, table, **row)

    def order(
        self, cid: str, side: str, lot: str | None, state: str, *filled: tuple[str, str, str], told: str = ""
    ) -> None:
        """`filled`: price, size and fee of each fill; `told`: what the exchange says, where a fill is not known yet."""
        size = sum((D(size) for _, size, _ in filled), D(0))
        self.put(
            orders, client_order_id=cid, order_id=f"x-{cid}", product_id="BTC-USD", side=side, kind="limit",
            purpose="entry" if side == "BUY" else "take", base_size=D(2), limit_price=D(101), post_only=False,
            lot_id=lot, boot_id="b", created_ms=1_795_000_000_000, state=state, filled_size=D(told) if told else size,
            updated_ms=1_795_000_001_000,
        )  # fmt: skip
        for price, part, fee in filled:
            self.trades += 1
            self.put(
                fills, order_id=f"x-{cid}", trade_id=str(self.trades), client_order_id=cid, product_id="BTC-USD",
                side=side, price=D(price), base_size=D(part), fee=D(fee), liquidity="maker",
                exchange_ms=1_795_000_000_500, received_ms=1_795_000_000_600, lot_id=lot,
            )  # fmt: skip

    def lot(self, lot_id: str, closed: bool, exit_id: str | None = None) -> None:
        self.put(
            lots, lot_id=lot_id, seq=1, product_id="BTC-USD", kind="scalp", opened_ms=1, open_price=D(100),
            base_bought=D(2), base_left=D(0) if closed else D(2), cost=D(200), entry_fee=D(3), tp_pct=D("1.9"),
            take_price=D(102), trail_active=False, price_increment=D("0.01"), proceeds=D(0), exit_fee=D(0),
            closed_ms=2 if closed else None, dust=D(0), exit_client_order_id=exit_id,
        )  # fmt: skip

    def money(self) -> dict[str, OrderMoney]:
        ledger = LedgerQueries(self.path)
        rows = [*(ledger.orders(working=True) or []), *(ledger.orders(working=False) or [])]
        return order_money.of_orders(ledger, rows)


@pytest.fixture
def book(tmp_path: Path) -> Book:
    return Book(tmp_path / "ledger.db")


def test_an_entry_says_what_it_paid_and_the_lot_that_it_opened(book: Book) -> None:
    book.order("entry", "BUY", None, "filled", ("99", "0.5", "0.45"), ("101", "1.5", "1.36"))
    book.lot("entry", closed=False)
    assert book.money()["entry"] == OrderMoney(D("100.5"), D(201), D("1.81"), None, opened_lot="entry")


def test_the_sales_of_a_lot_together_earn_what_the_lot_did(book: Book) -> None:
    book.lot("entry", closed=True, exit_id="second")
    book.order("first", "SELL", "entry", "cancelled", ("102", "0.7", "0.4"))
    book.order("second", "SELL", "entry", "filled", ("99", "1.3", "0.6"))
    money = book.money()
    assert (money["first"].sold_of_lot, money["first"].closed_lot) == ("entry", None)
    assert (money["second"].sold_of_lot, money["second"].closed_lot) == (None, "entry")
    whole = realized_pnl(D(200), D(3), D(2), D(0), D("102") * D("0.7") + D(99) * D("1.3"), D("1.0"))
    assert sum(m.realized_pnl or 0 for m in money.values()) == whole
    assert money["first"].realized_pnl == D("71.4") - D("0.4") - D(203) * D("0.35")


def test_one_that_sold_all_of_it_closed_it_whoever_came_after(book: Book) -> None:
    book.lot("entry", closed=True, exit_id="later")
    book.order("take", "SELL", "entry", "filled", ("102", "2", "1"))
    assert book.money()["take"].closed_lot == "entry"


def test_what_is_not_known_is_not_told(book: Book) -> None:
    book.lot("entry", closed=False)
    book.order("half", "SELL", "entry", "open", ("102", "0.5", "0.2"), told="0.8")
    book.order("none", "SELL", "entry", "open")
    book.order("alone", "SELL", "gone", "filled", ("102", "2", "1"))
    money = book.money()
    assert money["half"] == OrderMoney(), "a fill that the exchange counts is not here yet"
    assert money["none"] == OrderMoney()
    assert money["alone"] == OrderMoney(D(102), D(204), D(1)), "without its lot the cost is not known"


async def test_the_page_the_api_and_the_export_say_the_same(dash: Dash) -> None:
    fill_ledger(dash.paths, 12)
    dash.beat()
    async with dash.machine("viewer") as client:
        page = (await client.get("/orders")).text
        told = (await client.get("/api/orders?working=false")).json()["orders"]
        answer = await client.get("/orders.csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert len(rows) == len(told) == 24 and "attachment" in answer.headers["content-disposition"]
    card = re.sub(r"<[^>]+>", "", page[page.index('id="or-done"') :].replace(",", ""))
    for one, row in zip(told, rows, strict=True):
        for name in ("client_order_id", "opened_lot", "closed_lot"):
            assert row[name] == (one[name] or "")
        for name in ("average_fill_price", "fee", "realized_pnl"):
            assert (D(row[name]) if row[name] else None) == (D(one[name]) if one[name] else None)
        assert one["average_fill_price"] and one["fee"]
        assert (one["realized_pnl"] is None) == (one["side"] == "BUY")
        if one["side"] == "BUY":
            assert one["opened_lot"] == one["client_order_id"]
        else:
            shown = f"{D(one['realized_pnl']):+.2f}".replace("-", "\u2212")
            assert shown in card or shown[1:] == "0.00"
        assert f"{D(one['fee']):.4f}" in card
        assert one["closed_lot"] is None or f"closed {one['closed_lot'][-6:]}" in card


async def test_no_ledger_no_export(dash: Dash) -> None:
    async with dash.machine("viewer") as client:
        assert (await client.get("/orders.csv")).status_code == 404
