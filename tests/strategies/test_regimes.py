"""Regimes: told by hand, bar by bar as in one go, no look ahead; what they do to signals, weights and sizes."""

import math
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as some

from bot.app.strategy_port import StrategyAdapter
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from bot.domain.targets import Exposure, Signal
from bot.rules.regime import UNKNOWN, drifts, held_state, narrows, regime_code, rests, variance_of, widens
from bot.rules.volatility import log_return_units
from bot.strategies import registry
from bot.strategies.base import Bars, Call, ExposureArrays
from bot.strategies.lookahead import find_lookahead, find_window_difference
from bot.strategies.regime_arrays import RegimeNumbers, numbers_of, regimes, scales
from shared.live_permission import terms
from shared.regimes import REGIME_SIZE, REGIME_VALUE, REGIMES, parse_regime_strategies, parse_scales, regime_words
from shared.setting_checks import contradictions
from shared.settings import Settings, SettingsError
from tests.core.harness import product
from tests.strategies.families import OWN, hours

SHORT: dict[str, Any] = {
    "regime": True, "regime_trend_bars": 20, "regime_vol_bars": 8, "regime_vol_long_bars": 60,
    "regime_trend_enter": 1.0, "regime_trend_leave": 0.5, "regime_wild_enter": 1.3, "regime_wild_leave": 1.0,
    "max_history_candles": 400,
}  # fmt: skip
NUMBERS = numbers_of(Settings(**SHORT))


def made(**more: Any) -> Settings:
    found = Settings(**{**SHORT, "strategy": "sma_cross", **more})
    assert not contradictions(found)
    return found


def named(close: Any, n: RegimeNumbers = NUMBERS) -> list[str]:
    return [REGIMES[code] if code >= 0 else "" for code in regimes(np.asarray(close, dtype=float), n).tolist()]


def rows_of(bars: Bars) -> list[tuple[float, ...]]:
    columns = (bars.start_s, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def bar_by_bar(close: list[float], n: RegimeNumbers) -> list[int]:
    """The plain definition: windows summed anew at every bar, states carried on."""
    returns: deque[int] = deque(maxlen=n.bars - 1)
    rising = falling = wild = UNKNOWN
    found = []
    for i, now in enumerate(close):
        if i:
            returns.append(log_return_units(now, close[i - 1]))
        if len(returns) < n.bars - 1:
            found.append(UNKNOWN)
            continue

        def window(bars: int) -> tuple[float, float]:
            newest = list(returns)[-bars:]
            total, squares = float(sum(newest)), float(sum(value * value for value in newest))
            return total, variance_of(total, squares, bars)

        total, variance = window(n.trend_bars)
        short, long = window(n.vol_bars)[1], window(n.vol_long_bars)[1]
        t = n.trend_bars
        rising = held_state(rising, drifts(total, variance, t, n.trend_enter), rests(total, variance, t, n.trend_leave))
        falling = held_state(
            falling, drifts(-total, variance, t, n.trend_enter), rests(-total, variance, t, n.trend_leave)
        )
        wild = held_state(wild, widens(short, long, n.wild_enter), narrows(short, long, n.wild_leave))
        found.append(regime_code(rising, falling, wild))
    return found


# --- the detector --------------------------------------------------------------------------------------------------


def test_plain_markets_have_plain_names() -> None:
    g = np.random.default_rng(5)
    noise = g.normal(0, 0.001, 200)
    drift = {"up": 0.002, "down": -0.002, "range": 0.0}
    for word, step in drift.items():
        moves = noise - noise.mean() + step
        moves[-20:] -= moves[-20:].mean() - step
        calm = 100 * np.exp(np.cumsum(moves))
        assert named(calm)[-1] == f"{word}-calm"
        moves[-8:] = (moves[-8:] - moves[-8:].mean()) * 2.5 + step
        assert named(100 * np.exp(np.cumsum(moves)))[-1] == f"{word}-wild"
    assert named(np.full(100, 100.0))[-1] == "range-calm", "a market that stands still"
    assert named(calm[:60]) == [""] * 60 and NUMBERS.bars == 61
    assert regime_words("up-wild") == "rising, wild" and regime_words(None) == ""


@given(
    some.integers(0, 2**32 - 1), some.sampled_from([0.0, 0.0003, 0.002]), some.integers(70, 400),
    some.tuples(some.integers(2, 40), some.integers(2, 20), some.integers(21, 60)),
)  # fmt: skip
@examples(max_examples=60, deadline=None)
def test_bar_by_bar_as_in_one_go(seed: int, sigma: float, count: int, windows: tuple[int, int, int]) -> None:
    n = NUMBERS._replace(trend_bars=windows[0], vol_bars=windows[1], vol_long_bars=windows[2])
    close = np.round(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, sigma, count))), 2)
    whole = regimes(close, n).tolist()
    assert whole == bar_by_bar(close.tolist(), n)
    for end in range(1, count, 37):  # later bars change nothing
        assert regimes(close[:end], n).tolist() == whole[:end]


