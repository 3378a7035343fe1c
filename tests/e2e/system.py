"""A bot and its simulator as real processes in a folder of their own; ended by pid."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from shared.data_folder import MARKER
from shared.documents.status import LEGAL_PAIRS, Phase, Status

ROOT = Path(__file__).resolve().parents[2]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class System:
    """One data folder with its processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder.parent),
            "DATA_DIR": str(folder),
            "SIM_PORT": str(free_port()),
            "SIM_ADMIN_PORT": str(free_port()),
            "DASHBOARD_PORT": str(free_port()),
            "EDGE_GATE": "false",
            "SAFE_STARTS": "0",
        }
        self.running: list[subprocess.Popen[bytes]] = []
        self.seen: list[dict[str, Any]] = []

    def spawn(self, module: str, extra: dict[str, str], prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        (self.folder / MARKER).touch(mode=0o600)  # what the processes print lies between their files
        out = (self.folder / f"{module}.out").open("ab")
        command = [*prefix, sys.executable, "-m", module]
        process = subprocess.Popen(command, cwd=ROOT, env=self.env | extra, stdout=out, stderr=out)
        out.close()
        self.running.append(process)
        return process

    def sim(self, prefix: tuple[str, ...] = ()) -> subprocess.Popen[bytes]:
        return self.spawn("simulator", {}, prefix)

    def bot(self, prefix: tuple[str, ...] = (), **extra: str) -> subprocess.Popen[bytes]:
        return self.spawn("bot", extra, prefix)

    def dashboard(self) -> subprocess.Popen[bytes]:
        return self.spawn("dashboard", {})

    def close(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
        for process in self.running:
            try:
                process.wait(8)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def state(self) -> dict[str, Any]:
        """The document as it is now; each one that is read must be whole and legal."""
        try:
            found: dict[str, Any] = json.loads((self.folder / "bot_state.json").read_bytes())
        except FileNotFoundError:
            return {}
        assert Phase(found["phase"]) in LEGAL_PAIRS[Status(found["status"])], (found["status"], found["phase"])
        assert found["version"] == 1
        known = found["phase"] in ("trading", "stopped", "error") or found["phase"] == "backfill"
        assert known or "positions" not in found, "not known yet is absent, never null or []"
        if not self.seen or (found["boot_id"], found["seq"]) != (self.seen[-1]["boot_id"], self.seen[-1]["seq"]):
            if self.seen and found["boot_id"] == self.seen[-1]["boot_id"]:
                assert found["seq"] > self.seen[-1]["seq"], "it never goes back"
            self.seen.append({key: found[key] for key in ("boot_id", "seq", "status", "phase")})
        return found

    def until(self, what: Callable[[dict[str, Any]], object], limit_s: float = 15.0, why: str = "") -> dict[str, Any]:
        deadline_s = time.monotonic() + limit_s
        found: dict[str, Any] = {}
        while time.monotonic() < deadline_s:
            found = self.state()
            if found and what(found):
                return found
            time.sleep(0.03)
        short = {key: found.get(key) for key in ("status", "phase", "error", "boot", "kill", "io", "control")}
        raise AssertionError(f"{why or 'it did not come'} in {limit_s:g} s: {short}\n{self.log()[-2000:]}")

    def log(self) -> str:
        path = self.folder / "logs" / "COIN-BOT.log"
        return path.read_text() if path.exists() else (self.folder / "bot.out").read_text()

    def trades(self) -> dict[str, Any]:
        return self.until(lambda s: s["status"] == "running" and s["ws_ok"], why="trading")

    def write_control(self, **document: Any) -> None:
        path = self.folder / "control.json"
        fresh = path.with_name("fresh.tmp")
        fresh.write_text(json.dumps(document))
        fresh.chmod(0o600)
        fresh.replace(path)


def kill9(process: subprocess.Popen[bytes]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait(5)
