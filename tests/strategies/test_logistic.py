"""The logistic strategy: warm-up, walk forward, thresholds, restart."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bot.strategies import features
from bot.strategies.base import Call
from bot.strategies.logistic import Logistic
from bot.strategies.logistic_fit import fit
from shared.settings import Settings, SettingsError

BASELINE = Settings(model_mode="baseline", max_history_candles=300, walk_forward_min=15)
EXTENDED = replace(BASELINE, model_mode="extended")


def test_first_signal_at_the_fiftieth_bar(make_bars) -> None:
    bars = make_bars(120)
    strategy = Logistic(BASELINE)
    assert strategy.warmup_bars == 50
    out = strategy.signals(bars)
    p = out.strength
    assert np.isnan(out.values["sma_fast"][:9]).all() and np.isnan(out.values["sma_slow"][:29]).all()
    assert np.isnan(p[:49]).all() and np.isfinite(p[49:]).all()
    assert strategy.latest(bars.tail(49)).call is Call.FLAT and strategy.model is None
    assert strategy.latest(bars.between(0, 50)).strength == p[49]
    assert Logistic(EXTENDED).warmup_bars == 81
    assert np.isfinite(Logistic(EXTENDED).signals(bars).strength[80:]).all()


@pytest.mark.parametrize("settings", [BASELINE, EXTENDED, replace(BASELINE, walk_forward_min=1)])
def test_live_equals_history_bar_by_bar(make_bars, settings: Settings) -> None:
    """The bot sees a window that slides, research all at once: the same probabilities, to the bit."""
    bars = make_bars(700)
    whole = Logistic(settings).signals(bars)
    live = Logistic(settings)
    for end in range(live.warmup_bars, 701):
        now = live.latest(bars.between(max(end - settings.max_history_candles, 0), end))
        assert now.strength == whole.strength[end - 1], end
        assert now.code == whole.signal[end - 1]
        assert now.values["sma_slow"] == pytest.approx(whole.values["sma_slow"][end - 1], rel=1e-14)
    slots = (bars.start_s + 60)[live.warmup_bars - 1 :] // (60 * settings.walk_forward_min)
    assert live.fits == len(np.unique(slots))


def test_each_refit_is_the_reference_solution_of_what_was_known(make_bars) -> None:
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    bars = make_bars(500)
    p = Logistic(EXTENDED).signals(bars).strength
    slot = (bars.start_s + 60) // 900
    refits = [i for i in range(81, 500) if slot[i] != slot[i - 1]]
    assert len(refits) > 20
    for i in refits[::5]:
        known = bars.between(max(i + 1 - 300, 0), i + 1)
        rows = features.rows(known, "extended")[60:]
        up = known.close[61:] > known.close[60:-1]
        scaler = StandardScaler().fit(rows[:-1])
        model = LogisticRegression(tol=1e-12, max_iter=10_000, solver="newton-cholesky")
        model.fit(scaler.transform(rows[:-1]), up)
        assert p[i] == pytest.approx(model.predict_proba(scaler.transform(rows[-1:]))[0, 1], abs=1e-6)


def test_features_by_hand(make_bars) -> None:
    bars = make_bars(200)
    c, i = bars.close, 150
    row = dict(zip(features.EXTENDED, features.rows(bars, "extended")[i], strict=True))
    assert row["return_1"] == pytest.approx(c[i] / c[i - 1] - 1)
    assert row["return_5"] == pytest.approx(c[i] / c[i - 5] - 1)
    assert row["sma_gap_10_30"] == pytest.approx(c[i - 9 : i + 1].mean() / c[i - 29 : i + 1].mean() - 1)
    assert 0 < row["rsi_14"] < 1
    assert row["zscore_20"] == pytest.approx((c[i] - c[i - 19 : i + 1].mean()) / c[i - 19 : i + 1].std())
    assert row["volatility_20"] == pytest.approx(np.diff(np.log(c[i - 20 : i + 1])).std())
    v = bars.volume[i - 19 : i + 1]
    assert row["volume_zscore_20"] == pytest.approx((v[-1] - v.mean()) / v.std())
    assert row["range"] == pytest.approx((bars.high[i] - bars.low[i]) / c[i])
    assert row["momentum_15"] == pytest.approx(c[i] / c[i - 15] - 1)
    assert row["momentum_60"] == pytest.approx(c[i] / c[i - 60] - 1)
    table = features.rows(bars, "baseline")
    assert table.shape == (200, 4) and np.isnan(table[:29]).all() and np.isfinite(table[29:]).all()


def test_thresholds_and_filter(make_bars) -> None:
    bars = make_bars(400)
    plain = replace(BASELINE, use_ma_filter=False, buy_threshold=0.52, sell_threshold=0.48)
    out = Logistic(plain).signals(bars)
    p = out.strength[49:]
    expected = np.where(p > 0.52, 1, np.where(p < 0.48, -1, 0))
    assert out.signal[49:].tolist() == expected.tolist() and set(expected) == {-1, 0, 1}
    filtered = Logistic(replace(plain, use_ma_filter=True)).signals(bars)
    above = filtered.values["sma_fast"] > filtered.values["sma_slow"]
    assert (filtered.signal[49:] == 1).tolist() == ((p > 0.52) & above[49:]).tolist()
    assert ((filtered.signal != 1) | above).all() and ((filtered.signal != -1) | ~above).all()


def test_it_learns_what_is_there(make_bars) -> None:
    """On a path that tends to turn back, the model finds it: better than a coin on bars it had not seen."""
    g = np.random.default_rng(8)
    shocks = g.normal(0, 0.002, 3_000)
    returns = shocks - 0.6 * np.concatenate(([0.0], shocks[:-1]))
    bars = make_bars(3_000)
    close = np.rint(100 * np.exp(np.cumsum(returns)) / 0.01) * 0.01
    bars = replace(bars, close=close, high=close + 0.02, low=close - 0.02)
    p = Logistic(replace(EXTENDED, max_history_candles=1_000, walk_forward_min=60)).signals(bars).strength
    right = (p[200:-1] > 0.5) == (close[201:] > close[200:-1])
    assert right.mean() > 0.6


def test_a_restart_goes_on_with_the_fitted_model(make_bars) -> None:
    bars = make_bars(300)
    settings = replace(EXTENDED, walk_forward_min=10_080)
    before = Logistic(settings)
    before.latest(bars.between(0, 200))
    saved = json.loads(json.dumps(before.state()))
    after = Logistic(settings)
    after.restore(saved)
    assert after.fits == 1 and after.latest(bars) == before.latest(bars)
    assert after.fits == 1, "it refitted although the slot has not passed"
    fresh = Logistic(settings)
    assert fresh.latest(bars).strength != after.latest(bars).strength
    assert Logistic(settings).state() == {}


@pytest.mark.parametrize(
    "damage",
    [
        {"version": 0},
        {"weights": [1.0]},
        {"weights": ["x"] * 10},
        {"mean": None},
        {"std": [0.0] * 10},
        {"intercept": float("nan")},
        {"features": ["return_1"]},
        {"walk_forward_min": 2},
        {"fitted_slot": None},
    ],
)
def test_a_state_that_does_not_fit_is_left(make_bars, damage: dict[str, Any]) -> None:
    before = Logistic(EXTENDED)
    before.latest(make_bars(200))
    after = Logistic(EXTENDED)
    after.restore({**before.state(), **damage})
    assert after.model is None
    after.restore({})
    assert after.model is None


def test_too_short_a_history_is_refused() -> None:
    Logistic(replace(EXTENDED, max_history_candles=81))
    with pytest.raises(SettingsError, match="MAX_HISTORY_CANDLES=80 is too few for STRATEGY=logistic"):
        Logistic(replace(EXTENDED, max_history_candles=80))


def test_one_direction_only(make_bars) -> None:
    bars = make_bars(100)
    rising = replace(bars, close=np.arange(100) + 100.0)
    out = Logistic(BASELINE).latest(rising)
    assert out.call is Call.BUY and out.strength is not None and out.strength > 0.9


def test_fit_of_a_window_is_cheap(make_bars) -> None:
    """Bound with room: a year refitted each hour (8,760 fits) must stay within 20 s."""
    import time

    rows = features.rows(make_bars(5_000), "extended")[60:]
    up = np.random.default_rng(1).random(len(rows)) < 0.5
    fit(rows, up)
    started = time.perf_counter()
    for _ in range(20):
        fit(rows, up)
    assert (time.perf_counter() - started) / 20 < 0.010