@given(some.integers(0, 2**32 - 1), some.integers(0, 300))
@examples(max_examples=60, deadline=None)
def test_a_later_start_says_the_same_or_that_it_does_not_know(seed: int, start: int) -> None:
    close = np.round(100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.002, 400))), 2)
    whole, later = regimes(close, NUMBERS)[start:], regimes(close[start:], NUMBERS)
    known = later >= 0
    assert (later[known] == whole[known]).all()
    first = np.flatnonzero(known)
    assert not len(first) or known[first[0] :].all(), "once known it stays known"


def test_hysteresis_holds_between_its_two_thresholds() -> None:
    walk = np.random.default_rng(2).normal(0, 0.002, 20_000)
    close = 100 * np.exp(np.cumsum(walk))
    turns = [
        int((np.diff(regimes(close, NUMBERS._replace(trend_leave=leave, wild_leave=wild))) != 0).sum())
        for leave, wild in ((0.999, 1.299), (0.5, 1.0), (0.2, 0.8))
    ]
    assert turns[0] > 1.5 * turns[1] > 1.5 * turns[2] > 0
    share = np.bincount(regimes(close, NUMBERS)[NUMBERS.bars :] // 2, minlength=3) / (20_000 - NUMBERS.bars)
    assert 0.15 < share[0] < 0.4 and 0.15 < share[2] < 0.4, "a random walk falls as often as it rises"


def test_the_code_is_a_place_in_the_list() -> None:
    found = [
        regime_code(up, down, wild)
        for up, down in ((0, 1), (0, 0), (1, 0))
        for wild in (0, 1)
    ]  # fmt: skip
    assert found == list(range(len(REGIMES)))
    assert {regime_code(*(UNKNOWN if i == j else 0 for j in range(3))) for i in range(3)} == {UNKNOWN}


# --- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"regime_trend_leave": 1.0}, "REGIME_TREND_LEAVE=1.0 must be below REGIME_TREND_ENTER"),
        ({"regime_wild_leave": 1.4}, "REGIME_WILD_LEAVE=1.4 must be below"),
        ({"regime_vol_bars": 60}, "REGIME_VOL_BARS=60 must be below REGIME_VOL_LONG_BARS"),
        ({"regime_trend_bars": 400}, "needs more bars than MAX_HISTORY_CANDLES=400"),
        ({"regime_scales": "down-wild:1.5"}, "REGIME_SCALES=down-wild:1.5: written like"),
        ({"regime_scales": "sideways:1"}, "regimes: down-calm"),
        ({"regime_scales": "up-calm:1,up-calm:0"}, "REGIME_SCALES"),
        ({"regime_strategies": "down-wild"}, "REGIME_STRATEGIES=down-wild: written like"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, Any], problem: str) -> None:
    (told,) = contradictions(Settings(**{**SHORT, **changes}))
    assert problem in told


