"""The regime and Kelly's figures on the pages, and what of a strategy's values is drawn on the price."""

from dataclasses import replace

from dashboard.pages.risk import view as risk_view
from dashboard.views import chart, regimes
from dashboard.views.snapshot import Snapshot
from shared.documents.risk import KellyDoc
from shared.documents.strategy import SignalDoc, StrategyDoc, StrategySettingDoc
from shared.market_data import IndicatorRow
from tests.dashboard.conftest import Dash

ON = StrategySettingDoc(key="REGIME", value="true", default="false", origin=".env", help="", own=False)


def said(regime: str | None, size: float | None) -> SignalDoc:
    return SignalDoc(
        product_id="BTC-USD", signal="buy", probability=None, bar_at=None, bars=1, bars_needed=1, values={},
        regime=regime, regime_size=size,
    )  # fmt: skip


def test_a_regime_is_said_in_plain_words_with_what_it_does() -> None:
    assert regimes.shown(said("up-calm", 1.0)) == "rising, calm; full size"
    assert regimes.shown(said("range-wild", 0.5)) == "no trend, wild; size × 0.50"
    assert regimes.shown(said("down-wild", 0.0)) == "falling, wild; no entries"
    assert regimes.shown(said(None, None)) == regimes.shown(said("sideways", 1.0)) == "not known yet"


def test_answers_and_regimes_are_not_drawn_as_prices() -> None:
    found = [
        IndicatorRow(60 * i, {"average": 1.02, "trend": 1.0, "regime": float(i % 6), "regime_size": 1.0})
        for i in range(8)
    ]
    assert list(chart.overlays(found, 1.0, ("trend",))) == ["Average"]
    assert regimes.strip(found)[:2] == [(0, "down-calm"), (60, "down-wild")]
    assert regimes.strip([IndicatorRow(0, {}), IndicatorRow(60, {"regime": 9.0})]) == []


def _with(s: Snapshot, doc: StrategyDoc) -> Snapshot:
    assert s.state is not None
    return replace(s, state=replace(s.state, strategy=doc))


async def test_the_pages_show_them_only_where_they_are_on(dash: Dash) -> None:
    dash.beat()
    s = dash.hub.reader.snapshot()
    assert s.state is not None and s.state.strategy is not None and s.state.risk is not None
    off = s.state.strategy
    assert regimes.rows(s) == [] and regimes.of_product(s, "BTC-USD") == "" and risk_view.kelly(s) is None
    on = replace(off, settings=[ON], signals=[said("up-wild", 0.5)])
    assert regimes.rows(_with(s, on)) == [("BTC-USD", "rising, wild; size × 0.50")]
    few = KellyDoc(
        trades=3.0, trades_needed=30, win_rate=None, average_win_pct=None, average_loss_pct=None, full=None,
        fraction=None, bound="too few trades", sentence="not known: 3 of 30 closed trades so far",
    )  # fmt: skip
    card = risk_view.kelly(replace(s, state=replace(s.state, risk=replace(s.state.risk, kelly=few))))
    assert card is not None and card.sentence == "not known: 3 of 30 closed trades so far."
    assert dict(card.rows)["Full Kelly"] == dict(card.rows)["Win rate"] == "—"
    async with dash.machine() as client:
        text = (await client.get("/risk")).text
        assert 'id="ri-sizing" aria-labelledby="rz-h" hidden' in text
        reply = (await client.get("/api/candles?product_id=BTC-USD&granularity=ONE_MINUTE")).json()
        assert reply["regimes"] == []
