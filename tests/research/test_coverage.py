"""Every setting is applied by the compiled loop, replaced by an assumption that the report names, or refused."""

import dataclasses
import functools
from typing import Any

import numpy as np
import pytest

from research import coverage, engine, signals
from research.backtest import BacktestRequest, run_on, settings_for
from research.data.candles import CandleSet
from research.engine import MarketModel
from research.errors import ResearchError
from shared.settings import Settings, keys
from tests.research.paths import path, settings

ASSUMED = set(coverage.ASSUMED)
ALL = [key for key, _, _ in keys()]


def test_every_setting_has_exactly_one_place() -> None:
    for key in ALL:
        places = [
            key in coverage.APPLIED,
            key in ASSUMED,
            key in {*coverage.REFUSED, *coverage.OF_REFUSED},
            coverage.is_elsewhere(key),
        ]
        assert sum(places) == 1, f"{key} must be applied, assumed, refused or named as deciding nothing, once"
    assert set(ALL) >= coverage.APPLIED | ASSUMED | set(coverage.REFUSED)


# --- what is applied moves the result ------------------------------------------------------------------------------

# Lots of both kinds, takes, stops and trails within a few hundred bars.
BASE = {
    "EDGE_GATE": "false", "TAKE_PROFIT_PCT": "1.2", "SCALP_TP_MIN_PCT": "0.3", "STOP_LOSS_PCT": "2.5",
    "TRAIL_ACTIVATE_PCT": "0.8", "TRAIL_DISTANCE_PCT": "0.3", "PYRAMID_MIN_ADVERSE_PCT": "0.4",
    "PYRAMID_DECAY_MIN_PCT": "0.1", "RISK_PER_TRADE_PCT": "12", "MAX_DAILY_LOSS_PCT": "90", "MAX_DRAWDOWN_PCT": "0",
    "MAX_CONSECUTIVE_LOSSES": "0", "MAX_VOL_SPIKE": "0", "VOL_RISK_ADJUST": "false", "PROFILE": "prod",
    "STRATEGY": "sma_cross",
}  # fmt: skip
COMBINED = {
    "STRATEGY": "combined", "STRATEGIES": "sma_cross,momentum,rsi_reversion", "STRATEGY_MOMENTUM_BARS": "5",
}  # fmt: skip
REGIME_WINDOWS = {"REGIME_TREND_BARS": "30", "REGIME_VOL_BARS": "10", "REGIME_VOL_LONG_BARS": "60"}
REGIMES_ON = {"REGIME": "true", **REGIME_WINDOWS}
# The rule says how weights count, and is refused beside them where it counts none.
ALONG = {"STRATEGIES_RULE": {"STRATEGIES_WEIGHTS": "momentum:3"}}
# A key, what it is changed to, and what else must be set for it to matter.
CHANGES: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("ORDER_MIN_USD", "4000", {}),
    ("LOW_FUNDS", "retry", {"RISK_PER_TRADE_PCT": "60", "PYRAMID_MIN_ADVERSE_PCT": "0.1"}),
    ("RISK_PER_TRADE_PCT", "6", {}),
    ("MAX_DAILY_LOSS_PCT", "0.05", {}),
    ("MAX_DAILY_LOSS_USD", "5", {}),
    ("USD_EQUITY", "500", {"USE_LIVE_EQUITY": "false"}),
    ("USE_LIVE_EQUITY", "false", {}),
    ("VOL_RISK_ADJUST", "true", {}),
    ("DAILY_BREAKER_MARK_TO_MARKET", "false", {"MAX_DAILY_LOSS_PCT": "0.1"}),
    ("MAX_TOTAL_LOTS", "1", {}),
    ("MAX_CONCURRENT_LOTS", "1", {}),
    ("MAX_ORDER_USD", "300", {}),
    ("TRADING_WINDOW_UTC", "23:00-23:30", {}),
    ("REDUCE_ONLY", "true", {}),
    ("MAX_PRODUCT_USD", "1500", {}),
    ("MAX_TOTAL_USD", "1500", {}),
    ("MAX_BASE", "BTC:1", {}),
    ("MAX_DRAWDOWN_PCT", "0.3", {}),
    ("MAX_CONSECUTIVE_LOSSES", "1", {}),
    ("MAX_VOL_SPIKE", "1.2", {}),
    ("VOL_BAND_METHOD", "atr", {"VOL_BAND_HIGH_PCT": "0.8"}),
    ("VOL_BAND_LOW_PCT", "20", {}),
    ("VOL_BAND_HIGH_PCT", "0.01", {}),
    ("VOLATILITY_MULT", "0.2", {}),
    ("VOLATILITY_METHOD", "atr", {"VOLATILITY_MULT": "0.3"}),
    ("VOLATILITY_WINDOW", "8", {"VOLATILITY_MULT": "0.3"}),
    ("VOLATILITY_ALPHA", "0.9", {"VOLATILITY_MULT": "0.3", "VOLATILITY_METHOD": "ewma"}),
    ("ATR_WINDOW", "2", {"VOLATILITY_MULT": "0.2", "VOLATILITY_METHOD": "atr"}),
    ("SIZING", "fixed", {}),
    ("FIXED_ORDER_USD", "77", {"SIZING": "fixed"}),
    ("TARGET_DAY_VOL_PCT", "2", {"SIZING": "volatility"}),
    ("KELLY_CAP_PCT", "1", {"SIZING": "kelly"}),
    ("KELLY_CONFIDENCE", "0.02", {"SIZING": "kelly", "KELLY_CAP_PCT": "90"}),
    ("ALLOW_PYRAMIDING", "false", {}),
    ("PYRAMID_MIN_ADVERSE_PCT", "2", {}),
    ("PYRAMID_DECAY_LAMBDA", "1", {}),
    ("PYRAMID_DECAY_MIN_PCT", "0.39", {}),
    ("PYRAMID_MIN_SECONDS_BETWEEN", "3600", {}),
    ("TAKE_PROFIT_PCT", "0.7", {}),
    ("STOP_LOSS_PCT", "1", {}),
    ("TRAIL_ACTIVATE_PCT", "2", {}),
    ("TRAIL_DISTANCE_PCT", "0.6", {}),
    ("RUNNER_TP_MULT", "1", {"TRAIL_ACTIVATE_PCT": "50"}),
    ("SCALP_TP_DECAY_ENABLE", "false", {"SCALP_TP_DECAY_FACTOR": "0.6"}),
    ("SCALP_TP_DEC_MODE", "linear", {"SCALP_TP_DECAY_FACTOR": "0.6"}),
    ("SCALP_TP_DEC_PCT", "0.6", {"SCALP_TP_DEC_MODE": "linear"}),
    ("SCALP_TP_DECAY_FACTOR", "0.5", {}),
    ("SCALP_TP_MIN_PCT", "1.1", {"SCALP_TP_DECAY_FACTOR": "0.6"}),
    ("TAKE_PROFIT_ORDER", "market", {}),
    ("SIGNAL_EXITS", "true", {}),
    ("EDGE_GATE", "true", {"MIN_EDGE_PCT": "5"}),
    ("MIN_EDGE_PCT", "50", {"EDGE_GATE": "true", "TAKE_PROFIT_PCT": "5", "SCALP_TP_MIN_PCT": "4"}),
    ("STRATEGY", "momentum", {}),
    ("MA_FAST", "4", {}),
    ("MA_SLOW", "50", {}),
    ("BUY_THRESHOLD", "0.6", {"STRATEGY": "logistic", "USE_MA_FILTER": "false"}),
    ("SELL_THRESHOLD", "0.1", {"STRATEGY": "logistic", "USE_MA_FILTER": "false"}),
    ("USE_MA_FILTER", "false", {"STRATEGY": "logistic"}),
    ("MODEL_MODE", "baseline", {"STRATEGY": "logistic", "USE_MA_FILTER": "false"}),
    ("WALK_FORWARD_MIN", "200", {"STRATEGY": "logistic", "USE_MA_FILTER": "false"}),
    ("KIND", "exposure", {}),
    ("EXPOSURE_MAX_PCT", "50", {"KIND": "exposure"}),
    ("EXPOSURE_BAND_PCT", "0", {"KIND": "exposure"}),
    ("REGIME", "true", REGIME_WINDOWS),
    ("REGIME_TREND_BARS", "45", REGIMES_ON),
    ("REGIME_TREND_ENTER", "1.4", REGIMES_ON),
    ("REGIME_TREND_LEAVE", "0.1", REGIMES_ON),
    ("REGIME_VOL_BARS", "20", REGIMES_ON),
    ("REGIME_VOL_LONG_BARS", "90", REGIMES_ON),
    ("REGIME_WILD_ENTER", "1.8", REGIMES_ON),
    ("REGIME_WILD_LEAVE", "0.7", REGIMES_ON),
    ("REGIME_SCALES", "down-wild:0", REGIMES_ON),
    ("REGIME_STRATEGIES", "range-calm:momentum", REGIMES_ON),
    ("STRATEGIES", "sma_cross,rsi_reversion", COMBINED),
    ("STRATEGIES_MAJORITY", "0.3", COMBINED),
    ("STRATEGIES_RULE", "weight", COMBINED),
    ("STRATEGIES_WEIGHTS", "sma_cross:3", {**COMBINED, "STRATEGIES_RULE": "weight"}),
    ("EXPOSURE_MAKER_SEC", "0", {"KIND": "exposure"}),
    ("MAX_HISTORY_CANDLES", "120", {"STRATEGY": "logistic", "USE_MA_FILTER": "false"}),
)


