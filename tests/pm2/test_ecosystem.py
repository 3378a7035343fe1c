"""ecosystem.config.js as Node.js reads it: what runs, with which environment, from where."""

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from shared import settings
from shared.setting_table import handed_over
from tests.conftest import ROOT

pytestmark = pytest.mark.needs("node")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    root = tmp_path / "a b"
    (root / ".venv/bin").mkdir(parents=True)
    (root / ".venv/bin/python").symlink_to(sys.executable)  # it asks the folders' rule
    (root / "shared").symlink_to(ROOT / "shared")
    shutil.copy(ROOT / "ecosystem.config.js", root)
    return root


def load(root: Path, **env: str) -> dict[str, dict[str, Any]]:
    """The apps by name, as PM2 would take them, loaded from another folder."""
    script = "process.stdout.write(JSON.stringify(require(process.argv[1]).apps))"
    done = subprocess.run(
        ["node", "-e", script, str(root / "ecosystem.config.js")],
        cwd="/",
        env={"PATH": os.environ["PATH"], "HOME": "/home/someone", **env},
        capture_output=True,
        text=True,
        check=True,
    )
    return {app["name"]: app for app in json.loads(done.stdout)}


def test_five_in_order_and_each_from_our_own_folder(checkout: Path) -> None:
    apps = load(checkout)
    assert list(apps) == ["COIN", "COIN-BOT", "COIN-SIM", "COIN-WATCH", "COIN-LAB"]
    assert [app["args"][1] for app in apps.values()] == ["dashboard", "bot", "simulator", "watch", "lab_worker"]
    for app in apps.values():
        assert app["cwd"] == str(checkout)
        assert app["script"] == str(checkout / ".venv/bin/python")
        assert app["stop_exit_codes"] == [75, 78]
        assert app["kill_timeout"] == 8000
        assert app["filter_env"] == [""]
        assert not {"instances", "time", "log_date_format", "log_type", "wait_ready"} & set(app)


@pytest.mark.parametrize("line", ["CHAT_USERS=telegram:1:viewer", 'export CHAT_USERS = "slack:U1:operator"  # me'])
def test_chat_runs_where_somebody_may_use_it(checkout: Path, line: str) -> None:
    (checkout / ".env").write_text("CHAT_USERS=\n")
    assert "COIN-CHAT" not in load(checkout)
    (checkout / ".env").write_text(f"{line}\n")
    apps = load(checkout)
    assert "COIN-CHAT" in apps and apps["COIN-CHAT"]["args"] == ["-m", "chat"]


@pytest.mark.parametrize(
    "line",
    [
        "COIN_MODE=live",
        'COIN_MODE="live"',
        "export COIN_MODE='live'",
        "  COIN_MODE = live  # for real",
        "COIN_MODE=live\r",
    ],
)
def test_live_has_no_simulator(checkout: Path, line: str) -> None:
    (checkout / ".env").write_text(f"# COIN_MODE=sim\nCOIN_MODE=paper\n{line}\n#COIN_MODE=sim\n")
    assert list(load(checkout)) == ["COIN", "COIN-BOT", "COIN-WATCH", "COIN-LAB"]
    assert "COIN-SIM" in load(checkout, COIN_MODE="sim")  # the shell outranks the file
    assert (
        settings.load(checkout / ".env", {"COINBASE_KEY_FILE": "k", "PROFILE": "canary"}).settings.coin_mode == "live"
    )


@pytest.mark.parametrize("line", ["WATCH=false", "WATCH = 0  # quiet", "export WATCH='False'"])
def test_the_watcher_can_be_left_out(checkout: Path, line: str) -> None:
    (checkout / ".env").write_text(f"{line}\n")
    assert list(load(checkout)) == ["COIN", "COIN-BOT", "COIN-SIM", "COIN-LAB"]
    assert settings.load(checkout / ".env", {}).settings.watch is False


@pytest.mark.parametrize("line", ["LAB=false", "LAB = 0", "export LAB='False'"])
def test_the_lab_can_be_left_out_and_never_restarts_by_itself(checkout: Path, line: str) -> None:
    assert load(checkout)["COIN-LAB"]["autorestart"] is False and load(checkout)["COIN-BOT"]["autorestart"] is True
    (checkout / ".env").write_text(f"{line}\n")
    assert "COIN-LAB" not in load(checkout)
    assert settings.load(checkout / ".env", {}).settings.lab is False


def test_values_of_the_file_are_not_frozen_into_the_environment(checkout: Path) -> None:
    (checkout / ".env").write_text("COIN_MODE=replay\nSIM_REPLAY=x.csv\n")
    env = load(checkout, SIM_SEED="7")["COIN-BOT"]["env"]
    assert env["SIM_SEED"] == "7"
    # Empty is "not set": PM2 can't take back a variable that an earlier start gave.
    assert env["COIN_MODE"] == env["SIM_REPLAY"] == ""


def test_every_setting_but_secrets_goes_through_and_nothing_else(checkout: Path) -> None:
    ours = dict.fromkeys((key for key, _, _ in settings.keys()), "1")  # noqa: SIM118
    secrets = {
        "COINBASE_API_PRIVATE_KEY": "canary",
        "DASHBOARD_PASSWORD_HASH": "canary",
        "LEDGER_URL": "postgresql://coin:canary@127.0.0.1/coin",
        "AWS_SECRET": "canary",
        "FOO": "canary",
    }
    ours |= {"COIN_MODE": "sim", "DATA_DIR": "data", "STRATEGY_DIP_PERIOD": "5"}
    extra = ("PRODUCT_ID", "STRATEGY_DIP_PERIOD")
    apps = load(checkout, **{**ours, **secrets})
    for app in apps.values():
        assert "canary" not in json.dumps(app)
        got = set(app["env"])
        assert got == {*handed_over(), *extra, "PATH", "HOME", "PYTHONUNBUFFERED", "PYTHONUTF8"}
    assert not [key for key in handed_over() if settings.is_secret(key) or key.startswith("COINBASE_")]


def test_logs_lie_in_the_data_folder_and_are_ours_alone(checkout: Path, tmp_path: Path) -> None:
    data = tmp_path / "elsewhere"
    app = load(checkout, DATA_DIR=str(data))["COIN-BOT"]
    for key in ("out_file", "error_file"):
        file = Path(app[key])
        assert file.parent == data / "logs/pm2"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    relative = load(checkout)["COIN"]["out_file"]
    assert relative == str(checkout / "data/logs/pm2/COIN.out.log")


def test_without_the_environment_it_says_how_to_make_it(checkout: Path) -> None:
    shutil.rmtree(checkout / ".venv")
    with pytest.raises(subprocess.CalledProcessError) as caught:
        load(checkout)
    assert "run ./coin start" in caught.value.stderr
