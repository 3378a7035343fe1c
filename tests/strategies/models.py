"""Small models of each kind, with random numbers for what training would have found."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bot.strategies import features
from bot.strategies.base import Bars
from bot.strategies.feature_hash import feature_set
from bot.strategies.inference.drift import DriftBins, fit_bins
from bot.strategies.inference.evaluators import write_array
from bot.strategies.inference.nets import FeedForward
from shared.models import store
from shared.models.manifest import FORMAT, ModelLabel, ModelManifest
from shared.models.states import ModelRegistry, ModelState, StateChange

DRIFT_BARS = 60
WIDTH = len(features.EXTENDED)
SCALE = np.array([0.01, 0.02, 0.2, 0.01, 1.0, 0.01, 1.0, 0.01, 0.04, 0.08])
KINDS = ("logistic", "lightgbm", "qlearning", "linear_dqn", "dqn", "lstm")
SEQUENCE = 8


def arrays_of(kind: str, seed: int = 1) -> dict[str, Any]:
    """Arrays that decide: neither always the same, nor in bounds' favour."""
    g = np.random.default_rng(seed)
    scale = {"mean": np.zeros(WIDTH), "std": SCALE}
    match kind:
        case "logistic":
            return {**scale, "weights": g.normal(0, 1, WIDTH), "intercept": np.array([0.1])}
        case "lightgbm":
            return trees(g)
        case "qlearning":
            return {
                "columns": np.array([1, 4]), "edges": np.array([[-0.01, 0.0, 0.01], [-1.0, 0.0, 1.0]]),
                "table": g.normal(0, 1, (16, 4)),
            }  # fmt: skip
        case "linear_dqn":
            return {**scale, "weights0": g.normal(0, 1, (WIDTH, 4)), "bias0": np.zeros(4)}
        case "dqn":
            sizes = (WIDTH, 8, 8, 4)
            pairs = [(g.normal(0, 0.5, (a, b)), g.normal(0, 0.1, b)) for a, b in pairwise(sizes)]
            last, bias = pairs[-1]
            last[:, 2:] = last[:, :2]  # what is held matters little, and both actions are as likely
            q = FeedForward(tuple(pairs)).of(g.normal(0, 1, (500, WIDTH)))
            bias[[1, 3]] -= np.median(q[:, 1] - q[:, 0])
            named = {f"weights{i}": w for i, (w, _) in enumerate(pairs)}
            return {**scale, **named, **{f"bias{i}": b for i, (_, b) in enumerate(pairs)}}
        case _:
            hidden = 5
            return {
                **scale, "inputs": g.normal(0, 0.5, (WIDTH, 4 * hidden)),
                "states": g.normal(0, 0.5, (hidden, 4 * hidden)),
                "bias": g.normal(0, 0.1, 4 * hidden), "out": g.normal(0, 2, hidden), "out_bias": np.array([0.0]),
            }  # fmt: skip


def trees(g: np.random.Generator, count: int = 12, depth: int = 4) -> dict[str, Any]:
    """Full trees over random features."""
    inner, whole = 2**depth - 1, 2 ** (depth + 1) - 1
    column, threshold, left, right, value, roots = [], [], [], [], [], []
    for _ in range(count):
        base = len(column)
        roots.append(base)
        for node in range(whole):
            is_inner = node < inner
            at = int(g.integers(0, WIDTH))
            column.append(at if is_inner else -1)
            threshold.append(float(g.normal(0, 0.7) * SCALE[at]) if is_inner else 0.0)
            left.append(base + 2 * node + 1 if is_inner else -1)
            right.append(base + 2 * node + 2 if is_inner else -1)
            value.append(0.0 if is_inner else float(g.normal(0, 0.3)))
    ints = {"column": column, "left": left, "right": right, "roots": roots}
    reals = {"threshold": threshold, "value": value}
    return {name: np.array(found) for name, found in {**ints, **reals}.items()}


def manifest_of(kind: str, name: str = "one", **fields: Any) -> ModelManifest:
    says_p = kind in ("logistic", "lightgbm", "lstm")
    made = ModelManifest(
        format=FORMAT, name=name, kind=kind, created_s=1, known_from_s=0, expires_s=4_000_000_000, granularity_s=3600,
        products=("BTC-USD",), features=feature_set("extended"), label=ModelLabel("rise", 24, 0.0),
        sequence=SEQUENCE if kind == "lstm" else 1, drift_bars=DRIFT_BARS, enter=0.55 if says_p else None,
        leave=0.45 if says_p else None, costs={"taker_pct": 0.1}, settings={}, parameters={}, seed=1, code="test",
        data=(), metrics={}, files={},
    )  # fmt: skip
    return replace(made, **fields)


def bins_of(bars: Bars) -> DriftBins:
    rows = features.rows(bars, "extended")
    return fit_bins(rows[np.isfinite(rows).all(axis=1)], DRIFT_BARS)


def saved(models: Path, bars: Bars, kind: str, name: str = "one", state: ModelState = ModelState.PROMOTED,
          **fields: Any) -> str:  # fmt: skip
    """A model in the folder, entered with that state; its digest."""
    bins = bins_of(bars)
    drift = {"drift_edges": bins.edges, "drift_shares": bins.shares, "drift_limits": bins.limits}
    arrays = {key: write_array(array) for key, array in {**arrays_of(kind), **drift}.items()}
    files = {key + store.SUFFIX: store.sha256(data) for key, data in arrays.items()}
    digest = store.save(models, manifest_of(kind, name, files=files, **fields), arrays)
    ModelRegistry(models).add([StateChange("2026-12-01T00:00:00Z", name, state, digest)])
    return digest