def test_every_applied_setting_is_tried() -> None:
    assert {key for key, _, _ in CHANGES} | {"PRODUCTS", "GRANULARITY"} == coverage.APPLIED


def _candles() -> CandleSet:
    """Two days; the last part is wilder than what came before."""
    calm, wild = (
        path(np.random.default_rng(11), 1_800, sigma=0.003),
        path(np.random.default_rng(12), 1_000, sigma=0.006),
    )
    later = calm.start_s[-1] + 60 - wild.start_s[0]
    columns = (np.concatenate([getattr(calm, n), getattr(wild, n)]) for n in ("open", "high", "low", "close", "volume"))
    return CandleSet("BTC-USD", 60, np.concatenate([calm.start_s, wild.start_s + later]), *columns)


@functools.cache
def _run(pairs: tuple[tuple[str, str], ...]) -> tuple[Any, ...]:
    model = MarketModel(maker_pct=0.0, taker_pct=0.01)
    found = run_on([_candles()], BacktestRequest(("x",), {**BASE, **dict(pairs)}, model), chances=False).result
    return found.ints.tolist(), found.floats.tolist(), found.equity.tolist()


def _result(given: dict[str, str]) -> tuple[Any, ...]:
    return _run(tuple(sorted(given.items())))


def _signals(given: dict[str, str]) -> list[int]:
    candles = _candles()
    s = settings_for({**BASE, **given}, [candles])
    return signals.fast(s, engine.prepare([candles]))[0].tolist()


