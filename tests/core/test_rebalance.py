"""Holding a product at its target weight: maker-first, one order at a time, whatever the order of the news."""

import random
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from bot.domain import events as ev
from bot.domain.kinds import ExitReason, LotKind, OrderKind, Purpose, Side
from bot.domain.orders import OrderSpec, OrderStatus
from bot.domain.targets import StrategyFailure
from shared.command_table import Cmd
from shared.control import TradingState
from tests.core.harness import D, cancels, notes, one, places, sells
from tests.core.weights_rig import NO_OPINION, WeightRig

S = OrderStatus
TAKER = D("0.009")  # the rig's fee


def bought(rig: WeightRig, weight: float = 0.5) -> OrderSpec:
    """Bought to the weight, filled at once at the bid."""
    spec = one(places(rig.want(weight)))
    rig.fills_all(spec, str(spec.base_size), "99.99")
    assert not places(rig.tick(3)) and one(rig.view.strategy.document().signals).target.job is None
    return spec


def test_a_target_is_bought_post_only_at_the_bid_as_one_holding() -> None:
    rig = WeightRig()
    spec = one(places(rig.want(0.5)))
    assert (spec.side, spec.kind, spec.purpose, spec.post_only) == (Side.BUY, OrderKind.LIMIT, Purpose.ENTRY, True)
    assert spec.limit_price == D("99.99") and spec.base_size == D(50), "half of 10,000 at the mark"
    rig.fills_all(spec, "50", "99.99")
    lot = one(rig.lots)
    assert (lot.kind, lot.take_ticks, lot.stop_price) == (LotKind.HOLDING, 0, None)
    assert not places(rig.tick(3)), "no take profit, and nothing more is wanted"
    shown = one(rig.view.positions.documents()).lots[0]
    assert (shown.kind, shown.take_price, shown.take_price_text) == ("holding", None, None)


def test_inside_the_band_nothing_is_traded_outside_the_whole_way() -> None:
    rig = WeightRig()
    bought(rig)
    assert not places(rig.price("115")) and not places(rig.want(0.55, "115")), "53.5 % of its share"
    found = rig.want(0.4, "115")
    sale = one(sells(found))
    assert (sale.kind, sale.post_only, sale.reduce_only, sale.purpose) == (OrderKind.LIMIT, True, True, Purpose.EXIT)
    assert sale.limit_price == D("115.01")
    equity = float(rig.view.account.cash) + 50 * 115
    assert float(sale.base_size or 0) == pytest.approx((50 * 115 - 0.4 * equity) / 115, abs=1e-7)
    rig.fills_all(sale, str(sale.base_size), "115.01")
    assert not places(rig.tick(3))
    lot = one(rig.lots)
    assert lot.base_left == 50 - (sale.base_size or 0) and lot.exit_reason is None, "a part of it is still held"


def test_cash_is_wanted_and_all_of_it_is_sold_whatever_the_band() -> None:
    rig = WeightRig()
    bought(rig, 0.06)
    sale = one(sells(rig.want(0.0)))
    assert sale.base_size == D(6)
    found = rig.fills_all(sale, "6", "100.01")
    assert not rig.lots and "for its target weight" in " ".join(notes(found))
    assert not places(rig.tick(3)) and not places(rig.want(0.0))


def test_oldest_holdings_are_sold_first() -> None:
    rig = WeightRig()
    first = bought(rig, 0.3)
    second = bought(rig, 0.6)
    sale = one(sells(rig.want(0.2)))
    assert sale.lot_id == first.client_order_id and sale.base_size == D(30)
    after = rig.fills_all(sale, "30", "100") + rig.tick(2)
    rest = one(sells(after))
    assert rest.lot_id == second.client_order_id and float(rest.base_size or 0) == pytest.approx(10, abs=0.01)


