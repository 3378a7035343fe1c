"""The equity curve: until now, with money that moved as flags, drawdown as the bot judged it, arrows with a count."""

import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from dashboard.queries import MarketQueries
from dashboard.rows import LedgerCommand, LedgerFill
from dashboard.views import chart, equity
from dashboard.views.snapshot import Snapshot
from shared.documents.state import BotState
from shared.market_data import EquityRow, open_market_reader, open_market_writer, put_equity, read_equity
from shared.presence import Presence
from tests.dashboard.conftest import Dash
from tests.dashboard.past_files import fill as fill_book
from tests.dashboard.writer import Writer

OLD = "CREATE TABLE equity (at_s INTEGER PRIMARY KEY, equity REAL, cash REAL, lots_value REAL)"


def snapshot(state: BotState) -> Snapshot:
    return Snapshot(datetime.now(UTC), Presence.FRESH, state, 0.2, 60.0, "sim", False)


def adopted(value: str, seen_ms: int, since: str | None = None) -> LedgerCommand:
    result = {"adopted": f"USD {value}", "value": value} | ({"since": since} if since else {})
    return LedgerCommand("a", "adopt", {}, "operator", seen_ms, seen_ms, "done", seen_ms, None, result)


def test_a_file_of_an_older_version_opens_and_what_it_lacks_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "market.db"
    with sqlite3.connect(path) as db:
        db.execute(OLD)
        db.execute("INSERT INTO equity VALUES (60, 9000, 9000, 0)")
    before = MarketQueries(path).equity(0)
    assert before == [EquityRow(60, 9000, 9000, 0)], "the dashboard may be newer than the bot"
    writer = open_market_writer(path)
    put_equity(writer, EquityRow(120, 13970, 13970, 0, 4970, 0.9, 10.0))
    open_market_writer(path).close()
    writer.close()
    reader = open_market_reader(path)
    assert read_equity(reader, 0) == [EquityRow(60, 9000, 9000, 0), EquityRow(120, 13970, 13970, 0, 4970, 0.9, 10.0)]
    reader.close()
    assert equity.curve(MarketQueries(path).equity(0) or []).drawdown == [None, -10.0]


def test_fewer_points_keep_the_deepest_drawdown(tmp_path: Path) -> None:
    path = tmp_path / "market.db"
    writer = open_market_writer(path)
    for i in range(400):
        put_equity(writer, EquityRow(60 * i, 1000 + i, 0, 0, 0, 1.0, 33.0 if i == 201 else 1.0))
    writer.close()
    rows = MarketQueries(path).equity(0, 40) or []
    assert len(rows) <= 45 and max(row.drawdown or 0 for row in rows) == 33.0 and rows[-1].equity == 1399


