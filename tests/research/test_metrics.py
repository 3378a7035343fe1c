"""Statistics: equal to quantstats where both define them, and right at their edges."""

import math

import numpy as np
import pytest

from dashboard.views import ratios as shown
from research.metrics import chance, drawdown, ratios, returns, trades


def sample(seed: int, days: int = 400) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.001, 0.02, days)


# What quantstats 0.0.86 gives (periods=365) for `sample(0)`, `sample(1)`, `sample(2)`.
QUANTSTATS = {
    "sharpe": (0.25656163359561895, -0.6724488008837879, 0.44235683888404015),
    "sortino": (0.3685343199523745, -0.9280555013418663, 0.6386398126528038),
    "omega": (1.0341346137775274, 0.9138752283606808, 1.058631047081169),
    "volatility": (0.38070440936845473, 0.34817553735577994, 0.3856392988586091),
    "drawdown": (-0.33288112251473423, -0.43464325094114453, -0.3307301376091927),
    "win rate": (0.5, 0.495, 0.51),
    "payoff": (1.0341346137775274, 0.932337354186149, 1.017116104058378),
    "profit factor": (1.0341346137775274, 0.9138752283606808, 1.058631047081169),
    "cagr": (0.02565380047591126, -0.25526624029201483, 0.1012365689467527),
    "calmar": (0.07706595159890976, -0.5873005959238528, 0.30610022321696884),
}


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_quantstats(seed: int) -> None:
    r = sample(seed)
    equity = np.cumprod(1 + r)
    down = drawdown.drawdown(np.arange(1, len(r) + 1) * 86_400, equity, 1.0)
    growth = returns.cagr(float(equity[-1]), 1.0, len(r) / 365)
    lots = trades.lots(r)
    ours = {
        "sharpe": ratios.sharpe(r),
        "sortino": ratios.sortino(r),
        "omega": ratios.omega(r),
        "volatility": returns.volatility(r),
        "drawdown": down.worst,
        "win rate": lots.win_rate,
        "payoff": lots.payoff,
        "profit factor": lots.profit_factor,
        "cagr": growth,
        "calmar": ratios.calmar(growth, down.worst),
    }
    for name, value in ours.items():
        assert value == pytest.approx(QUANTSTATS[name][seed], rel=1e-9), name


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
    assert chance.max_sharpe_by_chance(few) < chance.max_sharpe_by_chance(many)  # type: ignore[operator]
    # The best of a thousand ratios of deviation 1 lies near 3.2.
    assert chance.max_sharpe_by_chance(many) == pytest.approx(3.25, abs=0.25)
    r = sample(3)
    plain, deflated = chance.probabilistic_sharpe(r), chance.deflated_sharpe(r, many)
    assert plain is not None and deflated is not None and deflated < plain


def test_shuffling_keeps_the_sum_and_varies_the_way() -> None:
    results = np.random.default_rng(2).normal(1, 30, 200)
    found = chance.shuffled_lots(results, 1000.0, 5)
    assert found == chance.shuffled_lots(results, 1000.0, 5)
    assert found is not None and found.bad_drawdown < found.median_drawdown < 0


@pytest.mark.parametrize("seed", range(6))
def test_a_backtest_and_the_dashboard_mean_the_same_by_a_ratio(seed: int) -> None:
    """One account, the same days: Performance and a report may not state two Sharpe ratios."""
    r = np.random.default_rng(seed).normal(0.0005, 0.02, 90)
    days, deepest = r.tolist(), 12.5
    growth = returns.cagr(float(np.prod(1 + r)), 1.0, len(r) / 365)
    assert shown.sharpe(days) == pytest.approx(ratios.sharpe(r), rel=1e-12)
    assert shown.sortino(days) == pytest.approx(ratios.sortino(r), rel=1e-12)
    assert shown.calmar(days, deepest) == pytest.approx(ratios.calmar(growth, -deepest / 100), rel=1e-12)


@pytest.mark.parametrize(
    ("trials", "skew", "kurtosis", "luck_ratio", "deflated"),
    [(100, -3.0, 10.0, 0.1132, 0.9004), (46, -3.0, 10.0, None, 0.9505), (88, 0.0, 3.0, None, 0.9505)],
)
def test_deflated_sharpe_of_the_published_example(
    trials: int, skew: float, kurtosis: float, luck_ratio: float | None, deflated: float
) -> None:
    """Bailey and Lopez de Prado (2014): 2.5 a year over 1,250 days of 250 a year, trials of variance 1/2."""
    against = chance.expected_max_sharpe(math.sqrt(0.5 / 250), trials)
    if luck_ratio is not None:
        assert against == pytest.approx(luck_ratio, abs=5e-5)
    assert chance.surpassing(2.5 / math.sqrt(250), against, 1250, skew, kurtosis) == pytest.approx(deflated, abs=6e-5)


