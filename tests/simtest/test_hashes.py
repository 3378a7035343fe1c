"""Ten seeds run as they did when their hashes were kept, on every supported Python."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simtest import hashes
from simtest.drawing import draw
from tests.conftest import ROOT


def compared(**more: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, since the order of sets must be the fixed one."""
    env = {**os.environ, "PYTHONHASHSEED": "0", **more}
    command = [sys.executable, "-m", "simtest.hashes"]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)


@pytest.mark.simulation
@pytest.mark.timeout(600)
def test_ten_seeds_run_as_they_did() -> None:
    done = compared()
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_hash_that_is_not_the_kept_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    kept = tmp_path / "hashes.json"
    kept.write_text(json.dumps({str(plan.seed): "a" for plan in hashes.plans()}))
    monkeypatch.setattr(hashes, "KEPT", kept)
    second = [plan.seed for plan in hashes.plans()][1]
    monkeypatch.setattr(hashes, "hash_of", lambda plan: "b" if plan.seed == second else "a")
    assert hashes.main([]) == 1
    assert f"seeds {second} are not what they were" in capsys.readouterr().out


def test_the_seeds_fit_no_model() -> None:
    kept = json.loads(hashes.KEPT.read_text())
    assert len(kept) == hashes.SEEDS and len(set(kept.values())) == hashes.SEEDS
    plans = [draw(int(seed), hashes.MINUTES) for seed in kept]
    assert not [plan.seed for plan in plans if plan.settings["strategy"] in hashes.FITTED]
