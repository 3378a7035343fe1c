"""Tab in a real bash: commands, options and settings' names, from whatever folder `./coin` is called."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.paths import DataPaths
from tests.cli.conftest import Coin
from tests.conftest import ROOT

# What bash does at a Tab: the function that `complete` names fills COMPREPLY from COMP_WORDS and COMP_CWORD.
TAB = """
source "$1"; shift
name=$(complete -p coin | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
"$name" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(coin: Coin, tmp_path: Path) -> Path:
    done = coin("completion", "bash")
    assert done.returncode == 0
    path = tmp_path / "coin.bash"
    path.write_text(done.stdout)
    return path


def tab(script: Path, paths: DataPaths, *words: str, cwd: Path = ROOT) -> list[str]:
    env = {**os.environ, "DATA_DIR": str(paths.root)}
    done = subprocess.run(
        ["bash", "--norc", "-c", TAB, "bash", str(script), *words],
        cwd=cwd, env=env, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert done.stderr == ""
    return done.stdout.split()


def test_bash(script: Path, paths: DataPaths, tmp_path: Path) -> None:
    assert tab(script, paths, "./coin", "stat") == ["status"]
    assert {"start", "status", "stop", "settings", "sim", "sweep", "simulate"} <= set(tab(script, paths, "./coin", "s"))
    assert tab(script, paths, "./coin", "doctor", "--js") == ["--json"]
    assert tab(script, paths, "./coin", "sim", "fa") == ["faults"]
    assert tab(script, paths, "./coin", "settings", "TRAIL_D") == ["TRAIL_DISTANCE_PCT"]
    assert tab(script, paths, "./coin", "login", "op") == ["operator"]
    assert tab(script, paths, str(ROOT / "coin"), "adopt", "--y", cwd=tmp_path) == ["--yes"]
    (paths.root / "research" / "runs" / "20260101-000000-sma_cross").mkdir(parents=True)
    (paths.root / "research" / "runs" / "20260101-000000-sma_cross" / "run.json").write_text("{}")
    assert tab(script, paths, "./coin", "runs", "show", "2026") == ["20260101-000000-sma_cross"]


def test_a_tab_never_sets_anything_up(tmp_path: Path) -> None:
    """A checkout that isn't prepared stays so."""
    shutil.copy(ROOT / "coin", tmp_path / "coin")
    env = {**os.environ, "_COIN_COMPLETE": "complete_bash", "COMP_WORDS": "./coin st", "COMP_CWORD": "1"}
    done = subprocess.run(["./coin"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["coin"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_other_shells_get_a_script_that_asks_the_same_way(coin: Coin, shell: str) -> None:
    text = coin("completion", shell).stdout
    assert f"_COIN_COMPLETE=complete_{shell}" in text
    if shutil.which(shell):
        subprocess.run([shell, "-n", "-c", text], check=True, timeout=20)
    asked = {"_COIN_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "coin stat",
             "_TYPER_COMPLETE_FISH_ACTION": "get-args"}  # fmt: skip
    assert "status" in coin(**asked).stdout
