"""The compiled loop trades as the bot's own event engine does against the in-process exchange: the same lots, the same
prices, sizes, reasons and order, the same fees and results, on random paths."""

import dataclasses

import numpy as np
import pytest

from bot.rules.codes import EXIT_SIGNAL, EXIT_STOP, EXIT_TAKE, EXIT_TARGET, EXIT_TRAIL
from research import engine, exposure
from research.full import run_full
from research.loops import types as t
from tests.research.paths import path, settings


def assert_same(fast: engine.RawResult, full: engine.RawResult) -> None:
    # By product and opening: of two products that close at one time either may come first.
    a, b = (np.lexsort((r.ints[:, t.T_OPENED_MS], r.ints[:, t.T_PRODUCT])) for r in (fast, full))
    assert fast.ints[a].tolist() == full.ints[b].tolist()
    np.testing.assert_allclose(fast.floats[a], full.floats[b], rtol=1e-11, atol=1e-10)
    # Of 10,000 all but cents may be spent: the difference is of what passed through, not of what is left.
    np.testing.assert_allclose(fast.account[t.A_CASH], full.account[t.A_CASH], rtol=1e-13, atol=1e-9)
    np.testing.assert_allclose(fast.equity, full.equity, rtol=1e-13)
    np.testing.assert_allclose(fast.held, full.held, rtol=1e-13, atol=1e-9)
    assert fast.account[t.A_BREAKER_DAYS] == full.account[t.A_BREAKER_DAYS]
    assert fast.account[t.A_LATCHED_MS] == full.account[t.A_LATCHED_MS]


@pytest.mark.parametrize("seed", range(8))
def test_the_same_lots(seed: int) -> None:
    g = np.random.default_rng(seed)
    names = ("BTC-USD", "ETH-USD")[: 1 + seed % 2]
    pick = lambda *values: str(g.choice(values))  # noqa: E731
    s = settings(
        TAKE_PROFIT_PCT=pick(0.8, 1.9), RUNNER_TP_MULT=pick(1, 2), STOP_LOSS_PCT=pick(1000, 2),
        TRAIL_ACTIVATE_PCT=pick(0.5, 1.9), TRAIL_DISTANCE_PCT=pick(0.2, 0.6), SCALP_TP_MIN_PCT=pick(0.3, 1.55),
        PYRAMID_MIN_ADVERSE_PCT=pick(0.3, 1.5), PYRAMID_DECAY_MIN_PCT=pick(0.1, 0.4), MAX_CONCURRENT_LOTS=pick(3, 20),
        PYRAMID_MIN_SECONDS_BETWEEN=pick(0, 240), MAX_TOTAL_LOTS=pick(4, 60), RISK_PER_TRADE_PCT=pick(10, 30),
        MAX_DAILY_LOSS_PCT=pick(1, 100), MAX_DRAWDOWN_PCT=pick(0, 4), MAX_CONSECUTIVE_LOSSES=pick(0, 2),
        TAKE_PROFIT_ORDER=pick("limit", "limit", "market"), EDGE_GATE=pick("true", "false"),
        DAILY_BREAKER_MARK_TO_MARKET=pick("true", "false"), MAX_PRODUCT_USD=pick(0, 5000), PRODUCTS=",".join(names),
        SCALP_TP_DEC_MODE=pick("exp", "linear"), USE_LIVE_EQUITY=pick("true", "true", "false"),
    )  # fmt: skip
    if seed % 2:  # as if nothing was set by hand: both lift the trail to what pays
        s = dataclasses.replace(s, by_hand=frozenset())
    candles = [path(g, 240, name) for name in names]
    said = [(g.random(len(one)) < 0.6).astype(np.int8) for one in candles]
    model = engine.MarketModel(
        maker_pct=float(g.choice([0.0, 0.05])), taker_pct=float(g.choice([0.06, 0.1])),
        through=bool(g.random() < 0.5),
    )  # fmt: skip
    prepared = engine.prepare(candles)
    fast = engine.run_lots(prepared, said, s, model)
    assert_same(fast, run_full(prepared, said, s, model))


