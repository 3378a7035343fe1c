"""Invariants of the reference model about target weights (KIND=exposure): what is wanted is bought or sold, no more.

Holding, share and price are known within bounds: fills that may not be counted yet, prices that may not be judged yet.
A duty counts only where it holds at all of them, and an order is wrong only where it is wrong at all of them.
"""

from collections.abc import Iterator
from decimal import Decimal

from simtest.judge import holdings
from simtest.judge.case import Case, Row, dec
from simtest.judge.entry_invariants import MIDNIGHT_US, calm_market, in_limits, left_out
from simtest.judge.exit_invariants import REFUSED_US, SETTLED_US, SLICED_US
from simtest.judge.reference_model import ReferenceModel, model_of
from simtest.reference.levels import number
from simtest.reference.lots import NEWS_US
from simtest.reference.weights import Target, most_change, wants

S = 1_000_000
READY_US = 12 * S  # by then the bar is read and the strategy has answered
DUE_US = 20 * S  # and its order is sent with the next prices
PAUSE_US = 40 * S  # a job that could not do its work waits half a minute
LATE_US = 62 * S  # what a bar said holds until the end of the next one and a minute more
LOT_US = 8 * S  # each holding is sold by an order of its own
SURE = Decimal("1.1")  # a change so many times the least order is one


def weights(case: Case) -> Iterator[str]:
    """R10: what a target weight wants is bought or sold in time, and nothing else is."""
    model = model_of(case)
    if not model.at_weights or case.ledger_was_lost:
        return
    for product_id in model.products:
        for end_us, target in model.targets[product_id]:
            if isinstance(target, Decimal) and end_us > 0 and end_us + DUE_US <= model.end_us:
                yield from _due(case, model, product_id, end_us, target)
        yield from _all_sold(case, model, product_id)
        yield from _asked_for(case, model, product_id)
        yield from _one_at_a_time(case, model, product_id)


def _due(case: Case, model: ReferenceModel, product_id: str, end_us: int, target: Decimal) -> Iterator[str]:
    """A target far from what is held leads to an order, if nothing may stand in its way."""
    by_us, since_us = end_us + DUE_US, end_us - PAUSE_US
    posts = [post for post in case.posts if post["product_id"] == product_id]
    orders = [o for o in case.own if o["product_id"] == product_id and o["created_us"] < end_us]
    if any((o["done_us"] if o["done_us"] is not None else model.end_us) > end_us - NEWS_US for o in orders):
        return  # one works already, or has only just ended
    if any(post["order_id"] is None and since_us - REFUSED_US < post["sent_us"] < by_us for post in posts):
        return
    stands = holdings.settled(case, model, product_id, end_us, by_us)
    if stands is None:
        return
    band_pct = number(model.settings["exposure_band_pct"]) + holdings.ROOM * 100
    way = wants(target, stands.held, stands.share, band_pct)
    change = most_change(target, stands.held, stands.share)
    least_quote = max(number(model.settings["order_min_usd"]), model.rules[product_id].quote_min) * SURE
    if way == "more":
        if change.least < least_quote or not _may_buy(case, model, product_id, end_us, change.least, least_quote):
            return
        rule, side = "R10 WEIGHT/bought", "BUY"
    elif way == "less":
        if -change.most < least_quote or model.quiet[product_id].touch(since_us, by_us):
            return
        if not _some_sellable(model, product_id, end_us):
            return
        rule, side = "R10 WEIGHT/sold", "SELL"
    else:
        return
    case.count(rule)
    if not any(post["side"] == side and end_us <= post["sent_us"] <= by_us for post in posts):
        yield (
            f"{product_id}: the bar that closed at {end_us} us wants {target}, held is {stands.held.least:.2f} to "
            f"{stands.held.most:.2f} of {stands.share.least:.2f}, and nothing is sent to {side}"
        )


def _may_buy(
    case: Case, model: ReferenceModel, product_id: str, end_us: int, quote: Decimal, least_quote: Decimal
) -> bool:
    """Whether nothing may have stood in the way of a purchase for `quote`, or for a part of it."""
    since_us, by_us, excuses = end_us - PAUSE_US, end_us + DUE_US, model.excuses
    if (
        set(left_out(case)) - {"strategy", "edge_gate"}
        or excuses.entries.touch(since_us, by_us)
        or excuses.product(product_id).touch(since_us, by_us)
    ):
        return False
    if (int(case.truth["start_us"]) + end_us + MIDNIGHT_US) % (86_400 * S) < 2 * MIDNIGHT_US:
        return False
    if not calm_market(case, model, product_id, since_us, by_us) or not in_limits(case, model, end_us, by_us):
        return False
    if model.cash_least(since_us, end_us) < 2 * least_quote:
        return False
    caps = (("max_product_usd", product_id), ("max_total_usd", None))
    return all(
        not (cap := number(model.settings[name])) or model.exposure_most(end_us, by_us, only) + 2 * quote <= cap
        for name, only in caps
    )


def _some_sellable(model: ReferenceModel, product_id: str, at_us: int) -> bool:
    """Whether some holding is surely large enough to be sold."""
    rule = model.rules[product_id]
    lots = [lot for lot in model.lots_of.get(product_id, ()) if lot.opened_us + SETTLED_US < at_us]
    return any(not model.tainted(lot) and rule.sellable(lot.left(at_us), lot.open_price * 9 / 10) for lot in lots)


