"""Models by numpy alone: against plain references, one row as among many to the bit, and files that are no model."""

import math
import pickle
import time
from io import BytesIO

import numpy as np
import pytest

from bot.strategies import features
from bot.strategies.base import Bars
from bot.strategies.feature_hash import feature_set
from bot.strategies.inference import drift
from bot.strategies.inference.evaluators import ActionEvaluator, evaluator_of, read_arrays, write_array
from bot.strategies.inference.nets import CLIP, Lstm
from bot.strategies.inference.trees import TreeEnsemble
from tests.strategies.families import hours
from tests.strategies.models import KINDS, SCALE, SEQUENCE, WIDTH, arrays_of, manifest_of, trees


def rows(count: int, seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 1, (count, WIDTH)) * SCALE


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_gives_the_same_bits_alone_and_among_thousands(kind: str) -> None:
    evaluator, table = evaluator_of(manifest_of(kind), arrays_of(kind)), rows(5_000)
    long = SEQUENCE if kind == "lstm" else 1
    weight, value = evaluator.wants(table)
    assert len(weight) == len(value) == len(table) - long + 1
    assert {0.0, 1.0} <= set(weight[~np.isnan(weight)].tolist()) and len(set(value.tolist())) > 10
    for at in range(0, len(weight), 271):
        one = evaluator.wants(table[at : at + long])
        assert np.array_equal(one[0], weight[at : at + 1], equal_nan=True) and one[1][0] == value[at]


def test_trees_are_walked_as_a_person_would() -> None:
    made = trees(np.random.default_rng(5))
    ensemble, table = TreeEnsemble(**made), rows(300)
    for i, p in enumerate(ensemble.probability(table).tolist()):
        total = 0.0
        for root in made["roots"].tolist():
            node = root
            while made["column"][node] >= 0:
                goes_left = table[i, made["column"][node]] <= made["threshold"][node]
                node = int(made["left"][node] if goes_left else made["right"][node])
            total += made["value"][node]
        assert p == pytest.approx(1.0 / (1.0 + math.exp(-total)), abs=1e-14)


@pytest.mark.parametrize(
    ("name", "place", "value", "said"),
    [("left", 0, 0, "downwards"), ("right", 3, 10_000, "downwards"), ("roots", 1, -1, "without roots")],
)
def test_trees_that_would_never_end_are_refused(name: str, place: int, value: int, said: str) -> None:
    made = trees(np.random.default_rng(5))
    made[name][place] = value
    with pytest.raises(ValueError, match=said):
        TreeEnsemble(**made)


def test_the_memory_is_that_of_the_textbook() -> None:
    made = arrays_of("lstm")
    net = Lstm(made["inputs"], made["states"], made["bias"], made["out"], 0.0, SEQUENCE)
    table, hidden = rows(SEQUENCE), len(made["out"])

    def sigmoid(x: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(-x))

    h, cell = np.zeros(hidden), np.zeros(hidden)
    for row in table:
        gates = row @ made["inputs"] + h @ made["states"] + made["bias"]
        i, f, g, o = (gates[k * hidden : (k + 1) * hidden] for k in range(4))
        cell = sigmoid(f) * cell + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(cell)
    assert net.probability(table)[0] == pytest.approx(sigmoid(h @ made["out"]), abs=1e-14)
    assert CLIP > 0


def test_what_depends_on_the_holding_is_no_opinion() -> None:
    q = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [1, 0, 0, 1], [0, 1, 1, 0]], dtype=float)
    weight, _ = ActionEvaluator(lambda _: q).wants(q)
    assert weight[:2].tolist() == [1.0, 0.0] and np.isnan(weight[2:]).all()


def test_psi_is_the_sum_of_its_definition_and_the_newest_that_of_history() -> None:
    table = rows(900)
    bins = drift.fit_bins(table, 150)
    moved = table.copy()
    moved[500:, 2] += 3 * SCALE[2]
    rolled = bins.rolling(moved)
    assert np.isnan(rolled[:149]).all()
    for end in (150, 400, 650, 900):
        counts = np.zeros(bins.shares.shape, dtype=np.int64)
        for row in moved[end - 150 : end]:
            counts[np.arange(WIDTH), bins.places(row)] += 1
        assert np.array_equal(drift.psi(counts, bins.shares), rolled[end - 1])
    column, edges, shares = moved[750:900, 2], bins.edges[2], bins.shares[2]
    total = 0.0
    for k in range(drift.BINS):
        low = edges[k - 1] if k else -math.inf
        high = edges[k] if k < drift.BINS - 1 else math.inf
        share = (sum(low <= x < high for x in column) + 0.5) / (150 + 5)
        total += (share - shares[k]) * math.log(share / shares[k])
    assert rolled[899, 2] == pytest.approx(total, rel=1e-12) and total > 1.0
    over = rolled[899] > bins.limits
    assert over[2] and over.sum() == 1, "the column that moved, and no other"
    assert bins.places(np.full(WIDTH, np.nan)).tolist() == [-1] * WIDTH


