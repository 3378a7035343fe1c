"""The exchange falls silent under a real bot: every reader says BLIND, within seconds, and RUNNING once it is back."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.status import EXIT
from shared.verdict import BLIND_S, Verdict
from tests.e2e.system import ROOT, System

# A heartbeat may be a second old when the exchange falls silent; a state write comes each half second.
NOTICED_S = BLIND_S + 1.0
LOADED_S = 4.0  # what a busy machine may add


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    running = System(tmp_path)
    yield running
    running.close()


def status(system: System) -> tuple[int, dict[str, Any]]:
    """Exit code and document of `./coin status --json`."""
    command = [sys.executable, "-m", "cli", "status", "--json"]
    env = system.env | {"PM2_HOME": str(system.folder / "pm2")}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, timeout=60, check=False)
    document: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, document


def word(found: dict[str, Any]) -> str:
    return str(found["verdict"]["word"]) if found.get("verdict") else ""


def feed_gate(product: dict[str, Any]) -> str:
    return str(next(gate["verdict"] for gate in product["gates"] if gate["name"] == "feed"))


def blind_within(system: System) -> dict[str, Any]:
    began_s = time.monotonic()
    found = system.until(lambda s: word(s) == "blind", NOTICED_S + LOADED_S, why="blind")
    assert time.monotonic() - began_s > BLIND_S - 2.5, "a heartbeat that is late is no reason to call it blind"
    return found


def sees(system: System) -> dict[str, Any]:
    return system.until(lambda s: s["status"] == "running" and word(s) == "running" and s["ws_ok"], 40, why="running")


def test_an_exchange_that_falls_silent_makes_the_bot_blind_everywhere(system: System) -> None:
    sim = system.sim()
    system.bot()
    sees(system)
    code, document = status(system)
    assert (code, document["verdict"]) == (EXIT[Verdict.RUNNING], "running")

    os.kill(sim.pid, signal.SIGSTOP)
    try:
        found = blind_within(system)
        assert found["status"] == "running", "the bot's own word keeps its closed list"
        assert "no heartbeat since" in found["verdict"]["reason"]
        assert found["verdict"]["figures_age_ms"] > 1000 * BLIND_S, "the figures are as old as what they rest on"
        code, document = status(system)
        assert (code, document["verdict"]) == (EXIT[Verdict.BLIND], "blind")
        assert document["seconds"] > BLIND_S and document["figures_age_s"] > BLIND_S
        system.until(lambda s: all(feed_gate(p) == "fault" for p in s["gates"]["products"]), 2, why="entries shut")
    finally:
        os.kill(sim.pid, signal.SIGCONT)
    sees(system)
    assert status(system)[0] == 0

    sim.terminate()
    sim.wait(10)
    found = blind_within(system)
    assert {p["name"] for p in found["verdict"]["parts"] if p["state"] == "gone"} >= {"stream", "orders"}
    system.until(lambda s: any(p["name"] == "rest" and p["state"] == "gone" for p in s["verdict"]["parts"]), 45,
                 why="REST is asked, too")  # fmt: skip
    assert status(system)[0] == EXIT[Verdict.BLIND]
    system.sim()
    sees(system)
    assert status(system)[0] == 0
