"""A real PM2 in a home of its own, ended after each module."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.pm2 import Pm2Client, Pm2Process
from tests.conftest import pm2


@dataclass
class Pm2Home:
    """One PM2 daemon: its command line and its socket."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def client(self) -> Pm2Client:
        return Pm2Client(self.folder)

    def run(self, *arguments: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> str:
        """Run PM2's command line; its output. Raises CalledProcessError."""
        command = pm2()
        assert command is not None
        both = {**self.env, **(env or {})}
        done = subprocess.run(
            [command, *arguments], env=both, cwd=cwd, check=False, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def wait(self, name: str, right: Callable[[Pm2Process], bool], timeout_s: float = 20.0) -> Pm2Process:
        """Wait until the process is as `right` wants it."""
        until = time.monotonic() + timeout_s
        last: Pm2Process | None = None
        while time.monotonic() < until:
            last = self.client.find(name)
            if last is not None and right(last):
                return last
            time.sleep(0.05)
        raise AssertionError(f"{name} stayed {last}")


def make_home(folder: Path) -> Pm2Home:
    """The home's environment: the system's own variables, nothing of ours."""
    names = ("PATH", "HOME", "USER", "LANG", "TZ")
    env = {name: os.environ[name] for name in names if name in os.environ}
    return Pm2Home(folder, {**env, "PM2_HOME": str(folder), "PM2_DISABLE_VERSION_CHECK": "1", "PM2_DISCRETE_MODE": "1"})


@pytest.fixture(scope="module")
def pm2_home() -> Iterator[Pm2Home]:
    # A short path: a socket's path holds 107 bytes.
    with tempfile.TemporaryDirectory(prefix="pm2-", ignore_cleanup_errors=True) as folder:
        home = make_home(Path(folder) / "h")
        yield home
        if (home.folder / "rpc.sock").exists():
            home.run("kill", "-s")