def test_the_bootstrap_is_the_plain_one_where_blocks_are_single_days() -> None:
    """Of returns without memory the interval is that of scipy's bootstrap, as far as chance lets them agree."""
    from scipy import stats

    r = np.random.default_rng(8).normal(0.001, 0.02, 500)
    ours = chance.sharpe_interval(r, 1, samples=6000)
    theirs = stats.bootstrap(
        (r,), lambda x, axis: x.mean(axis) / x.std(axis, ddof=1) * math.sqrt(365), method="percentile",
        n_resamples=6000, random_state=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    assert ours is not None
    width = theirs.high - theirs.low
    assert abs(ours.low - theirs.low) < 0.1 * width and abs(ours.high - theirs.high) < 0.1 * width


def test_the_probability_of_a_ratio_uses_the_moments_that_scipy_gives() -> None:
    from scipy import stats

    r = sample(1)
    ratio = r.mean() / r.std(ddof=1)
    wanted = chance.surpassing(ratio, 0.0, len(r), stats.skew(r), stats.kurtosis(r, fisher=False))
    assert chance.probabilistic_sharpe(r) == pytest.approx(wanted, rel=1e-12)


def test_sqn_is_the_t_statistic_of_the_lots() -> None:
    """mean / sample deviation x sqrt(n) is the t statistic against nothing, which scipy knows."""
    from scipy import stats

    results = np.random.default_rng(4).normal(0.3, 2.0, 80)
    assert trades.lots(results).sqn == pytest.approx(stats.ttest_1samp(results, 0.0).statistic, rel=1e-12)


def _sweep_without_an_edge(
    seed: int, alike: bool, edge: float = 0.0
) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """(holding, the best point by Sharpe, all points): coins decide who is in a market that rises 110 % a year."""
    g = np.random.default_rng(seed)
    holding = g.normal(0.003, 0.03, 365)
    base = g.random(365) < 0.5
    points = []
    for _ in range(30):
        inside = np.where(g.random(365) < 0.05, ~base, base) if alike else g.random(365) < g.uniform(0.2, 0.9)
        points.append(inside * holding + edge)
    return holding, max(points, key=lambda r: ratios.sharpe(r) or 0.0), points


def _deflated(seed: int, alike: bool, edge: float = 0.0) -> float:
    holding, best, points = _sweep_without_an_edge(seed, alike, edge)
    trials = np.array([ratios.sharpe(chance.beyond_holding(r, holding)) for r in points])
    found = chance.deflated_sharpe(chance.beyond_holding(best, holding), trials)
    assert found is not None
    return found


def test_noise_in_a_rising_market_is_not_called_skill() -> None:
    """Points alike share one luck: what they get is uniform. Points apart: their best is what luck makes of so many."""
    alike = np.array([_deflated(seed, alike=True) for seed in range(150)])
    for part in (0.1, 0.25, 0.5, 0.75, 0.9):
        assert abs((alike <= part).mean() - part) < 0.1, part
    apart = np.array([_deflated(seed, alike=False) for seed in range(150)])
    assert apart.mean() <= 0.5 and (apart > 0.9).mean() < 0.03
    # Without holding taken out, the same points look like skill: what was wrong.
    plain = []
    for seed in range(50):
        _, best, points = _sweep_without_an_edge(seed, alike=False)
        plain.append(chance.deflated_sharpe(best, np.array([ratios.sharpe(r) for r in points])))
    assert np.mean(plain) > 0.8  # type: ignore[arg-type]


def test_an_edge_is_still_seen() -> None:
    assert np.median([_deflated(seed, alike, edge=0.002) for seed in range(20) for alike in (True, False)]) > 0.95


def test_holding_itself_has_nothing_beyond_holding() -> None:
    holding = sample(5)
    assert chance.beyond_holding(0.4 * holding, holding) == pytest.approx(np.zeros(len(holding)), abs=1e-15)
    assert np.array_equal(chance.beyond_holding(holding, np.zeros(len(holding))), holding)
