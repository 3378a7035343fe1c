"""Stories of lots: event in, exact intents out. Entry, take, stop, trail, parts, dust, promotion."""

from dataclasses import replace
from itertools import permutations

import pytest

from bot.domain import events as ev
from bot.domain.intents import SaveFill, SaveLot, SaveOrder
from bot.domain.kinds import ExitReason, LotKind, OrderKind, Purpose, Side
from bot.domain.order_life import OrderState
from bot.domain.orders import OrderSpec, OrderStatus
from bot.engine.state.recovered import RecoveredState
from shared.money import ZERO
from tests.core.harness import D, Rig, cancels, fetches, looks, notes, of, one, places, product, sells


def test_a_buy_bar_sends_one_entry_recorded_before_it_is_sent() -> None:
    rig = Rig()
    found = rig.bar("buy")
    spec = one(places(found))
    assert (spec.side, spec.kind, spec.purpose) == (Side.BUY, OrderKind.MARKET, Purpose.ENTRY)
    assert spec.quote_size == D(2000)  # RISK_PER_TRADE_PCT=20 of 10,000
    assert spec.base_size is None
    assert (spec.lot_kind, spec.tp_pct) == (LotKind.RUNNER, D("3.8"))
    saved = one(of(found, SaveOrder)).order
    assert saved.state is OrderState.NEW, "what a crash finds is an intent that may have been sent"
    assert found.index(one([i for i in found if isinstance(i, SaveOrder)])) < found.index(found[-1])


def test_a_filled_entry_opens_its_lot_and_rests_its_take() -> None:
    rig = Rig()
    entry, take = rig.open_runner(size="19.8", price="100", fee="17.82")
    lot = one(rig.lots)
    assert (lot.lot_id, lot.kind, lot.base_left, lot.cost) == (
        entry.client_order_id,
        LotKind.RUNNER,
        D("19.8"),
        D(1980),
    )
    assert take is not None
    assert (take.side, take.kind, take.purpose, take.post_only) == (
        Side.SELL,
        OrderKind.LIMIT,
        Purpose.TAKE_PROFIT,
        True,
    )
    assert (take.base_size, take.limit_price, take.lot_id) == (D("19.8"), D("103.8"), lot.lot_id)
    assert lot.exit_client_order_id == take.client_order_id
    assert lot.stop_price is None  # STOP_LOSS_PCT=1000 is off


def test_the_resting_take_fills_and_the_lot_is_gone_with_its_exact_result() -> None:
    rig = Rig()
    _, take = rig.open_runner(size="1", price="100", fee="0.75")
    assert take is not None
    rig.accept(take)
    rig.seen(take, OrderStatus.FILLED, "1")
    found = rig.fill(take, "1", "103.8", fee="0.7785")
    closed = next(i.lot for i in of(found, SaveLot))
    assert closed.realized_pnl == D("2.2715")  # the rulebook's worked example
    assert rig.lots == []
    assert one(of(found, SaveFill)).lot_id == closed.lot_id
    assert rig.view.account.day is not None and rig.view.account.day.realized == D("2.2715")
    assert not places(rig.tick(40)), "nothing more is sent"


def test_the_entrys_fill_before_its_ack_and_the_same_fill_twice_make_one_lot() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    fill = rig.make_fill(entry, "1", "100", trade="a")
    rig.send(ev.FillReports((fill,)))
    rig.seen(entry, OrderStatus.FILLED, "1")
    rig.accept(entry)
    again = rig.send(ev.FillReports((fill, replace(fill, fee=D(9)))))
    assert one(rig.lots).base_left == 1
    assert not of(again, SaveFill)


def test_a_fill_after_the_order_was_over_still_counts() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    rig.seen(entry, OrderStatus.CANCELLED, "0.5")
    rig.fill(entry, "0.5", "100")
    assert one(rig.lots).base_left == D("0.5")
    rig.fill(entry, "0.25", "102")
    lot = one(rig.lots)
    assert (lot.base_left, lot.cost) == (D("0.75"), D("75.5"))


def test_filled_without_a_fill_is_not_settled_and_the_fills_are_asked_for() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    found = rig.seen(entry, OrderStatus.FILLED, "0")
    assert fetches(found), "an order that is filled has fills"
    assert rig.view.orders.entries_in_flight()
    rig.fill(entry, "1", "100")
    assert one(rig.lots).base_left == 1
    assert not rig.view.orders.entries_in_flight()