def test_no_opinion_keeps_what_is_held_and_ends_what_is_on_its_way() -> None:
    rig = WeightRig()
    spec = one(places(rig.want(0.5)))
    rig.accept(spec)
    found = rig.want(NO_OPINION) + rig.tick()
    assert cancels(found) == [spec.client_order_id]
    assert not places(rig.seen(spec, S.CANCELLED)) and not places(rig.tick(40))
    bought(rig)
    assert not places(rig.want(NO_OPINION, "300")) and not places(rig.tick(5))


def test_a_target_that_turns_round_cancels_first_and_sees_it_over() -> None:
    rig = WeightRig()
    buy = one(places(rig.want(0.5)))
    rig.accept(buy)
    rig.seen(buy, S.WORKING, "20")
    rig.fill(buy, "20", "99.99")
    found = rig.want(0.0)
    assert not places(found), "the purchase may still fill"
    found = rig.tick()
    assert cancels(found) == [buy.client_order_id] and not places(found)
    rig.fill(buy, "5", "99.99")
    assert not places(rig.tick())
    rig.seen(buy, S.CANCELLED, "25")
    sale = one(sells(rig.tick() + rig.price("100")))
    assert sale.base_size == D(25)


def test_the_touch_leaves_the_order_behind_and_the_next_is_for_the_rest() -> None:
    rig = WeightRig()
    first = one(places(rig.want(0.5)))
    rig.accept(first)
    rig.seen(first, S.WORKING, "20")
    rig.fill(first, "20", "99.99")
    found = rig.price("101", after_ms=2000) + rig.tick()
    assert cancels(found) == [first.client_order_id]
    rig.seen(first, S.CANCELLED, "20")
    second = one(places(rig.tick(2)))
    assert second.limit_price == D("100.99") and second.lot_id == first.client_order_id
    assert D(29) < (second.base_size or D(0)) < D(30)
    rig.fills_all(second, str(second.base_size), "100.99")
    assert one(rig.lots).base_left == 20 + (second.base_size or 0), "one job, one lot"


def test_the_time_is_up_and_the_rest_goes_at_market() -> None:
    rig = WeightRig(exposure_maker_sec=5.0)
    first = one(places(rig.want(0.5)))
    rig.accept(first)
    found = rig.tick(6)
    assert cancels(found)[:1] == [first.client_order_id] and not places(found)
    rig.seen(first, S.CANCELLED, "0")
    rest = one(places(rig.tick()))
    assert (rest.kind, rest.quote_size, rest.base_size) == (OrderKind.MARKET, D(5045), None)
    rig.fills_all(rest, "50", "100", fee="45")
    assert one(rig.lots).kind is LotKind.HOLDING
    assert not places(rig.tick(3)), "its fee came on top: nothing of what was wanted is left to buy"


@pytest.mark.parametrize("low_funds", ["part", "retry"])
def test_where_the_cash_does_not_reach_for_the_fee_it_is_paid_from_what_is_bought(low_funds: str) -> None:
    rig = WeightRig(exposure_maker_sec=0.0, low_funds=low_funds)
    assert one(places(rig.want(1.0))).quote_size == D(10_000), "all the cash, its fee in it"
    resting = one(places(WeightRig(low_funds=low_funds).want(1.0)))
    cost = (resting.base_size or D(0)) * (resting.limit_price or D(0)) * (1 + rig.view.account.maker_rate)
    assert D(9_990) < cost <= D(10_000)


def test_the_largest_order_has_its_fee_in_it() -> None:
    rig = WeightRig(max_order_usd=1000.0, exposure_maker_sec=0.0)
    assert one(places(rig.want(0.5))).quote_size == D(1000)
    resting = one(places(WeightRig(max_order_usd=1000.0).want(0.5)))
    assert (resting.base_size or D(0)) * 100 * (1 + rig.view.account.maker_rate) <= D(1000)


