"""REGIME in a backtest: the compiled loop, its plain source and the bot's own engine size the same entries alike."""

from typing import Any

import numpy as np
import pytest

from bot.strategies import by_regime, regime_arrays
from research import decisions, engine, walkforward
from research.backtest import BacktestRequest, run_on
from research.data.candles import CandleSet
from research.engine import MarketModel, Style
from research.errors import ResearchError
from research.full import run_full
from research.loops import types as t
from shared.regimes import REGIMES, parse_scales
from tests.research.paths import path, settings
from tests.research.test_full import assert_same
from tests.research.test_loop_plain import bits

SCALES = "down-calm:0,range-calm:0.5,up-wild:0.25,range-wild:0.75"
KEYS = {
    "REGIME": "true", "REGIME_TREND_BARS": "15", "REGIME_VOL_BARS": "6", "REGIME_VOL_LONG_BARS": "40",
    "REGIME_SCALES": SCALES, "EDGE_GATE": "false", "MAX_DAILY_LOSS_PCT": "100", "MAX_DRAWDOWN_PCT": "0",
    "PYRAMID_MIN_ADVERSE_PCT": "0.1", "TAKE_PROFIT_PCT": "0.8", "SCALP_TP_MIN_PCT": "0.3", "STOP_LOSS_PCT": "2",
    "PRODUCTS": "BTC-USD,ETH-USD",
}  # fmt: skip
MODEL = MarketModel(maker_pct=0.0, taker_pct=0.05)
SIZINGS = (
    {"SIZING": "percent", "RISK_PER_TRADE_PCT": "3", "USE_LIVE_EQUITY": "false", "VOL_RISK_ADJUST": "false"},
    {"SIZING": "fixed", "FIXED_ORDER_USD": "200"}, {"SIZING": "volatility", "USE_LIVE_EQUITY": "false"},
)  # fmt: skip


@pytest.mark.parametrize("sizing", SIZINGS, ids=lambda keys: keys["SIZING"])
def test_three_engines_size_alike(sizing: dict[str, str]) -> None:
    g = np.random.default_rng(17)
    candles = [path(g, 320, name) for name in ("BTC-USD", "ETH-USD")]
    s = settings(**{**KEYS, **sizing})
    prepared = engine.prepare(candles)
    said = decisions.decide(s, prepared)
    fast = engine.run_lots(prepared, said, s, MODEL)
    assert len(fast.ints) > 20
    assert bits(fast) == bits(engine.run_lots(engine.prepare(candles, plain=True), said, s, MODEL, plain=True))
    assert_same(fast, run_full(prepared, said, s, MODEL))


def test_an_entry_is_as_large_as_its_regime_says() -> None:
    one = path(np.random.default_rng(4), 3_000)
    s = settings(**{**KEYS, "PRODUCTS": "BTC-USD"}, SIZING="fixed", FIXED_ORDER_USD="200")
    prepared = engine.prepare([one])
    result = engine.run_lots(prepared, decisions.decide(s, prepared), s, MODEL)
    codes = regime_arrays.regimes(one.close, regime_arrays.numbers_of(s))
    seen = set()
    for row in result.ints.tolist():
        scale = parse_scales(SCALES)[codes[row[t.T_OPEN_BAR] - 1]]
        cost = row[t.T_STEPS] * row[t.T_OPEN_TICKS] * float(prepared.unit[0]) * 1.0005
        assert scale > 0.0 and cost == pytest.approx(200 * scale, abs=row[t.T_OPEN_TICKS] * float(prepared.unit[0]) * 2)
        seen.add(scale)
    assert seen == {0.25, 0.5, 0.75, 1.0}


def run(candles: list[CandleSet], **keys: str) -> list[str]:
    return list(run_on(candles, BacktestRequest(("x",), {"STRATEGY": "sma_cross", **keys}, MODEL), chances=False).notes)


def test_the_report_says_how_much_of_the_time_each_had() -> None:
    one = path(np.random.default_rng(4), 2_000)
    notes = run([one], **{**KEYS, "REGIME_STRATEGIES": "up-calm:momentum"})
    (first,) = [note for note in notes if note.startswith("Sizes by regime")]
    assert SCALES in first and "other strategies in up-calm:momentum" in first
    (told,) = [note for note in notes if "regimes:" in note]
    codes = regime_arrays.regimes(one.close, regime_arrays.numbers_of(settings(**KEYS)))
    share = float((codes == REGIMES.index("up-calm")).mean())
    assert f"rising, calm {share * 100:.0f} % of the bars (holding " in told and "not known 2 %" in told
    assert not [note for note in run([one]) if "regime" in note], "off by default"


def test_weights_are_scaled_and_flip_is_refused_by_name() -> None:
    one = path(np.random.default_rng(4), 2_000)
    s = settings(**KEYS, STRATEGY="sma_cross", KIND="exposure")
    (said,) = decisions.decide(s, engine.prepare([one]))
    assert {0.0, 0.25, 0.5, 0.75, 1.0} == set(said[~np.isnan(said)].tolist())
    with pytest.raises(ResearchError, match="--set REGIME=false"):
        decisions.decide(settings(**KEYS), engine.prepare([one]), Style.FLIP)


def test_signals_without_sizes_are_refused_and_a_tests_first_bars_are_sized_by_all_before_them() -> None:
    one = path(np.random.default_rng(4), 2_000)
    s = settings(**{**KEYS, "PRODUCTS": "BTC-USD"}, SIZING="fixed", FIXED_ORDER_USD="200")
    said = decisions.decide(s, engine.prepare([one]))
    with pytest.raises(ResearchError, match="these signals have no sizes"):
        engine.run_lots(engine.prepare([one]), decisions.sides(said), s, MODEL)
    begin = int(one.start_s[1_000])
    parts, calls = walkforward.cut([one], said, begin, int(one.start_s[-1]) + 60)
    result = engine.run_lots(engine.prepare(parts), calls, s, MODEL)
    assert result.ints[:, t.T_OPEN_BAR].min() < 10, "a regime is known there, as it is for the bot"


def test_regimes_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    counted = by_regime.regimes

    def counting(close: Any, numbers: Any) -> Any:
        asked.append(len(close))
        return counted(close, numbers)

    for module in (by_regime, regime_arrays):
        monkeypatch.setattr(module, "regimes", counting)
    one = path(np.random.default_rng(4), 2_000)
    assert any("regimes:" in note for note in run([one], **{**KEYS, "PRODUCTS": "BTC-USD"}))
    assert asked == [len(one)]
