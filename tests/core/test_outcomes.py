"""What follows at once from an order that was not taken, or of which nobody knows, and from a command that ended."""

from dataclasses import replace

import pytest

from bot.domain import events as ev
from bot.domain.intents import SaveKeyValue
from bot.domain.kinds import ExitReason, Purpose
from bot.engine.execution import exits
from bot.engine.state.equity_curve import FACT
from shared.command_table import Cmd
from shared.control import TradingState
from tests.core.harness import D, Rig, looks, of, one, places, sells


def held(**settings: str) -> Rig:
    rig = Rig(take_profit_order="market", **settings)
    rig.open_runner()
    return rig


def test_a_sale_that_a_stop_kept_from_being_sent_lapses_and_is_decided_anew() -> None:
    rig = held()
    sale = one(sells(rig.price("110")))
    rig.level(TradingState.STOP)
    rig.send(ev.RiskRejected(sale.client_order_id, "stopped"))
    lot = one(rig.lots)
    assert (lot.exit_reason, lot.exit_client_order_id) == (None, None)
    rig.level(TradingState.RUN)
    again = one(sells([intent for _ in range(10) for intent in rig.price("110")]))
    assert again.client_order_id != sale.client_order_id


def test_an_order_without_an_answer_is_looked_up_half_a_second_later_and_not_before() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.send(ev.OutcomeUnknown(entry.client_order_id, "nothing came"))
    order = rig.order(entry)
    assert (order.next_look_ms, order.looks) == (rig.now_ms + 500, 0)
    assert not looks(rig.send(ev.Tick(), 499))
    assert looks(rig.send(ev.Tick(), 1)) == [entry.client_order_id]


def test_a_command_that_ended_without_its_sale_leaves_its_lot_to_the_rules() -> None:
    rig = held()
    rig.command(Cmd.FLATTEN)
    sale = one(sells(rig.intents))
    assert sale.purpose is Purpose.FLATTEN
    state = rig.engine.state
    state.control.flattens.clear()
    rig.asked(exits.chase)
    assert one(rig.lots).exit_reason is not None, "its sale is under way"
    rig.send(ev.RiskRejected(sale.client_order_id, "no connection"))
    state.save_lot(replace(one(rig.lots), exit_reason=ExitReason.FLATTEN))
    rig.asked(exits.chase)
    assert one(rig.lots).exit_reason is None


@pytest.mark.parametrize(("after_ms", "saved"), [(9_999, False), (10_000, True)])
def test_a_higher_peak_is_written_every_ten_seconds(after_ms: int, saved: bool) -> None:
    rig = held()
    rig.tick(30)
    rig.price("101")
    rig.tick()
    state = rig.engine.state
    state.account.curve_saved_ms = rig.now_ms
    rig.move(USD=D(50))
    found = rig.send(ev.Tick(), after_ms)
    assert (FACT in {intent.key for intent in of(found, SaveKeyValue)}) == saved
