"""Orders that the exchange has from us and the ledger lacks, since it was restored: taken up as what they were.

The facts in an id say what its order was for, so whose exit an order is can be proven from the lots, and which bar an
entry was for from its time. What cannot be proven stays foreign, and so does what a second writer made: it is listed,
entries wait, and nothing touches it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.core import exits, fills, flow
from bot.core.events import PastSeen
from bot.core.gates import entry_plan
from bot.core.ids import FACTS_LENGTH, NO_EPOCH, client_order_id, epoch_of, is_ours
from bot.core.market import Market
from bot.core.model import VENUE_DONE, Fill, Kind, LotKind, OrderSpec, Purpose, Side, VenueOrder
from bot.core.orders import SEEN_INPUT, Order, OrderState
from bot.core.world import World, replace_lot
from shared.money import ZERO
from shared.setting_table import GRANULARITY_S

EXITS_AHEAD = 200  # orders that may have been made for the exit of one lot since
BARS_BACK = 60  # an entry follows its bar within so many
REPRICED_MAX = 150
LACKS_SINCE, KNOWN_MISSING, FETCHED = (
    "lacks_since_ms",
    "known_missing",
    "fetched",
)  # facts, as `shared.ledger.restore_mark` names them
REASON = "fetched from the exchange: the ledger lacked it"
_PURPOSE = {"exit": Purpose.EXIT, "take": Purpose.TAKE}


@dataclass(slots=True)
class _Names:
    """What our exits would be for, by the facts in their ids: (purpose, lot, number)."""

    exits: dict[str, tuple[Purpose, str, int]]

    def of_lot(self, world: World, lot_id: str) -> None:
        known = world.attempts.get(lot_id, 0)
        for number in range(1, known + EXITS_AHEAD):
            for word, purpose in _PURPOSE.items():
                self.exits[_facts(word, lot_id, number)] = (purpose, lot_id, number)


def _facts(*parts: object) -> str:
    return client_order_id("", NO_EPOCH, *parts)[-FACTS_LENGTH:]


def seen(world: World, event: PastSeen) -> None:
    """Take up what is provably ours, in the order in which it happened, and say what it was."""
    names, streak = _Names({}), world.risk.loss_streak
    for lot in world.book:
        names.of_lot(world, lot.lot_id)
    ours = {o.order_id: o for o in event.orders if is_ours(o.client_order_id, world.settings.bot_name)}
    told = [replace(f, client_order_id=ours[f.order_id].client_order_id) for f in event.fills if f.order_id in ours]
    taken: set[str] = set()
    counted = 0
    for happened in _in_time(ours.values(), told):
        if isinstance(happened, Fill):
            counted += _count(world, happened, taken)
        elif _is_news(world, happened) and _take_up(world, happened, names):
            taken.add(happened.client_order_id)
    if world.facts.get(KNOWN_MISSING) and world.risk.loss_streak != streak:
        world.risk.loss_streak = streak  # it came from the ledger that knew them
        world.save_fact("loss_streak", str(streak))
    for coid in taken:
        order = world.orders.get(coid)
        if order is not None and not order.settled:
            world.orders[coid] = replace(order, next_look_ms=world.now_ms)
    left = tuple(order for order in event.orders if order.client_order_id not in taken)
    for shown in left:
        flow.seen(world, shown)
    _say(world, len(taken), counted)


def _is_news(world: World, shown: VenueOrder) -> bool:
    """Not in the ledger, and no second writer's (`core.fence`)."""
    fence = world.fence
    if shown.client_order_id in world.own_ids and shown.client_order_id not in world.own_ids.unrecorded:
        return False
    made_since = fence.since_ms is not None and shown.created_ms >= fence.since_ms
    return not made_since and epoch_of(shown.client_order_id) not in fence.foreign_epochs


def _in_time(orders: Iterable[VenueOrder], told: list[Fill]) -> list[VenueOrder | Fill]:
    made: list[tuple[int, int, VenueOrder | Fill]] = [(order.created_ms, 0, order) for order in orders]
    made += [(fill.exchange_ms, 1, fill) for fill in told]
    return [item for _, _, item in sorted(made, key=lambda row: row[:2])]


def _count(world: World, fill: Fill, taken: set[str]) -> int:
    """Count a fill of an order that is known by now; 1 = it was news."""
    if fill.client_order_id not in world.orders or (fill.order_id, fill.trade_id) in world.fill_keys:
        return 0
    fills.count(world, fill, again=True)
    order = world.orders.get(fill.client_order_id)
    if order is not None and order.settled and fill.client_order_id in taken and order.spec.side is Side.SELL:
        exits.order_over(world, order)
    return 1


