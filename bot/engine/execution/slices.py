"""Sales that would walk the book go in parts (MAX_IMPACT_BP). An exit is never refused, and it always ends.

Each part is what the bids take within the limit; the next one goes when the last is over and a book that was seen
after it has room again. After SLICES_MAX parts or SLICES_MS the rest goes at market, so a stop never hangs. Nothing
of it is kept: after a restart what is left of the lot is sliced anew, and its exit order is looked up first as ever.
"""

from decimal import Decimal

from bot.domain.kinds import OrderKind
from bot.domain.lots import Lot
from bot.domain.price_book import BP, PriceBook, sell_impact_bp, sellable_within
from bot.engine.state.engine_state import EngineState
from bot.engine.state.market import Market
from bot.engine.state.slicing import Slicing
from shared.money import ZERO, spoken

SLICES_MAX = 20
SLICES_MS = 30_000
FIRST_BOOK_MS = 5_000  # after a start the books are on their way: a sale waits so long for the first one
FORGOTTEN_MS = 5_000  # an exit that lapsed, and was decided anew later, begins anew
SHOWS_MS = 500  # how long after the news of a fill a book may still be the one before it


def next_size(state: EngineState, market: Market, lot: Lot) -> Decimal | None:
    """How much of the lot goes at market now; None = wait for the book."""
    whole = market.instrument.floor_size(lot.base_left)
    limit, book = state.settings.max_impact_bp, market.fresh_book(state.clock.now_ms)
    if not limit:
        return whole
    if book is None:
        # Nobody knows what it would walk. A sale that goes in parts already waits for the book, as long as it may.
        if market.book is None and state.clock.now_ms - state.control.ready_ms < FIRST_BOOK_MS:
            return None
        job = at_work(state, lot)
        return whole if job is None or _is_over(state, job) else None
    job = at_work(state, lot)
    best = _usual_bid(book, job)
    room = Decimal(sellable_within(book.bids, best, limit)) - _not_shown(state, market, book.seen_ms)
    if whole < room:
        return whole
    job = job or _begin(state, lot, book)
    if _is_over(state, job):
        return _the_rest(state, market, lot, job, whole)
    part = market.instrument.floor_size(max(room, ZERO))
    if not market.instrument.sellable(part, Decimal(best)):
        return None
    if not market.instrument.sellable(whole - part, Decimal(best)):
        return whole  # a rest that nobody takes would stay behind as dust
    job.parts += 1
    return part


def at_work(state: EngineState, lot: Lot) -> Slicing | None:
    """The lot's sale in parts. Asked each second, also while a part is on its way or was refused: whoever does not ask
    has given the sale up, and one that begins anew would have its time and its measure of the bid once more."""
    job = state.positions.slicing.get(lot.lot_id)
    if job is None or state.clock.now_ms - job.asked_ms > FORGOTTEN_MS:
        return None
    job.asked_ms = state.clock.now_ms
    return job


def _usual_bid(book: PriceBook, job: Slicing | None) -> float:
    """What a part's price is held against: the best bid, or where it stood beside the ask before the first part.

    A bid that our own part ate up is no measure for the next one, or the parts would walk the book one after another.
    """
    best = book.bids.levels[0][0] if book.bids.levels else 0.0
    if job is None or job.spread is None or not book.asks.levels:
        return best
    return max(best, book.asks.levels[0][0] - job.spread)


def _is_over(state: EngineState, job: Slicing) -> bool:
    return job.ending or state.clock.now_ms - job.since_ms >= SLICES_MS or job.parts >= SLICES_MAX


def _begin(state: EngineState, lot: Lot, book: PriceBook) -> Slicing:
    job = state.positions.slicing[lot.lot_id] = Slicing(state.clock.now_ms, state.clock.now_ms, book.spread)
    impact_bp = sell_impact_bp(book.bids, float(lot.base_left))
    deep = f"{impact_bp:.0f} bp" if impact_bp is not None and impact_bp < BP else "the whole book"
    text = (
        f"{lot.product_id} {lot.kind.value}: selling at once would walk {deep} "
        f"(MAX_IMPACT_BP={state.settings.max_impact_bp:g}): it is sold in parts"
    )
    state.note("exit", text, "warn", lot.product_id, lot.lot_id)
    return job


def _the_rest(state: EngineState, market: Market, lot: Lot, job: Slicing, whole: Decimal) -> Decimal:
    if not job.ending:
        job.ending = True
        what = spoken(whole, market.instrument.base_increment)
        after = f"{job.parts} parts in {(state.clock.now_ms - job.since_ms) / 1000:.0f} s"
        text = f"{lot.product_id} {lot.kind.value}: the rest of {what} is sold at market ({after})"
        state.note("exit", text, "warn", lot.product_id, lot.lot_id)
    return whole


def _not_shown(state: EngineState, market: Market, seen_ms: int) -> Decimal:
    """Base units of the product's own market sales that the book does not show yet: in flight, or just filled."""
    total = ZERO
    for order in state.orders.by_id.values():
        spec = order.spec
        if not spec.reduce_only or spec.kind is not OrderKind.MARKET or spec.product_id != market.instrument.product_id:
            continue
        if not order.settled:
            total += spec.base_size or ZERO
        elif order.updated_ms > seen_ms - SHOWS_MS:
            total += order.counted_size
    return total
