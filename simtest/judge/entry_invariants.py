"""Invariants of the reference model about entries: a BUY bar with every gate open is bought, and no other one is.

What the model does not reckon leaves an entry out; what it reckons, it reckons against the bot's duty: every size as
large and every balance as small as it may have been. So an entry that it calls due was due.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from simtest.judge.case import Case, Row, dec
from simtest.judge.intervals import REST_FAULTS, clear
from simtest.judge.reference_model import ReferenceModel, model_of
from simtest.reference import levels
from simtest.reference.lots import NEVER_US, NEWS_US, BoughtLot
from simtest.reference.signals import is_modelled, says_buy

S = 1_000_000
ENTRY_US = 30 * S  # a bar is read 1, 3 or 9 s after its end, judged, and bought with the next prices
READY_US = 12 * S  # by then the bar is read and the strategy has answered
SEND_US = 4 * S  # from a judged price to the request
LATE_US = 62 * S  # what a bar said holds until the end of the next one and a minute more
API_US = 70 * S  # failed requests are counted for a minute
ORDERS_US = 620 * S  # and orders without an answer for ten minutes
MIDNIGHT_US = 90 * S  # the day turns
HOUR_US = 3_700 * S  # entries that were refused pause a product for an hour at most
ROOM = Decimal("1.05")  # equity and prices may be so much above what is reckoned here
# Settings that the model does not reckon, and the value with which they are off.
OFF = {
    "trading_window_utc": "", "reduce_only": False, "scanner_max_products": 0, "max_base": "", "max_impact_bp": 0.0,
    "vol_band_low_pct": 0.0, "vol_band_high_pct": 0.0, "volatility_mult": 0.0, "correlation_limit": 0.0,
    "edge_gate": False,
}  # fmt: skip
SPIKE = 4.0  # the last hour's volatility is hardly ever so many times the last day's


class ClosedBar(NamedTuple):
    """A bar that closed at `end_us`; `buy`: what the strategy says of it, None = not known."""

    end_us: int
    close: Decimal
    buy: bool | None


def left_out(case: Case) -> list[str]:
    """Names of the settings for which no entry is called due."""
    settings = case.truth["settings"]
    named = [name for name, off in OFF.items() if settings.get(name, off) != off]
    named += [name for name in ("max_product_usd", "max_total_usd") if not isinstance(settings[name], int | float)]
    if case.truth["plan"]["settings"].get("product_caps"):
        named.append("product_caps")
    if 0 < settings["max_vol_spike"] < SPIKE:
        named.append("max_vol_spike")
    return named if is_modelled(settings) else [*named, "strategy"]


def entries(case: Case) -> Iterator[str]:
    """R1: a signal with open gates buys, and nothing is bought against the signal, the pause or the adverse move."""
    model = model_of(case)
    if model.at_weights:
        return
    for product_id in model.products:
        bars = _closed_bars(case, model, product_id)
        yield from _due_entries(case, model, product_id, bars)
        yield from _signalled(case, model, product_id, bars)
        yield from _one_a_bar(case, model, product_id, bars)
    for lot in model.lots:
        yield from _added(case, model, lot)


def _closed_bars(case: Case, model: ReferenceModel, product_id: str) -> list[ClosedBar]:
    start_us, length_us = int(case.truth["start_us"]), model.bar_s * S
    closes: list[Decimal] = []
    found = []
    for row in case.truth["bars"][product_id]:
        closes.append(dec(row[3]))
        found.append(ClosedBar(row[0] * S + length_us - start_us, closes[-1], says_buy(model.settings, closes)))
    return found


def _purchases(case: Case, product_id: str) -> list[Row]:
    return [post for post in case.posts if post["side"] == "BUY" and post["product_id"] == product_id]


def _due_entries(case: Case, model: ReferenceModel, product_id: str, bars: list[ClosedBar]) -> Iterator[str]:
    """A BUY bar whose gates all stay open is bought."""
    if left_out(case) or case.ledger_was_lost:
        case.count("R1 ENTRY/left out", len([bar for bar in bars if bar.buy and bar.end_us > 0]))
        return
    posts = _purchases(case, product_id)
    for bar in bars:
        by_us = bar.end_us + ENTRY_US
        if not bar.buy or bar.end_us <= 0 or by_us > model.end_us or not _open(case, model, product_id, bar, posts):
            continue
        case.count("R1 ENTRY/due")
        if not any(bar.end_us <= post["sent_us"] <= by_us for post in posts):
            yield f"{product_id}: the bar that closed at {bar.end_us} us says BUY, every gate is open, nothing is sent"


def _open(case: Case, model: ReferenceModel, product_id: str, bar: ClosedBar, posts: list[Row]) -> bool:
    """Whether nothing may have stood in the way of an entry on this bar, whatever the bot knew late."""
    begin_us, by_us = bar.end_us, bar.end_us + ENTRY_US
    excuses = model.excuses
    if excuses.entries.touch(begin_us - 5 * S, by_us) or excuses.product(product_id).touch(begin_us - 5 * S, by_us):
        return False
    if (int(case.truth["start_us"]) + begin_us + MIDNIGHT_US) % (86_400 * S) < 2 * MIDNIGHT_US:
        return False
    if any(post["order_id"] is None and begin_us - HOUR_US < post["sent_us"] < by_us for post in posts):
        return False
    in_flight = [o for o in model.orders if o.buys and o.product_id == product_id and o.sent_us < begin_us]
    if any(_settles_us(model, o.lot_id) > begin_us - 5 * S for o in in_flight):
        return False
    return (
        calm_market(case, model, product_id, begin_us, by_us)
        and in_limits(case, model, begin_us, by_us)
        and _room_for_a_lot(model, product_id, bar)
        and _money_for_it(model, product_id, begin_us, by_us)
    )


def _settles_us(model: ReferenceModel, lot_id: str) -> int:
    """When the purchases for a lot were all over."""
    mine = [order for order in model.orders if order.lot_id == lot_id and order.buys]
    over_us = max(order.over_us for order in mine)
    if mine[0].limit is not None:
        over_us = max(over_us, min(order.sent_us for order in mine) + model.job_us)
    return over_us


def calm_market(case: Case, model: ReferenceModel, product_id: str, begin_us: int, by_us: int) -> bool:
    """Every price and book that was heard from 2 s before on is one on which may be bought."""
    rows = [row for row in case.truth["prices"].get(product_id, ()) if begin_us - 2 * S <= row[0] <= by_us]
    if len([row for row in rows if begin_us + READY_US <= row[0] <= by_us - SEND_US]) < 3:
        return False
    apart_pct = levels.number(model.settings["price_collar_pct"]) * 8 / 10
    widest_pct = levels.number(model.settings["max_spread_pct"])
    for _, price, bid, ask, offered in rows:
        if not bid or not ask or offered < model.settings["min_depth_usd"]:
            return False
        middle = (dec(bid) + dec(ask)) / 2
        if not dec(bid) < dec(ask) or abs(dec(price) - middle) > middle * apart_pct / 100:
            return False
        if widest_pct and (dec(ask) - dec(bid)) * 100 > middle * widest_pct * 9 / 10:
            return False
    return True


def in_limits(case: Case, model: ReferenceModel, begin_us: int, by_us: int) -> bool:
    """No limit of number or loss was near."""
    s = model.settings
    if s["max_api_error_pct"] and not clear(case, REST_FAULTS, begin_us - API_US, by_us):
        return False
    if s["max_error_rate_pct"] and any(
        begin_us - ORDERS_US < post["sent_us"] <= by_us and not _answered(case, post) for post in case.posts
    ):
        return False
    recent = [post for post in case.posts if begin_us - 65 * S < post["sent_us"] <= by_us]
    counted = [post for post in recent if post["side"] == "BUY" or "market" in str(post["configuration"])]
    if len(counted) + 2 >= s["max_orders_per_min"]:
        return False
    if any(state["breaker"] for state in case.states if state["us"] <= by_us):
        return False
    most = s["max_consecutive_losses"]
    lost = [lot for lot in model.lots if lot.closed_us < by_us and lot.result <= 0]
    return not (most and len(lost) + 1 >= most)


def _answered(case: Case, post: Row) -> bool:
    """Whether the request was accepted, and the answer came."""
    sent_us = int(post["sent_us"])
    return post["order_id"] is not None and clear(case, REST_FAULTS, sent_us, sent_us + SEND_US, ("POST /orders",))


def _maybe_open(model: ReferenceModel, from_us: int, product_id: str | None = None) -> list[BoughtLot]:
    """Lots decided on before, of which one cannot be sure that they were closed."""
    return [
        lot
        for lot in model.lots
        if (product_id is None or lot.product_id == product_id)
        and lot.sent_us < from_us
        and (lot.closed_us >= from_us - NEWS_US or lot.unsure_us < lot.closed_us)
    ]


def _room_for_a_lot(model: ReferenceModel, product_id: str, bar: ClosedBar) -> bool:
    """Lots, pause and adverse move allow one more."""
    s, begin_us, by_us = model.settings, bar.end_us, bar.end_us + ENTRY_US
    in_all, mine = _maybe_open(model, begin_us), _maybe_open(model, begin_us, product_id)
    sent = [order for order in model.orders if order.buys and begin_us - ENTRY_US <= order.sent_us <= by_us]
    waiting = {o.lot_id for o in model.orders if o.buys and o.over_us > begin_us - NEWS_US and o.sent_us <= by_us}
    more = len({order.lot_id for order in sent} | waiting)
    if len(in_all) + more + 1 > s["max_total_lots"] or len(mine) + 1 > s["max_concurrent_lots"]:
        return False
    if not mine:
        return True
    if not s["allow_pyramiding"]:
        return False
    mine.sort(key=lambda lot: lot.opened_us)
    sure = [n for n, lot in enumerate(mine) if lot.unsure_us > by_us and lot.closed_us > by_us + NEWS_US]
    mine = mine[sure[-1] :] if sure else mine  # one of these is the newest
    last_add_us = max(lot.opened_us for lot in mine) + NEWS_US
    if begin_us - last_add_us < s["pyramid_min_seconds_between"] * S:
        return False
    need = levels.adverse_need_pct(s, (begin_us - last_add_us) / (60 * S))
    tick = model.rules[product_id].tick
    at = min(min(levels.adverse_levels(lot.open_price, need, tick)) for lot in mine)
    if not s["use_tick_price"]:
        return bar.close <= at
    stands = model.prices[product_id].stands(begin_us + READY_US, by_us - SEND_US, lambda price: price <= at)
    return next(stands, None) is not None


def _money_for_it(model: ReferenceModel, product_id: str, begin_us: int, by_us: int) -> bool:
    """Cash and caps cover the largest entry that the settings may make, and the exchange takes the smallest."""
    s, rule = model.settings, model.rules[product_id]
    highest = model.highest(product_id, begin_us, by_us)
    if highest is None:
        return False
    smallest, largest = model.entry_sizes
    if smallest < rule.quote_min * ROOM or smallest / highest < max(rule.base_min, rule.step) * ROOM:
        return False
    if model.cash_least(begin_us, by_us) < largest * ROOM:
        return False
    for name, only in (("max_product_usd", product_id), ("max_total_usd", None)):
        cap = levels.number(s[name])
        if cap and model.exposure_most(begin_us, by_us, only) + largest * ROOM > cap:
            return False
    return True


def _signalled(case: Case, model: ReferenceModel, product_id: str, bars: list[ClosedBar]) -> Iterator[str]:
    """The first order of an entry follows a bar that says BUY."""
    if case.had("clock_jump") or case.ledger_was_lost:
        return
    late_us = model.bar_s * S + LATE_US
    mangled = [first for first, _, _ in case.spans.get("mangle", ())]
    for lot_id, sent_us in _decided(model, product_id):
        near = [bar.buy for bar in bars if sent_us - late_us <= bar.end_us <= sent_us]
        if sent_us > model.end_us or None in near or not near or any(us <= sent_us for us in mangled):
            continue
        case.count("R1 ENTRY/signal")
        if not any(near):
            yield f"{product_id}: {lot_id[-8:]} was bought at {sent_us} us, and no bar that held by then says BUY"


def _decided(model: ReferenceModel, product_id: str) -> list[tuple[str, int]]:
    """(lot, when) of every entry's first request, oldest first."""
    first: dict[str, int] = {}
    for order in model.orders:
        if order.buys and order.product_id == product_id:
            first[order.lot_id] = min(order.sent_us, first.get(order.lot_id, NEVER_US))
    return sorted(first.items(), key=lambda pair: pair[1])


