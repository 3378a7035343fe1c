"""Fencing: an order under our name that this bot did not make shuts entries; its own orders never do."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.fills import Fill
from bot.domain.intents import LookUpOrder, Note, PlaceOrder, SaveKeyValue
from bot.domain.kinds import Side
from bot.domain.order_ids import OrderIdCodec, OwnIds
from bot.domain.order_life import OrderState
from bot.domain.orders import OrderReport, OrderStatus
from bot.engine.risk import pretrade
from bot.engine.risk.gates import first_standing_shut
from bot.engine.state.recovered import RecoveredState
from shared.control import TradingState
from shared.documents.risk import GateVerdict
from tests.core.harness import START_MS, D, Rig, cancels, of, one, places, sells

OURS, EARLIER, OTHER = "5f3a0c1d", "0badcafe", "c0ffee00"
IDS = OrderIdCodec("main")
FENCE_MS = START_MS + 5_000


def rig(facts: dict[str, str] | None = None, **settings: Any) -> Rig:
    """A bot on a ledger with an earlier run."""
    restored = RecoveredState(
        epoch=OURS, earlier_epochs=frozenset({EARLIER}), fence_ms=FENCE_MS, key_values=facts or {}
    )
    made = Rig(restored=restored, **settings)
    made.price("100")
    return made


def shown(epoch: str = OTHER, made_ms: int = FENCE_MS, **terms: Any) -> OrderReport:
    given: dict[str, Any] = {
        "order_id": f"venue-{epoch}", "client_order_id": f"ct-main-{epoch}{'7' * 24}", "product_id": "BTC-USD",
        "side": Side.BUY, "status": OrderStatus.WORKING, "filled_size": D(0), "created_ms": made_ms,
        "base_size": D("0.5"), "limit_price": D(90),
    }  # fmt: skip
    return OrderReport(**(given | terms))


def see(bot: Rig, order: OrderReport, *, listed: bool = False) -> list[Any]:
    return bot.send(ev.OrderReports((order,), complete=listed, asked_ms=bot.now_ms), 10)


def facts_of(bot: Rig) -> dict[str, str]:
    return {i.key: i.value for i in of(bot.intents, SaveKeyValue)}


def shut(bot: Rig) -> bool:
    return bot.view.orders.second_writer is not None


def test_a_new_id_begins_with_the_epoch_of_its_run() -> None:
    entry = one(places(rig().bar("buy")))
    assert IDS.is_ours(entry.client_order_id) and IDS.epoch_of(entry.client_order_id) == OURS


def test_two_bots_on_copies_of_one_ledger_make_different_ids_for_the_same_bar() -> None:
    first, second = (Rig(restored=RecoveredState(epoch=epoch)) for epoch in (OURS, OTHER))
    ids = {one(places(bot.bar("buy"))).client_order_id for bot in (first, second)}
    assert len(ids) == 2 and len({each[-24:] for each in ids}) == 1, "of the same facts"


def test_an_intent_keeps_the_id_of_the_run_that_made_it() -> None:
    """What an earlier run recorded for the bar is found under its own epoch: no second order goes out for it."""
    before = Rig(restored=RecoveredState(epoch=EARLIER))
    entry = one(places(before.bar("buy")))
    after = Rig(restored=RecoveredState(epoch=OURS, own_ids=frozenset({entry.client_order_id})))
    assert not places(after.bar("buy"))


def test_ids_of_older_versions_are_found_by_their_facts() -> None:
    """They were the hash alone, and its last digits are the facts of today."""
    entry = one(places(Rig(restored=RecoveredState(epoch=OURS)).bar("buy")))
    old = f"ct-main-{'ab' * 4}{entry.client_order_id[-24:]}"
    assert not places(Rig(restored=RecoveredState(epoch=OURS, own_ids=frozenset({old}))).bar("buy"))


@pytest.mark.parametrize("maker", [False, True])
def test_facts_are_used_up_once(maker: bool) -> None:
    ids = OwnIds([IDS.make(EARLIER, "exit", 1)], IDS)
    asked = IDS.make(OURS, "exit", 2 if maker else 1)
    assert (ids.known_for(asked) is None) == maker
    assert asked not in ids


@pytest.mark.parametrize("listed", [False, True], ids=["stream", "list"])
@pytest.mark.parametrize("epoch", [OTHER, EARLIER, OURS])
@pytest.mark.parametrize("status", [OrderStatus.WORKING, OrderStatus.FILLED, OrderStatus.CANCELLED])
def test_an_order_of_our_name_made_after_the_start_shuts_entries(listed: bool, epoch: str, status: OrderStatus) -> None:
    bot = rig()
    found = see(bot, shown(epoch, status=status), listed=listed)
    told = one([note for note in of(found, Note) if note.level == "bad"])
    assert "second writer" in told.text and f"venue-{epoch}" in told.text and epoch in told.text
    assert OURS in told.text and "BOT_NAME" in told.text and "press Start" in told.text
    assert not places(bot.bar("buy"))
    gate = bot.asked(first_standing_shut, "BTC-USD")
    assert gate is not None and (gate.name, gate.verdict) == ("second_writer", GateVerdict.FAULT)


@pytest.mark.parametrize("status", [OrderStatus.WORKING, OrderStatus.FILLED])
def test_an_order_from_before_the_start_is_of_a_lost_ledger(status: OrderStatus) -> None:
    bot = rig()
    see(bot, shown(made_ms=FENCE_MS - 1, status=status, filled_size=D("0.5") if status is OrderStatus.FILLED else D(0)))
    assert not shut(bot)
    assert bot.view.control.entries_latched, "and shuts entries as ever"


def test_somebody_elses_order_is_no_second_writer() -> None:
    bot = rig()
    for name in ("manual-1", f"ct-other-{OTHER}{'7' * 24}", f"ct-main-{OTHER}", f"ct-main-x-{OTHER}{'7' * 24}"):
        see(bot, shown(client_order_id=name))
    assert not shut(bot) and places(bot.bar("buy"))


def test_own_orders_are_never_a_second_writers() -> None:
    """In whatever state, also long over, and also one of an earlier run that arrives after this start."""
    before = Rig(restored=RecoveredState(epoch=EARLIER))
    left = one(places(before.bar("buy")))
    order = replace(before.order(left.client_order_id))
    own = frozenset({left.client_order_id, f"ct-main-{EARLIER}{'1' * 24}"})
    bot = Rig(restored=RecoveredState(epoch=OURS, fence_ms=FENCE_MS, own_ids=own, orders=(order,)))
    see(bot, shown(client_order_id=left.client_order_id, made_ms=FENCE_MS + 9_000))
    see(bot, shown(client_order_id=f"ct-main-{EARLIER}{'1' * 24}", made_ms=FENCE_MS + 9_000, status=OrderStatus.FILLED))
    entry = one(places(Rig(restored=RecoveredState(epoch=OURS, fence_ms=FENCE_MS)).bar("buy")))
    assert entry.client_order_id not in own
    assert not shut(bot)


def test_it_is_told_once_and_stays_over_a_restart_until_start_is_pressed() -> None:
    bot = rig()
    see(bot, shown())
    again = see(bot, shown(), listed=True) + see(
        bot, shown(order_id="second", client_order_id=f"ct-main-{OTHER}{'8' * 24}")
    )
    assert not [note for note in of(again, Note) if note.level == "bad" and "second writer" in note.text]
    later = rig(facts_of(bot))
    assert shut(later) and not places(later.bar("buy"))
    later.level(TradingState.RUN)
    assert not shut(later) and places(later.bar("buy"))
    assert not shut(rig(facts_of(bot) | facts_of(later)))


def test_after_start_the_same_order_is_old_news_and_the_next_one_shuts_again() -> None:
    bot = rig()
    see(bot, shown())
    bot.level(TradingState.RUN)
    see(bot, shown(), listed=True)
    assert not shut(bot)
    see(bot, shown(client_order_id=f"ct-main-{OTHER}{'8' * 24}", order_id="next"))
    assert shut(bot)


def test_pause_does_not_lift_it() -> None:
    bot = rig()
    see(bot, shown())
    bot.level(TradingState.PAUSE)
    assert shut(bot)


def test_an_entry_on_its_way_to_the_socket_is_held_back_and_a_bid_is_cancelled() -> None:
    bot = rig()
    entry = one(places(bot.bar("buy")))
    see(bot, shown())
    found = bot.asked(pretrade.refusal, entry)
    assert found is not None and found.code == "second_writer"
    maker = rig(entry_order="maker")
    bid = one(places(maker.bar("buy")))
    maker.accept(bid)
    maker.seen(bid, OrderStatus.WORKING)
    see(maker, shown())
    assert cancels(maker.tick(2)) == [bid.client_order_id]


def test_exits_go_on() -> None:
    bot = rig(take_profit_order="market", stop_loss_pct=1.0)
    bot.fills_all(one(places(bot.bar("buy"))), "1", "100")
    see(bot, shown())
    assert sells(bot.price("90"))


def test_a_lot_that_a_bot_on_a_copy_has_sold_is_not_sold_again() -> None:
    """Both hold the lot, and the other's sale was seen: the intent is carried out, so it is looked up and counted."""
    bot = rig(take_profit_order="market", stop_loss_pct=1.0)
    bot.fills_all(one(places(bot.bar("buy"))), "1", "100")
    lot = bot.lots[0]
    there = IDS.make(OTHER, "exit", lot.lot_id, 1)
    see(bot, shown(client_order_id=there, side=Side.SELL, status=OrderStatus.FILLED, filled_size=D(1)))
    found = bot.price("90")
    assert not of(found, PlaceOrder)
    assert bot.order(there).state is OrderState.UNKNOWN
    assert there in [look.client_order_id for look in of(bot.tick(3), LookUpOrder)]


def test_what_a_second_writer_traded_is_no_fill_of_ours() -> None:
    bot = rig()
    order = shown(status=OrderStatus.FILLED, filled_size=D("0.5"))
    see(bot, order)
    fill = Fill(
        order.order_id, "t1", order.client_order_id, "BTC-USD", Side.BUY, D(90), D("0.5"), D(0), "taker", FENCE_MS
    )
    bot.send(ev.FillReports((fill,)), 10)
    assert not bot.lots and bot.view.account.foreign_fill_known((order.order_id, "t1"))
    later = rig(facts_of(bot))
    see(later, replace(order, created_ms=FENCE_MS - 60_000))
    assert later.view.control.entries_latched is None, "its epoch is known: no sign of a lost ledger"
