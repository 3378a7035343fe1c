"""Levels of a bot: what holds at a start and by hand, whatever the file holds."""

import json
import os
from pathlib import Path

import pytest

from bot.app.control import REREAD_S
from bot.domain import events as ev
from shared.command_table import Cmd
from shared.control import TradingState
from shared.documents.control import ReceiptState
from shared.documents.status import Status
from tests.runtime.bot_rig import BotRig, send


@pytest.fixture
async def rig(tmp_path: Path) -> BotRig:
    return BotRig(tmp_path / "data")


# The first word.


@pytest.mark.parametrize(
    ("file", "wish", "level"),
    [
        (None, None, TradingState.RUN),
        (None, "pause", TradingState.PAUSE),
        (None, "stop", TradingState.STOP),
        (b"", None, TradingState.PAUSE),
        (b"{torn", None, TradingState.PAUSE),
        (b'{"command":"go"}', None, TradingState.PAUSE),
        (b"{torn", "run", TradingState.RUN),
        (b"{torn", "stop", TradingState.STOP),
        (b'{"command":"pause"}', "run", TradingState.PAUSE),
        (b'{"command":null}', "stop", TradingState.RUN),
        (b'{"command":"stop"}', None, TradingState.STOP),
    ],
)
async def test_the_level_at_a_start(rig: BotRig, file: bytes | None, wish: str | None, level: TradingState) -> None:
    if wish is not None:
        rig.begin(trading=False).ledger.fact("wish", wish, 0)  # type: ignore[union-attr]
    if file is not None:
        rig.write(file)
    bot = rig.begin()
    assert bot.commands.level is level and bot.gate.latches.level is level
    assert bot.engine is not None and bot.engine.view.control.level is level
    assert rig.state().control.ok is (file is None or (file.startswith(b'{"command"') and b"go" not in file))


async def test_the_first_wish_is_kept_when_the_file_goes(rig: BotRig) -> None:
    rig.write('{"command":"pause"}')
    rig.begin()
    rig.settings.paths.control.unlink()
    assert rig.begin().commands.level is TradingState.PAUSE


# Levels by hand.


@pytest.mark.parametrize(
    ("word", "status"),
    [("pause", Status.PAUSED), ("stop", Status.STOPPED), ("start", Status.RUNNING), (None, Status.RUNNING)],
)
async def test_a_level_by_hand_holds_and_has_its_receipt(rig: BotRig, word: str | None, status: Status) -> None:
    rig.write('{"command":"stop"}' if word != "stop" else '{"command":"pause"}')
    rig.begin()
    rig.write(json.dumps({"command": word, "kill_switch": False}))
    rig.look(2)
    assert rig.state().status is status
    receipt = rig.bot.commands.newest()[-1]
    assert receipt.id.startswith("manual:") and receipt.state is ReceiptState.DONE and receipt.by == "by hand"
    assert receipt.sent_ms is None
    rig.begin()
    assert rig.state().status is status, "also after a restart"


@pytest.mark.parametrize(
    "bad",
    [b"", b"   ", b"{", b"[]", b'{"command":"go"}', b'{"command":["stop"]}', b'{"command":7}', b'{"kill_switch":"no"}',
     b'{"version":9,"command":"start"}', b"\x00" * 50, b'{"command":"start","commands":5}'],
)  # fmt: skip
async def test_what_does_not_hold_leaves_the_last_good_level_and_is_said(rig: BotRig, bad: bytes) -> None:
    rig.write('{"command":"pause"}')
    rig.begin()
    rig.write(bad)
    rig.look()
    assert rig.state().control.ok, "a writer may be at work: three tries, 50 ms apart"
    rig.look(8)
    found = rig.state()
    assert (found.status, found.control.ok) == (Status.PAUSED, False)
    assert found.control.error and "control.json" in found.control.error
    rig.write('{"command":"stop"}')
    rig.look(2)
    found = rig.state()
    assert (found.status, found.control.ok, found.control.error) == (Status.STOPPED, True, None)


