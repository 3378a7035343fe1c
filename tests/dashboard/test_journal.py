"""Journal: a month that is whole, round trips with what prices did meanwhile, notes kept, files that add up."""

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal as D
from pathlib import Path

import pytest

from dashboard.lot_notes import LotNote, LotNotes, NoteRefused, NotesUnusable, tags_of
from dashboard.queries import LedgerQueries
from dashboard.rows import LedgerClosedLot
from dashboard.views import calendar, journal, performance, results
from dashboard.views.performance import GroupRow, PeriodRow
from dashboard.views.results import OpenTotals
from shared.market_data import CandleRow
from tests.dashboard.conftest import Dash
from tests.dashboard.past_files import fill_ledger, fill_market

NOW = datetime(2026, 11, 20, 13, 47, tzinfo=UTC)


def lot(opened_s: int, closed_s: int, sold: str = "102", **more: object) -> LedgerClosedLot:
    row = {
        "lot_id": "coin-1", "product_id": "BTC-USD", "kind": "scalp", "opened_ms": opened_s * 1000,
        "open_price": D(100), "base_bought": D(2), "cost": D(200), "entry_fee": D(1), "proceeds": D(sold) * 2,
        "exit_fee": D(1), "seq": 1, "closed_ms": closed_s * 1000, "realized_pnl": D(sold) * 2 - 202,
        "exit_reason": "take",
    }  # fmt: skip
    return LedgerClosedLot(**{**row, **more})  # type: ignore[arg-type]


def bars(first_s: int, *ranges: tuple[float, float]) -> list[CandleRow]:
    return [CandleRow(first_s + 60 * i, low, high, low, high, 1.0) for i, (low, high) in enumerate(ranges)]


def test_excursion_is_of_the_minutes_in_which_it_was_held() -> None:
    """The minutes of the purchase and of the sale are not wholly its own: their extremes may be of before or after."""
    minutes = bars(0, (50, 200), (99, 101), (97, 103), (10, 900))
    found = journal.excursion(lot(30, 200), minutes)
    assert found == journal.Excursion(pytest.approx(-3.0), pytest.approx(3.0), whole=True)  # type: ignore[arg-type]


def test_the_sale_itself_counts() -> None:
    found = journal.excursion(lot(30, 150, sold="110"), bars(60, (99, 101)))
    assert found is not None and found.best_pct == pytest.approx(10.0)


def test_missing_minutes_are_told_and_none_are_unknown() -> None:
    some = journal.excursion(lot(0, 240), bars(60, (99, 101)))
    assert some is not None and not some.whole
    assert journal.excursion(lot(10, 50), bars(0, (99, 101))) is None
    assert journal.excursion(lot(0, 240), []) is None


def test_a_calendar_month() -> None:
    sums = [GroupRow("2026-11-03", 3, 2, 12.1, 1.0), GroupRow("2026-11-11", 2, 0, -18.7, 1.0)]
    found = calendar.table(date(2026, 11, 1), sums, NOW)
    assert (found.before, found.after, len(found.weeks)) == ("2026-10", None, 6)
    cells = {cell.day.day: cell for week in found.weeks for cell in week.days if cell is not None}
    assert len(cells) == 30
    assert (cells[3].css, cells[11].css, cells[4].css) == ("q3 gain", "q4 loss", "q0")
    assert cells[20].today and cells[21].ahead and not cells[20].ahead
    assert [week.result for week in found.weeks if week.result] == ["+12.10", "\u221218.70"]
    assert found.say == "1 day with a gain, 1 with a loss, 18 days without a sale"


@pytest.mark.parametrize("text", ["", "2026-13", "2027-01", "1970-01", "x", "2026-11-01"])
def test_another_month_is_this_one(text: str) -> None:
    assert calendar.month_of(text, NOW) == date(2026, 11, 1)


def test_an_average_trip_has_the_open_lots_in_it() -> None:
    closed = results.closed([lot(0, 100), lot(0, 100, sold="105")])
    figures = {one.name: one for one in journal.headlines("May", None, closed, OpenTotals(()), running=True)}
    assert figures["An average trip"].value == "+5.00"
    figures = {one.name: one for one in journal.headlines("May", None, closed, OpenTotals(None), running=True)}
    assert figures["An average trip"].value == "\u2014" and "closed ones alone +5.00" in figures["An average trip"].say


def test_a_statement_adds_up() -> None:
    whole = PeriodRow("2026-11", 184.61, 446.18, 0.0, 162.26, 47, 42)
    rows = {one.name: one.value for one in journal.statement(12274.78, whole, 12437.04, "Equity now")}
    assert rows["Realised"] == "+184.61" and rows["Open and other"] == "\u221222.35"
    assert pytest.approx(12437.04) == 12274.78 + 0.0 + 184.61 - 22.35


def test_tags() -> None:
    assert tags_of(" Trail,  dip,trail ,") == ("trail", "dip")
    for wrong in ("a" * 25, "<b>", "a,b,c,d,e,f,g", "=1+1"):
        with pytest.raises(NoteRefused):
            tags_of(wrong)