def test_scales_and_strategies_are_read_by_state() -> None:
    assert parse_scales("up-wild:0.5, down-calm:0") == (0.0, 1.0, 1.0, 1.0, 1.0, 0.5)
    assert parse_regime_strategies("down-wild: strategies.none.SmaCross") == {"down-wild": "sma_cross"}
    held = terms(made(regime_strategies="down-wild:momentum"), "folder").artifacts
    assert {"bot/strategies/momentum.py", "bot/strategies/by_regime.py", "bot/strategies/sma_cross.py"} <= set(held)
    with pytest.raises(SettingsError, match="REGIME_STRATEGIES: trend says weights, which sma_cross does not"):
        registry.chosen(made(regime_strategies="up-calm:trend", granularity="ONE_HOUR", strategy_options=OWN))
    with pytest.raises(SettingsError, match="REGIME_STRATEGIES=momentun is no strategy; did you mean momentum"):
        registry.chosen(made(regime_strategies="up-calm:momentun"))
    assert type(registry.chosen(Settings(strategy="sma_cross"))).__name__ == "SmaCross", "off by default"


# --- what they do --------------------------------------------------------------------------------------------------

SCALES = "down-calm:0,down-wild:0,range-wild:0.25,up-wild:0.5"
OTHERS = "range-calm:rsi_reversion,range-wild:momentum"


@pytest.mark.parametrize("others", ["", OTHERS])
def test_signals_look_at_nothing_ahead_and_the_window_is_long_enough(make_bars, others: str) -> None:
    settings = made(regime_scales=SCALES, regime_strategies=others)
    bars = make_bars(2_500)
    assert find_lookahead(registry.chosen(settings), bars, cuts=25) is None
    assert find_window_difference(registry.chosen(settings), bars, cuts=50) is None


def test_a_buy_is_sized_by_its_regime_and_a_sell_stands(make_bars) -> None:
    bars, settings = make_bars(3_000), made(regime_scales=SCALES, regime_strategies=OTHERS)
    codes = regimes(bars.close, NUMBERS)
    out = registry.chosen(settings).signals(bars)
    names = ("sma_cross", "rsi_reversion", "momentum")
    alone = {name: registry.make(name, settings).signals(bars).signal for name in names}
    first = registry.chosen(settings).warmup_bars - 1
    assert out.size is not None
    for i in range(first, len(bars), 3):
        state = REGIMES[codes[i]]
        who = {"range-calm": "rsi_reversion", "range-wild": "momentum"}.get(state, "sma_cross")
        said, scale = alone[who][i], parse_scales(SCALES)[codes[i]]
        assert out.signal[i] == (0 if said > 0 and scale == 0.0 else said) and out.size[i] == scale
        assert out.values[who][i] == said and out.values[REGIME_VALUE][i] == codes[i]
    assert not out.signal[:first].any() and {1, -1} <= set(out.signal.tolist())
    assert len(set(codes[NUMBERS.bars :].tolist())) == len(REGIMES), "every regime comes up"


def test_the_bot_says_bar_by_bar_what_history_says(make_bars) -> None:
    bars, settings = make_bars(1_200), made(regime_scales=SCALES, regime_strategies=OTHERS, max_history_candles=1_200)
    whole, live = registry.chosen(settings).signals(bars), registry.chosen(settings)
    rows = rows_of(bars)
    for end in range(1, len(rows) + 1, 13):
        said = live.latest_of(rows[:end], bars.price_increment, 60)
        assert said.code == whole.signal[end - 1]
        if end >= live.warmup_bars:
            assert whole.size is not None and said.size == whole.size[end - 1]
            shown = {name: array[end - 1] for name, array in whole.values.items() if math.isfinite(array[end - 1])}
            assert said.values == pytest.approx(shown, rel=1e-9)
            assert live.latest(bars.between(0, end)) == said
        else:
            assert said.call is Call.FLAT


