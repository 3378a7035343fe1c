"""The book, the model and the day's tally: what the views make of the bot's documents, and what the pages show."""

import re
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.pages.chart import order_book as book
from dashboard.pages.strategy.view import strategy
from dashboard.pages.why.tally import tally
from dashboard.rows import StopCount
from dashboard.views import chart
from dashboard.views.gates import product
from dashboard.views.model import called, card, curve
from dashboard.views.snapshot import Snapshot
from shared.documents.market import DepthDoc, Quote
from shared.documents.risk import GateDoc, GateVerdict, ProductGatesDoc
from shared.documents.state import decode_state, encode_state
from shared.documents.strategy import ModelDoc, ScoreDoc, StrategySettingDoc
from shared.market_data import IndicatorRow, open_market_writer
from shared.presence import Presence
from tests.dashboard.conftest import Dash
from tests.dashboard.made_documents import PRICES
from tests.dashboard.past_files import fill_market


def plain(text: str) -> str:
    return re.sub(r"<[^>]+>", "", text)


def test_the_ladder_sums_and_shows_at_the_products_own_increment(dash: Dash) -> None:
    dash.writer.write_market()
    dash.beat()
    s = dash.hub.reader.snapshot()
    doc = s.depth["SOL-USD"]
    found = book.ladder(s, "SOL-USD")
    assert found is not None and len(found.bids) == len(found.asks) == 20
    assert all(len(plain(level.price).partition(".")[2]) == 2 for level in found.bids), "SOL's increment is 0.01"
    sums = [Decimal(plain(level.total).replace(",", "")) for level in found.bids]
    assert sums == sorted(sums)
    assert float(sums[-1]) == pytest.approx(sum(size for _, size in doc.bids), abs=1e-4)
    assert max(found.bids[-1].pct, found.asks[-1].pct) == 100.0
    assert 0 <= found.bid_pct <= 100
    assert book.ladder(s, "XRP-USD") is None


@given(st.floats(1e-7, 1e7), st.integers(0, 8), st.lists(st.floats(1e-8, 1e6), min_size=1, max_size=20))
def test_no_book_breaks_the_ladder(mark: float, digits: int, sizes: list[float]) -> None:
    rows = [[round(mark, digits) or mark, size] for size in sizes]
    doc = DepthDoc(product_id="A-USD", bids=rows, asks=rows, at_ms=0)
    s = Snapshot(
        now=datetime(2026, 11, 20, tzinfo=UTC), presence=Presence.FRESH, state=None, age_s=None, watched_s=1.0,
        mode="sim", locked=False, depth={"A-USD": doc}, quotes={},
    )  # fmt: skip
    found = book.ladder(s, "A-USD")
    assert found is not None
    assert all(0 <= level.pct <= 100 for level in (*found.bids, *found.asks))
    assert not any("—" in level.size for level in found.bids)


def test_a_one_sided_or_missing_book_is_not_drawn(dash: Dash) -> None:
    s = dash.hub.reader.snapshot()
    one = DepthDoc(product_id="BTC-USD", bids=[[1.0, 1.0]], asks=[], at_ms=1)
    assert book.ladder(replace(s, depth={"BTC-USD": one}), "BTC-USD") is None
    assert book.ladder(replace(s, depth={}), "BTC-USD") is None


@pytest.mark.parametrize(("kept", "words"), [(True, "arrives with the market data"), (False, "DEPTH_VIEW is off")])
async def test_a_page_without_a_book_says_why(make_dash: object, kept: bool, words: str) -> None:
    dash: Dash = make_dash(scenario="bare", env={"DEPTH_VIEW": str(kept).lower()})  # type: ignore[operator]
    dash.beat()
    async with dash.machine() as client:
        assert words in (await client.get("/chart")).text


async def test_the_chart_offers_what_the_bot_watches_and_holds_not_what_was_configured(dash: Dash) -> None:
    s = dash.hub.reader.snapshot()
    quotes = {
        "XRP-USD": Quote(product_id="XRP-USD", bid=1.0, ask=1.1, last=1.05, at_ms=1, price_increment_text="0.0001")
    }
    assert chart.products(replace(s, quotes=quotes), ("LTC-USD",)) == ["XRP-USD", "BTC-USD", "ETH-USD", "SOL-USD"]
    assert chart.products(replace(s, quotes={}, state=None), ("LTC-USD",)) == ["LTC-USD"], "before the bot says"
    assert chart.increment(replace(s, quotes=quotes), "XRP-USD") == "0.0001"


def test_what_lies_on_the_price_is_drawn_and_the_rest_is_not() -> None:
    said = [(60 * i, "buy" if i % 4 < 2 else "flat") for i in range(8)]
    rows = [IndicatorRow(60 * i, {"sma_fast": 100.0 + i, "p": 0.5, "rsi": 55.0}) for i in range(8)]
    lines = chart.overlays(rows, 100.0)
    assert chart.turns(said) == [(0, "buy"), (240, "buy")]
    assert list(lines) == ["SMA fast"] and lines["SMA fast"][3] == (180, 103.0)
    assert chart.overlays([], None) == {}


