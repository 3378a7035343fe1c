"""A known mutant ends as it should: recorded, chosen, run and judged by the real programs on a small checkout."""

import os
import shutil
from pathlib import Path

import pytest

from simtest.mutation import recording
from simtest.mutation.blind import tried
from simtest.mutation.copies import Programs
from simtest.mutation.coverage_map import CoverageMap
from simtest.mutation.mutant import Mutant
from simtest.mutation.population import population, sources
from simtest.mutation.recording import RecordedRuns
from simtest.mutation.trial import Known, by_tests, chosen

ROOT = Path(__file__).parents[2]
SMALL = """
LEAST = 2


def table() -> dict[int, int]:
    return {1: LEAST}


TABLE = table()


def clamped(value: int) -> int:
    return value if value > 0 else 0


def doubled(value: int) -> int:
    return value + value


def unasked(value: int) -> int:
    return value - LEAST


def until(most: int) -> int:
    count = 0
    while count < most:
        count += 1
    return count
"""
TESTS = """
from pathlib import Path

from bot.rules import small


def test_clamped() -> None:
    assert [small.clamped(value) for value in (-1, 0, 1)] == [0, 0, 1]


def test_doubled() -> None:
    assert small.doubled(3) == 6


def test_until() -> None:
    assert small.until(3) == 3


def test_fails_as_it_is() -> None:
    assert small.doubled(3) == 7


def test_unasked() -> None:
    assert small.unasked(3) == 1
"""
WAITS = """
from pathlib import Path


def test_waits() -> None:
    how, mark = Path("fails").read_text(), Path("seen")
    before = mark.exists()
    mark.write_text("")
    assert how == "never" or (how == "once" and before)
"""


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with one module and its tests, and what records them."""
    folder = tmp_path_factory.mktemp("small") / "base"
    for room in ("simtest/mutation", "bot/rules", "shared", "tests/core"):
        (folder / room).mkdir(parents=True)
    for name in ("pytest_plugin", "coverage_map"):
        shutil.copy(ROOT / "simtest" / "mutation" / f"{name}.py", folder / "simtest" / "mutation")
    for package in ("simtest", "simtest/mutation", "bot", "bot/rules", "shared"):
        (folder / package / "__init__.py").touch()
    (folder / "bot/rules/small.py").write_text(SMALL)
    (folder / "tests/core/test_small.py").write_text(TESTS)
    (folder / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return folder


@pytest.fixture(scope="module")
def known(base: Path) -> RecordedRuns:
    """What its tests run, as `blind` records it; no seed."""
    folder = base.parent / "coverage"
    folder.mkdir()
    os.chdir(ROOT)
    recording.record_tests(Programs(), base, folder, "core")
    texts = sources(base)
    tests = recording.passed(folder / "core.json")
    nothing = CoverageMap([], texts)
    return RecordedRuns(Known(tests, {}, 1.0), CoverageMap([folder / "core.sqlite"], texts), nothing, frozenset())


def mutant(base: Path, scope: str, after: str) -> Mutant:
    texts = sources(base)
    found = [each for each in population(texts) if each.scope == scope and each.diff(texts[each.path])[1] == after]
    assert len(found) == 1
    return found[0]


def row(base: Path, known: RecordedRuns, scope: str, after: str) -> dict[str, object]:
    found = tried(Programs(), base, mutant(base, scope, after), sources(base), known, 60.0, 1)
    assert sorted(path.name for path in base.parent.iterdir() if path.is_dir()) == ["base", "coverage"]
    return found["tests"] | {"covering": found["covering"], "seeds": found["seeds"]["caught"]}


def test_a_test_kills_what_it_can_tell(base: Path, known: RecordedRuns) -> None:
    found = row(base, known, "doubled", "return value - value")
    assert found["killed"] and found["by"] == "tests/core/test_small.py::test_doubled"
    assert found["covering"] == 1, "the test that fails without a mutant is left out"


def test_an_equivalent_survives(base: Path, known: RecordedRuns) -> None:
    found = row(base, known, "clamped", "return value if value >= 0 else 0")
    assert (found["killed"], found["ran"], found["seeds"]) == (False, 1, False)


def test_a_constant_of_a_module_is_tried_by_all_that_run_something_of_it(base: Path, known: RecordedRuns) -> None:
    assert known.tests_of(mutant(base, "", "LEAST = 3")) == sorted(known.known.test_s)
    assert known.tests_of(mutant(base, "table", "return {2: LEAST}")) == sorted(known.known.test_s)


def test_a_mutant_without_an_end_is_killed_by_its_time(
    base: Path, known: RecordedRuns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simtest.mutation.trial.START_S", 8.0)
    found = row(base, known, "until", "count -= 1")
    assert (found["killed"], found["how"]) == (True, "does not end")


@pytest.mark.parametrize(
    ("fails", "fails_without", "killed"),
    [("always", "never", True), ("once", "never", False), ("always", "always", False), ("always", "once", False)],
)
def test_a_failure_of_a_test_that_waits_kills_where_it_comes_again_and_not_without_the_mutant(
    base: Path, fails: str, fails_without: str, killed: bool
) -> None:
    """A busy machine fails such tests with a mutant or without."""
    name, folders = "tests/core/test_small.py::test_waits", {}
    for which, how in (("copy", fails), ("unchanged", fails_without)):
        folders[which] = shutil.copytree(base, base.parent / which)
        (folders[which] / "tests/core/test_small.py").write_text(WAITS)
        (folders[which] / "fails").write_text(how)
    try:
        found = by_tests(Programs(), folders["unchanged"], folders["copy"], [name], Known({name: 1.0}, {}, 1.0))
    finally:
        for folder in folders.values():
            shutil.rmtree(folder)
    assert found["killed"] == killed
    assert found["doubted"] == ([] if killed else [name])


def test_a_syntax_error_does_not_import(base: Path, known: RecordedRuns) -> None:
    copy = shutil.copytree(base, base.parent / "copy")
    (copy / "bot/rules/small.py").write_text("def f(:\n")
    found = by_tests(Programs(), base, copy, ["tests/core/test_small.py::test_doubled"], known.known)
    shutil.rmtree(copy)
    assert found["killed"] and found["how"] == "does not import"


def test_the_fastest_tests_come_first_and_one_at_least() -> None:
    known = Known({"a": 3.0, "b": 1.0, "c": 9.0}, {}, 1.0)
    assert chosen(["a", "b", "c", "gone"], known, 4.5) == ["b", "a"]
    assert chosen(["c"], known, 4.5) == ["c"]