@pytest.mark.parametrize("seed", range(6))
def test_a_sell_closes_the_same_lots(seed: int) -> None:
    """SIGNAL_EXITS: a SELL bar sells what stop, trail and take leave, at the next open."""
    g = np.random.default_rng(700 + seed)
    names = ("BTC-USD", "ETH-USD")[: 1 + seed % 2]
    pick = lambda *values: str(g.choice(values))  # noqa: E731
    s = settings(
        SIGNAL_EXITS="true", EDGE_GATE="false", PRODUCTS=",".join(names), TAKE_PROFIT_PCT=pick(0.8, 1.9),
        SCALP_TP_MIN_PCT=pick(0.3, 1.55), STOP_LOSS_PCT=pick(1000, 1), TRAIL_ACTIVATE_PCT=pick(0.5, 1.9),
        PYRAMID_MIN_ADVERSE_PCT=pick(0, 0.3), TAKE_PROFIT_ORDER=pick("limit", "limit", "market"),
        MAX_DAILY_LOSS_PCT="100", MAX_DRAWDOWN_PCT="0", RISK_PER_TRADE_PCT=pick(5, 30),
    )  # fmt: skip
    candles = [path(g, 300, name) for name in names]
    said = [g.choice([-1, 0, 1], len(one), p=[0.1, 0.4, 0.5]).astype(np.int8) for one in candles]
    prepared, model = engine.prepare(candles), engine.MarketModel(maker_pct=0.0, taker_pct=0.06, through=bool(seed % 3))
    fast = engine.run_lots(prepared, said, s, model)
    assert_same(fast, run_full(prepared, said, s, model))
    sold = fast.ints[fast.ints[:, t.T_REASON] == EXIT_SIGNAL]
    assert len(sold) > 5
    for row in sold.tolist():  # at the open after a SELL bar, and nothing of the product outlives one
        assert said[row[t.T_PRODUCT]][row[t.T_CLOSE_BAR] - int(prepared.first[row[t.T_PRODUCT]]) - 1] == -1
    without = engine.run_lots(prepared, said, dataclasses.replace(s, signal_exits=False), model)
    assert not (without.ints[:, t.T_REASON] == EXIT_SIGNAL).any()


def test_the_paths_exercise_the_rules() -> None:
    """What the comparison above rests on: exits of every kind, lots of both kinds, more than one lot at once."""
    reasons: set[int] = set()
    g = np.random.default_rng(1)
    for _ in range(10):
        candles = path(g, 240)
        said = [(g.random(len(candles)) < 0.6).astype(np.int8)]
        s = settings(STOP_LOSS_PCT="2", TRAIL_ACTIVATE_PCT="0.5", TAKE_PROFIT_PCT="0.8", EDGE_GATE="false")
        r = engine.run_lots(engine.prepare([candles]), said, s, engine.MarketModel())
        reasons |= set(r.ints[:, t.T_REASON].tolist())
        assert len(r.ints) > 5 and len(set(r.ints[:, t.T_RUNNER].tolist())) == 2
    assert {EXIT_STOP, EXIT_TRAIL, EXIT_TAKE, t.EXIT_END} <= reasons


def test_volatility_sizes_and_day_turn() -> None:
    """Longer than a day: volatility factors and the spike guard come in, the day turns, takes are placed anew."""
    g = np.random.default_rng(77)
    candles = path(g, 2000, sigma=0.0006)
    said = [(g.random(len(candles)) < 0.3).astype(np.int8)]
    s = settings(EDGE_GATE="false", TAKE_PROFIT_PCT="0.9", SCALP_TP_MIN_PCT="0.5", MAX_VOL_SPIKE="1.2",
                 PYRAMID_MIN_ADVERSE_PCT="0.5", MAX_DAILY_LOSS_PCT="100", PRODUCTS="BTC-USD")  # fmt: skip
    model = engine.MarketModel(maker_pct=0.0, taker_pct=0.06, through=False)
    prepared = engine.prepare([candles])
    fast = engine.run_lots(prepared, said, s, model)
    assert len(fast.ints) > 8
    assert_same(fast, run_full(prepared, said, s, model))


