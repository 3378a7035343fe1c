"""VOLATILITY_MULT: an entry whose price is too many volatilities of a bar away from the last close is refused."""

import math
import statistics

import pytest

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.engine.risk.policy import Gate
from bot.engine.state.volatility_bands import Bands
from bot.rules.risk import price_band_ratio
from shared.documents.risk import GateVerdict
from tests.core.harness import D, Rig, places

BTC = "BTC-USD"
CLOSES = [100 + 0.1 * ((-1) ** i) * (1 + i % 3) for i in range(40)]


def rig_with(**settings: object) -> Rig:
    rig = Rig(volatility_mult=3.0, volatility_window=20, price_collar_pct=50.0, **settings)
    rig.price("100")
    for close in CLOSES:
        bar = Bar(rig.bar_s + 60, close, close + 0.05, close - 0.05, close, 1.0)
        rig.bar_s += 60
        rig.now_ms = (rig.bar_s + 60) * 1000
        rig.send(ev.BarsClosed(BTC, "ONE_MINUTE", (bar,)))
    return rig


def gate(rig: Rig) -> Gate:
    return next(g for g in rig.view.gates.all(BTC) if g.name == "price_band")


def std_pct() -> float:
    returns = [math.log(b / a) for a, b in zip(CLOSES[-21:], CLOSES[-20:], strict=False)]
    return statistics.stdev(returns) * 100


@pytest.mark.parametrize(("times", "shut"), [(2.9, False), (3.1, True), (-2.9, False), (-3.1, True)])
def test_inside_the_band_and_outside_of_it(times: float, shut: bool) -> None:
    rig = rig_with()
    price = CLOSES[-1] * (1 + times * std_pct() / 100)
    rig.send(ev.PriceUpdate(BTC, D(f"{price:.2f}"), D(f"{price - 0.01:.4f}"), D(f"{price:.6f}")), 1000)
    found = gate(rig)
    assert (found.verdict is not GateVerdict.OPEN) == shut, found
    assert found.value == f"{abs(times):.2f} x" and found.limit == "≤ 3 x"


def test_a_maker_entry_is_judged_by_its_own_price() -> None:
    rig = rig_with(entry_order="maker")
    far, near = CLOSES[-1] * (1 + 4 * std_pct() / 100), CLOSES[-1]
    rig.send(ev.PriceUpdate(BTC, D("100"), D(f"{near:.2f}"), D(f"{far:.2f}")), 1000)
    assert gate(rig).verdict is GateVerdict.OPEN, "the bid is near"


@pytest.mark.parametrize("method", ["std", "ewma", "atr"])
def test_each_method_by_its_own_window(method: str) -> None:
    rig = rig_with(volatility_method=method, volatility_alpha=0.2, atr_window=5)
    reference = Bands(20, 0.2, 5)
    for close in CLOSES:
        reference.add(Bar(0, close, close + 0.05, close - 0.05, close, 1.0))
    band_pct = reference.percent(method)
    assert band_pct is not None
    ask = CLOSES[-1] * (1 + 2.34 * band_pct / 100)
    rig.send(ev.PriceUpdate(BTC, D("100"), D(f"{ask - 0.01:.6f}"), D(f"{ask:.6f}")), 1000)
    assert gate(rig).value == "2.34 x"
    assert reference.percent(method) != pytest.approx(Bands().percent(method) or 0.0)


def test_ewma_and_atr_by_hand() -> None:
    bands = Bands(5, 0.5, 2)
    for close, high, low in ((100.0, 101.0, 99.0), (102.0, 103.0, 100.0), (101.0, 102.5, 100.5)):
        bands.add(Bar(0, close, high, low, close, 1.0))
    first, second = math.log(102 / 100), math.log(101 / 102)
    assert bands.percent("ewma") == pytest.approx(100 * math.sqrt(0.5 * first**2 + 0.5 * second**2))
    assert bands.percent("atr") == pytest.approx(100 * ((103 - 100) + (102.5 - 100.5)) / 2 / 101)


def test_no_entry_before_the_volatility_is_known_and_none_outside() -> None:
    fresh = Rig(volatility_mult=3.0)
    fresh.price("100")
    assert not places(fresh.bar("buy"))
    for price, refused in (("130", True), ("100", False)):
        rig = rig_with()
        rig.strategy.word = "buy"
        rig.price(price)
        bar = Bar(rig.bar_s + 60, 100.0, 100.05, 99.95, 100.0, 1.0)
        rig.now_ms = (rig.bar_s + 120) * 1000
        sent = places(rig.send(ev.BarsClosed(BTC, "ONE_MINUTE", (bar,))))
        sent += places(rig.send(ev.PriceUpdate(BTC, D(price), D(price) - D("0.01"), D(price)), 1000))
        assert (not sent) == refused, f"{price} beside a close of 100"


def test_off_by_default_and_a_still_market() -> None:
    rig = Rig()
    rig.price("100")
    assert gate(rig).verdict is GateVerdict.OPEN and gate(rig).limit is None
    assert places(rig.bar("buy"))
    assert price_band_ratio(100.0, 100.0, 0.0) == 0.0
    assert price_band_ratio(100.1, 100.0, 0.0) == math.inf
