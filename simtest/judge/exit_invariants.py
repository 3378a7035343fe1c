"""Invariants of the reference model about exits: levels, resting takes, stops.

A price that must lead to a sale does so in time, and nothing is sold that no price and no command asked for.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import pairwise

from simtest.judge.case import Case, Row, dec
from simtest.judge.reference_model import ReferenceModel, model_of
from simtest.reference.lots import BoughtLot
from simtest.reference.prices import Stand

S = 1_000_000
SETTLED_US = 6 * S  # until the fills of a whole entry are counted, where nothing hides them
SALE_US = 12 * S  # a take is cancelled and seen cancelled first; a sale waits for its turn
SLICED_US = 50 * S  # a sale in parts waits for books, half a minute at most
TAKE_US = 10 * S  # a take is sent with the second's tick
AGAIN_US = 38 * S  # one that was refused is tried again after half a minute
BAR_US = 15 * S  # a bar is read a second after its end, and again 2 and 8 s later
REFUSED_US = 75 * S  # a refused sale is tried again after a minute at most
LATE_US = 62 * S  # what a bar said holds until the end of the next one and a minute more
COMMANDS = ("flatten", "close_lot", "sell_part", "kill", "kill_file", "broken_kill", "drill")


def takes(case: Case) -> Iterator[str]:
    """R2: a lot's take is at its price, and rests (limit), or sells when the price is there (market)."""
    model = model_of(case)
    if model.at_weights:
        return
    yield from _claimed(case, model, "take_price", "R2 TAKE/price", model.take_levels)
    for lot in model.lots:
        if model.tainted(lot):
            continue
        yield from _resting_takes(case, model, lot)
        if lot.dust:
            continue
        if model.settings["take_profit_order"] == "limit":
            yield from _never_without(case, model, lot)
        else:
            levels = model.take_levels(lot)
            least = max(levels)
            stands = _stands(model, lot, lot.whole_us, lot.closed_us, lambda price, least=least: price >= least)  # type: ignore[misc]
            yield from _sold(case, model, lot, stands, "R2 TAKE/sells", f"its take of {least}")


def _resting_takes(case: Case, model: ReferenceModel, lot: BoughtLot) -> Iterator[str]:
    right = model.take_levels(lot)
    for sale in lot.sales:
        if sale.limit is None:
            continue
        case.count("R2 TAKE/order")
        if sale.limit not in right:
            yield f"a take at {sale.limit} for {named(lot)}, which was opened at {lot.open_price:.8f}: {_prices(right)}"
        left = lot.left(sale.created_us)
        if sale.size is not None and sale.size > left:
            yield f"a take of {sale.size} for {named(lot)}, which held {left}"


def _never_without(case: Case, model: ReferenceModel, lot: BoughtLot) -> Iterator[str]:
    """In no quiet time is a lot without any order to sell it."""
    rule = model.rules[lot.product_id]
    tried = model.sales_tried.get(lot.lot_id, [])
    stood = [(sale.created_us, sale.over_us) for sale in lot.sales]
    last_us = min(lot.closed_us, lot.unsure_us, model.end_us)
    for from_us, to_us in model.quiet[lot.product_id].gaps(lot.whole_us + SETTLED_US, last_us):
        if to_us - from_us < TAKE_US or rule.sellable(lot.left(from_us), min(model.take_levels(lot))) is not True:
            continue
        case.count("R2 TAKE/stands")
        marks = sorted({from_us, to_us, *(us for us in tried if from_us < us < to_us),
                        *(min(max(us, from_us), to_us) for span in stood for us in span)})  # fmt: skip
        for begin, end in pairwise(marks):
            covered = any(first <= begin and end <= last for first, last in stood)
            again = any(begin - AGAIN_US < us <= begin for us in tried)
            if end - begin > (AGAIN_US if again else TAKE_US) and not covered:
                yield f"{named(lot)} had no order to sell it from {begin} us to {end} us"
                return


def stops(case: Case) -> Iterator[str]:
    """R3: a lot at its stop is sold, for the stop of its own price, and nothing is sold without a reason."""
    model = model_of(case)
    if model.at_weights:
        return
    yield from _claimed(case, model, "stop_price", "R3 STOP/price", model.stop_levels)
    for lot in model.lots:
        if model.tainted(lot):
            continue
        levels = model.stop_levels(lot)
        if levels and not lot.dust and (lot.lot_id, "stop") not in model.moved:
            most = min(levels)
            stands = _stands(model, lot, lot.whole_us, lot.closed_us, lambda price, most=most: price <= most)  # type: ignore[misc]
            yield from _sold(case, model, lot, stands, "R3 STOP/sells", f"its stop of {most}")
        yield from _with_reason(case, model, lot)


def _stands(
    model: ReferenceModel, lot: BoughtLot, whole_us: int, to_us: int, holds: Callable[[Decimal], bool]
) -> Iterator[Stand]:
    series = model.prices[lot.product_id]
    yield from series.stands(whole_us + SETTLED_US, min(to_us, lot.unsure_us, model.end_us), holds)


