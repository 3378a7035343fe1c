"""Commands of the ring: once each with a receipt, over restarts and a ledger that cannot be written."""

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.fills import Fill
from bot.domain.intents import PlaceOrder
from bot.domain.kinds import Purpose, Side
from bot.domain.orders import OrderReport, OrderStatus
from shared.command_table import COMMANDS, Cmd
from shared.control import TradingState
from shared.documents.control import ReceiptState
from shared.documents.status import Status
from shared.ledger.db import LedgerUnavailable
from shared.times import iso_ms
from tests.core.harness import D
from tests.runtime.bot_rig import START, BotRig, send


@pytest.fixture
async def rig(tmp_path: Path) -> BotRig:
    return BotRig(tmp_path / "data")


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


ONCE = [name for name, rule in COMMANDS.items() if rule.ttl_s is not None]


@pytest.mark.parametrize("cmd", ONCE)
async def test_a_once_command_that_a_sleeping_machine_finds_too_late_does_nothing(rig: BotRig, cmd: Cmd) -> None:
    """It lay in the file while the process stood still; whoever sent it has given up, or done something else."""
    rig.begin()
    _open_a_lot(rig)
    args = dict.fromkeys(COMMANDS[cmd].args, "x")
    lot_id = rig.bot.engine.view.positions.lots()[0].lot_id if rig.bot.engine is not None else ""
    ring(rig, {"id": "late", "cmd": cmd.value, "args": args | {"lot_id": lot_id, "product_id": "BTC-USD"}})
    before = len(rig.sent.actions)
    rig.clock.turn(COMMANDS[cmd].ttl_s or 0)
    rig.look(60)
    assert rig.receipt("late").state is ReceiptState.EXPIRED and len(rig.sent.actions) == before
    assert rig.bot.commands.level is TradingState.RUN


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


async def test_a_reset_that_comes_twice_does_not_stop_a_bot_that_runs_again(rig: BotRig) -> None:
    rig.begin()
    send(rig, Cmd.KILL)
    rig.look()
    latch = rig.bot.commands.latch
    assert latch is not None
    send(rig, Cmd.RESET_KILL, latch_id=latch.latch_id)
    rig.look()
    send(rig, Cmd.START)
    rig.look(2)
    again = send(rig, Cmd.RESET_KILL, latch_id=latch.latch_id)
    rig.look(2)
    assert rig.receipt(again).state is ReceiptState.REJECTED
    assert rig.state().status is Status.RUNNING, "refused, and yet it stopped the bot"


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
    recorded = []
    with monkeypatch.context() as patch:
        patch.setattr(rig.bot.ledger, "command_seen", lambda command, _ms: recorded.append(command.id))
        rig.bot.commands.record_seen()
        rig.bot.commands.record_seen()
    assert recorded == ["r1"], "each once"
    rig.bot.watch_ledger()
    assert rig.bot.gate.latches.ledger_ok
    rig.begin()
    assert rig.receipt("r1").state is ReceiptState.DONE


async def test_a_receipt_is_never_written_before_the_command_that_it_ends(rig: BotRig, monkeypatch: Any) -> None:
    """The disk was full for one write alone: that of the command."""
    rig.begin()

    def full(*_args: object) -> None:
        raise LedgerUnavailable("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(rig.bot.ledger, "command_seen", full)
        ring(rig, {"id": "r1", "cmd": "reload"})
        rig.look(2)
    rig.bot.watch_ledger()
    assert rig.bot.gate.latches.ledger_ok
    assert rig.bot.ledger is not None
    kept, _, unfinished = rig.bot.ledger.receipts()
    assert [(doc.id, doc.state) for doc in kept] == [("r1", ReceiptState.DONE)] and not unfinished


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