def test_training_itself_never_counts_as_drift() -> None:
    bars = hours(3_000)
    table = features.rows(bars, "extended")
    table = table[np.isfinite(table).all(axis=1)]
    bins = drift.fit_bins(table, 100)
    assert not (bins.rolling(table)[99:] > bins.limits).any() and (bins.limits >= drift.MAJOR).all()


class Evil:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("a pickle was loaded",))


def _pickled() -> bytes:
    file = BytesIO()
    np.save(file, np.array([Evil()], dtype=object), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    "data", [_pickled(), pickle.dumps(Evil()), b"", b"\x93NUMPY\x01\x00", write_array(np.array([np.nan]))]
)
def test_nothing_but_numbers_is_ever_read(data: bytes) -> None:
    with pytest.raises((ValueError, EOFError, OSError)):
        read_arrays({"weights": data})


def test_arrays_of_other_types_are_neither_written_nor_read() -> None:
    with pytest.raises(ValueError, match="is no part of a model"):
        write_array(np.array(["text"]))
    file = BytesIO()
    np.save(file, np.zeros(3, dtype=np.float32))
    with pytest.raises(ValueError, match="float32, not float64"):
        read_arrays({"weights": file.getvalue()})
    assert read_arrays({"a": write_array(np.arange(3, dtype=np.float32))})["a"].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_that_lacks_an_array_is_refused(kind: str) -> None:
    whole = arrays_of(kind)
    for name in whole:
        with pytest.raises((ValueError, IndexError)):
            evaluator_of(manifest_of(kind), {key: array for key, array in whole.items() if key != name})
    with pytest.raises(ValueError, match="a model of kind oracle"):
        evaluator_of(manifest_of("oracle"), whole)


def test_the_features_are_those_that_models_were_trained_on() -> None:
    """A formula that changes makes every trained model unusable: then this hash changes too, and on purpose."""
    assert feature_set("extended").hash == "ceca270636a6b8836456a462b5752ca5"
    assert feature_set("baseline").hash == "21dfc7b3f0d4218d2723b3669ed480da"


def test_a_changed_formula_has_another_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    before = feature_set("extended").hash
    plain = features.sma_gap
    monkeypatch.setattr(features, "sma_gap", lambda bars, fast, slow: plain(bars, fast + 1, slow))
    feature_set.cache_clear()
    try:
        assert feature_set("extended").hash != before
    finally:
        feature_set.cache_clear()


@pytest.mark.parametrize("kind", KINDS)
def test_one_answer_is_cheap(kind: str) -> None:
    """The figure (p99 below 1 ms) is measured by `./coin bench model`; here the median, ten times as much."""
    evaluator, table = evaluator_of(manifest_of(kind), arrays_of(kind)), rows(SEQUENCE if kind == "lstm" else 1)
    took = []
    for _ in range(50):
        began = time.perf_counter()
        evaluator.wants(table)
        took.append(time.perf_counter() - began)
    assert sorted(took)[25] < 0.01


@pytest.mark.parametrize("mode", ["baseline", "extended"])
def test_the_newest_row_alone_has_the_bits_of_the_row_in_history(mode: str) -> None:
    g, count = np.random.default_rng(8), 1_500
    close = np.round(30_000 * np.exp(np.cumsum(g.normal(0.0, 0.001, count))), 2)
    volume = g.gamma(1.0, 5.0, count)
    close[500:600], volume[700:780] = close[500], 0.0  # nothing moved, nothing was traded
    close[1_000:1_090] = 0.0  # what no price should be divides nothing
    columns = (60.0 * np.arange(count), close, close + 1.0, close * 0.999, close, volume)
    table = [tuple(row) for row in np.stack(columns, axis=1).tolist()]
    with np.errstate(all="ignore"):
        history, need = features.rows(Bars.from_rows(table, 0.01, 60), mode), features.bars_needed(mode)
        for end in range(need, count + 1):
            alone = features.newest_row(table[end - need : end], 0.01, mode)
            assert np.array_equal(alone, history[end - 1], equal_nan=True), end
            assert np.array_equal(alone, features.newest_row(table[:end], 0.01, mode), equal_nan=True)
    assert np.isfinite(history[need : need + 400]).all()
