"""A dashboard on 127.0.0.1 that runs as one user, and another user of the same machine. Needs root."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dashboard.links import create_login_link
from shared.paths import DataPaths
from shared.settings import load
from tests.dashboard.test_process import command


@dataclass(frozen=True, slots=True)
class Served:
    """It runs as root, who owns it here as well."""

    paths: DataPaths
    port: int
    process: subprocess.Popen[str]

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def cookie(self) -> str:
        return f"coin-{self.port}"

    def link(self) -> str:
        settings = load(self.paths.root / "no.env", {"DASHBOARD_PORT": str(self.port)}).settings
        return create_login_link(self.paths, settings)

    def log(self) -> str:
        return (self.paths.logs / "COIN.log").read_text()


@pytest.fixture
def served(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[Served]:
    assert os.geteuid() == 0
    port = free_port()
    process = command(tmp_path / "data", port)
    made = Served(DataPaths(tmp_path / "data"), port, process)
    for _ in range(600):
        try:
            httpx.get(f"{made.base}/healthz")
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        else:
            break
    yield made
    process.terminate()
    process.wait(10)
    process.communicate()