def test_no_patience_sells_at_market_at_once() -> None:
    rig = WeightRig()
    bought(rig)
    at_once = WeightRig(restored=rig.restored(), now_ms=rig.now_ms, cash="5000.5", holdings={"BTC": "50"},
                        exposure_maker_sec=0.0)  # fmt: skip
    sale = one(sells(at_once.want(0.0)))
    assert (sale.kind, sale.base_size) == (OrderKind.MARKET, D(50))


def test_a_refused_post_only_order_is_tried_again_and_another_refusal_waits() -> None:
    rig = WeightRig()
    first = one(places(rig.want(0.5)))
    rig.send(ev.VenueRejected(first.client_order_id, "INVALID_LIMIT_PRICE_POST_ONLY"))
    second = one(places(rig.tick(2)))
    assert second.client_order_id != first.client_order_id
    rig.send(ev.VenueRejected(second.client_order_id, "ORDER_TOO_SMALL"))
    assert not places(rig.tick(20)) and not places(rig.price("100"))
    assert places(rig.tick(15) + rig.price("100")), "after its pause"


def test_a_refused_sale_waits_and_is_tried_again() -> None:
    rig = WeightRig()
    bought(rig)
    first = one(sells(rig.want(0.0)))
    rig.send(ev.VenueRejected(first.client_order_id, "INVALID_LIMIT_PRICE_POST_ONLY"))
    assert not places(rig.tick(3))
    second = one(sells(rig.tick(5)))
    assert second.base_size == D(50) and second.client_order_id != first.client_order_id


def test_an_answer_that_does_not_come_sends_nothing_more() -> None:
    rig = WeightRig()
    first = one(places(rig.want(0.5)))
    rig.send(ev.OutcomeUnknown(first.client_order_id, "timeout"))
    assert not places(rig.tick(20) + rig.price("100") + rig.want(0.9))
    rig.seen(first, S.FILLED, "50")
    rig.fill(first, "50", "99.99")
    rest = one(places(rig.tick(2) + rig.price("100")))
    assert rest.quote_size is not None, "the job's time is up by then"
    bare = rest.quote_size / (1 + TAKER)
    assert D(3990) < bare <= D(4001), "the newer target, once it is known what was bought"


@pytest.mark.parametrize("level", [TradingState.STOP, TradingState.PAUSE])
def test_what_a_person_shuts(level: TradingState) -> None:
    rig = WeightRig()
    buy = one(places(rig.want(0.5)))
    rig.accept(buy)
    found = rig.level(level) + rig.tick()
    assert buy.client_order_id in cancels(found)
    rig.seen(buy, S.CANCELLED, "20")
    rig.fill(buy, "20", "99.99")
    assert not [s for s in places(rig.tick(40) + rig.price("100")) if s.side is Side.BUY]
    sale = sells(rig.want(0.0))
    assert bool(sale) == (level is TradingState.PAUSE), "a pause shuts purchases alone; a stop judges nothing"


def test_a_stop_cancels_a_sale_that_rests_and_start_goes_on() -> None:
    rig = WeightRig()
    bought(rig)
    sale = one(sells(rig.want(0.0)))
    rig.accept(sale)
    assert sale.client_order_id in cancels(rig.level(TradingState.STOP) + rig.tick())
    rig.seen(sale, S.CANCELLED, "0")
    assert not places(rig.tick(5))
    rig.level(TradingState.RUN)
    assert one(sells(rig.price("100"))).base_size == D(50)


def test_the_days_loss_shuts_purchases_and_never_sales() -> None:
    rig = WeightRig(max_daily_loss_pct=2.0)
    bought(rig, 0.5)
    rig.price("90")
    rig.tick()
    assert not places(rig.want(0.9, "90"))
    assert sells(rig.want(0.0, "90"))


def test_reduce_only_sells_only() -> None:
    rig = WeightRig()
    bought(rig)
    only = WeightRig(restored=rig.restored(), now_ms=rig.now_ms, cash="5000.5", holdings={"BTC": "50"},
                     reduce_only=True)  # fmt: skip
    assert not places(only.want(0.9))
    assert sells(only.want(0.2))


