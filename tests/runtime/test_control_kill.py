"""The kill latch of a bot: every way to it, what it holds against, and its reset."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from shared.command_table import Cmd
from shared.documents.control import ReceiptState
from shared.documents.status import Status
from shared.ledger.db import LedgerUnavailable
from shared.times import epoch_ms, iso_ms
from tests.runtime.bot_rig import BotRig, send


@pytest.fixture
async def rig(tmp_path: Path) -> BotRig:
    return BotRig(tmp_path / "data")


# Kill.


def _by_switch(rig: BotRig) -> None:
    rig.write('{"command":"start","kill_switch":true}')


def _by_word(rig: BotRig) -> None:
    rig.write('{"command":"kill"}')


def _by_file(rig: BotRig) -> None:
    rig.settings.paths.kill.touch()


def _by_command(rig: BotRig) -> None:
    send(rig, Cmd.KILL)


def _by_the_ring_alone(rig: BotRig) -> None:
    """Somebody's program that knows of the ring and not of the levels."""
    rig.write(json.dumps({"commands": [{"seq": 1, "id": "k1", "cmd": "kill", "at": "", "by": "me"}]}))


def _by_two_keys(rig: BotRig) -> None:
    rig.write('{"command":"start","kill_switch":true,"kill_switch":false}')


def _by_a_wrong_type(rig: BotRig) -> None:
    rig.write('{"command":"start","kill_switch":"true"}')


WAYS = {
    "switch": _by_switch, "word": _by_word, "file": _by_file, "command": _by_command, "ring": _by_the_ring_alone,
    "two keys": _by_two_keys, "wrong type": _by_a_wrong_type,
}  # fmt: skip


@pytest.fixture(autouse=True)
async def end_tasks() -> Any:
    yield
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("when", ["trading", "booting", "before the start"])
async def test_kill_shuts_the_gate_at_once_and_is_latched_for_ever(rig: BotRig, way: str, when: str) -> None:
    if when == "before the start":
        WAYS[way](rig)
    rig.begin(trading=when == "trading")
    if when != "before the start":
        WAYS[way](rig)
        rig.look()
    assert rig.bot.gate.latches.killed
    latch = rig.bot.commands.latch
    assert latch is not None
    if when != "trading":
        rig.trade()
    assert rig.state().status is Status.KILLED
    # Whatever the file says now, and whether it is there, the latch holds, also after a crash.
    rig.settings.paths.kill.unlink(missing_ok=True)
    for data in ('{"command":"start","kill_switch":false}', "{torn"):
        rig.write(data)
        rig.look(20)
        assert rig.state().status is Status.KILLED
    rig.begin()
    assert rig.bot.commands.latch == latch and rig.bot.gate.latches.killed
    assert rig.state().status is Status.KILLED


async def test_reset_needs_the_latchs_name_and_nothing_that_still_says_kill(rig: BotRig) -> None:
    rig.begin()
    rig.settings.paths.kill.touch()
    rig.look()
    latch = rig.bot.commands.latch
    assert latch is not None

    def ring(command_id: str, latch_id: str, **document: Any) -> None:
        at = iso_ms(rig.clock.utc())
        entry = {"seq": 1, "id": command_id, "cmd": "reset_kill", "args": {"latch_id": latch_id}, "at": at, "by": "me"}
        rig.write(json.dumps({"command": "start", "commands": [entry]} | document))
        rig.look(2)

    ring("a", latch.latch_id)
    assert rig.receipt("a").reason == "the file KILL is still there"
    rig.settings.paths.kill.unlink()
    ring("b", latch.latch_id, kill_switch=True)
    assert rig.receipt("b").reason == "control.json still says kill"
    ring("c", "kill-other")
    assert rig.receipt("c").state is ReceiptState.REJECTED
    assert rig.state().status is Status.KILLED
    ring("d", latch.latch_id)
    assert rig.receipt("d").state is ReceiptState.DONE
    assert rig.state().status is Status.STOPPED, "the file's old 'start' is not a new wish"
    rig.look(10, every_s=0.5)
    assert rig.state().status is Status.STOPPED
    rig.begin()
    assert rig.bot.commands.latch is None


async def test_reset_by_command_ends_in_stop_and_start_runs(rig: BotRig) -> None:
    rig.begin()
    send(rig, Cmd.KILL)
    rig.look()
    assert rig.bot.commands.latch is not None
    reset = send(rig, Cmd.RESET_KILL, latch_id=rig.bot.commands.latch.latch_id)
    rig.look(2)
    assert rig.receipt(reset).state is ReceiptState.DONE
    assert rig.state().status is Status.STOPPED
    started = send(rig, Cmd.START)
    rig.look(2)
    assert rig.receipt(started).state is ReceiptState.DONE and rig.state().status is Status.RUNNING


