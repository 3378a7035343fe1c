"""The compiler's disk cache is never stale: an edit in a rule that compiled code calls changes the result."""

import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from research import compiled, native
from research.compiled import register
from research.loops import arrays
from research.native import Native
from research.rulebook import RULES
from shared.paths import ROOT

PROGRAM = """
import sys
import numpy as np
from research.compiled import compile_loop
from research.loops import arrays
run = compile_loop(arrays.sma_signal)
out = np.empty(60, dtype=np.int8)
run(np.arange(60), 3, 9, out)
print(int(out[-1]), 1 - run.compiled, int("numba" in sys.modules))
"""


class Mixed(NamedTuple):
    on: bool
    times: int
    more: float


class Held(NamedTuple):
    table: Any
    out: Any


def weigh(mixed: Any, held: Any, base: int) -> int:
    """A loop of a test's own: what crosses arrives as it was."""
    for i in range(len(held.out)):
        held.out[i] = held.table[i, 1] * mixed.times + mixed.more
    return base + len(held.out) if mixed.on else base


def copy_tree(target: Path) -> None:
    for room in ("bot", "shared", "research"):
        shutil.copytree(ROOT / room, target / room, ignore=shutil.ignore_patterns("__pycache__", "page"))


def answer(tree: Path, cache: Path) -> tuple[int, int]:
    """The compiled function's answer, and 1 where it was kept code that answered, without the compiler."""
    env = {**os.environ, "PYTHONPATH": str(tree), "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tree, env=env, capture_output=True, text=True, check=True
    )
    sign, kept, imported = (int(word) for word in done.stdout.split())
    assert kept != imported, "the compiler is there where something is compiled, and only there"
    return sign, kept


def test_an_edited_callee_is_seen(tmp_path: Path) -> None:
    tree, cache = tmp_path / "tree", tmp_path / "cache"
    copy_tree(tree)
    assert answer(tree, cache) == (1, 0)
    assert answer(tree, cache) == (1, 1), "the second process must use what the first one compiled"
    rule = tree / "bot/rules/signals.py"
    text = rule.read_text()
    edited = text.replace(
        "return 1 * (fast > slow) - 1 * (fast < slow)", "return 1 * (fast < slow) - 1 * (fast > slow)"
    )
    assert edited != text
    rule.write_text(edited)
    assert answer(tree, cache) == (-1, 0)
    rule.write_text(text)
    assert answer(tree, cache) == (1, 1), "going back finds the older result again"
    assert len(list((cache / "cointrader" / "compiled").iterdir())) == 2


def test_damaged_code_is_made_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def fresh() -> Native:
        return Native(arrays.sma_signal, lambda: tmp_path, lambda: register(*RULES))

    ticks, out = np.arange(60), np.empty(60, dtype=np.int8)
    first = fresh()
    assert first(ticks, 3, 9, out) == 60 and first.compiled == 1
    again = fresh()
    assert again(ticks, 3, 9, out) == 60 and again.compiled == 0
    (file,) = tmp_path.iterdir()
    raw = bytearray(file.read_bytes())
    raw[len(raw) // 2] ^= 1
    file.write_bytes(raw)
    third = fresh()
    assert third(ticks, 3, 9, out) == 60 and third.compiled == 1
    assert "is damaged" in caplog.text and out[-1] == 1


def test_where_nothing_can_be_kept_it_runs_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    out = np.empty(60, dtype=np.int8)
    run = Native(arrays.sma_signal, lambda: tmp_path / "gone", lambda: register(*RULES))
    assert run(np.arange(60), 3, 9, out) == 60
    assert "can't be cached" in caplog.text


def test_compiling_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(compiled, "use_cache", lambda: tmp_path)
    monkeypatch.setattr(compiled, "announce", said.append)
    monkeypatch.setattr(compiled, "_said", [])
    closes, out = np.linspace(1, 2, 9), np.zeros(9, dtype=np.int64)
    for _ in range(2):
        compiled.compile_loop(arrays.return_sums)(closes, out, out.copy())
        compiled.compile_loop(arrays.sma_signal)(out, 2, 3, np.empty(9, dtype=np.int8))
    assert len(said) == 1 and "once" in said[0]


def test_the_compilers_private_convention_is_the_one_that_was_checked() -> None:
    """A new numba: read its `core/callconv.py`, run this file with CHECKED set to it, and only then keep that."""
    assert version("numba").startswith(f"{native.CHECKED}.")


def test_an_unchecked_compiler_is_called_through_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "CHECKED", "0.1")
    run = Native(weigh, lambda: tmp_path, lambda: None)
    out = np.zeros(3)
    for _ in range(2):
        assert run(Mixed(True, 2, 0.5), Held(np.arange(6.0).reshape(3, 2), out), 10) == 13
    assert out.tolist() == [2.5, 6.5, 10.5] and run.compiled == 1 and not list(tmp_path.iterdir())


def test_what_can_not_cross_is_refused(tmp_path: Path) -> None:
    run = Native(arrays.sma_signal, lambda: tmp_path, lambda: register(*RULES))
    with pytest.raises(TypeError, match="contiguous"):
        run(np.arange(120)[::2], 3, 9, np.empty(60, dtype=np.int8))
    with pytest.raises(TypeError, match="str"):
        run("ticks", 3, 9, np.empty(60, dtype=np.int8))


def test_tuples_cross_by_their_fields(tmp_path: Path) -> None:
    """Whole and real numbers and truths in one record, arrays beside them, of one and two dimensions."""
    run = Native(weigh, lambda: tmp_path, lambda: None)
    out = np.zeros(3)
    table = np.arange(6.0).reshape(3, 2)
    assert run(Mixed(True, 2, 0.5), Held(table, out), 10) == 13
    assert out.tolist() == [2.5, 6.5, 10.5]
    assert weigh(Mixed(True, 2, 0.5), Held(table, out), 10) == 13
    assert run(Mixed(False, 2, 0.5), Held(table, out), 10) == 10 and run.compiled == 1
