"""The fit equals scikit-learn's solution and repeats to the bit."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from bot.strategies.logistic_fit import fit, sigmoid

sklearn_linear = pytest.importorskip("sklearn.linear_model")
sklearn_scale = pytest.importorskip("sklearn.preprocessing")


def problem(count: int, width: int, seed: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    g = np.random.default_rng(seed)
    scale = 10.0 ** g.integers(-5, 4, width)
    x = g.normal(0, 1, (count, width)) * scale + g.normal(0, 3, width) * scale
    z = slope * ((x - x.mean(axis=0)) / x.std(axis=0)) @ g.normal(0, 1, width)
    return x, g.random(count) < sigmoid(z)


@pytest.mark.parametrize(
    ("count", "width", "slope"),
    [(20, 4, 0.1), (20, 10, 5.0), (200, 10, 100.0), (1_000, 4, 1.0), (5_000, 10, 0.05), (4_939, 10, 3.0)],
)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_equal_to_scikit_learn(count: int, width: int, slope: float, seed: int) -> None:
    x, up = problem(count, width, seed, slope)
    scaler = sklearn_scale.StandardScaler().fit(x)
    model = sklearn_linear.LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    model.fit(scaler.transform(x), up)
    ours = fit(x, up)
    assert_allclose(ours.weights, model.coef_[0], rtol=0, atol=1e-6)
    assert ours.intercept == pytest.approx(model.intercept_[0], abs=1e-6)
    assert_allclose(ours.mean, scaler.mean_, rtol=1e-9)
    assert_allclose(ours.std, scaler.scale_, rtol=1e-9)
    assert_allclose(ours.probability(x), model.predict_proba(scaler.transform(x))[:, 1], rtol=0, atol=1e-6)


def test_same_input_same_bits_whatever_the_layout() -> None:
    x, up = problem(3_000, 10, 4, 1.0)
    first = fit(x, up)
    for copy in (x.copy(), np.asfortranarray(x), np.vstack([x, x])[3_000:]):
        again = fit(copy, up.copy())
        assert_allclose(again.weights, first.weights, rtol=0, atol=1e-12)
    repeated = fit(x.copy(), up.copy())
    assert_array_equal(repeated.weights, first.weights)
    assert repeated.intercept == first.intercept
    p = first.probability(x)
    assert first.probability(x[1234:1235])[0] == p[1234]


def test_separable_data_converges() -> None:
    x = np.linspace(-1, 1, 100)[:, None]
    up = x[:, 0] > 0
    model = sklearn_linear.LogisticRegression(C=1.0, tol=1e-12, max_iter=10_000, solver="newton-cholesky")
    model.fit(sklearn_scale.StandardScaler().fit_transform(x), up)
    ours = fit(x, up)
    assert ours.weights[0] == pytest.approx(model.coef_[0][0], abs=1e-6)


def test_one_class_only() -> None:
    x, _ = problem(50, 4, 1, 1.0)
    always = fit(x, np.ones(50, dtype=np.bool_))
    assert not always.weights.any()
    assert always.probability(x)[0] == pytest.approx(50.5 / 51)
    assert fit(x, np.zeros(50, dtype=np.bool_)).probability(x)[0] == pytest.approx(0.5 / 51)


def test_a_column_that_never_moves_gets_no_weight() -> None:
    x, up = problem(300, 4, 1, 1.0)
    x[:, 2] = 0.1
    ours = fit(x, up)
    assert abs(ours.weights[2]) < 1e-9 and np.isfinite(ours.probability(x)).all()


def test_unknown_features_give_no_probability() -> None:
    x, up = problem(100, 4, 1, 1.0)
    row = x[:1].copy()
    row[0, 1] = np.nan
    assert np.isnan(fit(x, up).probability(row)[0])


def test_same_bits_on_every_thread_count() -> None:
    code = (
        "import numpy as np; from bot.strategies.logistic_fit import fit; g = np.random.default_rng(1); "
        "x = g.normal(0, 1, (20_000, 10)); f = fit(x, g.random(20_000) < 0.5 + 0.1 * np.tanh(x[:, 0])); "
        "print([v.hex() for v in [*f.weights.tolist(), f.intercept]])"
    )
    seen = set()
    for threads in ("1", "2", "4"):
        environ = {**os.environ, **dict.fromkeys(("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), threads)}
        command = [sys.executable, "-c", code]
        root = Path(__file__).parents[2]
        seen.add(subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=True).stdout)
    assert len(seen) == 1
