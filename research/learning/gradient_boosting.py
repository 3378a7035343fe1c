"""Gradient-boosted trees by LightGBM, taken apart into plain arrays (requirements-learning.txt)."""

from typing import Any

import numpy as np

from bot.strategies.inference.trees import TreeEnsemble
from research.errors import ResearchError
from research.learning.learner import FittedModel, LearningTask, labelled
from research.learning.packages import needed
from research.learning.samples import LearningSamples
from research.learning.supervised import fit_supervised

CHECKED_ROWS = 2_000  # that both must say the same of


def learn(task: LearningTask) -> FittedModel:
    """Trees of depth `depth`, `trees` of them, each with the shrinkage `rate`."""
    return fit_supervised(task, _fit)


def _fit(task: LearningTask, parts: tuple[LearningSamples, ...]) -> FittedModel:
    rows, rises = labelled(parts)
    if rises.all() or not rises.any():
        raise ResearchError("every label is the same, nothing can be learned: choose another --horizon or --label-pct")
    lightgbm, p = needed("lightgbm"), task.parameters
    # One thread: on a busy machine several wait for each other (measured on two cores: a fifth of the speed).
    settings = {
        "objective": "binary", "max_depth": int(p["depth"]), "num_leaves": 2 ** int(p["depth"]) - 1,
        "learning_rate": p["rate"], "min_data_in_leaf": int(p["leaf_rows"]), "feature_fraction": 0.8,
        "bagging_fraction": 0.7, "bagging_freq": 1, "seed": task.seed, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbosity": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(rows, rises.astype(np.float64), free_raw_data=True)
    booster = lightgbm.train(settings, data, num_boost_round=int(p["trees"]))
    arrays = arrays_of(booster.dump_model())
    some = rows[:: max(len(rows) // CHECKED_ROWS, 1)]
    apart = float(np.abs(TreeEnsemble(**arrays).probability(some) - booster.predict(some)).max())
    if apart > 1e-9:
        raise ResearchError(f"the trees taken apart differ from LightGBM's own answer by {apart:.2e}")
    return FittedModel(arrays)


def arrays_of(dump: dict[str, Any]) -> dict[str, Any]:
    """LightGBM's text form of trees as the arrays of `TreeEnsemble`: a child always behind its parent."""
    column: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    right: list[int] = []
    value: list[float] = []
    roots = []
    for tree in dump["tree_info"]:
        roots.append(len(column))
        waiting: list[tuple[dict[str, Any], int, list[int] | None]] = [(tree["tree_structure"], -1, None)]
        while waiting:
            node, parent, side = waiting.pop()
            at = len(column)
            if side is not None:
                side[parent] = at
            inner = "split_feature" in node
            if inner and node["decision_type"] != "<=":
                raise ResearchError(f"a split by {node['decision_type']} is not known")
            column.append(int(node["split_feature"]) if inner else -1)
            threshold.append(float(node["threshold"]) if inner else 0.0)
            value.append(0.0 if inner else float(node["leaf_value"]))
            left.append(-1)
            right.append(-1)
            if inner:
                waiting += [(node["right_child"], at, right), (node["left_child"], at, left)]
    whole = {"column": column, "left": left, "right": right, "roots": roots}
    real = {"threshold": threshold, "value": value}
    return {
        **{name: np.array(found, dtype=np.int64) for name, found in whole.items()},
        **{name: np.array(found, dtype=np.float64) for name, found in real.items()},
    }