async def test_candles_carry_signals_and_indicators_of_the_strategys_own_bars(dash: Dash) -> None:
    fill_market(dash.paths, days_back=1)
    async with dash.machine() as client:
        own = (await client.get("/api/candles?product_id=BTC-USD&granularity=ONE_MINUTE")).json()
        other = (await client.get("/api/candles?product_id=BTC-USD&granularity=ONE_HOUR")).json()
    assert own["signals"] and list(own["indicators"]) == ["SMA 10", "SMA 30"]
    assert other["signals"] == [] and list(other["indicators"]) == ["SMA 10", "SMA 30"], "of those bars' closes"


SCORE = ScoreDoc(
    count=1000, hit_rate=0.53, base_rate=0.5, brier=0.2475, base_brier=0.25, log_loss=0.688,
    bins=[[0.45, 0.42, 500], [0.55, 0.58, 500]],
)  # fmt: skip
MODEL = ModelDoc(
    product_id="BTC-USD", features=["rsi_14", "zscore_20"], weights=[0.1, -0.4], intercept=0.0, rows=10,
    fitted_at="2026-11-20T10:00:00Z", fits=3, score=SCORE,
)  # fmt: skip


@pytest.mark.parametrize(
    ("brier", "base", "count", "words", "state"),
    [
        (0.2475, 0.25, 1000, "1.0 % better than always predicting 50 %", "ok"),
        (0.25, 0.25, 1000, "No better than always predicting 50 %", "shut"),
        (0.26, 0.25, 1000, "4.0 % worse than always predicting 50 %", "shut"),
        (0.2, 0.25, 20, "Too few bars", "wait"),
        (0.2, 0.0, 1000, "moved the same way", "wait"),
    ],
)
def test_a_model_is_never_called_better_than_it_is(
    brier: float, base: float, count: int, words: str, state: str
) -> None:
    found = card(replace(MODEL, score=replace(SCORE, brier=brier, base_brier=base, count=count)))
    assert words in found.verdict.replace("\u00a0", " ") and found.state == state


def test_weights_stand_about_the_middle_largest_first() -> None:
    first, second = card(MODEL).weights
    assert (first.name, first.x, first.width) == ("Z-score 20", 0.0, 50.0)
    assert (second.name, second.x, second.width) == ("RSI 14", 50.0, 12.5)
    assert called("sma_gap_10_30") == "SMA gap 10/30"


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 500)), max_size=12))
def test_no_calibration_leaves_its_box(bins: list[tuple[float, float, int]]) -> None:
    found = curve(replace(SCORE, bins=[list(b) for b in bins]))
    assert (found is None) == (len(bins) < 2)
    for dot in found.dots if found else []:
        assert 34 <= dot.x <= 252 and 8 <= dot.y <= 168 and dot.r > 0


def test_the_tally_counts_every_bar_once_and_entries_come_last() -> None:
    counts = [
        StopCount("BTC-USD", "signal", "Signal", 70, 0), StopCount("ETH-USD", "signal", "Signal", 20, 0),
        StopCount("BTC-USD", "spread", "Spread", 9, 9), StopCount("BTC-USD", "entered", "Entered", 101, 101),
    ]  # fmt: skip
    found = tally(counts)
    assert found is not None and (found.bars, found.buys) == (200, 110)
    assert [row.title for row in found.rows] == ["Signal", "Spread", "Entered"]
    assert found.rows[0].products == "BTC-USD 70, ETH-USD 20" and found.rows[0].pct == 45.0
    assert sum(row.pct for row in found.rows) == 100
    assert tally([]) is None and tally(None) is None


async def test_why_counts_the_last_day_only(dash: Dash) -> None:
    now_s = int(dash.hub.reader.snapshot().now.timestamp())
    db = open_market_writer(dash.paths.market_db)
    rows = [("BTC-USD", now_s - 60 * i, "buy", "spread", "Spread") for i in range(1, 4)]
    rows.append(("BTC-USD", now_s - 90_000, "buy", "signal", "Yesterday's gate"))
    db.executemany("INSERT INTO stops (product_id, start_s, signal, gate, title) VALUES (?,?,?,?,?)", rows)
    db.close()
    async with dash.machine() as client:
        page = (await client.get("/why")).text
    assert "3 closed bars" in page and "Yesterday" not in page
    with sqlite3.connect(dash.paths.market_db) as old:
        old.execute("DROP TABLE stops")
    assert dash.hub.market.stops(0) is None, "a file of an older bot"


async def test_strategy_shows_a_card_for_each_model(dash: Dash) -> None:
    async with dash.machine() as client:
        page = (await client.get("/strategy")).text
    assert page.count("mcard") == 3 and "Calibration of 10 bins" in page
    assert all(f">{product}</h2>" in page for product in list(PRICES)[:3])


