"""The command line on a data folder of its own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.paths import DataPaths
from shared.setting_table import handed_over
from tests.conftest import ROOT

Coin = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def paths(tmp_path: Path) -> DataPaths:
    found = DataPaths(tmp_path / "data")
    found.prepare()
    return found


@pytest.fixture
def coin(paths: DataPaths, tmp_path: Path) -> Iterator[Coin]:
    """Runs `python -m cli …` with the folder, a PM2 home without a daemon, and no setting of the user's."""
    env = {name: value for name, value in os.environ.items() if name not in {*handed_over(), "PM2_HOME"}}
    env |= {"DATA_DIR": str(paths.root), "PM2_HOME": str(tmp_path / "pm2"), "COIN_CWD": str(tmp_path), "COLUMNS": "160"}

    def run(*arguments: str, text: str | None = None, **more: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cli", *arguments]
        return subprocess.run(
            command, cwd=ROOT, env={**env, **more}, input=text, capture_output=True, text=True, timeout=60, check=False
        )

    yield run
    assert not (tmp_path / "pm2").exists(), "a command that only looks has started a PM2 daemon"
