"""Statistics: equal to quantstats where both define them, and right at their edges."""

import math
import warnings

import numpy as np
import pytest

from research.metrics import chance, drawdown, ratios, returns, trades


def sample(seed: int, days: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.001, 0.02, days)


@pytest.mark.parametrize("seed", range(5))
def test_equal_to_quantstats(seed: int) -> None:
    pd = pytest.importorskip("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        qs = pytest.importorskip("quantstats.stats")
    r = sample(seed)
    series = pd.Series(r, index=pd.date_range("2024-01-01", periods=len(r), freq="D"))
    equity = np.cumprod(1 + r)
    times = np.arange(1, len(r) + 1) * 86_400
    down = drawdown.drawdown(times, equity, 1.0)
    pairs = {
        "sharpe": (ratios.sharpe(r), qs.sharpe(series, periods=365)),
        "sortino": (ratios.sortino(r), qs.sortino(series, periods=365)),
        "omega": (ratios.omega(r), qs.omega(series, periods=365)),
        "volatility": (returns.volatility(r), qs.volatility(series, periods=365)),
        "drawdown": (down.worst, qs.max_drawdown(series)),
        "win rate": (trades.lots(r).win_rate, qs.win_rate(series)),
        "payoff": (trades.lots(r).payoff, qs.payoff_ratio(series)),
        "profit factor": (trades.lots(r).profit_factor, qs.profit_factor(series)),
        "skew-aware": (chance.probabilistic_sharpe(r), qs.probabilistic_sharpe_ratio(series, periods=365)),
    }
    for name, (ours, theirs) in pairs.items():
        tolerance = 2e-3 if name == "skew-aware" else 1e-9  # its skewness carries a small-sample correction
        assert ours == pytest.approx(float(theirs), rel=tolerance), name


def test_days_without_bars_keep_their_equity() -> None:
    day = 86_400
    times = np.array([day - 60, day, day + 60, 4 * day])  # 00:00 belongs to the day that ends
    days, values = returns.daily_equity(times, np.array([1.0, 2.0, 3.0, 4.0]), 0.5)
    assert days.tolist() == [0, 1, 2, 3] and values.tolist() == [2.0, 3.0, 3.0, 4.0]
    assert returns.simple_returns(values, 1.0).tolist() == pytest.approx([1.0, 0.5, 0.0, 1 / 3])


def test_growth() -> None:
    assert returns.cagr(121.0, 100.0, 2.0) == pytest.approx(0.1)
    assert returns.cagr(0.0, 100.0, 2.0) == -1.0
    assert returns.cagr(100.0, 100.0, 0.0) is None


def test_drawdown_by_hand() -> None:
    times = np.arange(1, 8) * 10
    equity = np.array([110.0, 99.0, 120.0, 90.0, 96.0, 120.0, 119.0])
    found = drawdown.drawdown(times, equity, 100.0)
    assert found == (pytest.approx(-0.25), 30, 40, 20)
    assert drawdown.drawdown(times, np.linspace(101, 108, 7), 100.0).worst == 0.0


def test_nothing_is_said_of_nothing() -> None:
    flat, none = np.zeros(50), np.zeros(0)
    assert ratios.sharpe(flat) is None and ratios.sortino(flat) is None and ratios.omega(flat) is None
    assert trades.lots(none).win_rate is None and trades.lots(np.array([1.0])).profit_factor is None
    assert chance.sharpe_interval(flat, 1) is None and chance.shuffled_lots(np.array([1.0]), 10.0, 1) is None


def test_lots_by_hand() -> None:
    found = trades.lots(np.array([3.0, -1.0, -1.0, 2.0]))
    assert (found.closed, found.wins, found.longest_losing) == (4, 2, 2)
    assert (found.profit_factor, found.payoff, found.expectancy) == (2.5, 2.5, 0.75)
    assert found.sqn == pytest.approx(2 * 0.75 / np.std([3, -1, -1, 2], ddof=1))


def test_bootstrap_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = 0.0007 / 0.02 * math.sqrt(365)
    hits = 0
    for seed in range(60):
        r = np.random.default_rng(1000 + seed).normal(0.0007, 0.02, 250)
        interval = chance.sharpe_interval(r, seed, samples=400)
        assert interval is not None
        hits += interval.low <= truth <= interval.high
    assert 0.85 <= hits / 60 <= 1.0


def test_luck_grows_with_trials_and_deflates() -> None:
    few, many = np.random.default_rng(1).normal(0, 1, 10), np.random.default_rng(1).normal(0, 1, 1000)
    assert chance.best_of_luck(few) < chance.best_of_luck(many)  # type: ignore[operator]
    # The best of a thousand ratios of deviation 1 lies near 3.2.
    assert chance.best_of_luck(many) == pytest.approx(3.25, abs=0.25)
    r = sample(3)
    plain, deflated = chance.probabilistic_sharpe(r), chance.deflated_sharpe(r, many)
    assert plain is not None and deflated is not None and deflated < plain


def test_shuffling_keeps_the_sum_and_varies_the_way() -> None:
    results = np.random.default_rng(2).normal(1, 30, 200)
    found = chance.shuffled_lots(results, 1000.0, 5)
    assert found == chance.shuffled_lots(results, 1000.0, 5)
    assert found is not None and found.bad_drawdown < found.median_drawdown < 0