def test_the_last_point_is_now(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    newest = equity.now(snapshot(state))
    assert newest is not None and state.account is not None
    assert state.verdict is not None and state.verdict.figures_age_ms is not None
    assert newest.at_s == (state.ts_ms - state.verdict.figures_age_ms) // 1000, "as old as what it rests on"
    assert newest.equity == state.account.equity
    blind = replace(state, verdict=replace(state.verdict, figures_age_ms=90_000))
    assert equity.until_now([newest], equity.now(snapshot(blind))) == [newest], "a bot that sees nothing adds nothing"
    assert newest.drawdown == state.account.drawdown_pct
    noted = [EquityRow(newest.at_s - 59, 1, 1, 0)]
    assert equity.until_now(noted, newest) == [*noted, newest]
    assert equity.until_now([newest], newest) == [newest], "a document that is no newer adds nothing"
    assert equity.until_now(noted, newest, newest.at_s + 1) == noted, "nor does one of another day"
    assert equity.until_now(None, newest) is None and equity.until_now(noted, None) == noted


def test_a_transfer_stands_where_it_moved_the_account_and_one_that_waits_says_so(tmp_path: Path) -> None:
    state = Writer(tmp_path).state()
    assert state.account is not None
    found = adopted("4970.00", 9_000_000, "1970-01-01T02:00:00Z")
    older, nothing = adopted("-300.00", 8_000_000), adopted("", 9_000_000)
    flags = equity.flags([found, older, nothing], snapshot(state), 0)
    assert [(flag.at_s, flag.value, flag.adopted) for flag in flags] == [(7200, 4970, True), (8000, -300, True)]
    assert equity.flags([found, older], snapshot(state), 7300) == [flags[1]]
    waits = replace(
        state, differences="USD -889", differences_since="1970-01-01T03:00:00Z",
        account=replace(state.account, waiting_value=-889.0),
    )  # fmt: skip
    last = equity.flags([found], snapshot(waits), 0)[-1]
    assert (last.at_s, last.value, last.adopted) == (10_800, -889, False) and "not adopted" in last.say
    rows = [EquityRow(7000, 9000, 0, 0, 0, 0.9, 10), EquityRow(7300, 13970, 0, 0, 4970, 0.9, 10)]
    text = equity.plot(rows, flags[:1])
    assert 'class="c-flag" d="M667 0V100"' in text and "+4,970.00 deposited or withdrawn" in text
    assert "largest drawdown 10.00" in text


def fill(at_s: float, side: str = "SELL", product: str = "BTC-USD") -> LedgerFill:
    one = Decimal(1)
    return LedgerFill("o", str(at_s), "c", product, side, one, one, one, "maker", int(at_s * 1000), None)


def test_arrows_of_one_minute_are_one_with_a_count() -> None:
    fills = [fill(61), fill(62), fill(63.5, "BUY"), fill(119, product="ETH-USD"), fill(120)]
    marks = [(m["at_s"], m["side"], m["count"], m["product_id"]) for m in chart.clusters(fills, 60)]
    assert marks == [(61, "SELL", 3, ""), (63, "BUY", 1, "BTC-USD"), (120, "SELL", 1, "BTC-USD")]


async def test_the_overview_draws_the_flags_names_them_and_hands_the_chart_the_point_of_now(dash: Dash) -> None:
    fill_book(dash.paths.root)
    dash.beat()
    async with dash.machine() as client:
        page = (await client.get("/?range=1w")).text
    assert re.search(r'class="c-flag" d="M\d+ 0V100M\d+ 0V100"', page)
    listed = re.findall(r"<li>([^<]*transfer[^<]*)</li>", page)
    assert [text.split(" ")[0] for text in listed] == ["\u2212800.00", "+1,500.00"], "newest first"
    state = dash.hub.reader.snapshot().state
    assert state is not None and state.account is not None
    newest = re.search(r'id="eq-now"[^>]*data-at="(\d+)" data-equity="([\d.]+)" data-down="([\d.]+)"', page)
    assert newest is not None
    assert abs(int(newest[1]) - state.ts_ms // 1000) <= 2 and float(newest[2]) == state.account.equity
    assert float(newest[3]) == state.account.drawdown_pct


async def test_the_curve_of_the_api_ends_now_and_carries_what_moved(dash: Dash) -> None:
    fill_book(dash.paths.root)
    dash.beat()
    async with dash.machine() as client:
        found = (await client.get("/api/equity?range=1w")).json()
        state = (await client.get("/api/state")).json()["state"]
    assert [round(one["value"]) for one in found["transfers"]] == [1500, -800]
    assert len(found["at_s"]) == found["noted"] + 1
    assert abs(found["at_s"][-1] - state["ts_ms"] // 1000) <= 2 and found["equity"][-1] == state["account"]["equity"]
    assert found["drawdown"][-1] == -state["account"]["drawdown_pct"]
    for one in found["transfers"]:
        i = next(i for i, at in enumerate(found["at_s"]) if at >= one["at_s"])
        leap = found["equity"][i + 4] - found["equity"][i - 4]
        assert abs(leap - one["value"]) < 100, "the money line leaps"
        assert abs(found["curve"][i + 4] / found["curve"][i - 4] - 1) < 0.01, "the curve does not"
    assert all(one["count"] >= 1 for one in found["fills"])


def test_no_line_is_drawn_across_a_time_in_which_the_bot_saw_nothing() -> None:
    def row(at_s: int) -> EquityRow:
        return EquityRow(at_s, 1000 + at_s / 60, 0, 0, 0, 1.0, 1.0)

    rows = [row(60 * i) for i in (*range(10), *range(20, 30), 40)]
    assert equity.pieces([r.at_s for r in rows]) == [range(10), range(10, 20), range(20, 21)]
    text = equity.plot(rows)
    line, area, down = (re.search(f'class="{c}" d="([^"]*)"', text) for c in ("c-line", "c-area", "c-dd"))
    assert line is not None and area is not None and down is not None
    assert [found[1].count("M") for found in (line, area, down)] == [3, 3, 3]
    assert "2 gaps without data" in text
    whole = equity.plot([row(60 * i) for i in range(30)])
    assert "gap" not in whole and whole.count("M") == 3
    week = [row(1500 * i) for i in range(400)]
    assert len(equity.pieces([r.at_s for r in week])) == 1, "points that stand for 25 minutes each are no gaps"
