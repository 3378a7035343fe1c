"""The lab's statistics against closed forms, scipy, and slow calculations that share no line with them."""

import itertools
import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy import stats

from research.lab import overfitting, robustness, statistics
from research.metrics import chance
from research.metrics.moments import moments


def fat(seed: int, days: int = 400, mean: float = 0.002) -> np.ndarray:
    """Skewed returns with fat tails."""
    g = np.random.default_rng(seed)
    return 0.01 * (g.standard_t(5, days) + 0.2 * g.chisquare(3, days) - 0.6) + mean


def test_moments_are_those_of_scipy() -> None:
    r = fat(1)
    found = moments(r)
    assert found.skew == pytest.approx(stats.skew(r), rel=1e-12)
    assert found.kurtosis == pytest.approx(stats.kurtosis(r, fisher=False), rel=1e-12)
    assert found.sharpe == pytest.approx(1 / stats.variation(r, ddof=1), rel=1e-12)
    assert moments(np.full(9, 0.01)).sharpe is None and moments(np.zeros(0)).count == 0


@pytest.mark.parametrize("seed", range(5))
def test_after_the_minimum_track_record_the_probability_is_the_confidence(seed: int) -> None:
    r = fat(seed, mean=0.003)
    found = moments(r)
    needed = statistics.min_track_record(r, confidence=0.95)
    assert found.sharpe is not None and needed is not None
    # The length enters the probability as n - 1 under a root; put in place of the days that there are, it gives 95 %.
    z = found.sharpe * math.sqrt(needed - 1)
    z /= math.sqrt(1 - found.skew * found.sharpe + (found.kurtosis - 1) / 4 * found.sharpe**2)
    assert stats.norm.cdf(z) == pytest.approx(0.95, abs=1e-12)
    assert (needed <= len(r)) == (chance.probabilistic_sharpe(r) >= 0.95)  # type: ignore[operator]


def test_the_published_minimum_track_record() -> None:
    """Bailey and Lopez de Prado (2012): a normal 2 a year of weekly returns needs 2.83 years (147 weeks) to beat 1."""
    g = np.random.default_rng(0)
    r = g.normal(0, 1, 200_000)
    r = (r - r.mean()) / r.std(ddof=1)
    r += 2 / math.sqrt(52)
    needed = statistics.min_track_record(r, benchmark=1 / math.sqrt(52))
    assert needed is not None and needed / 52 == pytest.approx(2.83, abs=0.03)
    assert statistics.min_track_record(-r) is None and statistics.min_track_record(r, benchmark=5.0) is None


def test_average_correlation_is_the_mean_of_all_pairs() -> None:
    g = np.random.default_rng(2)
    common = g.normal(size=(300, 1))
    matrix = 0.7 * common + g.normal(size=(300, 12))
    pairs = np.corrcoef(matrix.T)[np.triu_indices(12, 1)]
    assert statistics.average_correlation(matrix) == pytest.approx(pairs.mean(), rel=1e-10)
    assert statistics.average_correlation(matrix[:, :1]) is None
    assert statistics.average_correlation(np.ones((5, 3))) is None


def test_effective_trials_between_one_and_all() -> None:
    g = np.random.default_rng(3)
    apart, one = g.normal(size=(4000, 20)), g.normal(size=(400, 1))
    assert statistics.effective_trials(apart) == pytest.approx(20, abs=0.5)
    assert statistics.effective_trials(np.repeat(one, 20, axis=1)) == pytest.approx(1.0)
    assert statistics.effective_trials(one) == 1.0 and statistics.effective_trials(np.zeros((9, 4))) == 1.0
    assert statistics.effective_trials(np.hstack([one, np.zeros((400, 3))])) == 2.0


