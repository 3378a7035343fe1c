"""The control plane of a bot: levels by value, once-commands with receipts, the latch; whatever the file holds."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.app.control import REREAD_S
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.fills import Fill
from bot.domain.intents import PlaceOrder
from bot.domain.kinds import Purpose, Side
from bot.domain.orders import OrderReport, OrderStatus
from shared.control import Cmd, TradingState, send_command
from shared.documents.control import ReceiptState
from shared.documents.status import Status
from shared.ledger.db import LedgerUnavailable
from shared.times import iso_ms
from tests.core.harness import D
from tests.runtime.bot_rig import START, BotRig


@pytest.fixture
async def rig(tmp_path: Path) -> BotRig:
    return BotRig(tmp_path / "data")


def send(rig: BotRig, cmd: Cmd, **args: str) -> str:
    return send_command(rig.settings.paths, cmd, args, by="operator", now=rig.clock.utc()).id


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


# The ring.


def ring(rig: BotRig, *entries: dict[str, Any], command: str = "start") -> None:
    whole = [{"seq": 1, "args": {}, "at": iso_ms(rig.clock.utc()), "by": "me"} | entry for entry in entries]
    rig.write(json.dumps({"command": command, "commands": whole}))


async def test_a_command_twice_three_times_and_after_a_restart_is_done_once(rig: BotRig) -> None:
    rig.begin()
    calls: list[object] = []
    for _ in range(3):
        ring(rig, {"id": "f1", "cmd": "flatten"})
        rig.look(60)
        calls += [r.id for r in rig.bot.commands.newest() if r.id == "f1"]
    assert rig.receipt("f1").state is ReceiptState.DONE
    done_ms = rig.receipt("f1").done_ms
    rig.clock.turn(5)
    rig.begin()
    rig.look(60)
    assert rig.receipt("f1").done_ms == done_ms, "a replay from before the restart does nothing"
    assert len({r.id for r in rig.bot.commands.newest()}) == len(rig.bot.commands.newest())


async def test_reordered_commands_are_all_seen(rig: BotRig) -> None:
    rig.begin()
    ring(rig, {"id": "b", "cmd": "reload", "seq": 9}, {"id": "a", "cmd": "reload", "seq": 2})
    rig.look()
    ring(rig, {"id": "a", "cmd": "reload", "seq": 2}, {"id": "c", "cmd": "reload", "seq": 1})
    rig.look()
    assert {r.id for r in rig.bot.commands.newest()} >= {"a", "b", "c"}


async def test_a_kill_in_the_ring_alone_ends_in_a_receipt_and_is_not_done_twice(rig: BotRig) -> None:
    rig.begin()
    ring(rig, {"id": "k1", "cmd": "kill"})
    rig.look()
    latch = rig.bot.commands.latch
    assert latch is not None and latch.source == "command by me"
    assert rig.receipt("k1").state in (ReceiptState.SEEN, ReceiptState.DONE)
    reset = send(rig, Cmd.RESET_KILL, latch_id=latch.latch_id)
    rig.look()
    assert rig.receipt(reset).state is ReceiptState.DONE
    ring(rig, {"id": "k1", "cmd": "kill"}, command="stop")
    rig.look(60)
    assert rig.bot.commands.latch is None, "it was heard before"


async def test_a_torn_file_with_a_kill_gets_the_time_of_a_write_and_kills_then(rig: BotRig) -> None:
    rig.write('{"command":"start"}')
    rig.begin()
    rig.write('{"command":"kill"')
    rig.look()
    assert rig.bot.commands.latch is None, "a writer may be at work"
    rig.look(10)
    latch = rig.bot.commands.latch
    assert latch is not None and "damaged control.json" in latch.source
    reset = send(rig, Cmd.RESET_KILL, latch_id=latch.latch_id)
    rig.look(2)
    assert rig.receipt(reset).state is ReceiptState.DONE


async def test_run_is_another_word_for_start(rig: BotRig) -> None:
    rig.write('{"command":"pause"}')
    rig.begin()
    rig.write('{"command":"run"}')
    rig.look()
    assert rig.state().status is Status.RUNNING
    rig.write('{"command":"pause"}')
    rig.look()
    ring(rig, {"id": "r1", "cmd": "run"}, command="run")
    rig.look(2)
    assert rig.state().status is Status.RUNNING
    assert (rig.receipt("r1").state, rig.receipt("r1").cmd) == (ReceiptState.DONE, "start")


async def test_a_cancel_of_an_order_that_never_was_fails(rig: BotRig) -> None:
    rig.begin()
    ring(rig, {"id": "c1", "cmd": "cancel", "args": {"client_order_id": "ct-main-never"}})
    rig.look(2)
    receipt = rig.receipt("c1")
    assert receipt.state is ReceiptState.FAILED
    assert receipt.reason == "no order of this bot has the id ct-main-never"


@pytest.mark.parametrize("at", [iso_ms(START - timedelta(seconds=31)), "", "never", "2020-01-01T00:00:00Z"])
async def test_an_old_or_undated_once_command_expires(rig: BotRig, at: str) -> None:
    rig.begin()
    ring(rig, {"id": "f1", "cmd": "flatten", "at": at})
    rig.look(2)
    assert rig.receipt("f1").state is ReceiptState.EXPIRED
    assert rig.state().status is Status.RUNNING


@pytest.mark.parametrize(
    ("entry", "word"),
    [
        ({"cmd": "dance"}, "unknown command"),
        ({"cmd": "close_lot"}, "needs lot_id"),
        ({"cmd": "reset_kill", "args": {"latch_id": "x"}}, "not possible while running"),
        ({"cmd": "reset_kill", "args": {"latch_id": "x"}, "by": "KILL_FLATTEN"}, "not possible while running"),
    ],
)
async def test_what_is_not_possible_is_rejected_in_words(rig: BotRig, entry: dict[str, Any], word: str) -> None:
    rig.begin()
    ring(rig, {"id": "x1"} | entry)
    rig.look()
    assert rig.receipt("x1").state is ReceiptState.REJECTED
    assert word in (rig.receipt("x1").reason or "")


async def test_what_was_seen_and_not_finished_is_taken_up_by_the_next_run(rig: BotRig) -> None:
    bot = rig.begin()
    _open_a_lot(rig)
    flat = send(rig, Cmd.FLATTEN)
    rig.look()
    assert rig.receipt(flat).state is ReceiptState.SEEN
    first = [a.spec.client_order_id for a in rig.sent.actions if isinstance(a, PlaceOrder)][-1]
    del bot
    rig.clock.turn(1)
    rig.begin()
    assert rig.receipt(flat).state is ReceiptState.SEEN
    assert rig.state().status is Status.STOPPED or rig.state().status is Status.STOPPING
    again = [a for a in rig.sent.actions if isinstance(a, PlaceOrder)]
    assert not again, "its order may be at the exchange: it is looked up, not sent again"
    assert rig.bot.engine is not None and rig.bot.engine.view.orders.get(first) is not None


def _open_a_lot(rig: BotRig) -> None:
    bot = rig.bot
    rig.strategy.word = "buy"
    at_s = int(rig.clock.utc().timestamp())
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.99"), D("100.01")))
    bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (Bar(at_s // 60 * 60 - 60, 100, 100, 100, 100, 1),)))
    rig.clock.turn(2)
    bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.99"), D("100.01")))
    spec = next(a.spec for a in rig.sent.actions if isinstance(a, PlaceOrder))
    assert spec.purpose is Purpose.ENTRY
    shown = OrderReport("v1", spec.client_order_id, "BTC-USD", Side.BUY, OrderStatus.FILLED, D(1), 0)
    bot.dispatch(ev.OrderReports((shown,), complete=False, asked_ms=0))
    fill = Fill("v1", "t1", spec.client_order_id, "BTC-USD", Side.BUY, D(100), D(1), D("0.9"), "taker", 0)
    bot.dispatch(ev.FillReports((fill,)))
    assert bot.engine is not None and bot.engine.view.positions.lot_count == 1
    take = [a.spec for a in rig.sent.actions if isinstance(a, PlaceOrder)][-1]
    bot.dispatch(ev.RiskRejected(take.client_order_id, "so that the lot has no order at work"))
    rig.strategy.word = "flat"


async def test_commands_seen_while_the_ledger_cannot_be_written_are_recorded_later(
    rig: BotRig, monkeypatch: Any
) -> None:
    rig.begin()
    assert rig.bot.ledger is not None

    def full(*_args: object) -> None:
        raise LedgerUnavailable("database or disk is full")

    with monkeypatch.context() as patch:
        for name in ("commit", "command_seen", "fact"):
            patch.setattr(rig.bot.ledger, name, full)
        ring(rig, {"id": "r1", "cmd": "reload"})
        rig.look(2)
        assert not rig.bot.gate.latches.ledger_ok
        found = rig.state()
        assert not found.io.ledger_ok and "disk is full" in (found.io.ledger_error or "")
        rig.bot.watch_ledger()
        assert not rig.bot.gate.latches.ledger_ok
    rig.bot.watch_ledger()
    assert rig.bot.gate.latches.ledger_ok
    rig.begin()
    assert rig.receipt("r1").state is ReceiptState.DONE


async def test_nothing_is_sent_whose_record_was_not_committed(rig: BotRig, monkeypatch: Any) -> None:
    rig.begin()

    def full(*_args: object) -> None:
        raise LedgerUnavailable("database or disk is full")

    rig.strategy.word = "buy"
    rig.bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.99"), D("100.01")))
    with monkeypatch.context() as patch:
        patch.setattr(rig.bot.ledger, "commit", full)
        at_s = int(rig.clock.utc().timestamp()) // 60 * 60 - 60
        rig.bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (Bar(at_s, 100, 100, 100, 100, 1),)))
        rig.clock.turn(2)
        rig.bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.99"), D("100.01")))
        assert not [a for a in rig.sent.actions if isinstance(a, PlaceOrder)]
        await asyncio.sleep(0)
    assert rig.bot.engine is not None
    assert not rig.bot.engine.view.orders.entries_in_flight(), "denied, so its capital is free"
    rig.bot.watch_ledger()
    rig.begin()
    assert rig.bot.restored.own_ids, "what waited was written in order"


@pytest.mark.parametrize("level", ["pause", "stop", "kill"])
async def test_the_file_stays_small_and_the_poller_cheap(rig: BotRig, level: str) -> None:
    rig.begin()
    began = time.perf_counter()
    rig.look(1000)
    per_look_us = (time.perf_counter() - began) * 1000
    assert per_look_us < 300, f"{per_look_us:.0f} us a look, 50 looks a second"


def _ids(rig: BotRig) -> Iterator[str]:
    return (receipt.id for receipt in rig.bot.commands.newest())


# A stop that the file does not say.


def by_hand(command: str, *ring: dict[str, Any]) -> str:
    return json.dumps({"command": command, "version": 1, "epoch": "e", "seq": 2, "commands": list(ring)})


def in_ring(cmd: str, **args: str) -> dict[str, Any]:
    return {"seq": 2, "id": f"hand-{cmd}", "cmd": cmd, "args": args, "at": iso_ms(START), "ttl_s": 3600, "by": "hand"}


@pytest.mark.parametrize("cause", ["reset_kill", "flatten"])
async def test_a_stop_by_reset_or_flatten_outlives_a_restart_whatever_level_the_file_still_says(
    rig: BotRig, cause: str
) -> None:
    bot = rig.begin()
    rig.write(by_hand("start"))
    rig.look(60)
    args = {}
    if cause == "reset_kill":
        rig.settings.paths.kill.touch()
        rig.look()
        rig.settings.paths.kill.unlink()
        assert bot.commands.latch is not None
        args = {"latch_id": bot.commands.latch.latch_id}
    rig.write(by_hand("start", in_ring(cause, **args)))
    rig.look(120)
    assert bot.commands.latch is None and bot.commands.level is TradingState.STOP
    for _ in range(2):
        bot = rig.begin()
        rig.look(120)
        assert bot.commands.level is TradingState.STOP and bot.gate.latches.level is TradingState.STOP, (
            "it would buy again"
        )
    start = send(rig, Cmd.START)
    rig.look(60)
    assert bot.commands.level is TradingState.RUN and rig.receipt(start).state is ReceiptState.DONE
    assert rig.begin().commands.level is TradingState.RUN


async def test_what_a_person_wrote_while_the_bot_was_down_holds_again(rig: BotRig) -> None:
    rig.begin()
    rig.write(by_hand("start"))
    rig.look(60)
    rig.write(by_hand("start", in_ring("flatten")))
    rig.look(60)
    for word, level in (("stop", TradingState.STOP), ("start", TradingState.RUN)):
        rig.write(by_hand(word))
        assert rig.begin().commands.level is level
