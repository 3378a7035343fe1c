"""A real COIN-CHAT process beside a real bot on COIN-SIM, against a double of Telegram's Bot API."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.chat.telegram_double import TelegramDouble
from tests.e2e.system import ROOT, System, kill9
from tests.watch.receiver import Receiver

pytestmark = pytest.mark.needs("proc")
OPERATOR, VIEWER, STRANGER = 111, 222, 333
LOOKS = {
    "exposure": "main: exposure", "position": "main: positions", "orders": "main: orders", "pnl": "main: result of",
    "why BTC": "main: why no trade now", "alerts": "Alerts: not known",
}  # fmt: skip
KEY_CANARY = "canary-private-key-0123456789"


class Chatting(System):
    """A system with a chat process and Telegram."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.telegram = TelegramDouble()
        env_file = folder.parent / "chat.env"
        env_file.touch(mode=0o600)
        env_file.write_text(
            f"TELEGRAM_BOT_TOKEN={self.telegram.token}\n"
            f"CHAT_USERS=telegram:{OPERATOR}:operator,telegram:{VIEWER}:viewer\n"
            f"COINBASE_API_PRIVATE_KEY={KEY_CANARY}\n"
        )
        self.env |= {"CHAT_ENV": str(env_file), "TELEGRAM_API": self.telegram.url}

    def chat(self) -> Any:
        made = self.spawn("tests.chat.chatter", {})
        self.telegram.until(lambda t: self.document().get("pid") == made.pid and _linked(self), "COIN-CHAT hears")
        return made

    def trades(self) -> dict[str, Any]:
        return self.until(lambda s: s["status"] == "running" and s["ws_ok"], 60, "trading")

    def document(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / "chat" / "chat.json").read_bytes())
        except FileNotFoundError:
            return {}
        return found

    def close(self) -> None:
        super().close()
        self.telegram.close()


def _linked(system: Chatting) -> bool:
    return all(one["link"] == "connected" for one in system.document()["platforms"])


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Chatting]:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    made = Chatting(folder)
    yield made
    made.close()


def test_a_kill_from_chat_latches_the_bot_and_its_receipt_is_edited_into_the_question(system: Chatting) -> None:
    telegram = system.telegram
    system.sim()
    system.bot()
    system.trades()
    system.chat()
    telegram.write(OPERATOR, "/status")
    telegram.until(lambda t: t.said("main: RUNNING"), "the status")
    telegram.write(OPERATOR, "/kill")
    question = telegram.until(lambda t: t.said("/kill?"), "a question")
    assert system.state()["kill"] is None, "nothing is done before the answer"
    pressed = telegram.press(question, "Yes, kill", OPERATOR)
    state = system.until(lambda s: s["kill"] is not None, why="the latch")
    assert state["status"] == "killed" and (system.folder / "KILL").exists()
    telegram.until(lambda t: t.said("/kill: done") == question, "the receipt")
    text = telegram.messages[question].versions[-1]
    assert re.search(r"confirmed after .* sent → taken up after \d+ ms → done after \d+ ms", text), text
    assert not telegram.messages[question].keyboard
    telegram.again(pressed)
    telegram.write(OPERATOR, "/status")
    telegram.until(lambda t: t.said("main: KILLED"), "the status")
    assert telegram.messages[question].versions[-1] == text
    log = (system.folder / "logs" / "COIN-CHAT.log").read_text()
    assert log.count("command.sent") == 1 and telegram.token not in log
    rows = [json.loads(line) for line in (system.folder / "audit.jsonl").read_text().splitlines()]
    told = [(row["source"], row["by"]) for row in rows if row.get("cmd") == "kill"]
    assert told == [("chat", f"@ann (telegram:{OPERATOR})")]


