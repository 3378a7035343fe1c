"""Orders that the exchange has from us and the ledger lacks, since it was restored: taken up as what they were.

The facts in an id say what its order was for, so whose exit an order is can be proven from the lots, and which bar an
entry was for from its time. What cannot be proven stays foreign, and so does what a second writer made: it is listed,
entries wait, and nothing touches it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from bot.domain.events import HistoryReport
from bot.domain.fills import Fill
from bot.domain.kinds import ExitReason, LotKind, OrderKind, Purpose, Side
from bot.domain.lots import replace_lot
from bot.domain.order_life import SEEN_INPUT, Order, OrderState
from bot.domain.orders import FINAL_STATUSES, OrderReport, OrderSpec
from bot.engine.execution import exits
from bot.engine.execution.edge import scalp_or_runner
from bot.engine.orders import fills, order_events
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from shared.money import ZERO
from shared.sentinel_sales import TAKEN
from shared.setting_table import GRANULARITY_S

EXITS_AHEAD = 200  # orders that may have been made for the exit of one lot since
BARS_BACK = 60  # an entry follows its bar within so many
REPRICED_MAX = 150
LACKS_SINCE, KNOWN_MISSING, FETCHED = (
    "lacks_since_ms",
    "known_missing",
    "fetched",
)  # facts, as `shared.ledger.restore_mark` names them
REASON = "fetched from the exchange: it was missing from the ledger"
_PURPOSE = {"exit": Purpose.EXIT, "take": Purpose.TAKE_PROFIT, "target": Purpose.EXIT}


@dataclass(slots=True)
class _Names:
    """What our exits would be for, by the facts in their ids: (purpose, lot, number)."""

    exits: dict[str, tuple[Purpose, str, int]]
    lots: set[str]  # lots, and purchases for a target weight, whose names are known here

    def of_open_lots(self, state: EngineState) -> None:
        """Also of those that a fill has just opened."""
        for lot in state.positions.lots:
            self.of_lot(state, lot.lot_id)

    def of_lot(self, state: EngineState, lot_id: str, once: str | None = None) -> None:
        """`once`: the id that the lot may have had in the run that made these orders."""
        named = once or lot_id
        if named in self.lots:
            return
        self.lots.add(named)
        known = state.orders.attempts.get(lot_id, 0)
        for number in range(1, known + EXITS_AHEAD):
            for word, purpose in _PURPOSE.items():
                self.exits[state.orders.ids.facts(word, named, number)] = (purpose, lot_id, number)


def seen(state: EngineState, event: HistoryReport) -> None:
    """Take up what is provably ours, in the order in which it happened, and say what it was."""
    names, streak = _Names({}, set()), state.risk.loss_streak
    names.of_open_lots(state)
    ours = {o.order_id: o for o in event.orders if state.orders.ids.is_ours(o.client_order_id)}
    told = [replace(f, client_order_id=ours[f.order_id].client_order_id) for f in event.fills if f.order_id in ours]
    taken: set[str] = set()
    counted = 0
    for happened in _in_time(ours.values(), told):
        if isinstance(happened, Fill):
            news = _count(state, happened, taken)
            counted += news
            if news:  # of an entry that the ledger knew without its fills: the lot's exits come after it
                names.of_open_lots(state)
        elif _is_news(state, happened) and _take_up(state, happened, names):
            taken.add(happened.client_order_id)
            if happened.client_order_id in event.flattened:
                _flattened(state, happened)
    if state.records.key_values.get(KNOWN_MISSING) and state.risk.loss_streak != streak:
        state.risk.loss_streak = streak  # it came from the ledger that knew them
        state.save_value("loss_streak", str(streak))
    for coid in taken:
        order = state.orders.by_id.get(coid)
        if order is not None and not order.settled:
            state.orders.by_id[coid] = replace(order, next_look_ms=state.clock.now_ms)
    left = tuple(order for order in event.orders if order.client_order_id not in taken)
    for shown in left:
        order_events.seen(state, shown)
    if event.noted_ms is not None:
        state.save_value(TAKEN, str(event.noted_ms))
    _say(state, len(taken), counted)


def _flattened(state: EngineState, shown: OrderReport) -> None:
    """The sentinel sold the lot because everything had to go; no stop or take was reached."""
    order = state.orders.by_id[shown.client_order_id]
    state.orders.by_id[shown.client_order_id] = order = replace(
        order, spec=replace(order.spec, purpose=Purpose.FLATTEN)
    )
    state.save_order(order)
    lot = state.positions.lots.get(order.spec.lot_id or "")
    if lot is not None:
        state.save_lot(replace_lot(lot, exit_reason=ExitReason.FLATTEN))


def _is_news(state: EngineState, shown: OrderReport) -> bool:
    """Not in the ledger, and no second writer's (`engine.orders.second_writer`)."""
    fence = state.orders.fence
    if shown.client_order_id in state.orders.own_ids and shown.client_order_id not in state.orders.own_ids.unrecorded:
        return False
    made_since = fence.since_ms is not None and shown.created_ms >= fence.since_ms
    return not made_since and state.orders.ids.epoch_of(shown.client_order_id) not in fence.foreign_epochs