def test_parts_of_an_entry_make_one_lot_at_the_average_with_its_levels() -> None:
    rig = Rig(stop_loss_pct=5.0)
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    rig.seen(entry, OrderStatus.WORKING, "1")
    found = rig.fill(entry, "1", "100")
    assert not places(found), "no take while the entry may still fill"
    rig.seen(entry, OrderStatus.FILLED, "3")
    found = rig.fill(entry, "2", "103")
    lot = one(rig.lots)
    assert (lot.base_left, lot.open_price) == (D(3), D(102))
    assert lot.take_price == D("105.88")  # 102 x 1.038, up to the tick
    assert lot.stop_price == D("96.90")
    assert one(places(found)).base_size == 3


def test_a_stop_with_a_resting_take_cancels_it_and_sells_only_when_it_is_seen_cancelled() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    found = rig.price("94.9")
    assert cancels(found) == [take.client_order_id]
    assert not places(found)
    assert not places(rig.tick(3)), "the cancel was asked for; what became of it is not known yet"
    exit_spec = one(places(rig.seen(take, OrderStatus.CANCELLED)))
    assert (exit_spec.kind, exit_spec.purpose, exit_spec.base_size) == (OrderKind.MARKET, Purpose.EXIT, D(1))
    rig.fills_all(exit_spec, "1", "94.8")
    assert rig.lots == []


def test_a_take_that_fills_while_its_cancel_is_on_the_way_closes_the_lot_without_a_sale() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.price("94.9")
    rig.seen(take, OrderStatus.FILLED, "1")
    found = rig.fill(take, "1", "103.8")
    assert rig.lots == []
    assert not places(found) and not places(rig.tick(5))


def test_a_take_that_fills_partly_before_its_cancel_leaves_the_rest_to_the_stop() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.price("94.9")
    found = rig.seen(take, OrderStatus.CANCELLED, "0.4")
    assert not places(found), "its fill of 0.4 is not counted yet"
    assert fetches(found)
    exit_spec = one(places(rig.fill(take, "0.4", "103.8")))
    assert exit_spec.base_size == D("0.6")


def test_a_refused_cancel_sells_nothing_and_is_asked_again() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.price("94.9")
    rig.seen(take, OrderStatus.WORKING)  # the look after the refusal: it still rests
    found = rig.tick(4)
    assert cancels(found), "asked again"
    assert not places(found)


def test_a_take_without_an_answer_blocks_the_stop_until_it_is_known() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner()
    assert take is not None
    rig.send(ev.OutcomeUnknown(take.client_order_id, "timeout"))
    found = rig.price("94.9") + rig.tick(5)
    assert not places(found)
    assert looks(found)
    found = rig.send(
        ev.LookupResult(take.client_order_id, rig.shown(take, OrderStatus.WORKING), complete=True)
    ) + rig.tick(2)
    assert cancels(found) == [take.client_order_id]
    assert len(places(rig.seen(take, OrderStatus.CANCELLED))) == 1


# Whatever the order in which the answers arrive, a lot is never sold twice.


def _answers(rig: Rig, take: OrderSpec, outcome: str) -> list[ev.Event]:
    filled = {"none": "0", "part": "0.4", "all": "1"}[outcome]
    status = OrderStatus.FILLED if outcome == "all" else OrderStatus.CANCELLED
    events: list[ev.Event] = [
        ev.OrderAccepted(take.client_order_id, rig.shown(take, OrderStatus.WORKING).order_id),
        ev.OrderReports((rig.shown(take, OrderStatus.WORKING),), complete=False, asked_ms=0),
        ev.OrderReports((rig.shown(take, status, filled),), complete=False, asked_ms=0),
        ev.LookupResult(take.client_order_id, rig.shown(take, status, filled), complete=True),
    ]
    if outcome != "none":
        events.append(ev.FillReports((rig.make_fill(take, filled, "103.8", trade="take"),)))
    return events


