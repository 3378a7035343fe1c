"""The process that listens to the world knows a list of users, the platforms' tokens and a folder; nothing else."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shared.documents.chat import decode_chat
from shared.exits import Exit
from tests.chat.slack_double import SlackDouble
from tests.chat.telegram_double import TelegramDouble
from tests.conftest import ROOT

KEY = "canary-trading-key-7f3a9c1e5b"


@pytest.fixture
def double() -> Iterator[TelegramDouble]:
    made = TelegramDouble()
    yield made
    made.close()


def start(
    folder: Path, double: TelegramDouble | None, *lines: str, slack: str = "http://127.0.0.1:9/api/"
) -> subprocess.Popen[bytes]:
    env_file = folder / "chat.env"
    env_file.touch(mode=0o600)
    env_file.write_text("".join(f"{line}\n" for line in lines))
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "DATA_DIR": str(folder / "data"), "CHAT_ENV": str(env_file),
        "TELEGRAM_API": double.url if double is not None else "http://127.0.0.1:9", "SLACK_API": slack,
    }  # fmt: skip
    out = (folder / "out").open("ab")
    return subprocess.Popen([sys.executable, "-m", "tests.chat.chatter"], cwd=ROOT, env=env, stdout=out, stderr=out)


def memory_holds(pid: int, *needles: bytes) -> set[bytes]:
    """Which of them stand anywhere in the process's memory."""
    found = set()
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" not in rights or line.rstrip().endswith(("[vvar]", "[vsyscall]", "[vdso]")):
                continue
            first, last = (int(part, 16) for part in span.split("-"))
            try:
                memory.seek(first)
                data = memory.read(last - first)
            except (OSError, ValueError, OverflowError):
                continue
            found |= {needle for needle in needles if needle in data}
    return found


@pytest.mark.needs("proc")
def test_the_trading_key_was_never_in_the_memory_of_the_process_that_listens(
    tmp_path: Path, double: TelegramDouble
) -> None:
    process = start(
        tmp_path, double, f"TELEGRAM_BOT_TOKEN={double.token}", "CHAT_USERS=telegram:111:operator",
        f"COINBASE_API_PRIVATE_KEY={KEY}", "SLACK_WEBHOOK=https://hooks.test/canary-webhook",
    )  # fmt: skip
    try:
        double.until(lambda t: t.polls, "the first poll")
        double.write(111, "/help")
        double.until(lambda t: t.said("You are operator"), "the help")
        needles = (KEY.encode(), b"canary-webhook", double.token.encode())
        assert memory_holds(process.pid, *needles) == {double.token.encode()}, "and the search does find what is there"
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
        assert line.split(b"\0")[1:4] == [b"-m", b"chat", b"--handed"]
        assert double.token.encode() not in line + environment
    finally:
        process.terminate()
        assert process.wait(10) == Exit.DONE
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "chat.env")
    assert b"You are" not in written and b"chat.started" in written
    assert not [secret for secret in (KEY, double.token, "canary-webhook") if secret.encode() in written]


@pytest.mark.needs("proc")
def test_both_platforms_in_one_process_and_what_it_costs(tmp_path: Path, double: TelegramDouble) -> None:
    """With COIN-WATCH's 32 MB it stays below the 90 MB that the two may take."""
    pytest.importorskip("slack_bolt")
    slack = SlackDouble()
    process = start(
        tmp_path, double, f"TELEGRAM_BOT_TOKEN={double.token}", f"SLACK_BOT_TOKEN={slack.bot_token}",
        f"SLACK_APP_TOKEN={slack.app_token}", "CHAT_USERS=telegram:111:operator,slack:U1:viewer", slack=slack.url,
    )  # fmt: skip
    try:
        slack.until(lambda s: s.connected, "a websocket")
        slack.command("U1", "help")
        slack.until(lambda s: s.said("You are viewer"), "the help")
        double.write(111, "/help")
        double.until(lambda t: t.said("You are operator"), "the help")
        slack.drop()
        slack.until(lambda s: s.connected, "another websocket")
        memory = Path(f"/proc/{process.pid}/status").read_text()
        assert int(memory.partition("VmRSS:")[2].split()[0]) < 55_000
    finally:
        process.terminate()
        assert process.wait(10) == Exit.DONE
        slack.close()
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "chat.env")
    tickets = [one for one in (slack.bot_token, slack.app_token, "ticket=") if one.encode() in written]
    assert tickets == [] and b"chat.link platform=slack link=connected" in written