def test_gates_that_are_off_are_named_once_and_never_count(dash: Dash) -> None:
    def gate(name: str, value: str, limit: str | None, verdict: GateVerdict = GateVerdict.OPEN) -> GateDoc:
        return GateDoc(name=name, title=name.capitalize(), verdict=verdict, value=value, limit=limit)

    doc = ProductGatesDoc(
        product_id="BTC-USD", sentence="", shut=1,
        gates=[
            gate("reduce", "off", "off"), gate("streak", "off", None), gate("ratio", "1.02 x", "< 4 x"),
            gate("adverse", "-0.59 %", "≤ −1.46 %", GateVerdict.SHUT),
        ],
    )  # fmt: skip
    found = product(doc, dash.hub.reader.snapshot())
    assert found.off == ["Streak"]
    assert [(g.title, g.now) for g in found.gates] == [("Reduce", "off"), ("Ratio", "1.02 ×"), ("Adverse", "−0.59 %")]
    assert found.verdict == "Blocked by: adverse" and found.shut == 1 and len(found.strip) == 3
    broken = replace(doc, gates=[gate("streak", "off", None, GateVerdict.FAULT)])
    assert product(broken, dash.hub.reader.snapshot()).off == [], "what stops entries is never hidden"


@pytest.mark.parametrize("scenario", ["six", "many", "empty", "boot", "killed"])
def test_a_lean_document_reads_back_as_it_was(make_dash: object, scenario: str) -> None:
    state = make_dash(scenario=scenario).writer.state()  # type: ignore[operator]
    assert decode_state(encode_state(state)) == state
    assert b'"stop_price":null' not in encode_state(state)


async def test_a_rank_is_a_place_among_the_products_that_have_one(dash: Dash) -> None:
    dash.beat()
    s = dash.hub.reader.snapshot()
    assert s.state is not None and s.state.strategy is not None
    one = replace(s.state.strategy.signals[0], values={"rank": 1.0, "relative rank": 2.5}, probability=None)
    signals = [one, replace(one, values={"rank": 2.0}), replace(one, values={})]
    found = strategy(replace(s, state=replace(s.state, strategy=replace(s.state.strategy, signals=signals))))
    assert found is not None
    assert [dict(row.values).get("Rank") for row in found.signals] == ["1 of 2", "2 of 2", None]
    assert dict(found.signals[0].values)["Relative rank"] == "2.5000", "no place, but some other measure"


async def test_the_strategy_page_shows_what_the_running_strategy_reads(dash: Dash) -> None:
    dash.beat()
    own = StrategySettingDoc(
        key="STRATEGY_DIP_PERIOD", value="20", default="50", origin=".env", help="Bars of the average.", own=True
    )
    s = dash.hub.reader.snapshot()
    assert s.state is not None and s.state.strategy is not None
    doc = replace(s.state.strategy, name="dip", parameters={"PERIOD": "20"}, settings=[own])
    found = strategy(replace(s, state=replace(s.state, strategy=doc)))
    assert found is not None and not found.general
    assert [(x.key, x.value, x.note) for x in found.own] == [("STRATEGY_DIP_PERIOD", "20", ".env, default 50")]
    told = replace(s.state.metrics, model_mode=None) if s.state.metrics else None
    rules = replace(doc, signals=[replace(x, probability=None) for x in doc.signals])
    plain_rules = strategy(replace(s, state=replace(s.state, strategy=rules, metrics=told)))
    assert plain_rules is not None and plain_rules.measure == "", "no column of dashes for a strategy without a model"
    assert not any("Fits" in name for name, _ in plain_rules.model)
    heard = replace(
        doc.signals[0], values={"trend": 1.0, "sma_cross": -1.0, "sma_cross gap_pct": 0.5}, bars_needed=9**9
    )
    several = replace(
        doc, members=["combined", "trend", "sma_cross", "dip"], signals=[heard, replace(heard, bars_needed=0)]
    )
    together = strategy(replace(s, state=replace(s.state, strategy=several)))
    assert together is not None and together.members == "trend, sma_cross, dip"
    first, ready = (row.values for row in together.signals)
    assert first[1:4] == [("trend says", "buy"), ("sma_cross says", "sell"), ("dip says", "nothing yet")]
    assert ready[3] == ("dip says", "no opinion") and [name for name, _ in ready[4:]] == ["SMA cross gap, %"]
    on = replace(own, key="REGIME", value="true")
    wild = replace(
        heard, values={**heard.values, "regime": 1.0, "regime_size": 0.0}, regime="down-wild", regime_size=0.0
    )
    minds = replace(several, signals=[wild, replace(wild, regime=None)], settings=[on])
    shown = strategy(replace(s, state=replace(s.state, strategy=minds)))
    assert shown is not None
    assert [row.values[0] for row in shown.signals] == [
        ("Regime", "falling, wild; no entries"),
        ("Regime", "not known yet"),
    ]
    assert not [name for row in shown.signals for name, _ in row.values if name.startswith("Regime size")]
    assert together.signals[0].values[0][0] == "combined says", "no regime where REGIME is off"
    older = strategy(replace(s, state=replace(s.state, strategy=replace(doc, settings=[]))))
    assert older is not None and [(x.key, x.value) for x in older.own] == [("PERIOD", "20")], "a bot of an older build"
    async with dash.machine() as client:
        text = plain((await client.get("/strategy")).text)
    assert "MODEL_MODE" in text and ".env, default baseline" in text and "What MA_SLOW does." in text
