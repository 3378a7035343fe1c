"""Maker entries: post-only at the touch, priced anew, given up; every race between a fill and a cancel decided."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.kinds import LotKind, OrderKind, Purpose, Side
from bot.domain.order_life import OrderState
from bot.domain.orders import OrderSpec, OrderStatus
from bot.engine.state.recovered import RecoveredState
from shared.command_table import Cmd
from shared.control import TradingState
from tests.core.harness import D, Rig, cancels, notes, one, places, sells

S = OrderStatus


def maker_rig(**settings: Any) -> Rig:
    return Rig(**({"entry_order": "maker", "use_live_equity": False, "usd_equity": 5000.0} | settings))


def bid(rig: Rig, price: str = "100") -> OrderSpec:
    """The first order of a maker entry."""
    return one(places(rig.bar("buy", price)))


def cost(rig: Rig, spec: OrderSpec) -> Decimal:
    assert spec.base_size is not None and spec.limit_price is not None
    return spec.base_size * spec.limit_price * (1 + rig.view.account.maker_rate)


def test_the_first_bid_is_post_only_at_the_touch_with_an_end_and_its_fee_reserved() -> None:
    rig = maker_rig()
    spec = bid(rig)
    assert (spec.side, spec.kind, spec.purpose, spec.post_only) == (Side.BUY, OrderKind.LIMIT, Purpose.ENTRY, True)
    assert spec.limit_price == D("99.99")
    assert spec.lot_id == spec.client_order_id and spec.lot_kind is LotKind.RUNNER
    assert spec.end_ms is not None and rig.now_ms + 30_000 < spec.end_ms <= rig.now_ms + 61_000
    assert D(999) < cost(rig, spec) <= D(1000), "20 % of 5,000, fee included"


def test_a_resting_bid_holds_its_cash_with_its_fee() -> None:
    rig = maker_rig()
    spec = bid(rig)
    assert rig.view.account.cash_available == 10_000 - cost(rig, spec)
    rig.seen(spec, S.WORKING, "4")
    rig.fill(spec, "4", "99.99", fee="1.9998")
    left = cost(rig, spec) - D(4) * D("99.99") * D("1.005")
    assert rig.view.account.cash_available == 10_000 - D(4) * D("99.99") - D("1.9998") - left


def test_a_bid_that_is_filled_is_a_lot_with_its_take() -> None:
    rig = maker_rig()
    spec = bid(rig)
    found = rig.fills_all(spec, str(spec.base_size), "99.99", "5")
    assert one(sells(found)).purpose is Purpose.TAKE_PROFIT
    lot = one(rig.lots)
    assert (lot.lot_id, lot.base_left) == (spec.client_order_id, spec.base_size)
    assert not rig.view.positions.maker_entries()
    assert not places(rig.tick(60)), "nothing is bought on top"


def test_the_touch_goes_up_the_old_bid_is_cancelled_and_only_then_the_next_is_sent() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    found = rig.price("100.50", after_ms=3000) + rig.tick()
    assert cancels(found) == [first.client_order_id] and not places(found)
    assert not places(rig.tick()), "it may still fill"
    second = one(places(rig.seen(first, S.CANCELLED)))
    assert second.limit_price == D("100.49") and second.lot_id == first.client_order_id
    assert second.client_order_id != first.client_order_id


def test_the_touch_goes_down_and_the_bid_stays() -> None:
    rig = maker_rig()
    rig.accept(bid(rig))
    found = rig.price("99", after_ms=3000) + rig.tick(5)
    assert not cancels(found) and not places(found)


def test_a_part_is_filled_and_the_next_bid_buys_only_the_rest() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    rig.seen(first, S.WORKING, "4")
    rig.fill(first, "4", "99.99", fee="2")
    lot = one(rig.lots)
    assert lot.base_left == 4 and not sells(rig.tick()), "no take while it is still bought"
    rig.price("100.50", after_ms=3000)
    rig.tick()
    second = one(places(rig.seen(first, S.CANCELLED, "4")))
    planned = rig.view.positions.maker_entries()["BTC-USD"].planned_quote
    assert D("4") * D("99.99") * D("1.005") + cost(rig, second) <= planned
    found = rig.fills_all(second, str(second.base_size), "100.49", "3")
    grown = one(rig.lots)
    assert grown.lot_id == first.client_order_id
    assert grown.base_bought == D(4) + (second.base_size or 0)
    assert one(sells(found)).base_size == grown.base_left


@pytest.mark.parametrize("order", ["fill, over", "over, fill", "fill, fill again, over"])
def test_a_cancel_races_the_fill_and_loses(order: str) -> None:
    """The bid was to be priced anew, but it was filled: the job is done, whatever the order of the news."""
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    rig.price("100.50", after_ms=3000)
    assert cancels(rig.tick()) == [first.client_order_id]
    fill = rig.make_fill(first, str(first.base_size), "99.99", fee="5")
    sent: list[OrderSpec] = []
    for word in order.split(", "):
        sent += places(
            rig.seen(first, S.FILLED, str(first.base_size)) if word == "over" else rig.send(ev.FillReports((fill,)))
        )
    assert [spec.purpose for spec in sent] == [Purpose.TAKE_PROFIT]
    assert one(rig.lots).base_left == first.base_size and not rig.view.positions.maker_entries()


def test_a_cancel_that_came_late_counts_the_fill_first() -> None:
    """CANCELLED with a filled part whose fill is not told yet: no next bid until it is."""
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    rig.price("100.50", after_ms=3000)
    rig.tick()
    assert not places(rig.seen(first, S.CANCELLED, "9")), "nine were bought, and their fill is still to be counted"
    second = places(rig.fill(first, "9", "99.99", fee="4.5"))
    assert all(cost(rig, spec) + D(9) * D("99.99") * D("1.005") <= 1000 for spec in second)


def test_the_time_is_up_the_bid_is_cancelled_and_given_up() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    found = rig.tick(31)
    assert set(cancels(found)) == {first.client_order_id}
    over = rig.seen(first, S.CANCELLED)
    assert not places(over) and any("given up" in text for text in notes(over))
    assert not rig.view.positions.maker_entries() and not rig.lots
    assert not places(rig.price("100")), "this bar was used"
    assert places(rig.bar("buy")), "the next one may"


def test_a_part_at_the_end_is_a_lot_like_any_other() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    rig.seen(first, S.WORKING, "3")
    rig.fill(first, "3", "99.99")
    rig.tick(31)
    take = one(sells(rig.seen(first, S.CANCELLED, "3")))
    assert take.base_size == 3 and one(rig.lots).kind is LotKind.RUNNER


def test_a_part_too_small_to_sell_is_dust() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    rig.seen(first, S.WORKING, "0.001")
    rig.fill(first, "0.001", "99.99")
    rig.tick(31)
    rig.seen(first, S.CANCELLED, "0.001")
    assert not rig.lots, "0.10 USD is below the exchange's minimum of 1"


def test_a_bid_that_would_cross_is_refused_and_priced_anew() -> None:
    rig = maker_rig()
    first = bid(rig)
    assert not places(rig.send(ev.VenueRejected(first.client_order_id, "INVALID_LIMIT_PRICE_POST_ONLY")))
    second = one(places(rig.tick(3)))
    assert second.client_order_id != first.client_order_id and second.limit_price == D("99.99")


def test_any_other_refusal_ends_it() -> None:
    rig = maker_rig()
    assert not places(rig.send(ev.VenueRejected(bid(rig).client_order_id, "UNTRADABLE_PRODUCT")) + rig.tick(5))
    assert not rig.view.positions.maker_entries()


def test_short_funds_are_tried_once_at_the_least_size_with_the_exact_line() -> None:
    rig = maker_rig(low_funds="retry")
    first = bid(rig)
    found = rig.send(ev.VenueRejected(first.client_order_id, "INSUFFICIENT_FUND", insufficient=True))
    second = one(places(found))
    assert cost(rig, second) <= 5
    line = "[WARN] open order 1000.00 USD failed (INSUFFICIENT_FUND); retrying with ORDER_MIN_USD=5.00"
    assert line in notes(found)
    assert not places(
        rig.send(ev.VenueRejected(second.client_order_id, "INSUFFICIENT_FUND", insufficient=True)) + rig.tick(5)
    )


def test_no_answer_holds_the_plan_and_nothing_is_bid_on_top() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.send(ev.OutcomeUnknown(first.client_order_id, "timeout"))
    assert not places(rig.price("101", after_ms=3000) + rig.tick(40))
    found = rig.send(ev.LookupResult(first.client_order_id, rig.shown(first, S.WORKING), complete=True))
    assert cancels(found + rig.tick()) == [first.client_order_id], "its time was up long ago"


def test_a_bid_held_to_be_absent_that_shows_up_is_cancelled() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.send(ev.OutcomeUnknown(first.client_order_id, "timeout"))
    for _ in range(4):
        rig.send(ev.LookupResult(first.client_order_id, None, complete=True), 25_000)
    assert rig.order(first).state is OrderState.ABSENT and not rig.view.positions.maker_entries()
    rig.seen(first, S.WORKING)
    assert first.client_order_id in cancels(rig.tick())


@pytest.mark.parametrize(
    "shut",
    [
        lambda rig: rig.level(TradingState.PAUSE),
        lambda rig: rig.level(TradingState.STOP),
        lambda rig: rig.send(ev.FeedChanged(False, "silent")),
        lambda rig: rig.send(ev.LedgerChanged(ok=False, note="disk full")),
        lambda rig: rig.send(ev.KeyRightsReport("the key may transfer")),
        lambda rig: rig.send(ev.ClockChecked(9000)),
    ],
    ids=["pause", "stop", "feed", "ledger", "latch", "clock"],
)
def test_a_gate_that_shuts_cancels_the_resting_bid(shut: Any) -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    made = shut(rig) or []
    assert first.client_order_id in cancels(made + rig.tick())
    assert not places(rig.seen(first, S.CANCELLED) + rig.tick(5))


def test_the_lots_stop_ends_the_buying_and_then_sells() -> None:
    rig = maker_rig(stop_loss_pct=2.0)
    first = bid(rig)
    rig.accept(first)
    rig.seen(first, S.WORKING, "3")
    rig.fill(first, "3", "99.99")
    found = rig.price("97") + rig.tick()
    assert first.client_order_id in cancels(found) and not sells(found)
    take = one(sells(rig.seen(first, S.CANCELLED, "3")))
    rig.accept(take)
    assert cancels(rig.price("97")) == [take.client_order_id]
    sale = one(sells(rig.seen(take, S.CANCELLED)))
    assert (sale.purpose, sale.base_size) == (Purpose.EXIT, D(3))


def test_flatten_ends_the_buying_first_and_sells_what_was_bought() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    rig.seen(first, S.WORKING, "3")
    rig.fill(first, "3", "99.99")
    found = rig.command(Cmd.FLATTEN)
    assert cancels(found) == [first.client_order_id] and not sells(found)
    rig.seen(first, S.CANCELLED, "3.5")
    rig.fill(first, "0.5", "99.99")
    sale = one(sells(rig.tick(2)))
    assert (sale.purpose, sale.base_size) == (Purpose.FLATTEN, D("3.5"))


def test_a_cancel_by_hand_ends_it() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    assert cancels(rig.command(Cmd.CANCEL, client_order_id=first.client_order_id))
    assert not places(rig.seen(first, S.CANCELLED) + rig.tick(10))


def test_a_denied_bid_ends_it() -> None:
    rig = maker_rig()
    assert not places(rig.send(ev.RiskRejected(bid(rig).client_order_id, "killed")) + rig.tick(10))
    assert not rig.view.positions.maker_entries()


def test_a_restart_cancels_what_rests_and_bids_no_more() -> None:
    rig = maker_rig()
    first = bid(rig)
    rig.accept(first)
    rig.seen(first, S.WORKING, "2")
    rig.fill(first, "2", "99.99")
    left = RecoveredState(
        lots=tuple(rig.lots), next_lot_seq=9, orders=tuple(rig.view.orders.all()),
        own_ids=frozenset(rig.view.orders.own_ids),
        fill_keys=frozenset(rig.view.orders.fill_keys), key_values=dict(rig.view.records.values),
    )  # fmt: skip
    again = maker_rig(restored=left, now_ms=rig.now_ms + 5000)
    found = again.price("101") + again.tick(2)
    assert set(cancels(found)) == {first.client_order_id} and not sells(found)
    over = again.seen(first, S.CANCELLED, "2")
    assert [spec.purpose for spec in places(over)] == [Purpose.TAKE_PROFIT]
    assert not [spec for spec in places(again.tick(40)) if spec.side is Side.BUY]


def test_new_prices_use_only_half_of_the_orders_in_a_minute() -> None:
    rig = maker_rig(max_orders_per_min=6, maker_timeout_sec=600.0, maker_reprice_sec=1.0)
    spec: OrderSpec | None = bid(rig)
    sent = 1
    for step in range(20):
        if spec is not None:
            rig.accept(spec)
        found = rig.price(str(D(101) + step), after_ms=1000) + rig.tick()
        if spec is not None and cancels(found):
            found += rig.seen(spec, S.CANCELLED)
        spec = next(iter(places(found)), spec)
        sent += len(places(found))
    assert sent <= 3 and rig.view.control.entries_latched is None


def test_the_edge_gate_reckons_with_the_maker_fee() -> None:
    """Scalps of 1.9 % lose at a taker entry's 0.9 % and win at a maker entry's 0.5 %."""
    assert places(maker_rig(edge_gate=True, runner_tp_mult=1.0).bar("buy"))
    assert not places(Rig(edge_gate=True, runner_tp_mult=0.7).bar("buy"))


def test_an_entry_between_two_of_its_bids_counts_as_a_lot_to_come() -> None:
    rig = maker_rig(max_total_lots=1)
    spec = bid(rig)
    assert rig.view.positions.lots_to_come() == rig.view.positions.lots_to_come("BTC-USD") == 1
    rig.send(ev.VenueRejected(spec.client_order_id, "INVALID_LIMIT_PRICE_POST_ONLY", insufficient=False))
    assert not rig.view.orders.entries_in_flight()
    assert rig.view.positions.lots_to_come() == 1 and rig.view.positions.lots_to_come("ETH-USD") == 0
    again = one(places(rig.tick(5) + rig.price("100")))
    rig.fills_all(again, str(again.base_size), "99.99", "5")
    assert rig.view.positions.lots_to_come() == 0 and len(rig.lots) == 1