def _sold(
    case: Case, model: ReferenceModel, lot: BoughtLot, stands: Iterator[Stand], rule: str, why: str
) -> Iterator[str]:
    """The first stand that nothing excuses led to a sale in time."""
    for stand in stands:
        found = due(case, model, lot, stand, rule, why)
        if found is not None:
            yield from found
            return


def due(case: Case, model: ReferenceModel, lot: BoughtLot, stand: Stand, rule: str, why: str) -> list[str] | None:
    """What is wrong about one obligation to sell; None = something excuses it."""
    by_us = stand.sure_us + _sale_us(model)
    posts = model.sale_posts.get(lot.lot_id, [])
    refused = [p for p in posts if p["status"] == 200 and p["order_id"] is None and p["sent_us"] < by_us]
    if model.quiet[lot.product_id].touch(stand.first_us - SETTLED_US, by_us):
        return None
    if any(stand.first_us - REFUSED_US < post["sent_us"] for post in refused):
        return None
    if model.rules[lot.product_id].sellable(lot.left(stand.first_us), model.price_at(lot, stand)) is not True:
        return None
    case.count(rule)
    sent = any(_at_market(post) and post["sent_us"] <= by_us for post in posts)
    if not sent and lot.closed_us > by_us:
        return [f"{named(lot)} was at {why} at {stand.first_us} us, and was not sold until {by_us} us"]
    return []


def _sale_us(model: ReferenceModel) -> int:
    """How long a sale may take after the price that asks for it."""
    more_us = 0 if model.settings["use_tick_price"] else BAR_US
    return more_us + 2 * model.queue_us + (SLICED_US if model.settings["max_impact_bp"] else SALE_US)


def _with_reason(case: Case, model: ReferenceModel, lot: BoughtLot) -> Iterator[str]:
    """A sale at market is for a price that was heard, for a SELL signal, or for a command."""
    posts = [post for post in model.sale_posts.get(lot.lot_id, ()) if _at_market(post)]
    if not posts:
        return
    until_us = int(posts[0]["sent_us"])
    if until_us > model.end_us:
        return
    if any(act["kind"] in COMMANDS and act["us"] <= until_us for act in case.truth["acts"]):
        return
    case.count("R3 STOP/reason")
    if not _reasons(model, lot, until_us) and not _signalled(case, model, lot, until_us):
        yield f"{named(lot)} was sold at {until_us} us, and no price or signal until then asked for it"


def _signalled(case: Case, model: ReferenceModel, lot: BoughtLot, until_us: int) -> bool:
    """A bar that held when the lot was sold says SELL (SIGNAL_EXITS), or may have been read so."""
    if not model.settings["signal_exits"]:
        return False
    if case.had("clock_jump") or any(first <= until_us for first, _, _ in case.spans.get("mangle", ())):
        return True
    since_us = until_us - model.bar_s * S - LATE_US - _sale_us(model)
    return any(sell is not False and since_us <= us <= until_us for us, sell in model.sells[lot.product_id])


def _reasons(model: ReferenceModel, lot: BoughtLot, until_us: int) -> bool:
    series, tick = model.prices[lot.product_id], model.rules[lot.product_id].tick
    lows, highs = [series.lowest(lot.opened_us, until_us)], [series.highest(lot.opened_us, until_us)]
    if model.heard_otherwise(lot, until_us):
        bars = model.bars_between(lot.product_id, lot.opened_us, until_us)
        highs += [high for high, _ in bars]
        lows += [low for _, low in bars]
    low = min((price for price in lows if price is not None), default=None)
    high = max((price for price in highs if price is not None), default=None)
    if low is None or high is None:
        return True
    stops_at, takes_at = model.stop_levels(lot), model.take_levels(lot)
    if (stops_at and low <= max(stops_at)) or high >= min(takes_at):
        return True
    may_trail = any(reign.lot is lot or not reign.sure for reign in model.reigns)
    if not may_trail or high < min(model.activation_levels(lot)):
        return False
    return low <= max(model.trail_levels(high, tick))


def _claimed(
    case: Case, model: ReferenceModel, column: str, rule: str, right: Callable[[BoughtLot], frozenset[Decimal]]
) -> Iterator[str]:
    """What the ledger says of a lot's level is what follows from its fills."""
    lots = {lot.lot_id: lot for lot in model.lots}
    for row in case.tables["lots"]:
        lot = lots.get(row["lot_id"])
        if lot is None or model.tainted(lot) or dec(row["base_bought"]) != lot.bought():
            continue
        if (lot.lot_id, column.removesuffix("_price")) in model.moved:
            continue  # R11 judges where it was moved to
        case.count(rule)
        levels = right(lot)
        says = dec(row[column]) if row[column] is not None else None
        if (says is None) is not (not levels) or (says is not None and says not in levels):
            yield f"{named(lot)}, opened at {lot.open_price:.8f}, has the {column} {says}: {_prices(levels)}"


def _at_market(post: Row) -> bool:
    return any(name.startswith("market") for name in post["configuration"] or {})


def named(lot: BoughtLot) -> str:
    return f"lot {lot.lot_id[-8:]} of {lot.product_id}"


def _prices(levels: frozenset[Decimal]) -> str:
    return f"right is {' or '.join(map(str, sorted(levels))) or 'none'}"