@pytest.mark.parametrize(("key", "value", "beside"), CHANGES, ids=[key for key, _, _ in CHANGES])
def test_an_applied_setting_moves_the_result(key: str, value: str, beside: dict[str, str]) -> None:
    before, after = _result(beside), _result({**beside, key: value, **ALONG.get(key, {})})
    assert before[0], "the plain run trades"
    if key == "SELL_THRESHOLD":  # a SELL closes nothing, so the signals alone move
        assert _signals(beside) != _signals({**beside, key: value})
    else:
        assert before != after


# --- what is assumed is named, what is refused is refused ------------------------------------------------------------


def test_every_assumption_is_named_in_the_report() -> None:
    found = run_on([_candles()], BacktestRequest(("x",), BASE, MarketModel()), chances=False)
    line = next(note for note in found.notes if note.startswith("Not modelled in this backtest"))
    s = found.settings
    for key in coverage.ASSUMED:
        assert (key in line) == bool(getattr(s, key.lower())), key


@pytest.mark.parametrize("key", coverage.REFUSED_BY_HAND)
def test_limits_of_a_book_that_a_person_set_are_refused_by_name(key: str) -> None:
    with pytest.raises(ResearchError, match=rf"{key}.*--engine full.*--set {key}=0"):
        run_on([_candles()], BacktestRequest(("x",), {**BASE, key: "2"}, MarketModel()), chances=False)
    run_on([_candles()], BacktestRequest(("x",), {**BASE, key: "0"}, MarketModel()), chances=False)


@pytest.mark.parametrize("changes", [{"entry_order": "maker"}, {"scanner_max_products": 3}, {"correlation_limit": 0.9}])
def test_rules_that_the_loop_lacks_are_refused(changes: dict[str, Any]) -> None:
    s: Settings = dataclasses.replace(settings(), **changes)
    with pytest.raises(ResearchError, match=next(iter(changes)).upper()):
        coverage.check(s)
    prepared = engine.prepare([_candles()])
    with pytest.raises(ResearchError):
        engine.run_lots(prepared, [np.zeros(len(_candles()), dtype=np.int8)], s, MarketModel())
