"""`rm bot.lock`, `rm ledger.db*` under a real bot: every reader says it within 2 s, nothing is sent, and kill works."""

import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.status import EXIT
from shared.exits import Exit
from shared.verdict import Verdict
from tests.e2e.system import ROOT, System

WITHIN_S = 2.0
LOADED_S = 2.0  # what a busy machine may add


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    made.env |= {"PM2_HOME": str(tmp_path / "pm2"), "COLUMNS": "200"}
    yield made
    made.close()


def coin(system: System, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli", *words]
    return subprocess.run(
        command, cwd=ROOT, env=system.env, capture_output=True, text=True, timeout=90, check=False
    )  # fmt: skip


class Reader:
    """A machine that watches the bot at the dashboard."""

    def __init__(self, system: System) -> None:
        done = coin(system, "token", "viewer")
        self._token = next(word for word in done.stdout.split() if len(word) > 30)
        self._url = f"http://127.0.0.1:{system.env['DASHBOARD_PORT']}"

    def get(self, path: str) -> tuple[int, str]:
        request = urllib.request.Request(self._url + path, headers={"Authorization": f"Bearer {self._token}"})
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def health(self) -> tuple[int, dict[str, Any]]:
        code, text = self.get("/api/bot/health")
        return code, json.loads(text) if text else {}


def trades(system: System) -> dict[str, Any]:
    return system.until(lambda s: s["status"] == "running" and s["ws_ok"], 60, "trading")


def until(what: Callable[[], object], limit_s: float, why: str) -> float:
    began_s = time.monotonic()
    while not what():
        assert time.monotonic() - began_s < limit_s, why
        time.sleep(0.05)
    return time.monotonic() - began_s


@pytest.mark.parametrize("what", ["bot.lock", "ledger.db*"])
def test_what_is_removed_is_said_everywhere_within_two_seconds(system: System, what: str) -> None:
    verdict = Verdict.LOCKED_OUT if what == "bot.lock" else Verdict.LEDGER_GONE
    system.sim()
    process = system.bot()
    system.dashboard()
    before = trades(system)
    reader = Reader(system)
    until(lambda: reader.health()[1].get("ok"), 20, "well before")

    removed = list(system.folder.glob(what))
    assert removed
    for path in removed:
        path.unlink()
    until(lambda: reader.health()[1].get("word") == verdict, WITHIN_S + LOADED_S, "the API says it")
    code, health = reader.health()
    assert (code, health["ok"]) == (503, False)
    assert ("./coin restore" if what != "bot.lock" else "lock") in health["reason"]
    metrics = reader.get("/metrics")[1]
    assert "\nbot_up 0.0" in metrics and f'bot_verdict{{verdict="{verdict}"}} 1.0' in metrics
    page = reader.get("/")[1]
    assert f'data-presence="{verdict}"' in page and verdict.shown.upper() in page
    assert ("Locked out" if what == "bot.lock" else "Ledger gone") in reader.get("/why")[1]
    said = coin(system, "status", "--json")
    assert said.returncode == EXIT[verdict] and json.loads(said.stdout)["verdict"] == verdict
    assert verdict.shown.upper() in coin(system, "status").stdout

    for command in (("restore", "nothing.tar.gz"), ("sim", "reset")):
        assert "The bot is running" in coin(system, *command).stderr, "it is not taken for a bot that ended"
    killed = coin(system, "kill")
    assert killed.returncode == 0, killed.stdout + killed.stderr
    assert "isn't running" not in killed.stdout and "the bot closed its order gate" in killed.stdout
    assert f"it is {verdict.shown.upper()}" in killed.stdout and (system.folder / "KILL").exists()

    # The same bot, stopped by a signal, with its files gone: it still runs, and that is what is said.
    process.send_signal(signal.SIGSTOP)
    silent = coin(system, "kill")
    assert f"(pid {process.pid}) exists, but is stopped by a signal" in silent.stdout, silent.stdout
    assert silent.returncode == 0 and "none left" in silent.stdout
    process.send_signal(signal.SIGCONT)
    found = system.until(lambda s: s["kill"], 5, "killed")
    assert found["boot_id"] == before["boot_id"]


def test_a_hung_bot_is_not_called_gone(system: System) -> None:
    system.sim()
    process = system.bot()
    trades(system)
    process.send_signal(signal.SIGSTOP)
    (system.folder / "bot_state.json").write_text("{")
    said = coin(system, "kill")
    assert f"(pid {process.pid}) exists, but is stopped by a signal" in said.stdout, said.stdout + said.stderr
    assert process.wait(15) == -signal.SIGKILL
    assert "the bot isn't running" in coin(system, "kill").stdout


def test_of_two_bots_the_one_whose_lock_was_deleted_ends(system: System) -> None:
    """Nothing is left of it in the folder: state and ledger are the second one's from its start on."""
    system.sim()
    first = system.bot()
    before = trades(system)
    (system.folder / "bot.lock").unlink()
    second = system.bot()
    assert first.wait(15) == Exit.LOCKED
    found = system.until(lambda s: s["pid"] == second.pid and s["status"] == "running" and s["ws_ok"], 60, "trading")
    assert found["boot_id"] != before["boot_id"]
    assert "another bot holds the new one: this one ends" in system.log() + (system.folder / "bot.out").read_text()
    verified = coin(system, "ledger", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