def _one_a_bar(case: Case, model: ReferenceModel, product_id: str, bars: list[ClosedBar]) -> Iterator[str]:
    """Two entries in one bar's time are one too many, once the bar is known."""
    if case.ledger_was_lost:
        return
    ends = [bar.end_us for bar in bars]
    for (before, first_us), (lot_id, sent_us) in pairwise(_decided(model, product_id)):
        known = [us for us in ends if us <= first_us - READY_US]
        if not known or sent_us > model.end_us or model.excuses.entries.touch(known[-1], sent_us):
            continue
        case.count("R1 ENTRY/one a bar")
        if not any(first_us - READY_US < us <= sent_us for us in ends):
            yield f"{product_id}: {before[-8:]} at {first_us} us and {lot_id[-8:]} at {sent_us} us are of one bar"


def _added(case: Case, model: ReferenceModel, lot: BoughtLot) -> Iterator[str]:
    """A scalp comes after the pause, and below the newest lot."""
    s, sent_us = model.settings, lot.sent_us
    others = [o for o in model.lots_of[lot.product_id] if o is not lot and o.opened_us <= sent_us]
    newest = max(others, key=lambda other: other.opened_us, default=None)
    if (
        newest is None
        or sent_us > model.end_us
        or newest.closed_us < sent_us + NEWS_US
        or model.tainted(lot)
        or model.tainted(newest)
    ):
        return
    if newest.unsure_us <= sent_us or model.excuses.news.touch(newest.opened_us, newest.opened_us + NEWS_US):
        return
    case.count("R1 ENTRY/added")
    name = f"{lot.product_id}: {lot.lot_id[-8:]} was added at {sent_us} us"
    if not s["allow_pyramiding"]:
        yield f"{name}, and ALLOW_PYRAMIDING is off"
    since_us = sent_us - newest.opened_us
    if case.wall_is_right and since_us < s["pyramid_min_seconds_between"] * S:
        yield f"{name}, {since_us / S:.1f} s after the lot before"
    need = levels.adverse_need_pct(s, since_us / (60 * S))
    at = max(levels.adverse_levels(newest.open_price, need, model.rules[lot.product_id].tick))
    low = model.lowest_judged(lot.product_id, sent_us)
    if case.wall_is_right and low is not None and low > at:
        yield f"{name} at {low}, above the {at} that the newest lot's {newest.open_price:.8f} asks for"