@pytest.mark.parametrize("outcome", ["none", "part", "all"])
def test_every_interleaving_of_take_cancel_fill_and_market_exit_sells_the_lot_once(outcome: str) -> None:
    sold_by_take = {"none": D(0), "part": D("0.4"), "all": D(1)}[outcome]
    for sequence in permutations(range(4 if outcome == "none" else 5)):
        rig = Rig(stop_loss_pct=5.0)
        _, take = rig.open_runner()
        assert take is not None
        answers = _answers(rig, take, outcome)
        rig.price("94.9")
        sold: list[OrderSpec] = []
        for index in sequence:
            fresh = sells(rig.send(answers[index], 10) + rig.tick() + rig.price("94.0"))
            for spec in fresh:  # an exit that was sent fills at once
                rig.fills_all(spec, str(spec.base_size), "94")
            sold += fresh
        sold += sells(rig.tick(5))
        total = sum((spec.base_size or ZERO for spec in sold), ZERO)
        assert total + sold_by_take == 1, (sequence, sold)
        assert rig.lots == [], sequence


def test_the_trailing_stop_follows_the_peak_and_fires() -> None:
    rig = Rig(runner_tp_mult=10.0)
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.price("101.89")
    assert not one(rig.lots).trail_active
    rig.price("101.90")
    assert one(rig.lots).trail_active
    rig.price("103")
    assert one(rig.lots).trail_ticks == 10258  # 102.588 down to the tick
    assert not cancels(rig.price("102.59"))
    assert cancels(rig.price("102.58")) == [take.client_order_id]
    assert one(rig.lots).exit_reason is ExitReason.TRAIL


def test_the_newest_scalp_becomes_the_runner_with_its_trail_reset_and_its_take_kept() -> None:
    rig = Rig(pyramid_min_adverse_pct=0.5, pyramid_decay_min_pct=0.1)
    _, runner_take = rig.open_runner(size="1", price="100")
    assert runner_take is not None
    rig.accept(runner_take)
    takes = []
    for price in ("99", "98"):
        entry = one(places(rig.bar("buy", price)))
        assert entry.lot_kind is LotKind.SCALP
        takes.append(one(places(rig.fills_all(entry, "1", price))))
        rig.accept(takes[-1])
    newest = rig.lots[-1]
    rig.strategy.word = "flat"
    rig.seen(runner_take, OrderStatus.FILLED, "1")
    found = rig.fill(runner_take, "1", "103.8")
    assert any("becomes the runner" in text for text in notes(found))
    kinds = [(lot.lot_id, lot.kind) for lot in rig.lots]
    assert kinds == [(rig.lots[0].lot_id, LotKind.SCALP), (newest.lot_id, LotKind.RUNNER)]
    promoted = rig.lots[-1]
    assert (promoted.take_ticks, promoted.trail_active, promoted.peak_ticks) == (newest.take_ticks, False, 0)


def test_what_is_too_small_to_sell_is_booked_as_dust_and_leaves_the_list() -> None:
    rig = Rig(stop_loss_pct=5.0)
    rig.send(ev.InstrumentList((product(base_increment=D("0.1"), base_min_size=D("0.1")),)))
    rig.open_runner(size="1.05")
    take = rig.view.orders.resting_take(one(rig.lots))
    assert take is not None and take.spec.base_size == D("1.0"), "sizes go down to the increment"
    rig.accept(take.spec)
    rig.seen(take.spec, OrderStatus.FILLED, "1.0")
    found = rig.fill(take.spec, "1.0", "103.8")
    closed = of(found, SaveLot)[-1].lot
    assert (closed.dust, closed.base_left, rig.lots) == (D("0.05"), ZERO, [])
    assert any("dust 0.05" in text for text in notes(found))


def test_an_entry_that_filled_too_little_to_be_sold_is_dust_at_once() -> None:
    rig = Rig()
    entry = one(places(rig.bar("buy")))
    rig.accept(entry)
    rig.seen(entry, OrderStatus.CANCELLED, "0.005")
    rig.fill(entry, "0.005", "100")  # 0.50 USD, the product's least is 1 USD
    assert rig.lots == []
    closed = [i.lot for i in of(rig.intents, SaveLot)][-1]
    assert (closed.dust, closed.realized_pnl) == (D("0.005"), ZERO)
    assert "wins" not in rig.view.records.totals and "losses" not in rig.view.records.totals


def test_a_market_exit_that_fills_partly_is_followed_by_one_for_the_rest() -> None:
    rig = Rig(stop_loss_pct=5.0, take_profit_order="market")
    rig.open_runner()
    exit_spec = one(places(rig.price("94")))
    rig.accept(exit_spec)
    rig.seen(exit_spec, OrderStatus.CANCELLED, "0.3")
    found = rig.fill(exit_spec, "0.3", "94") + rig.tick(2)
    rest = one(places(found))
    assert rest.base_size == D("0.7")
    assert rest.client_order_id != exit_spec.client_order_id