def test_flatten_cancels_the_resting_sale_first_and_sells_once() -> None:
    rig = WeightRig()
    bought(rig)
    sale = one(sells(rig.want(0.2)))
    rig.accept(sale)
    found = rig.command(Cmd.FLATTEN)
    assert sale.client_order_id in cancels(found) and not places(found)
    rig.seen(sale, S.CANCELLED, "10")
    flat = one(sells(rig.fill(sale, "10", "100.01") + rig.tick()))
    assert (flat.kind, flat.purpose, flat.base_size) == (OrderKind.MARKET, Purpose.FLATTEN, D(40))
    rig.fills_all(flat, "40", "99.9")
    assert not rig.lots


def test_a_holding_closed_by_hand_is_not_bought_back_on_the_same_bar() -> None:
    rig = WeightRig()
    spec = bought(rig)
    close = one(sells(rig.command(Cmd.CLOSE_LOT, lot_id=spec.client_order_id)))
    rig.fills_all(close, "50", "99.9")
    assert not rig.lots and not places(rig.tick(3) + rig.price("100"))
    gate = next(g for g in rig.view.gates.all("BTC-USD") if g.name == "bar")
    assert (gate.value, gate.opens) == ("sold by hand", "with the next closed bar")
    assert places(rig.want(0.5)), "the next bar is a new target"


def test_a_lot_that_is_still_bought_is_closed_only_after_its_purchase_is_over() -> None:
    rig = WeightRig()
    buy = one(places(rig.want(0.5)))
    rig.accept(buy)
    rig.seen(buy, S.WORKING, "20")
    rig.fill(buy, "20", "99.99")
    found = rig.command(Cmd.CLOSE_LOT, lot_id=buy.client_order_id)
    assert cancels(found) == [buy.client_order_id] and not places(found)
    rig.seen(buy, S.CANCELLED, "20")
    assert one(sells(rig.tick(2))).base_size == D(20)


def test_a_target_that_is_old_trades_nothing() -> None:
    rig = WeightRig()
    bought(rig)
    rig.said.weight = 0.0
    rig.tick(200)
    assert not places(rig.price("100") + rig.price("300"))
    failed = ev.TargetReady("BTC-USD", rig.bar_s, StrategyFailure("broken"))
    rig.answers = False
    rig.want(0.0)
    rig.send(replace(failed, bar_start_s=rig.bar_s))
    assert not places(rig.price("100"))


def test_while_the_strategy_computes_nothing_new_is_sent_and_what_rests_stays() -> None:
    rig = WeightRig(exposure_maker_sec=600.0)
    buy = one(places(rig.want(0.5)))
    rig.accept(buy)
    rig.answers = False
    found = rig.want(0.0) + rig.tick(2)
    assert not places(found) and not cancels(found)


def test_dust_goes_with_the_sale_and_too_small_a_change_waits() -> None:
    rig = WeightRig(exposure_band_pct=0.0)
    bought(rig, 0.5)
    assert not places(rig.want(0.5003)), "3 USD are below ORDER_MIN_USD"
    sale = one(sells(rig.want(0.00005)))
    assert sale.base_size == D(50), "the 0.50 USD that would stay could never be sold"


def test_short_funds_buy_the_part_that_is_there() -> None:
    rig = WeightRig(use_live_equity=False, usd_equity=30_000.0)
    spec = one(places(rig.want(1.0)))
    cost = (spec.base_size or D(0)) * (spec.limit_price or D(0)) * (1 + rig.view.account.maker_rate)
    assert D(9900) < cost <= D(10_000)