def test_deflation_of_the_published_example() -> None:
    """Bailey and Lopez de Prado (2014): 100 trials whose ratios have variance 1/2 a year of 250 days: 0.1132."""
    g = np.random.default_rng(1)
    ratios = g.normal(size=100)
    ratios = (ratios - ratios.mean()) / ratios.std(ddof=1) * math.sqrt(0.5 / 250)
    found = statistics.deflate(fat(4, 1250), ratios, 100)
    assert found.by_chance == pytest.approx(0.1132, abs=5e-5) and found.trials == 100
    r = fat(4, 1250)
    m = moments(r)
    assert m.sharpe is not None
    z = (
        (m.sharpe - found.by_chance)
        * math.sqrt(1249)
        / math.sqrt(1 - m.skew * m.sharpe + (m.kurtosis - 1) / 4 * m.sharpe**2)
    )
    assert found.probability == pytest.approx(NormalDist().cdf(z), abs=1e-12)
    # Of few trials the spread is what ratios of nothing scatter by; one trial is not deflated.
    assert statistics.deflate(r, ratios[:3], 3).spread == pytest.approx(1 / math.sqrt(1249))
    assert statistics.deflate(r, ratios[:1], 1).probability == chance.probabilistic_sharpe(r)
    assert statistics.deflate(np.zeros(50), ratios, 9).probability is None


def test_the_best_of_trials_by_chance_is_what_simulation_finds() -> None:
    g = np.random.default_rng(5)
    for trials in (2, 5, 50, 500):
        best = g.normal(size=(4000, trials)).max(axis=1)
        assert statistics.max_ratio(1.0, trials) == pytest.approx(best.mean(), abs=0.08)
    rising = [statistics.max_ratio(1.0, n) for n in (1, 1.3, 1.8, 2, 2.5, 7)]
    assert rising[0] == 0 and rising == sorted(rising)


def test_the_bootstrap_agrees_with_the_t_test_where_days_have_no_memory() -> None:
    for seed, mean in ((1, 0.0), (2, 0.001), (3, 0.002), (4, -0.001)):
        r = np.random.default_rng(seed).normal(mean, 0.02, 500)
        wanted = stats.ttest_1samp(r, 0.0, alternative="greater").pvalue
        assert statistics.bootstrap_p(r, 1, samples=6000) == pytest.approx(wanted, abs=0.06)
    assert statistics.bootstrap_p(np.ones(5), 0) is None


def test_the_bootstrap_knows_memory() -> None:
    """Where days come in runs, fewer of them are news: plain tests reject too often, this one hardly does."""
    ours = theirs = 0
    for seed in range(60):
        g = np.random.default_rng(seed)
        r = np.convolve(g.normal(0, 0.01, 419), np.ones(20) / 4, mode="valid")
        ours += (statistics.bootstrap_p(r, seed, samples=300) or 1) < 0.05
        theirs += stats.ttest_1samp(r, 0.0, alternative="greater").pvalue < 0.05
    assert theirs > 12 and ours < 0.6 * theirs


def test_the_permutation_p_is_that_of_scipy() -> None:
    g = np.random.default_rng(6)
    for shift in (0.0, 0.4):
        a, b = g.normal(shift, 1, 40), g.normal(0, 1, 40)

        def gap(x: np.ndarray, y: np.ndarray) -> float:
            return float(x.mean() - y.mean())

        wanted = stats.permutation_test((a, b), gap, n_resamples=3000, alternative="greater", rng=g).pvalue
        both, drawn = np.concatenate([a, b]), []
        for _ in range(3000):
            g.shuffle(both)
            drawn.append(gap(both[:40], both[40:]))
        assert statistics.permutation_p(gap(a, b), np.array(drawn)) == pytest.approx(wanted, abs=0.03)
    assert statistics.permutation_p(1.0, np.zeros(99)) == 0.01