@pytest.mark.parametrize("seed", range(6))
def test_sizes_and_limits_of_the_bot(seed: int) -> None:
    """Every SIZING, MAX_BASE and the bands of a bar's volatility: what they measure is measured bar by bar alike."""
    g = np.random.default_rng(300 + seed)
    # Kelly's memory asks which lot came first; of two products that close at one time either may.
    names = ("BTC-USD", "ETH-USD")[: 2 if seed % 3 == 0 else 1]
    candles = [path(g, 360, name) for name in names]
    said = [(g.random(len(one)) < 0.6).astype(np.int8) for one in candles]
    s = settings(
        EDGE_GATE="false", PRODUCTS=",".join(names), TAKE_PROFIT_PCT="0.6", SCALP_TP_MIN_PCT="0.3", STOP_LOSS_PCT="1",
        PYRAMID_MIN_ADVERSE_PCT="0.3", PYRAMID_DECAY_MIN_PCT="0.1", MAX_DAILY_LOSS_PCT="100", MAX_DRAWDOWN_PCT="0",
        SIZING=("volatility", "kelly", "kelly")[seed % 3], VOL_BAND_METHOD=("std", "ewma", "atr")[seed // 2],
        MAX_BASE="BTC:12,ETH:9" if seed % 3 == 1 else "", VOL_BAND_LOW_PCT=("0", "0.2")[seed % 2],
        VOL_BAND_HIGH_PCT=("0", ("0.85", "0.85", "1.6")[seed // 2])[seed // 3], TARGET_DAY_VOL_PCT="1.5",
        MAX_CONSECUTIVE_LOSSES="0",
    )  # fmt: skip
    prepared, model = engine.prepare(candles), engine.MarketModel(maker_pct=0.0, taker_pct=0.06)
    fast = engine.run_lots(prepared, said, s, model)
    assert_same(fast, run_full(prepared, said, s, model))
    assert len(fast.ints) > 5
    free = engine.run_lots(prepared, said, dataclasses.replace(s, sizing="percent", max_base=""), model)
    assert free.account[t.A_TURNOVER] != fast.account[t.A_TURNOVER], "the settings made no difference"


@pytest.mark.parametrize("seed", range(8))
def test_the_same_holdings_at_weights(seed: int) -> None:
    """KIND=exposure at market: one order after the other for a sale over several lots, and for what a fee leaves."""
    g = np.random.default_rng(900 + seed)
    names = ("BTC-USD", "ETH-USD", "SOL-USD")[: 1 + seed % 3]
    pick = lambda *values: str(g.choice(values))  # noqa: E731
    s = settings(
        KIND="exposure", EXPOSURE_MAKER_SEC="0", EXPOSURE_BAND_PCT=pick(0, 2, 8), EXPOSURE_MAX_PCT=pick(60, 95, 100),
        ORDER_MIN_USD=pick(1, 20), PRODUCTS=",".join(names),
        MAX_DAILY_LOSS_PCT="100", MAX_DRAWDOWN_PCT="0", USE_LIVE_EQUITY=pick("true", "true", "false"),
    )  # fmt: skip
    candles = [path(g, 300, name) for name in names]
    levels = np.array([0.0, 0.2, 0.5, 0.9, 1.0])
    weights = [np.where(g.random(len(c)) < 0.15, g.choice(levels, len(c)), np.nan) for c in candles]
    # A target that stays is held against every price that moves.
    weights = [np.where(g.random(len(w)) < 0.5, w, np.nan) if seed % 2 else _kept(w) for w in weights]
    model = engine.MarketModel(maker_pct=0.05, taker_pct=float(g.choice([0.0, 0.06, 0.9])))
    prepared = engine.prepare(candles)
    fast = exposure.run_exposure(prepared, weights, s, model)
    assert_same(fast, run_full(prepared, weights, s, model))
    assert (fast.ints[:, t.T_REASON] == EXIT_TARGET).sum() > 3 and fast.account[t.A_TURNOVER] > 2_000


def _kept(weight: np.ndarray) -> np.ndarray:
    """Each weight until the next one."""
    at = np.maximum.accumulate(np.where(np.isnan(weight), -1, np.arange(len(weight))))
    return np.where(at >= 0, weight[np.maximum(at, 0)], np.nan)


def test_both_engines_count_the_days_that_the_loss_limit_ended() -> None:
    g = np.random.default_rng(5)
    candles = path(g, 4500, sigma=0.002)
    said = [(g.random(len(candles)) < 0.6).astype(np.int8)]
    s = settings(EDGE_GATE="false", MAX_DAILY_LOSS_PCT="0.5", MAX_DRAWDOWN_PCT="0", PRODUCTS="BTC-USD",
                 RISK_PER_TRADE_PCT="30", PYRAMID_DECAY_LAMBDA="0", VOL_RISK_ADJUST="false")  # fmt: skip
    prepared, model = engine.prepare([candles]), engine.MarketModel(maker_pct=0.0, taker_pct=0.06)
    fast, full = engine.run_lots(prepared, said, s, model), run_full(prepared, said, s, model)
    assert full.account[t.A_BREAKER_DAYS] == fast.account[t.A_BREAKER_DAYS] >= 2
