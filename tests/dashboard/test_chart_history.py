"""What a page of the chart's bars carries: averages without a bar missing, round trips, shut gates, and older pages."""

from dataclasses import replace
from decimal import Decimal as D
from typing import Any

import pytest

from dashboard.queries import MarketQueries
from dashboard.rows import LedgerClosedLot
from dashboard.views.chart_history import lengths, moving_averages, round_trip
from shared.market_data import CandleRow, IndicatorRow, open_market_writer
from shared.paths import DataPaths
from tests.dashboard.conftest import Dash
from tests.dashboard.past_files import fill_ledger, fill_market

HOUR = 1_795_200_000 // 3600 * 3600


def bars(*closes: float) -> list[CandleRow]:
    return [CandleRow(60 * i, close, close, close, close, 1.0) for i, close in enumerate(closes)]


def test_an_average_has_a_value_from_the_first_bar_shown_on() -> None:
    found = moving_averages(bars(1, 2, 3, 6, 9, 12), 4, {"sma_fast": 3}, [])
    assert found == {"SMA 3": [(120, 2.0), (180, 11 / 3), (240, 6.0), (300, 9.0)]}


def test_a_bar_with_too_few_before_it_has_none() -> None:
    assert moving_averages(bars(1, 3, 5), 3, {"sma_fast": 2}, []) == {"SMA 2": [(60, 2.0), (120, 4.0)]}
    assert moving_averages(bars(1, 3), 2, {"sma_fast": 5}, []) == {}


def test_what_the_bot_recorded_stands() -> None:
    recorded = [IndicatorRow(60, {"sma_fast": 2.5, "rsi": 50.0})]
    assert moving_averages(bars(1, 3, 5), 2, {"sma_fast": 2}, recorded) == {"SMA 2": [(60, 2.5), (120, 4.0)]}


def test_lengths_are_the_strategys_settings(dash: Dash) -> None:
    state = dash.hub.reader.snapshot().state
    assert state is not None and state.strategy is not None
    assert lengths(state.strategy) == {"sma_fast": 10, "sma_slow": 30}
    assert lengths(replace(state.strategy, parameters={"RSI_BARS": "14"})) == {}
    assert lengths(replace(state.strategy, members=["rsi", "sma_cross"])) == {}, "each of them has its own"
    assert lengths(None) == {}


def closed(**others: Any) -> LedgerClosedLot:
    lot = LedgerClosedLot(
        lot_id="ct-main-1", product_id="BTC-USD", kind="scalp", opened_ms=60_500, open_price=D(100), base_bought=D(2),
        cost=D(200), entry_fee=D(1), seq=1, exit_fee=D(1), proceeds=D("207"), closed_ms=600_900,
        realized_pnl=D("5.004"), exit_reason="take", dust=D(0),
    )  # fmt: skip
    return replace(lot, **others)


def test_a_round_trip_ends_at_the_mean_price_of_what_was_sold() -> None:
    found = round_trip(closed())
    assert found is not None
    assert (found["opened_s"], found["open_price"], found["closed_s"], found["close_price"]) == (60, 100.0, 600, 103.5)
    assert found["result"] == 5.0, "after fees, as the ledger has it"
    part = round_trip(closed(dust=D("0.2")))
    assert part is not None and part["close_price"] == pytest.approx(115.0)


def test_a_lot_of_which_nothing_was_sold_is_no_bracket() -> None:
    assert round_trip(closed(dust=D(2), proceeds=D(0))) is None
    assert round_trip(closed(proceeds=D(0))) is None


@pytest.fixture
def market(tmp_path: Any) -> MarketQueries:
    paths = DataPaths(tmp_path)
    paths.prepare()
    db = open_market_writer(paths.market_db)
    rows = [
        ("A-USD", HOUR, "flat", "signal", "Signal", 0),
        ("A-USD", HOUR + 60, "buy", "feed", "Feed", 1),
        ("A-USD", HOUR + 120, "buy", "signal", "Signal", None),
        ("A-USD", HOUR + 3600, "buy", "entered", "Entered", 0),
        ("B-USD", HOUR, "buy", "lots", "Lots", 0),
    ]
    db.executemany("INSERT INTO stops VALUES (?,?,?,?,?,?)", rows)
    db.close()
    return MarketQueries(paths.market_db)


