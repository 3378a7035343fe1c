"""COIN-CHAT under real PM2: it runs where somebody may use it; one that is set up by half stays down and says why."""

import os
import subprocess
import time

import pytest

from cli.rig import Rig, rig
from shared.bots import CHAT, LAB
from shared.exits import Exit
from shared.pm2 import Effective
from tests.conftest import ROOT

pytestmark = [pytest.mark.pm2, pytest.mark.slow, pytest.mark.needs("pm2", "proc")]


def coin(made: Rig, *arguments: str) -> str:
    command = [str(ROOT / ".venv/bin/python"), "-m", "cli", *arguments]
    done = subprocess.run(
        command, cwd=ROOT, env={**made.env, "COLUMNS": "200"}, capture_output=True, text=True, timeout=120, check=False
    )
    return done.stdout


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a token of this checkout's own .env would be used")
def test_a_chat_that_is_set_up_by_half_stays_down_alone_and_says_why() -> None:
    assert "TELEGRAM_BOT_TOKEN" not in os.environ
    with rig(CHAT_USERS="telegram:1:viewer") as made:
        made.start()
        made.wait_trading()
        until_s = time.monotonic() + 30
        while (chat := made.client.find(CHAT)) is None or chat.effective is not Effective.STOPPED:
            assert time.monotonic() < until_s, chat
            time.sleep(0.1)
        assert chat.exit_code == Exit.SETTINGS and chat.restarts == 0
        others = [process for process in made.client.processes() if process.name not in (CHAT, LAB)]
        assert len(others) == 4 and {process.effective for process in others} == {Effective.ONLINE}
        assert "COIN-CHAT  " in coin(made, "status") and "stopped (78)" in coin(made, "status")
        assert "CHAT_USERS names telegram: TELEGRAM_BOT_TOKEN is not set" in coin(made, "alerts")
        said = coin(made, "doctor")
        assert "COIN-CHAT" in said and "stopped (78)" in said
