"""`[TICK]` and `[DEBUG]` lines: at DEBUG only, one for each price that was judged and each decision."""

import logging

import pytest

from bot.app import debug_lines
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from tests.core.harness import D, Rig, of

BTC = "BTC-USD"


def lines(rig: Rig, event: ev.Event, caplog: pytest.LogCaptureFixture, after_ms: int = 0) -> list[str]:
    caplog.clear()
    rig.answers = False
    with caplog.at_level(logging.DEBUG, logger="debug"):
        found = rig.send(event, after_ms)
        debug_lines.heard(event, found, rig.view)
        for question in of(found, AskStrategy):
            answer = rig.strategy.answer(question)
            debug_lines.heard(answer, rig.send(answer), rig.view)
    return [record.getMessage() for record in caplog.records]


def price(value: str) -> ev.PriceUpdate:
    return ev.PriceUpdate(BTC, D(value), D(value) - D("0.01"), D(value) + D("0.01"))


def bar(rig: Rig, close: float) -> ev.BarsClosed:
    rig.bar_s += 60
    rig.now_ms = (rig.bar_s + 60) * 1000
    return ev.BarsClosed(BTC, "ONE_MINUTE", (Bar(rig.bar_s, close, close, close, close, 1.0),))


def test_a_line_for_each_price_that_is_judged(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    (line,) = lines(rig, price("100"), caplog, 1000)
    assert line == "[TICK] BTC-USD price=100 bid=99.99 ask=100.01 last_close=unknown lots=0"
    assert lines(rig, price("100.5"), caplog, 10) == [], "within TICK_INTERVAL_SEC nothing is judged"
    assert len(lines(rig, price("100.5"), caplog, 1000)) == 1


def test_a_line_for_each_decision_with_what_stood_in_the_way(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(take_profit_pct=0.1, edge_gate=True)
    rig.price("100")
    (line,) = lines(rig, bar(rig, 100.0), caplog)
    assert line.startswith("[DEBUG] BTC-USD decision=flat p=none") and line.endswith("; no entry requested")
    rig.strategy.word = "buy"
    event = bar(rig, 100.0)
    rig.price("100")
    (line,) = lines(rig, event, caplog)
    assert "decision=buy" in line and "Edge after fees" in line
    assert lines(rig, ev.BarsClosed(BTC, "ONE_HOUR", (Bar(0, 1.0, 1.0, 1.0, 1.0, 1.0),)), caplog) == []


def test_an_entry_is_said(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    rig.strategy.word = "buy"
    event = bar(rig, 100.0)
    rig.price("100")
    (line,) = lines(rig, event, caplog)
    assert line.endswith("lots=0 of 20; an entry is sent")


@pytest.mark.parametrize(("level", "wanted"), [("DEBUG", True), ("INFO", False)])
def test_nobody_pays_for_them_at_info(level: str, wanted: bool) -> None:
    root = logging.getLogger()
    before = root.level
    try:
        root.setLevel(level)
        assert debug_lines.wanted() is wanted
    finally:
        root.setLevel(before)