def _take_up(world: World, shown: VenueOrder, names: _Names) -> bool:
    """Whether it is provably ours; then it is in the ledger from here on."""
    market = world.market(shown.product_id)
    if market is None:
        return False
    spec = _entry(world, market, shown) if shown.side is Side.BUY else _exit(world, shown, names)
    if spec is None:
        return False
    order = Order(spec, OrderState.UNKNOWN, shown.created_ms, world.now_ms, order_id=shown.order_id, reason=REASON)
    order = replace(order, filled_size=order.told(shown.filled_size))
    order = order.after(SEEN_INPUT[shown.status], world.now_ms)
    world.own_ids.add(spec.client_order_id)
    world.own_ids.unrecorded.discard(spec.client_order_id)
    world.save_order(order)
    if spec.purpose is Purpose.ENTRY:
        names.of_lot(world, spec.lot_id or spec.client_order_id)
    elif not order.done:
        lot = world.book.get(spec.lot_id or "")
        if lot is not None:
            world.save_lot(replace_lot(lot, exit_client_order_id=spec.client_order_id))
    return True


def _exit(world: World, shown: VenueOrder, names: _Names) -> OrderSpec | None:
    """The sale of a lot: by its id; a flatten's id hangs on its command, so it is known by the lot that it sold."""
    found = names.exits.get(shown.client_order_id[-FACTS_LENGTH:])
    if found is not None:
        purpose, lot_id, number = found
        world.attempts[lot_id] = max(world.attempts.get(lot_id, 0), number)
        return _spec(shown, purpose, lot_id=lot_id)
    sold = shown.base_size if shown.base_size is not None else shown.filled_size
    lots = [lot for lot in world.book.of(shown.product_id) if lot.base_left == sold]
    if shown.kind != Kind.MARKET or shown.status not in VENUE_DONE or not lots:
        return None
    return _spec(shown, Purpose.FLATTEN, lot_id=lots[0].lot_id)


def _entry(world: World, market: Market, shown: VenueOrder) -> OrderSpec | None:
    lot_id = _lot_of_entry(world, shown)
    if lot_id is None:
        return None
    kind, tp_pct = entry_plan(world, market)
    return _spec(shown, Purpose.ENTRY, lot_id=lot_id or None, lot_kind=kind, tp_pct=Decimal(str(tp_pct)))


def _lot_of_entry(world: World, shown: VenueOrder) -> str | None:
    """The lot that a maker order buys for; "" = an entry at market, which is a lot of its own; None = not ours."""
    product_id, facts = shown.product_id, shown.client_order_id[-FACTS_LENGTH:]
    for bar_s in _bars(world, shown.created_ms // 1000):
        if shown.kind == Kind.MARKET:
            if facts in (_facts("entry", product_id, bar_s, word) for word in ("first", "retry")):
                return ""
        elif facts in (_facts("entry", product_id, bar_s, "maker", number) for number in range(REPRICED_MAX)):
            # All orders of a maker entry are one run's.
            return shown.client_order_id[:-FACTS_LENGTH] + _facts("entry", product_id, bar_s, "maker", 0)
    return None


def _bars(world: World, at_s: int) -> Iterator[int]:
    """Starts of the bars that an entry at that time may have been for, the likeliest first."""
    own = GRANULARITY_S[world.settings.granularity]
    for step_s in (own, *(s for s in GRANULARITY_S.values() if s != own)):
        newest = at_s - at_s % step_s + step_s  # clocks may differ
        yield from range(newest, newest - step_s * BARS_BACK, -step_s)


def _spec(
    shown: VenueOrder, purpose: Purpose, *, lot_id: str | None, lot_kind: LotKind | None = None,
    tp_pct: Decimal | None = None,
) -> OrderSpec:  # fmt: skip
    kind = Kind.LIMIT if shown.kind == Kind.LIMIT else Kind.MARKET
    price = shown.average_fill_price or shown.limit_price or ZERO
    by_quote = shown.side is Side.BUY and kind is Kind.MARKET
    size = shown.base_size if shown.base_size is not None else shown.filled_size
    return OrderSpec(
        client_order_id=shown.client_order_id,
        product_id=shown.product_id,
        side=shown.side,
        kind=kind,
        purpose=purpose,
        base_size=None if by_quote else size,
        quote_size=shown.filled_size * price if by_quote else None,
        limit_price=shown.limit_price,
        post_only=kind is Kind.LIMIT,
        end_ms=None,
        expected_price=price,
        lot_id=lot_id,
        lot_kind=lot_kind,
        tp_pct=tp_pct,
    )


def _say(world: World, orders: int, counted: int) -> None:
    word = "1 order that the ledger lacked was" if orders == 1 else f"{orders} orders that the ledger lacked were"
    text = f"{word} fetched from the exchange, with {counted} fill{'' if counted == 1 else 's'}"
    before = "" if world.facts.get(LACKS_SINCE) else world.facts.get(FETCHED, "")
    if not orders and not counted:
        if before:
            return
        text = "the exchange shows no order of ours that the ledger lacks"
    world.note("ledger", text, "warn" if orders else "good")
    world.save_fact(FETCHED, f"{before}; later {text}" if before else text)
    world.save_fact(LACKS_SINCE, "")