async def test_a_torn_write_that_heals_in_time_is_never_told(rig: BotRig) -> None:
    """`jq … f > f` empties the file for a moment."""
    rig.write('{"command":"pause"}')
    rig.begin()
    rig.write(b"")
    rig.look(3)
    rig.write('{"command":"stop"}')
    rig.look(5)
    assert rig.state().control.ok and rig.state().status is Status.STOPPED


async def test_the_same_bytes_after_a_damage_are_the_document_that_they_were(rig: BotRig) -> None:
    good = '{"command":"pause"}'
    rig.write(good)
    rig.begin()
    rig.write('{"command":"pause"')
    rig.look(8)
    assert not rig.state().control.ok
    rig.write(good)
    rig.look(2)
    found = rig.state()
    assert (found.status, found.control.ok, found.control.error) == (Status.PAUSED, True, None)
    rig.write('{"command":"start"}')
    rig.look(2)
    assert rig.state().status is Status.RUNNING
    rig.write(good)
    rig.look(2)
    assert rig.state().status is Status.PAUSED


async def test_a_write_that_keeps_time_and_size_is_still_seen(rig: BotRig) -> None:
    """A level is read by value every second, so that no trick of a clock can hide it."""
    rig.write('{"command":"start"}')
    rig.begin()
    rig.look()
    path = rig.settings.paths.control
    before = path.stat()
    with path.open("r+b") as file:
        file.write(b'{"command":"pause"}')
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    rig.look()
    assert rig.state().status is Status.RUNNING, "not seen by its stat"
    rig.look(1, every_s=REREAD_S)
    assert rig.state().status is Status.PAUSED


def _fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _symlink(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_text('{"command":"start"}')
    path.unlink()
    path.symlink_to(target)


def _loop(path: Path) -> None:
    path.unlink()
    path.symlink_to(path)


def _hard_link(path: Path) -> None:
    target = path.with_name("elsewhere")
    target.write_text('{"command":"start"}')
    path.unlink()
    os.link(target, path)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _other_owner(path: Path) -> None:
    path.write_text('{"command":"start"}')
    os.chown(path, 12345, 12345)


def _world_writable(path: Path) -> None:
    path.write_text('{"command":"start"}')
    path.chmod(0o666)


FORGED = {
    "fifo": _fifo, "symlink": _symlink, "loop": _loop, "hard link": _hard_link, "folder": _folder,
    "other owner": _other_owner, "world writable": _world_writable,
}  # fmt: skip


@pytest.mark.parametrize("kind", FORGED)
async def test_a_file_that_another_may_have_written_commands_nothing(rig: BotRig, kind: str) -> None:
    if kind == "other owner" and os.geteuid() != 0:
        pytest.skip("needs root to give a file away")
    rig.write('{"command":"stop"}')
    rig.begin()
    FORGED[kind](rig.settings.paths.control)
    handles = len(os.listdir("/proc/self/fd"))
    for _ in range(60):
        rig.look(10, every_s=0.11)
    found = rig.state()
    assert (found.status, found.control.ok) == (Status.STOPPED, False), kind
    assert len(os.listdir("/proc/self/fd")) <= handles + 2, "no handle is left behind"


async def test_a_missing_file_leaves_the_level(rig: BotRig) -> None:
    rig.write('{"command":"pause"}')
    rig.begin()
    rig.settings.paths.control.unlink()
    rig.look(60)
    assert rig.state().status is Status.PAUSED and rig.state().control.ok


# SAFE.


async def test_start_leaves_safe_though_the_wish_was_start_all_along(rig: BotRig) -> None:
    rig.begin()
    send(rig, Cmd.START)
    rig.look(2)
    rig.bot.gate.latches.safe = True
    rig.bot.dispatch(ev.SafeMode("five unclean ends"))
    assert rig.state().status is Status.SAFE
    send(rig, Cmd.START)
    rig.look(2)
    assert rig.state().status is Status.RUNNING and not rig.bot.gate.latches.safe