def _in_time(orders: Iterable[OrderReport], told: list[Fill]) -> list[OrderReport | Fill]:
    made: list[tuple[int, int, OrderReport | Fill]] = [(order.created_ms, 0, order) for order in orders]
    made += [(fill.exchange_ms, 1, fill) for fill in told]
    return [item for _, _, item in sorted(made, key=lambda row: row[:2])]


def _count(state: EngineState, fill: Fill, taken: set[str]) -> int:
    """Count a fill of an order that is known by now; 1 = it was news."""
    if fill.client_order_id not in state.orders.by_id or (fill.order_id, fill.trade_id) in state.orders.fill_keys:
        return 0
    fills.count(state, fill, again=True)
    order = state.orders.by_id.get(fill.client_order_id)
    if order is not None and order.settled and fill.client_order_id in taken and order.spec.reduce_only:
        exits.order_over(state, order)
    return 1


def _take_up(state: EngineState, shown: OrderReport, names: _Names) -> bool:
    """Whether it is provably ours; then it is in the ledger from here on."""
    market = state.markets.get(shown.product_id)
    if market is None:
        return False
    spec = _entry(state, market, shown) if shown.side is Side.BUY else _exit(state, shown, names)
    if spec is None:
        return False
    order = Order(
        spec, OrderState.UNKNOWN, shown.created_ms, state.clock.now_ms, order_id=shown.order_id, reason=REASON
    )
    order = replace(order, filled_size=order.told(shown.filled_size))
    order = order.after(SEEN_INPUT[shown.status], state.clock.now_ms)
    state.orders.own_ids.add(spec.client_order_id)
    state.orders.own_ids.unrecorded.discard(spec.client_order_id)
    state.save_order(order)
    if spec.purpose is Purpose.ENTRY:
        names.of_lot(state, spec.lot_id or spec.client_order_id)
        if spec.lot_kind is LotKind.HOLDING and spec.lot_id is not None:
            names.of_lot(state, spec.lot_id, once=spec.client_order_id)
    elif not order.done:
        lot = state.positions.lots.get(spec.lot_id or "")
        if lot is not None:
            state.save_lot(replace_lot(lot, exit_client_order_id=spec.client_order_id))
    return True


def _exit(state: EngineState, shown: OrderReport, names: _Names) -> OrderSpec | None:
    """The sale of a lot: by its id; a flatten's id hangs on its command, so it is known by the lot that it sold."""
    found = names.exits.get(state.orders.ids.facts_of(shown.client_order_id))
    if found is not None:
        purpose, lot_id, number = found
        state.orders.attempts[lot_id] = max(state.orders.attempts.get(lot_id, 0), number)
        return _spec(shown, purpose, lot_id=lot_id)
    sold = shown.base_size if shown.base_size is not None else shown.filled_size
    lots = [lot for lot in state.positions.lots.of(shown.product_id) if lot.base_left == sold]
    if shown.kind != OrderKind.MARKET or shown.status not in FINAL_STATUSES or not lots:
        return None
    return _spec(shown, Purpose.FLATTEN, lot_id=lots[0].lot_id)


