"""Sizes of entries in every mode, and the volatility that they are made from."""

import itertools
import math
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.bars import Bar
from bot.domain.intents import PlaceOrder
from bot.domain.targets import Signal, SignalSide
from bot.engine.risk.sizing import entry_size_quote, kelly_request
from bot.engine.state.recovered import RecoveredState
from bot.engine.state.risk import Results, RiskMemory
from bot.engine.state.volatility_bands import ATR_BARS, EWMA_ALPHA, WINDOW, Bands
from bot.rules.position_sizing import kelly_fraction, kelly_quote, volatility_quote
from tests.core.harness import D, Rig

BTC = "BTC-USD"


def size(**settings: Any) -> Any:
    rig = Rig(**settings)
    rig.price("100")
    return rig.asked(entry_size_quote, BTC)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "2000"),  # 20 % of 10,000
        ({"risk_per_trade_pct": 0.01}, "5"),  # never below ORDER_MIN_USD
        ({"max_order_usd": 123.456}, "123.45"),  # floored to the increment
        ({"sizing": "fixed", "fixed_order_usd": 77.0}, "77"),
        ({"sizing": "fixed", "fixed_order_usd": 77.0, "max_order_usd": 50.0}, "50"),
        ({"sizing": "volatility"}, "2000"),  # nothing measured yet: percent
        ({"sizing": "kelly"}, "2000"),  # too few results: percent, within the cap
        ({"sizing": "kelly", "kelly_cap_pct": 5.0}, "500"),
    ],
)
def test_the_mode_decides_the_size(settings: dict[str, Any], expected: str) -> None:
    assert size(**settings) == D(expected)


def test_volatility_sizing_halves_with_twice_the_swing_and_is_capped() -> None:
    rig = Rig(sizing="volatility", vol_band_method="ewma", target_day_vol_pct=0.5)
    market = rig.engine.state.markets.by_product[BTC]  # bars of such swings would take hours to tell
    sizes = []
    for change in (0.0001, 0.002, 0.004):
        market.bands = Bands()
        close = 100.0
        for index in range(100):
            close *= math.exp(change if index % 2 else -change)
            market.bands.add(Bar(index * 60, close, close, close, close, 1.0))
        sizes.append(float(rig.asked(entry_size_quote, BTC)))
    assert sizes[0] == 3000, "never above 1.5 x RISK_PER_TRADE_PCT"
    assert sizes[1] == pytest.approx(2 * sizes[2], rel=1e-3)
    assert sizes[1] == pytest.approx(10_000 * 0.5 / (0.2 * math.sqrt(1440)), rel=1e-3)


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (Results(wins=30, losses=20, gained_pct=30 * 1.2, lost_pct=20 * 1.0), 10_000 * (0.6 - 0.4 / 1.2) * 0.5),
        (Results(wins=50, losses=1, gained_pct=100, lost_pct=1), 2000),  # capped
        (Results(wins=10, losses=40, gained_pct=10, lost_pct=40), 5),  # no edge: the smallest
    ],
)
def test_kelly_by_own_results(results: Results, expected: float) -> None:
    memory = RiskMemory(results=results)
    restored = RecoveredState(key_values={"results": memory.results_text()})
    rig = Rig(sizing="kelly", kelly_confidence=0.5, kelly_cap_pct=20.0, restored=restored)
    assert rig.asked(entry_size_quote, BTC) == pytest.approx(D(str(round(expected, 2))), abs=D("0.01"))


@pytest.mark.parametrize(
    ("wins", "losses", "gained", "lost", "expected"),
    [
        (60, 40, 60.0, 40.0, 0.2),  # even money: 2p - 1
        (50, 50, 100.0, 50.0, 0.25),  # b = 2: 0.5 - 0.5/2
        (50, 50, 50.0, 50.0, 0.0),
        (40, 60, 40.0, 60.0, 0.0),  # never negative
        (10, 0, 10.0, 0.0, 1.0),
        (0, 10, 0.0, 10.0, 0.0),
        (0, 0, 0.0, 0.0, 0.0),
    ],
)
def test_kelly_fraction(wins: float, losses: float, gained: float, lost: float, expected: float) -> None:
    assert kelly_fraction(wins, losses, gained, lost) == pytest.approx(expected, abs=1e-12)


@given(
    st.floats(0, 1e9), st.floats(0, 1), st.floats(0.01, 1), st.floats(0.01, 100), st.floats(1, 1e5),
)  # fmt: skip
def test_kelly_stays_between_its_floor_and_its_cap(
    eq: float, part: float, conf: float, cap: float, least: float
) -> None:
    quote = kelly_quote(eq, part, conf, cap, least)
    assert least <= quote <= max(eq * cap / 100, least) * (1 + 1e-12)


