"""From rows of features to what a model wants, for each kind of model."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from bot.strategies.inference.nets import FeedForward, Lstm, Standardised
from bot.strategies.inference.trees import TreeEnsemble
from bot.strategies.logistic_fit import Fit
from shared.models.manifest import ModelManifest

Floats = NDArray[np.float64]
Arrays = Mapping[str, Any]


class ModelEvaluator(Protocol):
    """`wants`: (weight, value) of each row that has the manifest's `sequence` of rows up to and with it: 1 = hold all,
    0 = hold nothing, NaN = no opinion; `value`: a probability, or the advantage of holding. No row may hold NaN."""

    def wants(self, rows: Floats) -> tuple[Floats, Floats]: ...


@dataclass(frozen=True, slots=True)
class ProbabilityEvaluator:
    """Holds at `enter` or above, holds nothing at `leave` or below, and keeps what is held between them."""

    probability: Callable[[Floats], Floats]
    enter: float
    leave: float

    def wants(self, rows: Floats) -> tuple[Floats, Floats]:
        p = self.probability(rows)
        return np.where(p >= self.enter, 1.0, np.where(p <= self.leave, 0.0, np.nan)), p


@dataclass(frozen=True, slots=True)
class ActionEvaluator:
    """By the values of holding nothing and holding all, for an account that holds nothing, and for one that holds.

    Where both should do the same it is said. Where each should stay as it is (changing costs more than it brings),
    there is no opinion, so that what is held is kept: this is how a function of the bars alone says what depends
    on the holding.
    """

    values: Callable[[Floats], Floats]  # (rows, 4): held nothing x (nothing, all), held all x (nothing, all)

    def wants(self, rows: Floats) -> tuple[Floats, Floats]:
        q = self.values(rows)
        buy, hold = q[:, 1] > q[:, 0], q[:, 3] > q[:, 2]
        return np.where(buy & hold, 1.0, np.where(~buy & ~hold, 0.0, np.nan)), q[:, 1] - q[:, 0]


@dataclass(frozen=True, slots=True)
class ActionTable:
    """Values of the actions by cell. `edges` (columns, bins - 1): where the bins of each chosen feature end."""

    columns: NDArray[np.int64]
    edges: Floats
    table: Floats  # (cells, 4)

    def __post_init__(self) -> None:
        bins = self.edges.shape[1] + 1
        if self.table.shape != (bins ** len(self.columns), 4) or len(self.edges) != len(self.columns):
            raise ValueError("a table that does not fit its bins")

    def cells(self, rows: Floats) -> NDArray[np.int64]:
        """The cell of each row."""
        found = np.zeros(len(rows), dtype=np.int64)
        for column, edges in zip(self.columns.tolist(), self.edges, strict=True):
            found = found * (len(edges) + 1) + np.searchsorted(edges, rows[:, column], side="right")
        return found

    def values(self, rows: Floats) -> Floats:
        """(rows, 4)."""
        found: Floats = self.table[self.cells(rows)]
        return found


def read_arrays(files: Mapping[str, bytes]) -> dict[str, Any]:
    """The arrays of a model: numbers only, never unpickled. Raises ValueError."""
    found = {}
    for name, data in files.items():
        array = np.load(BytesIO(data), allow_pickle=False)
        if array.dtype not in (np.dtype(np.float64), np.dtype(np.int64)):
            raise ValueError(f"{name} holds {array.dtype}, not float64 or int64")
        if np.isnan(array).any():
            raise ValueError(f"{name} holds a number that is none")
        found[name] = array
    return found


def write_array(array: Any) -> bytes:
    """The bytes of an .npy file, float64 or int64. Raises ValueError for anything else."""
    made = np.ascontiguousarray(array)
    if made.dtype.kind == "f":
        made = made.astype("<f8")
    elif made.dtype.kind in "iu":
        made = made.astype("<i8")
    else:
        raise ValueError(f"an array of {made.dtype} is no part of a model")
    file = BytesIO()
    np.save(file, made, allow_pickle=False)
    return file.getvalue()


def evaluator_of(manifest: ModelManifest, arrays: Arrays) -> ModelEvaluator:
    """The evaluator of a model. Raises ValueError where kind, arrays and manifest do not fit together."""
    kind = KINDS.get(manifest.kind)
    if kind is None:
        raise ValueError(f"a model of kind {manifest.kind}; this version knows {', '.join(KINDS)}")
    try:
        return kind(manifest, arrays)
    except KeyError as error:
        raise ValueError(f"its array {error.args[0]} is missing") from error


def _decided(manifest: ModelManifest, probability: Callable[[Floats], Floats]) -> ModelEvaluator:
    if manifest.enter is None or manifest.leave is None or manifest.leave > manifest.enter:
        raise ValueError("a probability without bounds for what to do with it")
    return ProbabilityEvaluator(probability, manifest.enter, manifest.leave)


def _logistic(manifest: ModelManifest, arrays: Arrays) -> ModelEvaluator:
    scale = Standardised(arrays["mean"], arrays["std"])
    fit = Fit(arrays["weights"], float(arrays["intercept"][0]), scale.mean, scale.std, 0)
    return _decided(manifest, fit.probability)


def _trees(manifest: ModelManifest, arrays: Arrays) -> ModelEvaluator:
    names = ("column", "threshold", "left", "right", "value", "roots")
    return _decided(manifest, TreeEnsemble(*(arrays[name] for name in names)).probability)


def _lstm(manifest: ModelManifest, arrays: Arrays) -> ModelEvaluator:
    net = Lstm(
        arrays["inputs"], arrays["states"], arrays["bias"], arrays["out"], float(arrays["out_bias"][0]),
        manifest.sequence,
    )  # fmt: skip
    scale = Standardised(arrays["mean"], arrays["std"])
    return _decided(manifest, lambda rows: net.probability(scale.of(rows)))


def _table(manifest: ModelManifest, arrays: Arrays) -> ModelEvaluator:  # noqa: ARG001 - one signature for all kinds
    return ActionEvaluator(ActionTable(arrays["columns"], arrays["edges"], arrays["table"]).values)


def _net(manifest: ModelManifest, arrays: Arrays) -> ModelEvaluator:  # noqa: ARG001
    scale = Standardised(arrays["mean"], arrays["std"])
    count = sum(name.startswith("weights") for name in arrays)
    net = FeedForward(tuple((arrays[f"weights{i}"], arrays[f"bias{i}"]) for i in range(count)))
    if not count or net.layers[-1][1].shape != (4,) or net.layers[0][0].shape[0] != len(scale.mean):
        raise ValueError("a net that does not say the values of four actions")
    return ActionEvaluator(lambda rows: net.of(scale.of(rows)))


KINDS: Mapping[str, Callable[[ModelManifest, Arrays], ModelEvaluator]] = {
    "logistic": _logistic,
    "lightgbm": _trees,
    "qlearning": _table,
    "linear_dqn": _net,
    "dqn": _net,
    "lstm": _lstm,
}
