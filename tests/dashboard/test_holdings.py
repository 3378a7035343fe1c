"""Holdings on the pages: lots without a take profit or a stop, kept for a target weight, in words of their own."""

import re
from dataclasses import replace

import pytest

from dashboard.views import banner, chart, positions
from dashboard.views.snapshot import Snapshot
from shared.documents.account import LotDoc, PositionDoc
from shared.documents.strategy import SignalDoc, TargetDoc
from tests.dashboard.conftest import Dash
from tests.dashboard.test_alerts import text_of

TARGET = TargetDoc(target_pct=60.0, held_pct=61.5, band_pct=5.0, share_usd=3000.0)


def holding(one: LotDoc, exit_state: str = "none") -> LotDoc:
    """The same lot as a target weight would have bought it."""
    return replace(
        one, kind="holding", take_price=None, take_price_text=None, stop_price=None, trail_active=False,
        trail_peak=None, trail_stop=None, exit_state=exit_state,
    )  # fmt: skip


def at_weights(s: Snapshot, held: bool = True, target: TargetDoc = TARGET) -> Snapshot:
    """As a bot with target weights would report it, with its lots as holdings, or without any."""
    assert s.state is not None and s.state.strategy is not None and s.state.positions is not None
    signals: list[SignalDoc] = [replace(one, target=target) for one in s.state.strategy.signals]
    docs: list[PositionDoc] = [
        replace(doc, lots=[holding(lot) for lot in doc.lots] if held else []) for doc in s.state.positions
    ]
    return replace(s, state=replace(s.state, strategy=replace(s.state.strategy, signals=signals), positions=docs))


def shown_as(dash: Dash, s: Snapshot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dash.hub.reader, "snapshot", lambda: s)


async def test_a_holding_has_no_take_no_stop_and_no_runner_on_any_page(
    dash: Dash, monkeypatch: pytest.MonkeyPatch
) -> None:
    s = at_weights(dash.hub.reader.snapshot())
    shown_as(dash, s, monkeypatch)
    async with dash.machine("viewer") as client:
        whole = (await client.get("/positions")).text
        page, lots = text_of(whole), whole.partition('id="po-lots"')[2].partition("</section>")[0]
        assert "Holding 1" in page and not re.search(r"Runner \d|Scalp \d", page)
        assert "holds 61.5 % of its share, target 60.0 %" in page and "Holding: kept for the target weight" in page
        assert "t-take" not in lots and "t-stop" not in lots and "None" not in lots and "#i-run" not in lots
        assert "held for its target weight" in lots, "why there is no take profit"
        for path in ("/", "/chart", "/performance", "/strategy", "/why", "/risk"):
            text = (await client.get(path)).text
            main = text.partition("<main")[2]
            assert "opens a runner" not in main and "None" not in text_of(main).replace("None:", "").replace(
                "None of", ""
            )
        overview = text_of((await client.get("/")).text)
        assert "holdings are kept for their target weight" in overview and "None: no lots" not in overview
        assert "2 holdings, holds 61.5 % of its share, target 60.0 %" in overview


async def test_without_lots_it_says_what_will_buy(dash: Dash, monkeypatch: pytest.MonkeyPatch) -> None:
    empty = at_weights(dash.hub.reader.snapshot(), held=False)
    shown_as(dash, empty, monkeypatch)
    async with dash.machine("viewer") as client:
        for path in ("/", "/positions"):
            page = text_of((await client.get(path)).text)
            assert "as soon as its target weight asks for it" in page and "opens a runner" not in page
    assert empty.state is not None and empty.state.account is not None
    quiet = replace(empty, state=replace(empty.state, account=replace(empty.state.account, day_lots_opened=0)))
    note = banner.most_urgent(quiet)
    assert note is not None and "target weight" in note.text
    assert quiet.state is not None and quiet.state.strategy is not None
    signals = [replace(one, target=None) for one in quiet.state.strategy.signals]
    lots = replace(quiet.state, strategy=replace(quiet.state.strategy, signals=signals))
    assert "opens a runner" in positions.first_lot(replace(quiet, state=lots))


@pytest.mark.parametrize(
    ("state", "word"),
    [("none", ""), ("resting", "sale resting"), ("exiting", "being sold"), ("dust", "too small to sell")],
)
def test_a_sale_of_a_holding_is_no_take_profit(dash: Dash, state: str, word: str) -> None:
    s = at_weights(dash.hub.reader.snapshot())
    assert s.state is not None and s.state.positions is not None
    doc = s.state.positions[0]
    row = positions.lot(holding(doc.lots[0], state), doc, "Holding 1", s)
    assert (row.take_state, row.selling, row.to_go, row.x_take, row.x_stop) == ("none", word, None, None, None)
    assert "take-profit" not in row.exit and "no take profit" in row.say


def test_no_opinion_is_said_and_is_no_target_of_zero(dash: Dash) -> None:
    s = at_weights(dash.hub.reader.snapshot(), target=replace(TARGET, target_pct=None))
    row = positions.held(s).positions[0]
    assert row.weight.replace("\xa0", " ").replace("\u202f", " ") == "holds 61.5 % of its share, no opinion: kept"
    assert positions.held(s).nearest is None and positions.next_exits(s) == []


def test_the_chart_draws_the_open_price_of_a_holding_alone(dash: Dash) -> None:
    s = at_weights(dash.hub.reader.snapshot())
    assert {line["kind"] for line in chart.lines(s, "BTC-USD")} == {"open"}