def test_shut_gates_are_counted_within_each_bar_of_the_chart(market: MarketQueries) -> None:
    def told(span_s: int, *limits: int) -> list[tuple[int, str, int, bool]]:
        return [(one.start_s, one.gate, one.bars, one.fault) for one in market.shut_gates("A-USD", span_s, *limits)]

    assert told(60, HOUR, HOUR + 180) == [
        (HOUR, "signal", 1, False), (HOUR + 60, "feed", 1, True), (HOUR + 120, "signal", 1, False),
    ]  # fmt: skip
    assert sorted(told(3600, HOUR)) == [
        (HOUR, "feed", 1, True), (HOUR, "signal", 2, False), (HOUR + 3600, "entered", 1, False),
    ]  # fmt: skip
    assert told(60, HOUR + 180, HOUR + 3600) == [], "what was not recorded is absent"


def test_a_file_of_an_older_bot_gets_the_column_and_its_rows_are_no_faults(tmp_path: Any) -> None:
    paths = DataPaths(tmp_path)
    paths.prepare()
    db = open_market_writer(paths.market_db)
    db.execute("ALTER TABLE stops DROP COLUMN fault")
    db.execute("INSERT INTO stops VALUES ('A-USD', 60, 'buy', 'feed', 'Feed')")
    db.close()
    assert MarketQueries(paths.market_db).shut_gates("A-USD", 60, 0) == [], "not readable is not recorded"
    open_market_writer(paths.market_db).close()
    assert [one.fault for one in MarketQueries(paths.market_db).shut_gates("A-USD", 60, 0)] == [False]


async def test_older_pages_join_without_a_bar_twice_or_missing(dash: Dash) -> None:
    fill_market(dash.paths, days_back=1)
    fill_ledger(dash.paths)
    dash.beat()
    async with dash.machine() as client:
        url = "/api/candles?product_id=BTC-USD&granularity=ONE_MINUTE&limit=250"
        pages = [(await client.get(url)).json()]
        while pages[-1]["older"]:
            pages.append((await client.get(f"{url}&before_s={pages[-1]['candles'][0][0]}")).json())
        assert [len(page["candles"]) for page in pages] == [250, 250, 100]
        starts = [row[0] for page in reversed(pages) for row in page["candles"]]
        assert starts == list(range(starts[0], starts[-1] + 60, 60))
        for page in pages[1:]:
            assert page["forming"] == [] and page["known"]
        for name, length in (("SMA 10", 10), ("SMA 30", 30)):
            line = [row[0] for page in reversed(pages) for row in page["indicators"][name]]
            assert line == starts[length - 1 :], "none is missing where pages meet"
        assert all(page["gates"] for page in pages) and {row["gate"] for row in pages[0]["gate_rows"]} <= {
            "signal", "adverse", "spread", "edge", "feed",
        }  # fmt: skip
        for page in pages:
            first, last = page["candles"][0][0], page["candles"][-1][0]
            assert all(first <= at <= last + 60 for at, *_ in page["gates"])


async def test_round_trips_come_with_the_bars_within_which_they_were_held(dash: Dash) -> None:
    fill_market(dash.paths, days_back=1)
    fill_ledger(dash.paths)
    dash.beat()
    ledger = {lot.lot_id: lot for lot in dash.hub.ledger.closed_lots() or [] if lot.product_id == "BTC-USD"}
    async with dash.machine() as client:
        found = (await client.get("/api/candles?product_id=BTC-USD&granularity=ONE_HOUR&limit=48")).json()
        first_s = found["candles"][0][0]
        held = {key for key, lot in ledger.items() if lot.closed_ms >= 1000 * first_s}
        assert {one["lot_id"] for one in found["round_trips"]} == held != set()
        for one in found["round_trips"]:
            assert one["result"] == pytest.approx(float(ledger[one["lot_id"]].realized_pnl))
        older = (
            await client.get(f"/api/candles?product_id=BTC-USD&granularity=ONE_HOUR&limit=48&before_s={first_s}")
        ).json()
        assert older["round_trips"] and all(one["opened_s"] < first_s for one in older["round_trips"])


async def test_gates_are_shown_on_bars_that_are_no_shorter_than_the_strategys(dash: Dash) -> None:
    fill_market(dash.paths, days_back=1)
    dash.beat()
    async with dash.machine() as client:
        hours = (await client.get("/api/candles?product_id=BTC-USD&granularity=ONE_HOUR")).json()
        counts: dict[int, int] = {}
        for at, _, decisions, _ in hours["gates"]:
            counts[at] = counts.get(at, 0) + decisions
        assert max(counts.values()) == 60 and hours["indicators"]["SMA 10"]
        page = (await client.get("/chart?product=BTC-USD&g=ONE_HOUR")).text
        assert "the first gate that was shut" in page