@pytest.mark.needs("proc")
def test_who_may_changes_while_it_runs_and_a_file_that_does_not_hold_changes_nothing(
    tmp_path: Path, double: TelegramDouble
) -> None:
    token, key = f"TELEGRAM_BOT_TOKEN={double.token}", f"COINBASE_API_PRIVATE_KEY={KEY}"
    env_file, state = tmp_path / "chat.env", tmp_path / "data" / "chat" / "chat.json"

    def says(*lines: str) -> None:
        """As an editor writes it: another file in its place."""
        (tmp_path / "next").write_text("".join(f"{line}\n" for line in (*lines, key)))
        (tmp_path / "next").chmod(0o600)
        os.replace(tmp_path / "next", env_file)

    def shows(operators: int, viewers: int, problem: str = "") -> Callable[[object], bool]:
        def look(_: object) -> bool:
            found = decode_chat(state.read_bytes())
            same = (found.operators, found.viewers) == (operators, viewers)
            return same and problem in (found.settings_problem or "") and bool(problem) is bool(found.settings_problem)

        return look

    process = start(tmp_path, double, token, "CHAT_USERS=telegram:111:operator", key)
    try:
        double.until(lambda t: t.polls, "the first poll")
        double.write(111, "/pause")
        question = double.until(lambda t: t.said("/pause?"), "the question")
        says(token, "CHAT_USERS=telegram:111:viewer,telegram:222:operator")
        double.until(shows(1, 1), "the new list")
        double.write(222, "/help", name="bob")
        double.until(lambda t: t.said("You are operator"), "222 may")
        label = double.messages[question].keyboard[0]["text"]
        double.press(question, label, 111)
        double.until(lambda t: t.toasts, "an answer to the press")
        assert any("operator" in toast or "may not" in toast for toast in map(str, double.toasts)), double.toasts
        says(token, "CHAT_USERS=telegram:333:emperor")
        double.until(shows(1, 1, "emperor is none of viewer, operator"), "the problem")
        says(token)
        double.until(shows(0, 0), "nobody may")
        double.write(222, "/status", name="bob")
        double.until(lambda t: t.said("You may not use this bot. Your id is telegram:222"), "222 is refused")
        says(token, "CHAT_USERS=telegram:444:viewer", f"TELEGRAM_CHAT_ID={-777}")
        double.until(shows(0, 1), "with another channel it begins anew")
        double.write(444, "/help", chat=-777, name="dan")
        double.until(lambda t: t.said("You are viewer"), "the group is ours now")
        assert process.poll() is None and memory_holds(process.pid, KEY.encode()) == set()
    finally:
        process.terminate()
        assert process.wait(15) == Exit.DONE
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.name != "chat.env")
    assert b"chat.begins_anew" in written and KEY.encode() not in written and double.token.encode() not in written


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((), "CHAT_USERS is empty"),
        (("CHAT_USERS=telegram:111:operator",), "TELEGRAM_BOT_TOKEN is not set"),
        (("CHAT_USERS=slack:U1:viewer", "SLACK_BOT_TOKEN=canary"), "SLACK_APP_TOKEN is not set"),
        (("CHAT_USERS=telegram:ann:operator", "TELEGRAM_BOT_TOKEN=canary"), "ann is no user's id of telegram"),
        (("CHAT_USERS=telegram:111:admin", "TELEGRAM_BOT_TOKEN=canary"), "admin is none of viewer, operator"),
        (("CHAT_USERS=irc:111:viewer",), "written platform:id:role"),
        (("CHAT_USERS=slack:u1:viewer",), "u1 is no user's id of slack"),
        (("CHAT_USERS=slack:U1:viewer,slack:U1:operator",), "stands there twice"),
    ],
)
def test_what_is_set_wrong_ends_it_with_a_sentence(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    process = start(tmp_path, None, *lines)
    assert process.wait(20) == Exit.SETTINGS
    printed = (tmp_path / "out").read_text()
    assert said in printed and "canary" not in printed


@pytest.mark.needs("proc")
def test_a_second_one_on_the_same_folder_ends(tmp_path: Path, double: TelegramDouble) -> None:
    lines = (f"TELEGRAM_BOT_TOKEN={double.token}", "CHAT_USERS=telegram:111:operator")
    first = start(tmp_path, double, *lines)
    try:
        double.until(lambda t: t.polls, "the first poll")
        began_s = time.monotonic()
        assert start(tmp_path, double, *lines).wait(30) == Exit.LOCKED
        assert time.monotonic() - began_s >= 10, "it waits out the overlap of a restart"
    finally:
        first.terminate()
        first.wait(10)
