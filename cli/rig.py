"""A whole system beside the user's own: the real ecosystem file under a PM2, a data folder and ports of its own.

Measurements and tests run on it. Nothing of it is left behind.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cli.pm2_process import ECOSYSTEM, environment, executable, is_ours
from cli.text import tail
from shared.bots import DEFAULT_FOLDER
from shared.documents.state import BotState
from shared.documents.status import Phase
from shared.liveness import read_state
from shared.paths import DataPaths
from shared.pm2 import Pm2Client, Pm2Unavailable
from shared.pm2_plan import ORDER_OF_STOP


class NotReached(Exception):
    """The system didn't get where it was waited for; the text says where it stayed."""


@dataclass(frozen=True, slots=True)
class Rig:
    """One system. `env` is what its PM2 is given."""

    home: Path  # PM2's folder
    paths: DataPaths
    env: Mapping[str, str]
    dashboard_port: int

    @property
    def client(self) -> Pm2Client:
        return Pm2Client(self.home, timeout_s=2.0)

    def pm2(self, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        """Run PM2's command line in this rig. Raises CalledProcessError."""
        command = executable()
        if command is None:
            raise NotReached("PM2 is missing: ./coin setup")
        return subprocess.run(
            [str(command), *arguments],
            cwd="/",
            env={**self.env, **(env or {})},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            umask=0o077,
        )

    def start(self, *names: str, env: Mapping[str, str] | None = None) -> None:
        """`pm2 start ecosystem.config.js`, all of it or some."""
        only = ("--only", ",".join(names)) if names else ()
        self.pm2("start", str(ECOSYSTEM), *only, "-s", env=env)

    def state(self) -> BotState | None:
        """The bot's state now; None = none that can be read."""
        return read_state(self.paths)[0]

    def wait(self, right: Callable[[BotState], bool], timeout_s: float = 30.0, every_s: float = 0.01) -> BotState:
        """Wait until the state is as `right` wants it. Raises NotReached with what it is instead."""
        until = time.monotonic() + timeout_s
        while True:
            state = self.state()
            if state is not None and right(state):
                return state
            if time.monotonic() > until:
                raise NotReached(self.describe(state))
            time.sleep(every_s)

    def wait_trading(self, timeout_s: float = 60.0) -> BotState:
        """Wait until the bot trades."""
        return self.wait(lambda state: state.phase is Phase.TRADING, timeout_s)

    def describe(self, state: BotState | None) -> str:
        """Where everything stands, for an error's text."""
        lines = [f"{state.status}, phase {state.phase}, error {state.error}" if state else "no state file"]
        with contextlib.suppress(Pm2Unavailable):
            for process in self.client.processes():
                lines.append(f"{process.name}: {process.label}, restarts {process.restarts}")
                lines += [f"    {line}" for line in tail(Path(process.error_log), 6)]
        return "\n".join(lines)

    def pid(self, name: str) -> int:
        """The pid of one process. Raises NotReached where it doesn't run."""
        process = self.client.find(name)
        if process is None or not process.pid:
            raise NotReached(f"{name} doesn't run")
        return process.pid


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody listens on now."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


@contextlib.contextmanager
def rig(**settings: str) -> Iterator[Rig]:
    """Make the folders and ports; at the end stop every process of it and remove the folders."""
    # Short: a socket's path holds 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="coin-", dir=os.environ.get("TMPDIR", "/tmp")))  # noqa: S108
    dashboard, sim, admin = free_ports(3)
    home, data = folder / "pm2", folder / DEFAULT_FOLDER
    env = {name: value for name, value in environment().items() if not is_ours(name)}
    env |= {
        "PM2_HOME": str(home),
        "DATA_DIR": str(data),
        "DASHBOARD_PORT": str(dashboard),
        "SIM_PORT": str(sim),
        "SIM_ADMIN_PORT": str(admin),
        "SAFE_STARTS": "0",
        **settings,
    }
    made = Rig(home, DataPaths(data), env, dashboard)
    made.paths.prepare()
    try:
        yield made
    finally:
        _end(made)
        shutil.rmtree(folder, ignore_errors=True)


def _end(made: Rig) -> None:
    for name in ORDER_OF_STOP:
        with contextlib.suppress(Pm2Unavailable):
            made.client.delete(name)
    if (made.home / "rpc.sock").exists():
        with contextlib.suppress(subprocess.SubprocessError, NotReached):
            made.pm2("kill", "-s")