def _entry(state: EngineState, market: Market, shown: OrderReport) -> OrderSpec | None:
    """A purchase of ours; None = it is not provably one."""
    ids, product_id = state.orders.ids, shown.product_id
    facts = ids.facts_of(shown.client_order_id)
    for bar_s in _bars(state, shown.created_ms // 1000):
        lot_id: str | None = None
        if shown.kind == OrderKind.MARKET:
            found = facts in (ids.facts("entry", product_id, bar_s, word) for word in ("first", "retry"))
        else:
            found = facts in (ids.facts("entry", product_id, bar_s, "maker", number) for number in range(REPRICED_MAX))
            # All orders of a maker entry are one run's, and buy for one lot.
            lot_id = shown.client_order_id.removesuffix(facts) + ids.facts("entry", product_id, bar_s, "maker", 0)
        if found:
            kind, tp_pct = scalp_or_runner(state, market)
            return _spec(shown, Purpose.ENTRY, lot_id=lot_id, lot_kind=kind, tp_pct=Decimal(str(tp_pct)))
        for number in range(REPRICED_MAX):
            if facts == ids.facts("entry", product_id, bar_s, "holding", number):
                lot_id = _lot_before(state, shown, bar_s, number)
                return _spec(shown, Purpose.ENTRY, lot_id=lot_id, lot_kind=LotKind.HOLDING, tp_pct=ZERO)
    return None


def _lot_before(state: EngineState, shown: OrderReport, bar_s: int, number: int) -> str | None:
    """The lot of the purchase for the same target before this one: whether that was the same job's is not told.

    None = there was none; the purchase is a lot of its own.
    """
    ids = state.orders.ids
    head = shown.client_order_id.removesuffix(ids.facts_of(shown.client_order_id))
    for before in range(number - 1, -1, -1):
        facts = ids.facts("entry", shown.product_id, bar_s, "holding", before)
        known = state.orders.own_ids.known_for(head + facts) or ""
        order = state.orders.by_id.get(known)
        if order is not None:
            return order.spec.lot_id or known
        if state.positions.lots.get(known) is not None:  # its order is over for long
            return known
    return None


def _bars(state: EngineState, at_s: int) -> Iterator[int]:
    """Starts of the bars that an entry at that time may have been for, the likeliest first."""
    own = GRANULARITY_S[state.settings.granularity]
    for step_s in (own, *(s for s in GRANULARITY_S.values() if s != own)):
        newest = at_s - at_s % step_s + step_s  # clocks may differ
        yield from range(newest, newest - step_s * BARS_BACK, -step_s)


def _spec(
    shown: OrderReport, purpose: Purpose, *, lot_id: str | None, lot_kind: LotKind | None = None,
    tp_pct: Decimal | None = None,
) -> OrderSpec:  # fmt: skip
    kind = OrderKind.LIMIT if shown.kind == OrderKind.LIMIT else OrderKind.MARKET
    price = shown.average_fill_price or shown.limit_price or ZERO
    by_quote = shown.side is Side.BUY and kind is OrderKind.MARKET
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
        post_only=kind is OrderKind.LIMIT,
        end_ms=None,
        expected_price=price,
        lot_id=lot_id,
        lot_kind=lot_kind,
        tp_pct=tp_pct,
        reduce_only=purpose is not Purpose.ENTRY,
    )


def _say(state: EngineState, orders: int, counted: int) -> None:
    word = "1 order missing from the ledger was" if orders == 1 else f"{orders} orders missing from the ledger were"
    text = f"{word} fetched from the exchange, with {counted} fill{'' if counted == 1 else 's'}"
    before = "" if state.records.key_values.get(LACKS_SINCE) else state.records.key_values.get(FETCHED, "")
    if not orders and not counted:
        if before:
            return
        text = "no order of ours is missing from the ledger"
    state.note("ledger", text, "warn" if orders else "good")
    state.save_value(FETCHED, f"{before}; later {text}" if before else text)
    state.save_value(LACKS_SINCE, "")
