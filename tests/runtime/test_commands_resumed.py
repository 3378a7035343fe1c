"""Commands that a process saw and did not finish, those that come before there is an engine, one that comes twice."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import PlaceOrder
from bot.domain.kinds import Side
from bot.domain.orders import OrderReport, OrderSpec, OrderStatus
from shared.command_table import Cmd
from shared.control import Command, TradingState
from shared.documents.control import ReceiptState
from shared.times import epoch_ms, iso_ms
from tests.core.harness import D
from tests.runtime.bot_rig import BotRig, send


@pytest.fixture
async def rig(tmp_path: Path) -> BotRig:
    return BotRig(tmp_path / "data")


def seen_alone(rig: BotRig, cmd: str, *, written_s: float = 0.0, **args: str) -> None:
    """The process wrote "seen" down and ended."""
    now = rig.clock.utc()
    at = iso_ms(now - timedelta(seconds=written_s))
    assert rig.bot.ledger is not None
    rig.bot.ledger.command_seen(Command(seq=1, id="c1", cmd=cmd, at=at, args=args, by="me"), epoch_ms(now))
    rig.clock.turn(1)


def buys(rig: BotRig) -> OrderSpec:
    """A purchase that is on its way."""
    rig.strategy.word = "buy"
    at_s = int(rig.clock.utc().timestamp())
    rig.bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.99"), D("100.01")))
    rig.bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (Bar(at_s // 60 * 60 - 60, 100, 100, 100, 100, 1),)))
    rig.clock.turn(2)
    rig.bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.99"), D("100.01")))
    return next(a.spec for a in rig.sent.actions if isinstance(a, PlaceOrder))


async def test_a_command_that_was_seen_too_late_expires_also_when_another_process_takes_it_up(rig: BotRig) -> None:
    rig.begin()
    seen_alone(rig, "flatten", written_s=45)
    rig.begin()
    assert rig.receipt("c1").state is ReceiptState.EXPIRED
    assert rig.bot.commands.level is TradingState.RUN, "it does not stop the bot either"


async def test_a_command_that_was_seen_in_time_is_taken_up_however_long_the_bot_was_down(rig: BotRig) -> None:
    rig.begin()
    seen_alone(rig, "flatten", written_s=20)
    rig.write(json.dumps({"command": "stop"}))
    rig.clock.turn(300)
    rig.begin()
    rig.look(60)
    assert rig.receipt("c1").state is ReceiptState.DONE


@pytest.mark.parametrize(
    ("cmd", "why"), [("close_lot", "close_lot needs lot_id"), ("dance", "unknown command 'dance'")]
)
async def test_what_can_never_be_done_is_rejected_also_when_it_is_taken_up(rig: BotRig, cmd: str, why: str) -> None:
    rig.begin()
    seen_alone(rig, cmd)
    rig.begin()
    assert (rig.receipt("c1").state, rig.receipt("c1").reason) == (ReceiptState.REJECTED, why)


async def test_a_stop_before_there_is_an_engine_is_not_done_while_a_purchase_of_the_last_process_is_open(
    rig: BotRig,
) -> None:
    rig.begin()
    spec = buys(rig)
    rig.clock.turn(1)
    stop = send(rig, Cmd.STOP)
    rig.begin(trading=False)
    rig.look(100)
    assert rig.receipt(stop).state is ReceiptState.SEEN
    rig.trade()
    rig.look(100)
    assert rig.receipt(stop).state is ReceiptState.SEEN
    shown = OrderReport("v1", spec.client_order_id, "BTC-USD", Side.BUY, OrderStatus.CANCELLED, D(0), 0)
    rig.bot.dispatch(ev.OrderReports((shown,), complete=False, asked_ms=0))
    rig.look(2)
    assert rig.receipt(stop).state is ReceiptState.DONE


async def test_a_stop_before_there_is_an_engine_is_done_at_once_where_nothing_is_open(rig: BotRig) -> None:
    rig.begin()
    stop = send(rig, Cmd.STOP)
    rig.begin(trading=False)
    rig.look()
    assert rig.receipt(stop).state is ReceiptState.DONE


async def test_two_entries_of_one_id_are_one_command(rig: BotRig, monkeypatch: Any) -> None:
    bot = rig.begin()
    ended: list[str] = []
    finish = bot.commands.finish

    def counted(command_id: str, *words: Any) -> None:
        ended.append(command_id)
        finish(command_id, *words)

    monkeypatch.setattr(bot.commands, "finish", counted)
    entries = [{"seq": n, "id": word, "cmd": "reload", "args": {}, "at": iso_ms(rig.clock.utc()), "by": "me"}
               for n, word in enumerate("abab")]  # fmt: skip
    rig.write(json.dumps({"command": "start", "commands": entries}))
    rig.look(120)
    assert ended == ["a", "b"]
