"""What reaches the bot without page or shell the bot writes down, and the ledger keeps the audit trail's head."""

import errno
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from shared import audit_log
from shared.audit_log import AuditLog, head_of, tail, verify
from shared.command_table import Cmd
from shared.control import send_command
from shared.ledger.db import LedgerUnavailable
from tests.runtime.whole import Whole


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(tmp_path / "data", monkeypatch)
    yield made
    made.close()


def up(whole: Whole) -> None:
    whole.begin()
    whole.trades()


def rows(whole: Whole) -> list[dict[str, Any]]:
    """Oldest first."""
    return tail(whole.paths.audit)[::-1]


def write_by_hand(whole: Whole, **fields: object) -> None:
    found = orjson.loads(whole.paths.control.read_bytes()) | fields
    whole.paths.control.write_bytes(orjson.dumps(found))


def by_page(whole: Whole, cmd: Cmd) -> str:
    """As the dashboard sends it: the line first, then the command."""
    named = str(uuid.uuid4())
    AuditLog(whole.paths.audit).write(
        "command", by="operator", role="operator", address="", facts={"cmd": cmd, "id": named}
    )
    send_command(whole.paths, cmd, by="operator", now=whole.clock.utc(), command_id=named)
    return named


def test_a_level_written_by_hand_and_a_command_that_nobody_wrote_down(whole: Whole) -> None:
    up(whole)
    by_page(whole, Cmd.PAUSE)
    whole.drive(10)
    assert [row["source"] for row in rows(whole)] == ["page"], "what the page wrote down is written once"
    write_by_hand(whole, command="stop")
    whole.drive(3)
    last = rows(whole)[-1]
    assert (last["what"], last["source"], last["cmd"], last["from"]) == ("command", "hand", "stop", "control.json")
    entry = {"seq": 77, "id": "mine", "cmd": "drill", "at": "", "args": {}, "by": "me"}
    write_by_hand(whole, commands=[entry])
    whole.drive(10)
    last = rows(whole)[-1]
    assert (last["source"], last["by"], last["cmd"], last["id"]) == ("hand", "me", "drill", "mine")
    assert len(rows(whole)) == 3
    found = verify(whole.paths.audit)
    assert found.whole and found.entries == 3


def test_a_kill_file_by_hand_and_one_of_the_shell(whole: Whole) -> None:
    up(whole)
    whole.paths.kill.touch()
    whole.drive(10)
    assert [(row["what"], row["source"], row["from"]) for row in rows(whole)] == [("kill_file", "hand", "KILL file")]


def test_a_kill_of_the_shell_is_not_called_one_by_hand(whole: Whole) -> None:
    up(whole)
    sent = send_command(whole.paths, Cmd.KILL, by="cli", now=whole.clock.utc())
    whole.drive(3)  # it writes its line last
    facts = {"cmd": "kill", "id": sent.id}
    AuditLog(whole.paths.audit, "shell").write("command", by="cli", role="operator", address="", facts=facts)
    whole.drive(10)
    assert [row["source"] for row in rows(whole)] == ["shell"]


def test_a_level_changed_by_hand_while_the_bot_was_down(whole: Whole) -> None:
    up(whole)
    whole.drive(2)
    whole.die()
    write_by_hand(whole, command="pause")
    whole.begin()
    whole.drive(10)
    last = rows(whole)[-1]
    assert (last["source"], last["cmd"]) == ("hand", "pause") and "was down" in last["why"]
    whole.die()
    whole.begin()
    whole.drive(10)
    assert len(rows(whole)) == 1, "once"


def test_a_full_disk_holds_nothing_up_and_the_line_comes_later(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    up(whole)

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(audit_log, "_write", full)
        write_by_hand(whole, command="pause")
        whole.drive(10)
        assert whole.bot.commands.level.word == "pause" and not verify(whole.paths.audit).entries
        at = whole.clock.utc()
    whole.drive(3)
    assert [row["cmd"] for row in rows(whole)] == ["pause"]
    assert rows(whole)[0]["at"] < at.isoformat(), "with the time at which it was seen"


def test_the_ledger_keeps_the_head_so_that_a_cut_end_is_seen_and_stays_seen(whole: Whole) -> None:
    up(whole)
    by_page(whole, Cmd.PAUSE)
    first = whole.paths.audit.read_bytes()
    by_page(whole, Cmd.START)
    whole.drive(65)
    assert whole.bot.ledger is not None
    kept = whole.bot.ledger.facts()["audit_head"]
    assert kept == str(head_of(whole.paths.audit)) and kept.startswith("2 ")
    whole.paths.audit.write_bytes(first)
    for _ in range(3):
        by_page(whole, Cmd.PAUSE)
    whole.drive(65)
    assert verify(whole.paths.audit).whole, "the forged end is a chain of its own"
    assert whole.bot.ledger.facts()["audit_head"] == kept, "and does not become the one that is remembered"
    assert not verify(whole.paths.audit, kept).whole


def test_a_ledger_that_cannot_be_asked_for_the_head_does_not_end_the_bot(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of the ledger that is away; the kill that writes the line must go on to its proof."""
    up(whole)
    whole.drive(35)
    ledger = whole.bot.ledger
    assert ledger is not None and whole.bot.failure is not None

    def away() -> dict[str, str]:
        raise LedgerUnavailable("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "facts", away)
        by_page(whole, Cmd.KILL)
        whole.drive(65)
        assert not whole.bot.failure.done(), "a part died"
        assert whole.bot.commands.latch is not None
    whole.drive(35)
    assert ledger.facts()["audit_head"] == str(head_of(whole.paths.audit)), "kept once it can be"