def test_a_note_replaces_the_last_one_and_can_be_taken_off(tmp_path: Path) -> None:
    notes = LotNotes(tmp_path / "notes.db")
    assert notes.newest() == {}
    notes.write(LotNote("a", "first", ("dip",), "operator", 1))
    notes.write(LotNote("b", "other", (), "operator", 2))
    notes.write(LotNote("a", "second", ("dip", "trail"), "operator", 3))
    assert {key: note.text for key, note in notes.newest().items()} == {"a": "second", "b": "other"}
    notes.write(LotNote("a", "", (), "operator", 4))
    assert list(notes.newest()) == ["b"]
    assert (tmp_path / "notes.db").stat().st_mode & 0o777 == 0o600
    with pytest.raises(NoteRefused):
        notes.write(LotNote("a", "x" * 501, (), "operator", 5))
    (tmp_path / "notes.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(NotesUnusable):
        notes.newest()


@pytest.fixture
def past(dash: Dash) -> Dash:
    fill_ledger(dash.paths, round_trips=40)
    fill_market(dash.paths)
    dash.beat()
    return dash


async def test_the_page_and_a_note(past: Dash) -> None:
    closed = LedgerQueries(past.paths.ledger).closed_lots()
    assert closed
    newest = closed[-1]
    month = f"{newest.closed_ms and datetime.fromtimestamp(newest.closed_ms / 1000, UTC):%Y-%m}"
    async with await past.browser() as client:
        page = await client.get(f"/journal?month={month}&edit={newest.lot_id}")
        assert page.status_code == 200 and f't-{newest.lot_id}"' in page.text and "<textarea" in page.text
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        given = {"csrf": csrf, "lot": newest.lot_id, "text": "Bought <b>late</b>", "tags": "Dip, seen late",
                 "back": f"/journal?month={month}&edit={newest.lot_id}"}  # fmt: skip
        saved = await client.post("/journal/note", data=given)
        assert (saved.status_code, saved.headers["location"]) == (303, f"/journal?month={month}#t-{newest.lot_id}")
        page = await client.get(f"/journal?month={month}&q=seen+late")
        assert "Bought &lt;b&gt;late&lt;/b&gt;" in page.text and page.text.count('role="row" id="t-') == 1
        assert (await client.post("/journal/note", data={**given, "tags": "<x>"})).status_code == 422
        assert (await client.post("/journal/note", data={**given, "lot": "none"})).status_code == 404
        assert (await client.get(f"/journal?month={month}&q=nothing+like+it")).text.count('role="row" id="t-') == 0
    audit = past.paths.audit.read_text()
    assert "lot_note" in audit and "Bought" not in audit, "what a person wrote stays in the notes"
    async with await past.browser("viewer") as client:
        page = await client.get(f"/journal?month={month}&edit={newest.lot_id}")
        assert "<textarea" not in page.text and "Bought &lt;b&gt;late" in page.text
        csrf = page.text.partition('name="csrf" value="')[2].partition('"')[0]
        assert (await client.post("/journal/note", data={**given, "csrf": csrf})).status_code == 403


async def test_the_months_of_a_year_are_its_days(past: Dash) -> None:
    year = datetime.now(UTC).year
    async with await past.browser("viewer") as client:
        answer = await client.get(f"/journal/statement.csv?year={year}")
        rows = list(csv.DictReader(io.StringIO(answer.text)))
        days, months = ([row for row in rows if row["period"] == kind] for kind in ("day", "month"))
        assert days and months
        for name in ("realised", "fees"):
            assert sum(D(row[name]) for row in days) == pytest.approx(sum(D(row[name]) for row in months), abs=D("0.2"))
        assert sum(int(row["round_trips"]) for row in days) == sum(int(row["round_trips"]) for row in months)
        assert (await client.get("/journal/statement.csv?year=26")).status_code == 422


async def test_taxes(past: Dash) -> None:
    year = datetime.now(UTC).year
    async with await past.browser("viewer") as client:
        page = (await client.get("/journal/tax")).text
        assert "A second, independent computation gives the same gains to the cent" in page
        for method in ("fifo", "lifo", "hifo", "specific"):
            answer = await client.get(f"/journal/tax.csv?year={year}&method={method}")
            assert answer.headers["content-disposition"] == f'attachment; filename="tax-{year}-{method}.csv"'
            rows = list(csv.DictReader(io.StringIO(answer.text)))
            assert rows and {row["method"] for row in rows} == {method}
            assert all(D(row["proceeds_after_fee"]) - D(row["cost_with_fee"]) == D(row["gain"]) for row in rows)
        assert (await client.get(f"/journal/tax.csv?year={year}&method=average")).status_code == 422


async def test_specific_id_takes_each_sale_from_its_own_lot(past: Dash) -> None:
    async with await past.browser("viewer") as client:
        year = datetime.now(UTC).year
        text = (await client.get(f"/journal/tax.csv?year={year}&method=specific")).text
    by_lot = {row["lot_id"]: row for row in csv.DictReader(io.StringIO(text))}
    closed = {one.lot_id: one for one in LedgerQueries(past.paths.ledger).closed_lots() or []}
    assert by_lot and by_lot.keys() <= closed.keys()
    for key, row in by_lot.items():
        assert D(row["cost_with_fee"]) == (closed[key].cost + closed[key].entry_fee).quantize(D("0.01"))


async def test_without_a_ledger_nothing_is_made_up(dash: Dash) -> None:
    dash.beat()
    async with await dash.browser() as client:
        page, tax = (await client.get("/journal")).text, (await client.get("/journal/tax")).text
    assert "The ledger cannot be read." in page and "Not known yet" in tax
    assert not re.search(r"[+\u2212]0\.00", re.sub(r"<aside.*?</aside>", "", page.partition('id="jo-figs"')[2]))


def test_days_of_the_year_are_cut_at_its_ends() -> None:
    groups = performance.group([lot(0, 100)], performance.day_of)
    assert [one.key for one in groups] == ["1970-01-01"]
