"""The compiler's disk cache is never stale: an edit in a rule that compiled code calls changes the result."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from shared.paths import ROOT

PROGRAM = """
import numpy as np
from research.compiled import compile_loop
from research.loops import arrays
run = compile_loop(arrays.sma_signal)
out = np.empty(60, dtype=np.int8)
run(np.arange(60), 3, 9, out)
print(int(out[-1]), 1 - run.compiled)
"""


def copy_tree(target: Path) -> None:
    for room in ("bot", "shared", "research"):
        shutil.copytree(ROOT / room, target / room, ignore=shutil.ignore_patterns("__pycache__", "page"))


def answer(tree: Path, cache: Path) -> tuple[int, int]:
    env = {**os.environ, "PYTHONPATH": str(tree), "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=tree, env=env, capture_output=True, text=True, check=True
    )
    sign, hits = done.stdout.split()
    return int(sign), int(hits)


def test_an_edited_callee_is_seen(tmp_path: Path) -> None:
    tree, cache = tmp_path / "tree", tmp_path / "cache"
    copy_tree(tree)
    assert answer(tree, cache) == (1, 0)
    assert answer(tree, cache) == (1, 1), "the second process must use what the first one compiled"
    rule = tree / "bot/core/rules/signals.py"
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