@given(st.floats(0, 1e9), st.floats(0.001, 100), st.floats(0, 1e3), st.floats(0.01, 150), st.floats(1, 1e5))
def test_volatility_size_stays_between_too(eq: float, target: float, sigma: float, cap: float, least: float) -> None:
    quote = volatility_quote(eq, target, sigma, 1440.0, cap, least)
    assert math.isfinite(quote) and least <= quote <= max(eq * cap / 100, least) * (1 + 1e-12)


BARS = st.lists(
    st.tuples(st.floats(50, 150), st.floats(0, 5), st.floats(0, 5)), min_size=WINDOW + 1, max_size=WINDOW + 60
)


@given(BARS)
def test_bands_equal_their_definitions(rows: list[tuple[float, float, float]]) -> None:
    """Against plain definitions over the whole list: statistics.stdev, RiskMetrics' recursion, Wilder's average."""
    bars = [Bar(i * 60, c, c + up, c - down, c, 1.0) for i, (c, up, down) in enumerate(rows)]
    bands = Bands()
    for bar in bars:
        bands.add(bar)
    returns = [math.log(b.close / a.close) for a, b in itertools.pairwise(bars)]
    assert bands.percent("std") == pytest.approx(100 * statistics.stdev(returns[-WINDOW:]), rel=1e-9, abs=1e-12)
    variance = returns[0] ** 2
    for value in returns[1:]:
        variance = (1 - EWMA_ALPHA) * variance + EWMA_ALPHA * value**2
    assert bands.percent("ewma") == pytest.approx(100 * math.sqrt(variance), rel=1e-9, abs=1e-12)
    ranges = [max(b.high, a.close) - min(b.low, a.close) for a, b in itertools.pairwise(bars)]
    average = statistics.fmean(ranges[:ATR_BARS])
    for value in ranges[ATR_BARS:]:
        average = (average * (ATR_BARS - 1) + value) / ATR_BARS
    assert bands.percent("atr") == pytest.approx(100 * average / bars[-1].close, rel=1e-9, abs=1e-12)


def test_bands_are_not_known_before_their_window_is_full() -> None:
    bands = Bands()
    for index in range(ATR_BARS):
        bands.add(Bar(index, 100, 101, 99, 100 + index % 2, 1.0))
    assert [bands.percent(method) for method in ("std", "ewma", "atr")] == [None, None, None]
    bands.add(Bar(99, 100, 101, 99, 100, 1.0))
    assert bands.percent("std") is None and bands.percent("ewma") is not None and bands.percent("atr") is not None


@pytest.mark.parametrize(
    ("settings", "full"),
    [({}, 2000), ({"sizing": "fixed", "fixed_order_usd": 80.0}, 80), ({"sizing": "kelly", "kelly_cap_pct": 5.0}, 500)],
)
@pytest.mark.parametrize("part", [1.0, 0.25, 0.001])
def test_the_targets_regime_sizes_every_mode_alike(settings: dict[str, Any], full: float, part: float) -> None:
    rig = Rig(regime=True, **settings)
    rig.strategy.latest = lambda *_: Signal(SignalSide.BUY, None, {"regime": 5.0, "regime_size": part}, part)
    orders = [intent.spec for intent in rig.bar("buy") if isinstance(intent, PlaceOrder)]
    assert [spec.quote_size for spec in orders] == [D(str(max(full * part, 5.0)))], "never below ORDER_MIN_USD"
    (shown,) = rig.engine.view.strategy.document().signals
    assert (shown.regime, shown.regime_size) == ("up-wild", part)


def test_kelly_is_asked_with_the_regime() -> None:
    rig = Rig(regime=True, sizing="kelly")
    rig.strategy.latest = lambda *_: Signal(SignalSide.BUY, None, {"regime": 1.0}, 0.5)
    rig.bar("buy")
    asked = rig.asked(kelly_request, BTC)
    assert (asked.symbol, asked.strategy, asked.price) == (BTC, "said", 100.0)
    assert (asked.regime, asked.regime_scale, asked.trades) == ("down-wild", 0.5, 0.0)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({}, "FLAT; the regime is not known yet"),
        ({"regime": 1.0, "regime_size": 0.0}, "FLAT; no entries in the regime falling, wild"),
        ({"regime": 4.0, "regime_size": 1.0}, "FLAT"),
    ],
)
def test_the_gate_says_where_a_regime_is_why_nothing_is_entered(values: dict[str, float], said: str) -> None:
    rig = Rig(regime=True)
    rig.strategy.latest = lambda *_: Signal(SignalSide.FLAT, None, values)
    assert not [intent for intent in rig.bar("flat") if isinstance(intent, PlaceOrder)]
    gate = next(gate for gate in rig.engine.view.gates.all(BTC) if gate.name == "signal")
    assert gate.value == said
