"""Models as data: written whole, refused where a byte is another one, their states in lines that are only added."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from shared.files import Unreadable
from shared.models import shadow_log, store
from shared.models.manifest import FORMAT, FeatureSet, ModelLabel, ModelManifest, TrainedOn, decode, encode
from shared.models.shadow_log import ShadowAnswer, ShadowLine
from shared.models.states import ModelRegistry, ModelState, StateChange, digests_of
from shared.models.store import ModelRefused

ARRAYS = {"weights": b"some numbers", "drift_edges": b"others"}
FILES = {name + store.SUFFIX: store.sha256(data) for name, data in ARRAYS.items()}
MANIFEST = ModelManifest(
    format=FORMAT, name="first", kind="logistic", created_s=1_700_000_000, known_from_s=1_690_000_000,
    expires_s=1_800_000_000, granularity_s=3600, products=("BTC-USD",),
    features=FeatureSet("baseline", ("a", "b"), "0f" * 16, 30), label=ModelLabel("rise", 24, 0.5), sequence=4,
    drift_bars=100, enter=0.6, leave=0.4, costs={"taker_pct": 0.9}, settings={"KIND": "exposure"},
    parameters={"trees": 80.0}, seed=7, code="4f2c1ab90d3e",
    data=(TrainedOn("BTC-USD", "mine", "aa", 1_600_000_000, 1_690_000_000),),
    metrics={"model": {"total_return": 0.1, "sharpe": None}}, files=FILES,
)  # fmt: skip


def test_a_manifest_comes_back_as_it_was_written() -> None:
    assert decode(encode(MANIFEST)) == MANIFEST
    assert MANIFEST.memory_bars == 30 + 100 - 1


@pytest.mark.parametrize(
    ("bent", "said"),
    [
        ({"format": 2}, "a model of format 2; this version reads format 1"),
        ({"seed": "7"}, "not a manifest"),
        ({"name": "../first"}, "is no name of a model"),
        ({"expires_s": 1_690_000_000}, "contradict each other"),
        ({"drift_bars": 0}, "contradict each other"),
    ],
)
def test_a_manifest_that_does_not_hold_is_refused(bent: dict[str, object], said: str) -> None:
    raw = json.loads(encode(MANIFEST)) | bent
    with pytest.raises(Unreadable, match=said):
        decode(json.dumps(raw).encode())


def test_a_model_is_read_as_it_was_saved_and_never_overwritten(tmp_path: Path) -> None:
    digest = store.save(tmp_path, MANIFEST, ARRAYS)
    found = store.load(tmp_path, "first", digest)
    assert found.manifest == MANIFEST and dict(found.arrays) == ARRAYS and store.names(tmp_path) == ["first"]
    with pytest.raises(ModelRefused, match="there is a model first already"):
        store.save(tmp_path, MANIFEST, ARRAYS)
    with pytest.raises(ModelRefused, match="does not name these arrays"):
        store.save(tmp_path, replace(MANIFEST, name="second"), {"weights": b"other numbers"})
    assert store.names(tmp_path) == ["first"] and not list(tmp_path.glob(".*"))


def _cut(folder: Path) -> None:
    (folder / "weights.npy").write_bytes(b"some number")


def _other_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_bytes(encode(replace(MANIFEST, expires_s=1_900_000_000)))


def _gone(folder: Path) -> None:
    (folder / "weights.npy").unlink()


def _linked(folder: Path) -> None:
    (folder / "weights.npy").rename(folder / "elsewhere")
    (folder / "weights.npy").symlink_to(folder / "elsewhere")


def _escaped(folder: Path) -> None:
    files = {"../weights.npy": FILES["weights.npy"]}
    (folder / "manifest.json").write_bytes(encode(replace(MANIFEST, files=files)))


@pytest.mark.parametrize(
    ("harm", "said", "known"),
    [
        (_cut, "weights.npy was changed after training", True),
        (_other_manifest, "its manifest is not the one that was trained", True),
        (_gone, "weights.npy is missing", True),
        (_linked, "first: ", True),
        (_escaped, "is no array file", False),
    ],
)
def test_a_changed_folder_is_refused(tmp_path: Path, harm: Callable[[Path], None], said: str, known: bool) -> None:
    digest = store.save(tmp_path, MANIFEST, ARRAYS)
    harm(tmp_path / "first")
    with pytest.raises(ModelRefused, match=said):
        store.load(tmp_path, "first", digest if known else None)
    with pytest.raises(ModelRefused, match="is no name of a model"):
        store.load(tmp_path, "../first")


def change(model: str, state: ModelState, digest: str = "d1") -> StateChange:
    return StateChange("2026-12-01T00:00:00Z", model, state, digest)


def test_states_are_the_newest_lines_and_a_torn_last_line_never_happened(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path)
    assert registry.history() == [] and registry.promoted() is None
    registry.add([change("a", ModelState.CANDIDATE), change("b", ModelState.CANDIDATE)])
    registry.add([change("a", ModelState.SHADOW)])
    with registry.path.open("ab") as file:
        file.write(b'{"at":"2026-12-01T00:00:00Z","model":"a","sta')
    assert [one.model for one in registry.shadows()] == ["a"] and registry.promoted() is None
    registry.add([change("a", ModelState.PROMOTED, "d2")])
    assert registry.promoted() == change("a", ModelState.PROMOTED, "d2") and len(registry.history()) == 4
    assert registry.states()["b"].state is ModelState.CANDIDATE


def test_with_a_damaged_line_nobody_knows_what_is_promoted(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path)
    registry.add([change("a", ModelState.PROMOTED), change("b", ModelState.CANDIDATE)])
    registry.path.write_bytes(registry.path.read_bytes().replace(b"promoted", b"promated"))
    with pytest.raises(Unreadable, match=r"line 1 of registry\.jsonl is damaged"):
        registry.promoted()


def test_a_live_permission_is_bound_to_the_model_that_would_trade(tmp_path: Path) -> None:
    registry = ModelRegistry(tmp_path)
    assert digests_of("learned", {}, tmp_path) == {"models": "none is promoted"}
    registry.add([change("a", ModelState.PROMOTED, "d1"), change("b", ModelState.SHADOW, "d2")])
    assert digests_of("learned", {}, tmp_path) == {"models/a": "d1"}
    assert digests_of("learned", {"STRATEGY_LEARNED_MODEL": "b"}, tmp_path) == {"models/b": "d2"}
    assert digests_of("trend", {}, tmp_path) == {}


def test_the_log_of_shadows_is_bounded_and_keeps_the_newest(tmp_path: Path) -> None:
    def line(bar_s: int) -> ShadowLine:
        beside = {"m": ShadowAnswer(1.0, 0.6), "n": ShadowAnswer(None, None, "it expired")}
        return ShadowLine(bar_s, "BTC-USD", 100.25, "trend", ShadowAnswer(0.5), beside)

    for bar in range(100):
        shadow_log.append(tmp_path, line(bar), most=4_000)
    kept = list(shadow_log.lines(tmp_path))
    assert [one.bar_s for one in kept] == list(range(100 - len(kept), 100)) and kept[-1] == line(99)
    assert 10 < len(kept) < 60
    assert all(path.stat().st_size <= 4_000 for path in tmp_path.glob("shadow.jsonl*"))
