"""How `./coin` ends: one table of exit codes; what was typed wrong is always 2 and says what to type."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from shared.exits import MEANINGS, Exit
from shared.paths import DataPaths
from tests.cli.conftest import Coin
from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["close-lot"], "Missing argument"),
        (["new-strategy"], "Missing argument"),
        (["nonsense"], "No such command"),
        (["status", "--nonsense"], "No such option"),
        (["status", "more"], "unexpected extra argument"),
        (["start", "--timeout", "soon"], "Invalid value"),
        (["start", "--timeout", "1", "--timeout", "2"], "--timeout is given twice"),
        (["logs", "-n", "1", "--lines", "2"], "--lines is given twice"),
        (["settings", "--json", "--json"], "--json is given twice"),
        (["sim", "key", "--rights", "view", "--rights", "trade"], "--rights is given twice"),
        (["ledger", "export", "x", "--format", "csv", "--format", "jsonl"], "--format is given twice"),
        (["simulate", "--seeds", "1", "--seeds=2"], "--seeds is given twice"),
        (["prove", "kill", "--each", "1", "--each", "2"], "--each is given twice"),
        (["login", "king"], "king"),
        (["new-strategy", "My-Strategy"], "lower-case"),
        (["bench", "nothing"], "There are: "),
        (["runs", "compare", "last"], "Missing argument"),
        (["sweep", "-d", "x", "--grid", "A"], "write KEY="),
        (["completion", "cmd"], "cmd"),
    ],
)
def test_what_was_typed_wrong_is_two(coin: Coin, arguments: list[str], words: str) -> None:
    done = coin(*arguments)
    assert done.returncode == Exit.USAGE, done.stdout + done.stderr
    said = " ".join((done.stdout + done.stderr).replace("│", " ").split())
    assert words in said and "Traceback" not in said


def test_an_option_that_takes_several_may_be_repeated(coin: Coin) -> None:
    done = coin("sweep", "-d", "nothing", "-g", "MA_FAST=5,6", "-g", "MA_SLOW=20,30", "-s", "A=1", "-s", "B=2")
    assert "given twice" not in done.stdout + done.stderr and "A is not a setting" not in done.stdout


def test_settings_that_do_not_hold_are_seventy_eight(coin: Coin) -> None:
    assert coin("settings", SIM_PORT="0").returncode == Exit.SETTINGS
    assert coin("runs", SIM_PORT="0").returncode == Exit.SETTINGS
    done = coin("start", DATA_DIR=str(ROOT.parent if ROOT.parent != Path("/") else "/usr"))
    assert done.returncode == Exit.SETTINGS and "Name a folder of its own" in done.stderr


def test_the_help_and_the_page_name_every_code(coin: Coin) -> None:
    said = " ".join(coin("--help").stdout.split())
    page = " ".join((ROOT / "docs" / "command-line.md").read_text().split())
    for code, meaning in MEANINGS.items():
        assert f"{int(code)} {meaning}" in said
        assert f"| {int(code)} | {meaning} |" in page


def test_doctor_for_scripts(coin: Coin, paths: DataPaths) -> None:
    paths.kill.touch()
    rows = json.loads(coin("doctor", "--json").stdout)
    assert {"mark": "warn", "name": "KILL"}.items() <= next(row for row in rows if row["name"] == "KILL").items()
    assert {row["mark"] for row in rows} <= {"good", "warn", "bad", "note"}


def seen(arguments: list[str], folder: Path, **more: str) -> str:
    """What a command prints on a terminal of 80 columns."""
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS", "FORCE_COLOR")}
    env |= {"DATA_DIR": str(folder), "PM2_HOME": str(folder / "pm2"), "TERM": "xterm", **more}
    ours, theirs = pty.openpty()
    with subprocess.Popen([sys.executable, "-m", "cli", *arguments], cwd=ROOT, env=env, stdout=theirs, stdin=theirs):
        os.close(theirs)
        said = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:
                break
            if not part:
                break
            said += part
    os.close(ours)
    return said.decode()


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_colour_on_a_terminal_alone(coin: Coin, paths: DataPaths, command: str) -> None:
    assert "\x1b[" in seen([command], paths.root)
    assert "\x1b[" not in seen([command], paths.root, NO_COLOR="1")
    assert "\x1b[" not in seen([command], paths.root, TERM="dumb")
    assert "\x1b[" not in coin(command).stdout