def test_a_market_exit_without_an_answer_is_never_sent_again_before_it_is_known() -> None:
    rig = Rig(stop_loss_pct=5.0, take_profit_order="market")
    rig.open_runner()
    exit_spec = one(places(rig.price("94")))
    rig.send(ev.OutcomeUnknown(exit_spec.client_order_id, "timeout"))
    found = [i for _ in range(55) for i in [*rig.price("93"), *rig.tick()]]
    assert not places(found)
    found = []
    for _ in range(3):
        found += rig.send(ev.LookupResult(exit_spec.client_order_id, None, complete=True), 31_000)
    again = one(places(found + rig.price("93") + rig.tick(2)))
    assert again.base_size == 1 and again.client_order_id != exit_spec.client_order_id


def test_an_absent_exit_that_turns_up_after_the_lot_was_sold_is_cancelled() -> None:
    rig = Rig(stop_loss_pct=5.0)
    _, take = rig.open_runner()
    assert take is not None
    rig.send(ev.OutcomeUnknown(take.client_order_id, "timeout"))
    for _ in range(3):
        rig.send(ev.LookupResult(take.client_order_id, None, complete=True), 31_000)
    assert rig.order(take).state is OrderState.ABSENT
    exit_spec = one(places(rig.price("94")))
    rig.fills_all(exit_spec, "1", "94")
    assert rig.lots == []
    found = rig.seen(take, OrderStatus.WORKING)
    assert cancels(found) == [take.client_order_id], "it would sell what is not held"


@pytest.mark.parametrize("insufficient", [False, True])
def test_a_refused_take_is_judged_locally_until_the_next_try(insufficient: bool) -> None:
    rig = Rig()
    _, take = rig.open_runner()
    assert take is not None
    rig.send(ev.VenueRejected(take.client_order_id, "would cross", insufficient))
    assert not places(rig.tick(6))
    exit_spec = one(places(rig.price("104")))
    assert (exit_spec.kind, exit_spec.purpose) == (OrderKind.MARKET, Purpose.EXIT)


def test_an_expired_take_is_laid_again() -> None:
    rig = Rig()
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.tick(40)
    found = rig.seen(take, OrderStatus.EXPIRED) + rig.tick(2)
    again = one(places(found))
    assert again.purpose is Purpose.TAKE_PROFIT and again.client_order_id != take.client_order_id


def test_a_closed_bar_judges_exits_when_ticks_do_not() -> None:
    rig = Rig(use_tick_price=False, stop_loss_pct=5.0, take_profit_order="market")
    rig.price("100")
    rig.strategy.word = "buy"
    entry = one(places(rig.bar("buy") + rig.bar("buy")))
    rig.fills_all(entry, "1", "100")
    rig.strategy.word = "flat"
    assert not places(rig.price("90"))
    assert one(places(rig.bar("flat", "90"))).purpose is Purpose.EXIT


def test_an_engine_made_from_nothing_starts_flat() -> None:
    rig = Rig(restored=RecoveredState())
    assert rig.lots == [] and rig.view.orders.all() == ()


def test_a_take_whose_fills_come_in_part_is_looked_after_at_once() -> None:
    """It had rested quietly for minutes: the rest of its fills must not wait as long."""
    rig = Rig()
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.tick(20)
    rig.seen(take, OrderStatus.FILLED, "1")
    rig.fill(take, "0.5", "103.8")
    assert fetches(rig.tick(3)), "half of its fills is still missing"


@pytest.mark.parametrize(
    ("held", "sold"), [("1.1", "1.1"), ("1.17", "1.1"), ("1.15", "1.1"), ("1.19999999", "1.1"), ("0.96", "0.9")]
)
def test_a_market_exit_sells_whole_steps_and_never_more_than_the_lot_holds(held: str, sold: str) -> None:
    """A buy by quote size fills off the steps: to the nearest one would be more than there is, and be refused."""
    rig = Rig(stop_loss_pct=5.0, take_profit_order="market")
    rig.open_runner(size=held)
    rig.send(ev.InstrumentList((product(base_increment=D("0.1")),)))
    sale = one(sells(rig.price("94")))
    assert (sale.purpose, sale.base_size) == (Purpose.EXIT, D(sold))