class Asked:
    """The kill's client: how often it was asked for orders, of which it shows none."""

    def __init__(self) -> None:
        self.looks = 0

    async def open_ids(self) -> list[tuple[str, str]]:
        self.looks += 1
        return []


async def test_a_second_kill_is_carried_out_at_once_and_proven_anew(rig: BotRig) -> None:
    bot, asked = rig.begin(), Asked()
    bot.kill_path._rest = lambda: asked  # type: ignore[assignment,return-value]
    ends = []
    for _ in range(2):
        before = asked.looks
        kill = send(rig, Cmd.KILL)
        rig.look()
        assert rig.receipt(kill).state is ReceiptState.SEEN, "nobody has looked yet"
        assert bot.kill_path.progress.cleared_ms is None
        for _ in range(20):
            await asyncio.sleep(0)
        rig.look()
        assert asked.looks >= before + 2, "the path of the kill before still waited between two looks"
        ends.append(rig.receipt(kill).state)
        assert bot.commands.latch is not None
        send(rig, Cmd.RESET_KILL, latch_id=bot.commands.latch.latch_id)
        rig.look()
        assert bot.commands.latch is None
    assert ends == [ReceiptState.DONE] * 2


async def test_start_while_killed_is_rejected(rig: BotRig) -> None:
    rig.begin()
    rig.settings.paths.kill.touch()
    rig.look()
    started = send(rig, Cmd.START)
    rig.look(3)
    assert rig.receipt(started).state is ReceiptState.REJECTED and rig.state().status is Status.KILLED


async def test_kill_with_a_ledger_that_cannot_be_written_makes_the_file(rig: BotRig, monkeypatch: Any) -> None:
    rig.begin()

    def full(*_args: object) -> None:
        raise LedgerUnavailable("database or disk is full")

    for name in ("latch", "commit", "command_seen", "fact"):
        monkeypatch.setattr(rig.bot.ledger, name, full)
    rig.write('{"command":"kill"}')
    rig.look()
    assert rig.bot.gate.latches.killed and rig.settings.paths.kill.exists()
    rig.write('{"command":"start"}')
    rig.begin()
    assert rig.state().status is Status.KILLED, "the file latched it across the crash"


async def test_a_latch_that_the_ledger_cannot_hold_keeps_its_file_whatever_a_person_takes_away(
    rig: BotRig, monkeypatch: Any
) -> None:
    rig.begin()

    def full(*_args: object) -> None:
        raise LedgerUnavailable("database or disk is full")

    kill = rig.settings.paths.kill
    with monkeypatch.context() as patch:
        for name in ("latch", "lift", "commit", "command_seen", "fact"):
            patch.setattr(rig.bot.ledger, name, full)
        rig.write('{"command":"kill"}')
        rig.look()
        assert kill.exists() and rig.bot.commands.latch is not None
        rig.write('{"command":"stop"}')
        kill.unlink()
        asked = send(rig, Cmd.RESET_KILL, latch_id=rig.bot.commands.latch.latch_id)
        rig.look()
        receipt = rig.receipt(asked)
        assert receipt.state is ReceiptState.FAILED and "KILL is there again" in (receipt.reason or "")
        assert kill.exists()
        kill.unlink()
        rig.look(60)
        assert kill.exists(), "a crash now would forget the kill"
    rig.bot.watch_ledger()
    kill.unlink()
    rig.look(60)
    assert not kill.exists(), "the ledger holds it"
    rig.begin()
    assert rig.state().status is Status.KILLED


async def test_kill_flatten_is_carried_out_when_the_boot_is_over(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data", kill_flatten=True)
    rig.settings.paths.kill.touch()
    rig.begin(trading=False)
    latch = rig.bot.commands.latch
    assert latch is not None
    assert rig.receipt(f"flatten:{latch.latch_id}").state is ReceiptState.SEEN
    rig.trade()
    assert rig.receipt(f"flatten:{latch.latch_id}").state is ReceiptState.DONE


async def test_a_flatten_whose_kill_was_lifted_before_a_crash_did_not_expire(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data", kill_flatten=True)
    rig.settings.paths.kill.touch()
    rig.begin(trading=False)
    latch = rig.bot.commands.latch
    assert latch is not None and rig.bot.ledger is not None
    rig.settings.paths.kill.unlink()
    rig.bot.ledger.lift(latch.latch_id, epoch_ms(rig.clock.utc()), "me")
    rig.begin()  # the process ended before the flatten did
    assert rig.bot.commands.latch is None
    receipt = rig.receipt(f"flatten:{latch.latch_id}")
    assert receipt.state is ReceiptState.FAILED and "the kill latch was lifted" in (receipt.reason or "")