def test_pause_and_resume_are_done_by_the_bot_and_a_viewer_reads_what_it_says(system: Chatting) -> None:
    telegram = system.telegram
    system.sim()
    system.bot()
    system.trades()
    system.chat()
    for word, status in (("pause", "paused"), ("resume", "running")):
        telegram.write(OPERATOR, f"/{word}")
        question = telegram.until(lambda t, word=word: t.said(f"/{word}?"), "a question")
        telegram.press(question, f"Yes, {word}", OPERATOR)
        system.until(lambda s, status=status: s["status"] == status, why=status)
        telegram.until(lambda t, word=word: t.said(f"/{word}: done"), "the receipt")
    for word, head in LOOKS.items():
        telegram.write(VIEWER, f"/{word}")
        telegram.until(lambda t, head=head: t.said(head), word)


@pytest.mark.parametrize("place", ["before", "after"])
def test_killed_between_taking_and_acting_it_acts_at_most_once_and_says_what_is_not_known(
    system: Chatting, place: str
) -> None:
    telegram = system.telegram
    system.sim()
    system.bot()
    system.trades()
    command = [sys.executable, "-m", "tests.chat.mortal", str(system.folder), telegram.url, telegram.token, place]
    mortal = subprocess.Popen(command, cwd=ROOT, env=system.env)
    system.running.append(mortal)
    telegram.write(OPERATOR, "/pause")
    question = telegram.until(lambda t: t.said("/pause?"), "a question")
    pressed = telegram.press(question, "Yes, pause", OPERATOR)
    assert mortal.wait(15) == 9
    system.chat()  # Telegram brings the press once more: it was never confirmed
    if place == "after":
        telegram.until(lambda t: t.said("/pause: done") == question, "the receipt")
        assert system.state()["status"] == "paused"
    else:
        telegram.until(lambda t: t.said("/pause: NOT KNOWN whether it was sent") == question, "what is not known")
        telegram.again(pressed)
        telegram.write(OPERATOR, "/help")
        telegram.until(lambda t: t.said("You are operator"), "the help")
        assert system.state()["status"] == "running"
    control = system.folder / "control.json"
    ring = json.loads(control.read_bytes())["commands"] if control.exists() else []
    assert len([one for one in ring if one["cmd"] == "pause"]) == (place == "after")


def test_a_chat_process_that_is_killed_outright_leaves_the_bot_alone_and_comes_back(system: Chatting) -> None:
    telegram = system.telegram
    system.sim()
    system.bot()
    system.trades()
    kill9(system.chat())
    assert system.until(lambda s: s["status"] == "running")["error"] is None
    system.chat()
    telegram.write(OPERATOR, "/status")
    telegram.until(lambda t: t.said("main: RUNNING"), "the status")


def test_a_stranger_is_an_alert_and_a_chat_that_hangs_holds_up_no_other(system: Chatting) -> None:
    sink = Receiver()
    env_file = system.folder.parent / "watch.env"
    env_file.touch(mode=0o600)
    env_file.write_text(
        f"ALERT_WEBHOOK_URL={sink.url}/hook\nTELEGRAM_BOT_TOKEN={system.telegram.token}\n"
        f"CHAT_USERS=telegram:{OPERATOR}:operator\n"
    )
    system.env["WATCH_ENV"] = str(env_file)
    system.sim()
    bot = system.bot()
    system.trades()
    chat = system.chat()
    system.spawn("tests.watch.watcher", {})
    for word in ("/status", "/kill", "/flatten"):
        system.telegram.write(STRANGER, word, name="eve")
    refused = f"chat.telegram:{STRANGER}"
    sink.until(lambda s: [m for m in s.messages() if m["name"] == refused], 60.0, "the refusal")
    assert [m["kind"] for m in sink.messages() if m["name"] == refused] == ["fired"]
    assert "status" in next(m["text"] for m in sink.messages() if m["name"] == refused)
    os.kill(chat.pid, signal.SIGSTOP)
    try:
        kill9(bot)
        began_s = time.monotonic()
        sink.until(lambda s: [m for m in s.messages() if "is dead" in m["title"]], 60.0, "the bot's end")
        assert time.monotonic() - began_s < 30
    finally:
        os.kill(chat.pid, signal.SIGCONT)
        sink.close()
