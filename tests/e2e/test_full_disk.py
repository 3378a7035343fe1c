"""A kill on a disk without a free byte: the file KILL is made, the bot cancels, and the answer says just that."""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dashboard.links import create_token
from shared.paths import DataPaths
from tests.e2e.system import ROOT, System

pytestmark = [pytest.mark.services, pytest.mark.needs("root")]


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    """Its data folder is a disk of its own; the exchange's part is not, since its disk is not ours."""
    data, elsewhere = tmp_path / "data", tmp_path / "exchange"
    data.mkdir()
    elsewhere.mkdir()
    _run("mount", "-t", "tmpfs", "-o", "size=24m,mode=0700", "tmpfs", str(data))
    (data / "sim").mkdir()
    _run("mount", "--bind", str(elsewhere), str(data / "sim"))
    running = System(data)
    try:
        yield running
    finally:
        running.close()
        _run("umount", str(data / "sim"))
        _run("umount", str(data))


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, timeout=20)


def fill(folder: Path) -> None:
    """Not a byte is left for anybody."""
    with (folder / "ballast").open("ab", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    assert os.statvfs(folder).f_bavail == 0


def coin(system: System, *words: str) -> subprocess.CompletedProcess[str]:
    env = system.env | {"PM2_HOME": str(system.folder.parent / "pm2"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "cli", *words]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)


def test_a_kill_on_a_full_disk_kills_and_says_by_which_way(system: System) -> None:
    system.sim()
    system.bot()
    system.trades()
    fill(system.folder)
    began_s = time.monotonic()
    done = coin(system, "kill")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "killed by the file KILL; control.json could not be written (No space left on device)" in said, said
    assert "the exchange shows none left" in said
    assert (system.folder / "KILL").stat().st_size == 0
    log = (system.folder / "bot.out").read_text() + system.log()
    print(f"{time.monotonic() - began_s:.2f} s for the whole command", log[-300:])
    # With room again the bot's own word is there, and the latch is the ledger's.
    (system.folder / "ballast").unlink()
    found: dict[str, Any] = system.until(lambda s: s["status"] == "killed" and s["kill"]["verified"] >= 2, 20)
    assert found["kill"]["source"] == "KILL file"


def test_a_kill_by_the_api_on_a_full_disk_is_a_202_that_says_how(system: System) -> None:
    sim = system.sim()
    system.bot()
    system.dashboard()
    system.trades()
    token = create_token(DataPaths(system.folder), "operator")
    assert answer(system, "GET", "/api/health", token)[0] == 200
    fill(system.folder)
    code, sent = answer(system, "POST", "/api/commands", token, {"cmd": "pause"})
    assert (code, sent["error"][:9]) == (507, "Not sent:"), "only a kill has another way"
    code, sent = answer(system, "POST", "/api/commands", token, {"cmd": "kill"})
    assert (code, sent["ways"]) == (202, ["the file KILL"])
    assert sent["text"] == "killed by the file KILL; control.json could not be written (No space left on device)"
    code, receipt = answer(system, "GET", sent["receipt"], token)
    assert code == 200 and receipt["reason"] == sent["text"]
    (system.folder / "ballast").unlink()
    system.until(lambda s: s["status"] == "killed" and s["kill"]["verified"] >= 2, 20, why="killed")
    deadline_s = time.monotonic() + 10  # the page's snapshot follows the file
    while (receipt := answer(system, "GET", sent["receipt"], token)[1])["state"] != "done":
        assert time.monotonic() < deadline_s, receipt
        time.sleep(0.1)
    assert sim.poll() is None


def answer(
    system: System, method: str, path: str, token: str, body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    """The dashboard's; asked until it listens."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{system.env['DASHBOARD_PORT']}{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
    )
    deadline_s = time.monotonic() + 20
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as got:
                return got.status, json.load(got)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)
        except urllib.error.URLError:
            assert time.monotonic() < deadline_s, "the dashboard does not listen"
            time.sleep(0.2)