def test_a_restart_cancels_what_rests_and_begins_anew_never_twice() -> None:
    rig = WeightRig()
    buy = one(places(rig.want(0.5)))
    rig.accept(buy)
    rig.seen(buy, S.WORKING, "20")
    rig.fill(buy, "20", "99.99")
    again = WeightRig(restored=rig.restored(), now_ms=rig.now_ms, cash="8000.2", holdings={"BTC": "20"})
    again.said.weight = 0.5
    found = again.want(0.5) + again.tick(2)
    assert buy.client_order_id in cancels(found) and not places(found)
    again.seen(buy, S.CANCELLED, "25")
    assert not places(again.tick(2)), "a fill is still owed"
    again.fill(buy, "5", "99.99", trade="late")
    rest = one(places(again.tick(2) + again.price("100")))
    assert D("24.9") < (rest.base_size or D(0)) < D("25.01") and rest.client_order_id != buy.client_order_id


def test_a_sale_that_rests_when_the_bot_dies_is_cancelled_and_never_doubled() -> None:
    rig = WeightRig()
    bought(rig)
    sale = one(sells(rig.want(0.0)))
    rig.accept(sale)
    again = WeightRig(restored=rig.restored(), now_ms=rig.now_ms, cash="5000.5", holdings={"BTC": "50"})
    found = again.want(0.0) + again.tick(2)
    assert sale.client_order_id in cancels(found) and not places(found)
    again.seen(sale, S.CANCELLED, "30")
    again.fill(sale, "30", "100.01", trade="late")
    assert one(sells(again.tick(2) + again.price("100"))).base_size == D(20)


def test_what_a_person_sees() -> None:
    rig = WeightRig()
    assert one(rig.view.strategy.document().signals).target.waits == "the strategy has not answered yet"
    buy = one(places(rig.want(0.5)))
    target = one(rig.view.strategy.document().signals).target
    assert (target.target_pct, target.held_pct, target.band_pct, target.job) == (50.0, 0.0, 5.0, "buys")
    assert target.share_usd == pytest.approx(10_000.0)
    gate = next(g for g in rig.view.gates.all("BTC-USD") if g.name == "in_flight")
    assert gate.value == "one"
    names = {g.name for g in rig.view.gates.all("BTC-USD")}
    assert "signal" in names and not names & {"lots", "pause", "adverse", "edge"}
    rig.fills_all(buy, "50", "99.99")
    rig.tick(2)
    assert one(rig.view.strategy.document().signals).target.waits == "it is within its band"
    sentence = one(rig.view.gates.document().products).sentence
    assert sentence.startswith("Nothing to buy: holds 50.0 % of its share, target 50.0 %")


