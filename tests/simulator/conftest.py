"""A COIN-SIM process on ports of its own, and the clients that talk to it."""

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from coinbase.rest import RESTClient

from shared.paths import DataPaths
from shared.settings import Settings
from simulator import admin

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "/api/v3/brokerage"


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@dataclass
class Sim:
    """One server process with its files."""

    folder: Path
    port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)
    settings: dict[str, str] = field(default_factory=dict)
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def ca(self) -> str:
        return str(self.folder / "sim" / "ca.pem")

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def paths(self) -> DataPaths:
        return DataPaths(self.folder)

    @property
    def admin_settings(self) -> Settings:
        return Settings(sim_port=self.port, sim_admin_port=self.admin_port, data_dir=self.folder)

    @property
    def plain_port(self) -> int:
        return int(self.settings["SIM_PLAIN_PORT"])

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("SIM_", "COIN_", "DATA_DIR"))}
        return kept | {
            "DATA_DIR": str(self.folder),
            "SIM_PORT": str(self.port),
            "SIM_ADMIN_PORT": str(self.admin_port),
            **self.settings,
        }

    def start(self) -> "Sim":
        self.process = subprocess.Popen(
            [sys.executable, "-m", "simulator"],
            cwd=ROOT, env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                error = self.process.stderr.read().decode() if self.process.stderr else ""
                raise AssertionError(f"the server ended with {self.process.returncode}: {error}")
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", self.admin_port)) == 0:
                    return self
            time.sleep(0.02)
        raise AssertionError("the server was not ready in ten seconds")

    def stop(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout=10)
        if self.process.stderr:
            self.process.stderr.close()
        self.process = None
        return code

    def http(self, timeout: float = 5.0) -> httpx.Client:
        return httpx.Client(
            base_url=f"https://{self.host}{PREFIX}", verify=ssl.create_default_context(cafile=self.ca),
            timeout=timeout, trust_env=False,
        )  # fmt: skip

    def key(self, name: str = "key.json") -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "sim" / name).read_text())
        return found

    def sdk(self, name: str = "key.json", timeout: int = 5) -> RESTClient:
        key = self.key(name)
        client = RESTClient(api_key=key["name"], api_secret=key["privateKey"], base_url=self.host, timeout=timeout)
        client.session.verify = self.ca
        client.session.trust_env = False
        return client

    def faults(self, **armed: dict[str, Any]) -> None:
        admin.set_faults(self.paths, self.admin_settings, armed)

    def clear(self) -> None:
        admin.clear_faults(self.paths, self.admin_settings)

    def strikes(self, name: str) -> int:
        found: int = admin.get_faults(self.paths, self.admin_settings)["counters"][name]
        return found


@pytest.fixture(scope="session")
def shared_sim(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sim, None, None]:
    """One lively server for all tests that leave nothing behind which disturbs the others."""
    sim = Sim(tmp_path_factory.mktemp("sim"), settings={"SIM_FUNDS": "1000000"}).start()
    admin.set_limits(sim.paths, sim.admin_settings, enforce=False)
    yield sim
    assert sim.stop() == 0


@pytest.fixture(scope="session")
def open_sim(tmp_path_factory: pytest.TempPathFactory) -> Generator[Sim, None, None]:
    """A server with a plain port and without limits."""
    settings = {"SIM_PLAIN_PORT": str(free_port()), "SIM_RATE_LIMITS": "false"}
    sim = Sim(tmp_path_factory.mktemp("plain"), settings=settings).start()
    yield sim
    assert sim.stop() == 0


@pytest.fixture
def sim(shared_sim: Sim) -> Generator[Sim, None, None]:
    """The shared server, all faults disarmed before and after."""
    shared_sim.clear()
    yield shared_sim
    shared_sim.clear()


@pytest.fixture
def own_sim(tmp_path: Path) -> Generator[Sim, None, None]:
    """A server of the test's own, not started yet."""
    made = Sim(tmp_path / "data")
    made.folder.mkdir()
    yield made
    made.stop(signal.SIGKILL)