def slow_pbo(matrix: np.ndarray, blocks: int) -> tuple[float, list[float]]:
    """The paper's steps one by one, with ranks by scipy."""
    parts = [list(part) for part in np.array_split(np.arange(len(matrix)), blocks)]
    logits = []
    for chosen in itertools.combinations(range(blocks), blocks // 2):
        inside = [day for block in chosen for day in parts[block]]
        outside = [day for block in range(blocks) if block not in chosen for day in parts[block]]
        train = [matrix[inside, n].mean() / matrix[inside, n].std(ddof=1) for n in range(matrix.shape[1])]
        test = [matrix[outside, n].mean() / matrix[outside, n].std(ddof=1) for n in range(matrix.shape[1])]
        rank = stats.rankdata(test)[int(np.argmax(train))] / (matrix.shape[1] + 1)
        logits.append(math.log(rank / (1 - rank)))
    return sum(value <= 0 for value in logits) / len(logits), logits


@pytest.mark.parametrize("seed", range(3))
def test_pbo_is_that_of_the_paper_step_by_step(seed: int) -> None:
    matrix = np.random.default_rng(seed).normal(0, 0.01, (83, 7))
    matrix[:, 3] += 0.001
    found = overfitting.cscv(matrix, 6)
    wanted, logits = slow_pbo(matrix, 6)
    assert found is not None and found.probability == pytest.approx(wanted, abs=1e-12)
    assert found.logits == pytest.approx(np.array(logits), rel=1e-9)


def test_pbo_is_the_same_in_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = np.random.default_rng(9).normal(0, 0.01, (90, 5))
    whole = overfitting.cscv(matrix, 8)
    monkeypatch.setattr(overfitting, "_AT_ONCE", 60)
    parts = overfitting.cscv(matrix, 8)
    assert whole is not None and parts is not None
    for a, b in zip(whole, parts, strict=True):
        assert a == pytest.approx(b, rel=1e-9)


def test_pbo_of_noise_and_of_skill() -> None:
    """Noise: on average half. One trial that is truly better: its best in training stays best."""
    noise = [overfitting.cscv(np.random.default_rng(s).normal(size=(320, 30)), 8) for s in range(20)]
    assert np.mean([found.probability for found in noise if found]) == pytest.approx(0.5, abs=0.12)
    skill = np.random.default_rng(0).normal(size=(320, 30))
    skill[:, 4] += 0.3
    found = overfitting.cscv(skill)
    assert found is not None and found.probability < 0.02 and found.loss < 0.01 and len(found.logits) == 12_870
    assert overfitting.cscv(skill[:, :1]) is None and overfitting.cscv(skill[:20]) is None
    idle = overfitting.cscv(np.zeros((320, 5)))
    assert idle is not None and idle.probability == 1.0, "trials that never traded prove nothing"


def test_a_plateau_and_a_peak() -> None:
    assert robustness.plateau(2.0, np.array([1.9, 1.0, 0.9, np.nan])) == pytest.approx(2 / 3)
    assert robustness.plateau(2.0, np.array([0.1, -1.0])) == 0.0
    assert robustness.plateau(-1.0, np.array([1.0])) is None and robustness.plateau(1.0, np.zeros(0)) is None


def test_regimes_by_hand() -> None:
    g = np.random.default_rng(7)
    holding, edge, window = g.normal(0, 0.02, 200), g.normal(0, 0.01, 200), 30
    trend = [sum(holding[i - window : i]) > 0 for i in range(window, 200)]
    swing = [float(np.std(holding[i - window : i])) for i in range(window, 200)]
    wanted: dict[str, list[float]] = {}
    for i, (up, size) in enumerate(zip(trend, swing, strict=True)):
        name = f"{'rising' if up else 'falling'}, {'wild' if size > np.median(swing) else 'calm'}"
        wanted.setdefault(name, []).append(edge[window + i])
    found = {one.name: one for one in robustness.regimes(holding, edge)}
    assert sum(one.days for one in found.values()) == 170 and sum(one.share for one in found.values()) == 1.0
    for name, days in wanted.items():
        assert found[name].days == len(days) and found[name].mean == pytest.approx(np.mean(days))
        assert found[name].sharpe == pytest.approx(np.mean(days) / np.std(days, ddof=1) * math.sqrt(365))
    assert robustness.regimes(holding[:31], edge[:31]) == ()


def test_capacity_is_where_the_result_is_eaten() -> None:
    # result = 1 - 0.1 log10(size / 1000): nothing left at 1000 x 10^10, which a straight line in logs hits exactly.
    sizes = [1e3, 1e6, 1e9, 1e12, 1e15]
    results = [1 - 0.1 * math.log10(size / 1e3) for size in sizes]
    assert robustness.capacity(sizes, results) == pytest.approx(1e13, rel=1e-9)
    assert robustness.capacity(sizes, [1.0] * 5) == math.inf and robustness.capacity(sizes, [-1.0] * 5) is None
    assert robustness.square_root_impact_bps(np.array([0.01, -0.01])) == pytest.approx(100)
