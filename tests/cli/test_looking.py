"""Commands that only look: they say the truth with nothing running, and start nothing."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from cli import ports, status
from shared.flocks import holder
from shared.paths import DataPaths
from shared.pm2 import Effective, Pm2Process
from shared.verdict import Judged, Verdict
from tests.cli.conftest import Coin
from tests.conftest import ROOT


def test_status_of_nothing(coin: Coin) -> None:
    done = coin("status")
    assert done.returncode == 3
    assert "no PM2 daemon runs" in done.stdout
    assert "OFFLINE" in done.stdout
    assert json.loads(coin("status", "--json").stdout)["shown"] == "offline"


def test_a_broken_state_is_unreadable_not_running(coin: Coin, paths: DataPaths) -> None:
    paths.state.write_text('{"status":"running","phase":"trading","version":99}')
    done = coin("status")
    assert done.returncode == 7
    assert "UNREADABLE" in done.stdout
    assert "RUNNING" not in done.stdout


def test_every_wrong_setting_is_named_at_once(coin: Coin) -> None:
    done = coin("start", SIM_PORT="70000", COIN_MODE="moon")
    assert done.returncode == 78
    assert "SIM_PORT=70000" in done.stderr
    assert "COIN_MODE=moon" in done.stderr


def test_a_secret_in_the_shell_is_refused_and_not_shown(coin: Coin) -> None:
    done = coin("start", COINBASE_API_PRIVATE_KEY="canary-77")
    assert done.returncode == 78
    assert "belongs in .env" in done.stderr
    assert "canary-77" not in done.stdout + done.stderr


def test_a_key_file_in_the_shell_is_refused_with_the_way_out(coin: Coin) -> None:
    done = coin("start", COINBASE_KEY_FILE="/some/key.json")
    assert done.returncode == 78
    assert "Write it into .env" in done.stderr


def test_a_recording_that_is_not_there_is_named(coin: Coin, tmp_path: Path) -> None:
    done = coin("start", COIN_MODE="replay", SIM_REPLAY="none.csv")
    assert done.returncode == 78
    assert f"Looked for {tmp_path / 'none.csv'}" in done.stderr


def test_commands_without_a_bot(coin: Coin, paths: DataPaths) -> None:
    done = coin("flatten", "--yes")
    assert done.returncode == 1
    assert "isn't running" in done.stderr
    assert not paths.control.exists()  # nothing waits to happen by surprise
    done = coin("pause")
    assert done.returncode == 0
    assert "will apply it when it starts" in done.stdout
    assert json.loads(paths.control.read_text())["command"] == "pause"


def test_flatten_asks_for_its_word(coin: Coin) -> None:
    assert coin("flatten", text="yes\n").returncode == 1


def test_doctor_of_nothing_is_all_well_but_says_what_is_missing(coin: Coin) -> None:
    done = coin("doctor")
    assert "PM2 daemon" in done.stdout
    assert "not running" in done.stdout


@pytest.mark.needs("proc")
def test_doctor_names_what_is_broken(coin: Coin, paths: DataPaths, free_port: Callable[[], int]) -> None:
    paths.ledger.write_bytes(b"SQLite format 3\0" + b"\xff" * 8000)
    paths.control.write_text("{}{}")
    paths.kill.touch()
    paths.root.chmod(0o755)
    port = free_port()
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)], stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 10
        while ports.is_free("127.0.0.1", port) and time.monotonic() < until:
            time.sleep(0.05)
        with FileLock(paths.bot_lock):
            done = coin("doctor", DASHBOARD_PORT=str(port))
    finally:
        server.terminate()
        server.wait()
    said = " ".join(done.stdout.split())
    assert done.returncode == 1
    assert "ledger.db damaged" in said
    assert "control.json not JSON" in said
    assert "KILL the kill file exists" in said
    assert "open to others (0755)" in said
    assert f"taken by {sys.executable} -m http.server" in said
    assert f"(pid {server.pid})" in said
    assert f"bot.lock held by pid {os.getpid()}" in said


@pytest.mark.needs("proc")
def test_the_lock_is_seen_without_taking_it(paths: DataPaths) -> None:
    assert holder(paths.bot_lock) is None
    with FileLock(paths.bot_lock):
        assert holder(paths.bot_lock) == os.getpid()
    assert holder(paths.bot_lock) is None


def test_logs_follow_over_a_rotation(paths: DataPaths, tmp_path: Path) -> None:
    log = paths.logs / "COIN-BOT.log"
    log.write_text("".join(f"line {n}\n" for n in range(100)))
    env = {**os.environ, "DATA_DIR": str(paths.root), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "cli", "logs", "bot", "-n", "2", "-f"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True) as follower:
        assert follower.stdout is not None
        seen = [follower.stdout.readline() for _ in range(2)]
        with log.open("a") as file:
            file.write("half")
            file.flush()
            time.sleep(0.3)
            file.write(" whole\n")
        seen.append(follower.stdout.readline())
        log.rename(paths.logs / "COIN-BOT.log.1")
        log.write_text("after the rotation\n")
        seen.append(follower.stdout.readline())
        follower.terminate()
    assert seen == ["line 98\n", "line 99\n", "half whole\n", "after the rotation\n"]


def test_an_unknown_log_is_answered_with_those_there_are(coin: Coin, paths: DataPaths) -> None:
    (paths.logs / "COIN-BOT.log").touch()
    done = coin("logs", "nobody")
    assert done.returncode == 1
    assert "There are: COIN-BOT" in done.stderr


def test_a_process_that_writes_nothing_has_no_tick(capsys: pytest.CaptureFixture[str]) -> None:
    bot = Pm2Process(
        "COIN-BOT", 1, 4242, "online", Effective.ONLINE, "online", 0, None, 0, 0.0, "", None, 0, 8000, "", ""
    )
    for word, mark in ((Verdict.RUNNING, "\u2713"), (Verdict.HUNG, "!"), (Verdict.STALE, "!")):
        status.print_processes({"COIN-BOT": bot}, None, Judged(word, "", None, None))
        row = next(line for line in capsys.readouterr().out.splitlines() if "COIN-BOT" in line)
        assert row.split()[1] == mark, word