class World:
    """A venue in small: what works, what is filled, what was told; it draws the order of the news by chance."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        quiet = {"max_daily_loss_pct": 100.0, "max_drawdown_pct": 0.0, "max_consecutive_losses": 0}
        patience = self.chance.choice([0.0, 4.0, 60.0])
        self.rig = WeightRig(exposure_maker_sec=patience, max_orders_per_min=600, max_error_rate_pct=0.0, **quiet)
        self.working: dict[str, tuple[OrderSpec, Any]] = {}  # spec, filled
        self.base, self.cash, self.price, self.weight = D(0), D(10_000), 100.0, 0.0
        self.news: list[Any] = []

    def take(self, intents: list[Any]) -> None:
        for spec in places(intents):
            assert not self.working, "at most one order works"
            if spec.side is Side.SELL:
                assert spec.base_size is not None and spec.base_size <= self.base, "never sold more than is held"
            else:
                asked = (spec.quote_size or D(0)) / (1 + self.rate(spec))
                worth = asked or (spec.base_size or D(0)) * (spec.limit_price or D(0))
                most = self.rig.said.weight * float(self.cash + self.base * D(str(self.price)))
                held = float(self.base) * self.price
                assert held + float(worth) <= most + 0.02 * self.price, "never bought beyond the target"
            if self.chance.random() < 0.1:
                self.news.append(ev.VenueRejected(spec.client_order_id, "POST_ONLY" if spec.post_only else "BUSY"))
                continue
            self.working[spec.client_order_id] = (spec, D(0))
            self.news.append(ev.OrderAccepted(spec.client_order_id, f"v-{spec.client_order_id[-12:]}"))
        for coid in cancels(intents):
            if coid in self.working and self.chance.random() < 0.8:
                spec, filled = self.working.pop(coid)
                self.news.append(("seen", spec, S.CANCELLED, filled))

    def rate(self, spec: OrderSpec) -> Decimal:
        return TAKER if spec.kind is OrderKind.MARKET else self.rig.view.account.maker_rate

    def fill(self) -> None:
        for coid, (spec, filled) in list(self.working.items()):
            if spec.kind is OrderKind.LIMIT and self.chance.random() < 0.5:
                continue
            price = spec.limit_price or D(str(self.price)).quantize(D("0.01"))
            asked = (spec.quote_size or D(0)) / (1 + self.rate(spec))
            whole = spec.base_size or (asked / price).quantize(D("0.00000001"), "ROUND_DOWN")
            part = whole - filled
            if spec.kind is OrderKind.LIMIT and self.chance.random() < 0.6:
                part = (part / 3).quantize(D("0.00000001"))
            if part <= 0:
                continue
            now = filled + part
            sign = 1 if spec.side is Side.BUY else -1
            fee = part * price * self.rate(spec)
            self.base, self.cash = self.base + sign * part, self.cash - sign * part * price - fee
            self.news.append(("fill", spec, part, price, fee))
            done = now >= whole
            self.news.append(("seen", spec, S.FILLED if done else S.WORKING, now))
            if done:
                del self.working[coid]
            else:
                self.working[coid] = (spec, now)

    def tell(self, share: float) -> None:
        self.chance.shuffle(self.news)
        count = int(len(self.news) * share)
        told, self.news = self.news[:count], self.news[count:]
        for item in told:
            if not isinstance(item, tuple):
                self.take(self.rig.send(item, 5))
            elif item[0] == "seen":
                self.take(self.rig.seen(item[1], item[2], str(item[3])))
            else:
                self.take(self.rig.fill(item[1], str(item[2]), str(item[3]), fee=str(item[4])))

    def run(self, steps: int) -> None:
        for step in range(steps):
            self.price *= 1 + self.chance.uniform(-0.02, 0.02)
            if step % 12 == 0 or self.chance.random() < 0.05:
                self.weight = self.chance.choice([0.0, 0.25, 0.5, 0.9, self.chance.random()])
                self.take(self.rig.want(self.weight, f"{self.price:.2f}"))
            self.take(self.rig.price(f"{self.price:.2f}"))
            self.take(self.rig.tick())
            self.fill()
            self.tell(self.chance.random())
            assert self.rig.held <= self.base + sum((f for _, f in self.working.values()), D(0)) + D(200)


@pytest.mark.parametrize("seed", range(25))
def test_random_prices_targets_and_fills_end_inside_the_band(seed: int) -> None:
    world = World(seed)
    world.run(120)
    for _ in range(150):  # prices stand still, everything is told and filled: it must come to rest at its target
        world.take(world.rig.want(world.weight, f"{world.price:.2f}") if world.rig.now_ms % 7 == 0 else [])
        world.take(world.rig.price(f"{world.price:.2f}", after_ms=500))
        world.take(world.rig.tick())
        world.fill()
        world.tell(1.0)
        if world.rig.now_ms // 1000 % 50 == 0:
            world.take(world.rig.want(world.weight, f"{world.price:.2f}"))
    assert world.rig.held == world.base
    equity = float(world.cash + world.base * D(str(world.price)))
    if world.weight == 0.0:
        assert float(world.base) * world.price < 1.0, "only dust may be left"
    else:
        assert abs(float(world.base) * world.price / equity - world.weight) <= 0.0501
    assert all(lot.kind is LotKind.HOLDING for lot in world.rig.lots)
    assert all(lot.exit_reason in (None, ExitReason.TARGET) for lot in world.rig.lots)
