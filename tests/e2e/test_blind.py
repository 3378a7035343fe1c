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
ACTED_S = 2.0
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


def gone(system: System, limit_s: float, *names: str) -> None:
    """Each of these sources is named as the one that is not heard."""

    def all_named(state: dict[str, Any]) -> bool:
        return {p["name"] for p in state["verdict"]["parts"] if p["state"] == "gone"} >= set(names)

    system.until(all_named, limit_s, why=f"{names} gone")


def gone_on(system: System, reconnects: int) -> None:
    """Entries are shut, and the next connections begun, within two seconds of the silence being seen."""
    why = "entries shut"
    system.until(lambda s: all(feed_gate(p) == "fault" for p in s["gates"]["products"]), ACTED_S, why=why)
    system.until(lambda s: s["feeds"]["ws_reconnects"] >= reconnects + 2, ACTED_S, why="both streams begun anew")


def sees(system: System) -> dict[str, Any]:
    return system.until(lambda s: s["status"] == "running" and word(s) == "running" and s["ws_ok"], 40, why="running")


def test_an_exchange_that_falls_silent_makes_the_bot_blind_everywhere(system: System) -> None:
    sim = system.sim()
    system.bot()
    sees(system)
    code, document = status(system)
    assert (code, document["verdict"]) == (EXIT[Verdict.RUNNING], "running")

    reconnects = system.state()["feeds"]["ws_reconnects"]
    os.kill(sim.pid, signal.SIGSTOP)
    try:
        found = blind_within(system)
        gone_on(system, reconnects)
        assert found["status"] == "running", "the bot's own word keeps its closed list"
        assert "no heartbeat since" in found["verdict"]["reason"]
        assert found["verdict"]["figures_age_ms"] > 1000 * BLIND_S, "the figures are as old as what they rest on"
        code, document = status(system)
        assert (code, document["verdict"]) == (EXIT[Verdict.BLIND], "blind")
        assert document["seconds"] >= BLIND_S and document["figures_age_s"] >= BLIND_S
    finally:
        os.kill(sim.pid, signal.SIGCONT)
    sees(system)
    assert status(system)[0] == 0

    sim.terminate()
    sim.wait(10)
    blind_within(system)
    gone(system, ACTED_S, "stream", "orders")
    gone(system, 45, "rest")
    assert status(system)[0] == EXIT[Verdict.BLIND]
    system.sim()
    sees(system)
    assert status(system)[0] == 0


def test_a_bot_told_to_end_in_a_silence_ends_at_once(system: System) -> None:
    sim = system.sim()
    bot = system.bot()
    sees(system)
    os.kill(sim.pid, signal.SIGSTOP)
    try:
        bot.terminate()
        assert bot.wait(8) == 0
    finally:
        os.kill(sim.pid, signal.SIGCONT)


@pytest.mark.services
@pytest.mark.needs("root", "ip")
def test_packets_that_are_dropped_make_the_bot_blind_and_it_reconnects(system: System) -> None:
    """Nothing is refused and nobody says goodbye: what is sent simply does not arrive."""
    with Network() as network:
        system.sim(network.prefix)
        system.bot(network.prefix)
        sees(system)
        reconnects = system.state()["feeds"]["ws_reconnects"]
        network.drop()
        blind_within(system)
        gone(system, ACTED_S, "stream", "orders")
        gone_on(system, reconnects)
        network.pass_on()
        sees(system)
        assert status(system)[0] == 0


class Network:
    """A network namespace with a loopback of its own, whose packets can be dropped."""

    def __init__(self) -> None:
        self._name = f"coin-{os.getpid()}-{time.monotonic_ns() % 1_000_000}"
        self.prefix = ("ip", "netns", "exec", self._name)

    def __enter__(self) -> "Network":
        self._run("ip", "netns", "add", self._name)
        self.pass_on()
        return self

    def __exit__(self, *_error: object) -> None:
        self._run("ip", "netns", "del", self._name)

    @staticmethod
    def _run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, timeout=20)

    def drop(self) -> None:
        """Lose every packet: by a queue that lets none through; where the kernel has none, by a link that is down."""
        no_room = ("tc", "qdisc", "add", "dev", "lo", "root", "tbf", "rate", "8bit", "burst", "10b", "latency", "1ms")
        if subprocess.run([*self.prefix, *no_room], check=False, capture_output=True, timeout=20).returncode != 0:
            self._run(*self.prefix, "ip", "link", "set", "lo", "down")

    def pass_on(self) -> None:
        subprocess.run([*self.prefix, "tc", "qdisc", "del", "dev", "lo", "root"], check=False, capture_output=True)
        self._run(*self.prefix, "ip", "link", "set", "lo", "up")