@pytest.mark.parametrize("others", ["", "down-calm:breakout,down-wild:breakout"])
def test_weights_are_scaled_and_unknown_ones_are_no_opinion(others: str) -> None:
    settings = made(
        strategy="rebalance", granularity="ONE_HOUR", strategy_options=OWN, regime_scales=SCALES,
        regime_strategies=others, max_history_candles=1_500,
    )  # fmt: skip
    bars = hours(1_500)
    whole, live = registry.chosen(settings), registry.chosen(settings)
    said = whole.checked(bars)
    assert isinstance(said, ExposureArrays)
    codes = regimes(bars.close, NUMBERS)
    plain = registry.make("rebalance", settings).checked(bars)
    assert isinstance(plain, ExposureArrays)
    first = whole.warmup_bars - 1
    sized = np.where(codes < 0, np.nan, plain.weight * scales(codes, settings))
    if not others:
        assert np.array_equal(said.weight[first:], sized[first:], equal_nan=True)
    assert np.isnan(said.weight[:first]).all()
    assert find_lookahead(whole, bars, cuts=10) is None
    rows = rows_of(bars)
    for end in range(first, len(rows) + 1, 83):
        now = live.wanted_of(rows[:end], bars.price_increment, 3600)
        assert isinstance(now, Exposure)
        expected = float(said.weight[end - 1])
        assert now.weight == expected or (math.isnan(now.weight) and math.isnan(expected))


def test_a_signal_that_is_carried_out_as_a_weight_is_scaled_too(make_bars) -> None:
    settings = made(regime_scales="up-wild:0.5,up-calm:0", kind="exposure")
    bars, adapter = make_bars(900), StrategyAdapter(settings)
    found = set()
    for end in range(500, 900):
        rows = [Bar(int(row[0]), *row[1:]) for row in rows_of(bars.between(end - 400, end))]
        target = adapter.answer(AskStrategy(product(), tuple(rows))).target
        assert isinstance(target, Exposure)
        code = target.values.get(REGIME_VALUE)
        if code is not None and target.values["sma_cross"] > 0:
            assert target.weight == {"up-wild": 0.5, "up-calm": 0.0}.get(REGIMES[int(code)], 1.0)
            found.add(target.weight)
    assert found >= {0.0, 1.0}


def test_the_bot_shows_the_regime_and_keeps_the_models_probability(make_bars) -> None:
    adapter = StrategyAdapter(made(strategy="logistic", walk_forward_min=10_000, regime_scales="up-calm:0"))
    assert adapter.members == ["logistic"] and adapter.model_mode == "extended"
    assert "REGIME_SCALES" in [row.key for row in adapter.settings_read]
    bars = make_bars(500)
    rows = [Bar(int(row[0]), *row[1:]) for row in rows_of(bars)]
    answer = adapter.answer(AskStrategy(product(), tuple(rows)))
    assert isinstance(answer.target, Signal) and answer.target.probability is not None and answer.model is not None
    assert 0 <= answer.target.values[REGIME_VALUE] < 6 and answer.target.values[REGIME_SIZE] in (0.0, 1.0)
    two = StrategyAdapter(made(strategy="logistic", regime_strategies="up-calm:momentum", walk_forward_min=10_000))
    assert two.model_mode is None and two.members == ["logistic", "momentum"]


def test_combined_strategies_mind_regimes_as_one(make_bars) -> None:
    settings = made(strategy="combined", strategies=("sma_cross", "momentum"), regime_scales=SCALES)
    out = registry.chosen(settings).signals(make_bars(600))
    assert {"combined", "sma_cross", "momentum", REGIME_VALUE} <= set(out.values)
    assert StrategyAdapter(settings).members == ["combined", "sma_cross", "momentum"]