def _all_sold(case: Case, model: ReferenceModel, product_id: str) -> Iterator[str]:
    """Where the target stays 0 for long enough, nothing that can be sold is left."""
    rule = model.rules[product_id]
    for begin_us, end_us in _zeros(model.targets[product_id]):
        lots = [lot for lot in model.lots_of.get(product_id, ()) if lot.sent_us < begin_us < lot.closed_us]
        each_us = LOT_US + 2 * model.queue_us + (SLICED_US if model.settings["max_impact_bp"] else 0)
        by_us = begin_us + DUE_US + model.job_us + len(lots) * each_us
        if not lots or by_us > min(end_us, model.end_us) or begin_us < 0:
            continue
        if model.quiet[product_id].touch(begin_us - PAUSE_US, by_us) or any(model.tainted(lot) for lot in lots):
            continue
        refused = [p for lot in lots for p in model.sale_posts.get(lot.lot_id, ()) if p["order_id"] is None]
        if any(begin_us - REFUSED_US < post["sent_us"] < by_us for post in refused):
            continue
        case.count("R10 WEIGHT/all sold")
        for lot in lots:
            if rule.sellable(lot.left(by_us), lot.open_price * 9 / 10):
                yield f"{product_id}: 0 is wanted since {begin_us} us, and {lot.left(by_us)} is held at {by_us} us"


def _zeros(targets: list[tuple[int, Target]]) -> Iterator[tuple[int, int]]:
    """(since, until): times at which every closed bar wants nothing held."""
    since_us: int | None = None
    for us, target in targets:
        if target == 0 and since_us is None:
            since_us = us
        elif target != 0 and since_us is not None:
            yield since_us, us
            since_us = None
    if since_us is not None:
        yield since_us, targets[-1][0]


def _asked_for(case: Case, model: ReferenceModel, product_id: str) -> Iterator[str]:
    """An order goes the way of a target that may have held when it was decided, and no further."""
    if case.had("clock_jump", "manual_trade") or model.excuses.regrid(product_id) is not None:
        return
    mangled = [first for first, _, _ in case.spans.get("mangle", ())]
    for post in case.posts:
        sent_us = int(post["sent_us"])
        row = case.row_of.get(post["client_order_id"])
        if post["product_id"] != product_id or row is None or sent_us > model.end_us:
            continue
        if any(us <= sent_us for us in mangled) or (post["side"] == "SELL" and row["purpose"] != "exit"):
            continue
        targets = _may_hold(model, product_id, sent_us)
        if not targets or None in targets:
            continue
        known = [target for target in targets if isinstance(target, Decimal)]
        stands = holdings.unsettled(case, model, product_id, sent_us - holdings.JUDGED_US, sent_us)
        if stands is None:
            continue
        case.count("R10 WEIGHT/asked for")
        name = f"{product_id}: {post['side']} at {sent_us} us"
        if not known:
            yield f"{name}, and no bar that held by then has an opinion"
            continue
        quote, least = _quote(model, post, row), _least(model, product_id)
        changes = [most_change(target, stands.held, stands.share) for target in known]
        most = max(c.most for c in changes) if post["side"] == "BUY" else max(-c.least for c in changes)
        if most <= 0 or quote > most + holdings.ROOM * stands.share.most + least:
            yield f"{name} of {quote:.2f}, and at most {most:.2f} was wanted by {', '.join(map(str, known))}"


def _least(model: ReferenceModel, product_id: str) -> Decimal:
    """What may be traded beyond the target: a rest that could not be sold alone, and a step."""
    rule, price = model.rules[product_id], model.prices[product_id].highest(0, model.end_us) or Decimal(0)
    return max(rule.quote_min, rule.base_min * price, rule.step * price)


def _may_hold(model: ReferenceModel, product_id: str, at_us: int) -> list[Target]:
    """Every target that the bot may have gone by."""
    length_us = model.bar_s * S
    quiet = not model.excuses.news.touch(at_us - length_us - LATE_US, at_us)
    since_us = at_us - length_us - (READY_US if quiet else LATE_US + length_us)
    return [target for us, target in model.targets[product_id] if since_us <= us <= at_us]


def _quote(model: ReferenceModel, post: Row, row: Row) -> Decimal:
    """What the order is for, in quote units."""
    if row["quote_size"] is not None:
        return dec(row["quote_size"])
    price = dec(row["limit_price"]) if row["limit_price"] is not None else None
    if price is None:
        price = model.prices[post["product_id"]].lowest(int(post["sent_us"]) - holdings.JUDGED_US, int(post["sent_us"]))
    return dec(row["base_size"]) * (price or Decimal(0))


def _one_at_a_time(case: Case, model: ReferenceModel, product_id: str) -> Iterator[str]:
    """The next order is sent when the last is over at the exchange."""
    mine = sorted((o for o in model.orders if o.product_id == product_id), key=lambda o: o.sent_us)
    for index, order in enumerate(mine):
        before = [other for other in mine[:index] if other.over_us > order.sent_us]
        case.count("R10 WEIGHT/one at a time", index > 0)
        if before and order.sent_us <= model.end_us:
            late = before[0]
            yield (
                f"{product_id}: {order.client_order_id[-8:]} was sent at {order.sent_us} us while "
                f"{late.client_order_id[-8:]} of {late.sent_us} us still stood"
            )
