"""Maker entries under the walk through faults: lost and doubled news, crashes, kills, parts; the same promises hold.

On top of the engine's own promises: the orders of one entry together never cost more than was planned for it.
"""

import random
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain import events as ev
from bot.domain.kinds import OrderKind, Purpose, Side
from bot.domain.orders import OrderSpec
from shared.ledger import schema as t
from shared.ledger.tables import select
from tests.core.engine_machine import PRODUCTS, Trading
from tests.core.engine_walk import one_step
from tests.core.harness import quiet_settings
from tests.core.venue_model import Placed, Venue

D = Decimal


class MakerVenue(Venue):
    """Resting bids, too, which trade when the market falls to them. A market buy would be a defect here."""

    def __init__(self, cash: Decimal, prices: dict[str, Decimal]) -> None:
        super().__init__(cash)
        self.prices = prices

    def trade(self, order: Placed, price: Decimal, share: Decimal, at_ms: int) -> None:
        above = order.spec.side is Side.BUY and self.prices[order.spec.product_id] > price
        if not (above and share >= 1):
            super().trade(order, price, share, at_ms)

    def post(self, spec: OrderSpec, price: Decimal, at_ms: int, share: Decimal) -> Placed | None:
        if spec.side is not Side.BUY:
            return super().post(spec, price, at_ms, share)
        assert spec.client_order_id not in self.posted, f"POSTed twice: {spec}"
        self.posted.add(spec.client_order_id)
        assert spec.kind is OrderKind.LIMIT and spec.base_size and spec.limit_price
        live = [o for o in self.live() if o.spec.side is Side.BUY and o.spec.product_id == spec.product_id]
        assert not live, "two bids of one product at work"
        reserved = sum((o.left * o.spec.limit_price * D("1.005") for o in self.live() if o.spec.side is Side.BUY
                        and o.spec.limit_price), D(0))  # fmt: skip
        if spec.base_size * spec.limit_price * D("1.005") + reserved > self.cash:
            return None
        placed = Placed(spec, f"v{len(self.orders)}", spec.base_size, at_ms)
        self.orders[spec.client_order_id] = placed
        return placed


class MakerTrading(Trading):
    def __init__(self) -> None:
        super().__init__()
        self.venue: MakerVenue = MakerVenue(D(10_000), self.prices)
        self.planned: dict[str, Decimal] = {}

    def start_maker(self) -> None:
        self.settings = quiet_settings(
            products=PRODUCTS, stop_loss_pct=3.0, entry_order="maker", pyramid_min_adverse_pct=0.5,
            pyramid_decay_min_pct=0.1, trail_activate_pct=1.0, max_daily_loss_pct=100.0, max_orders_per_min=600,
            max_drawdown_pct=0.0, max_error_rate_pct=0.0, maker_reprice_sec=1.0, maker_timeout_sec=120.0,
            max_consecutive_losses=0,
        )  # fmt: skip
        self.boot()

    def dispatch(self, event: ev.Event) -> None:
        super().dispatch(event)
        for job in self.engine.view.positions.maker_entries().values():
            if job.bar_s:
                # It may be planned smaller once, never larger.
                self.planned[job.lot_id] = max(self.planned.get(job.lot_id, D(0)), job.planned_quote)

    def arrive_post(self, spec: OrderSpec, fate: int) -> None:
        bids = spec.side is Side.BUY and spec.limit_price is not None
        assert not bids or spec.post_only, "a bid that may take"
        if bids and fate != 1 and self.prices[spec.product_id] <= (spec.limit_price or 0):
            self.say(ev.VenueRejected(spec.client_order_id, "INVALID_LIMIT_PRICE_POST_ONLY"))
            return
        # The check of a sale that would cross is not for a bid: it was made above.
        super().arrive_post(replace(spec, post_only=False) if bids else spec, fate)

    def the_market_trades(self, product_id: str, change: str, word: str, arrive: int) -> None:
        super().the_market_trades(product_id, change, word, arrive)
        price = self.prices[product_id]
        for order in self.venue.live():
            limit = order.spec.limit_price
            if order.spec.side is Side.BUY and order.spec.product_id == product_id and limit and price <= limit:
                self.venue.trade(order, limit, D("0.4") if arrive % 2 else D(1), self.now_ms)
                self.tell(order.spec.client_order_id)

    def no_entry_costs_more_than_its_plan(self) -> None:
        with self.db.connect() as db:
            fills = db.rows(f"{select(t.fills)}WHERE side = 'BUY'", of=t.fills)
            orders = {row.client_order_id: row for row in db.rows(select(t.orders), of=t.orders)}
        spent: dict[str, Decimal] = {}
        for fill in fills:
            assert orders[fill.client_order_id].purpose == Purpose.ENTRY.value
            spent[fill.lot_id] = spent.get(fill.lot_id, D(0)) + fill.price * fill.base_size + fill.fee
        for lot_id, quote in spent.items():
            if lot_id in self.planned:
                assert quote <= self.planned[lot_id], f"{lot_id} cost {quote}, planned {self.planned[lot_id]}"


def _drift(run: MakerTrading, rng: random.Random) -> None:
    """The touch moves a little and everything arrives: bids are left behind, or filled in part."""
    run.the_market_trades(rng.choice(PRODUCTS), rng.choice(["-0.2", "-0.05", "0.1", "0.3"]), "", rng.randrange(6))
    run.time_goes_by(rng.choice([1, 2]))
    run.all_arrives_in_order(5)


def _walk(seed: int, steps: int) -> MakerTrading:
    rng = random.Random(seed)
    run = MakerTrading()
    run.start_maker()
    try:
        for _ in range(steps):
            if rng.random() < 0.4:
                _drift(run, rng)
            else:
                one_step(run, rng)
            run.lots_are_what_the_fills_made()
            run.one_runner_where_lots_are()
            run.one_entry_in_flight_for_each_product()
            run.no_entry_costs_more_than_its_plan()
        run.control("run")
    finally:
        run.teardown()
    return run


@pytest.mark.parametrize("seed", range(12))
def test_a_long_walk_with_maker_entries(seed: int) -> None:
    run = _walk(seed, 250)
    assert run.venue.trades >= 2, "a walk that trades nothing proves nothing"


def test_the_walks_reach_what_they_are_for() -> None:
    """Entries of several bids, some of them filled in part before the next price."""
    several = parts = 0
    for seed in range(3):
        entries: dict[str | None, list[Placed]] = {}
        for order in _walk(seed, 250).venue.orders.values():
            if order.spec.side is Side.BUY:
                entries.setdefault(order.spec.lot_id, []).append(order)
        several += sum(len(bids) > 1 for bids in entries.values())
        parts += sum(len(bids) > 1 and any(0 < bid.filled < bid.size for bid in bids) for bids in entries.values())
    assert several >= 3 and parts >= 1, (several, parts)
