"""Invariants of what a person does to a lot by hand: moved takes and stops, parts that are sold.

A level that was moved holds from its receipt on: a take rests there or nowhere, a price at the stop sells, and no take
is accepted that sells below what the lot cost unless the command says so.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from simtest.judge.case import Case, Row, dec
from simtest.judge.exit_invariants import SETTLED_US, due, named
from simtest.judge.published import samples
from simtest.judge.reference_model import LevelMove, ReferenceModel, model_of
from simtest.reference.lots import NEVER_US, NEWS_US, BoughtLot

SAME_US = 1_500_000  # a take is made with the second's tick: one of before the receipt may have been on its way
SEEN_US = 2_000_000
MOVED_US = 12_000_000  # as long as a sale may take: the take is cancelled, and seen cancelled, first


@dataclass(frozen=True, slots=True)
class _Done:
    """A move that was published as done, and until when nothing says otherwise."""

    move: LevelMove
    from_us: int
    to_us: int


def moves(case: Case) -> Iterator[str]:
    """R11: a moved take rests at its price, a moved stop sells there, and nothing is moved into a loss unasked."""
    model = model_of(case)
    if case.ledger_was_lost or model.at_weights or not case.wall_is_right:
        return
    lots = {lot.lot_id: lot for lot in model.lots}
    done = _done(case, model)
    for lot_id, level in done:
        lot = lots.get(lot_id)
        if lot is None or model.tainted(lot):
            continue
        for one in done[lot_id, level]:
            if level == "take":
                yield from _take(case, model, lot, one)
            else:
                yield from _stop(case, model, lot, one)
    yield from _kept(case, model, lots)
    yield from _moved_in_time(case, model, lots)
    yield from _parts(case, model, lots)


def _done(case: Case, model: ReferenceModel) -> dict[tuple[str, str], list[_Done]]:
    published = _published(case)
    found: dict[tuple[str, str], list[_Done]] = defaultdict(list)
    for key, mine in model.moved.items():
        for number, move in enumerate(mine):
            if move.command_id not in published or move.state != "done":
                continue
            later = [other.sent_us for other in mine[number + 1 :]]
            found[key].append(_Done(move, published[move.command_id], min(later, default=NEVER_US)))
    return found


def _published(case: Case) -> dict[str, int]:
    """Command → when it was first published as done."""
    found: dict[str, int] = {}
    for sample in samples(case):
        for command_id, _, state, _, _ in sample["receipts"]:
            if state == "done":
                found.setdefault(command_id, int(sample["us"]))
    return found


def _parts(case: Case, model: ReferenceModel, lots: dict[str, BoughtLot]) -> Iterator[str]:
    """Of a part that a person sold: no more than it, and all of it once it is done."""
    published, mine = _published(case), {order.client_order_id: order for order in model.orders}
    for row in case.tables["commands"]:
        if row["cmd"] != "sell_part" or row["state"] in ("rejected", "expired"):
            continue
        args = json.loads(row["args"])
        asked, seen_us = dec(args["base_size"]), model.case.us_of_ms(row["seen_ms"])
        orders = [o["client_order_id"] for o in case.tables["orders"] if o["command_id"] == row["id"]]
        sold = sum((fill.size for coid in orders if coid in mine for fill in mine[coid].fills), Decimal(0))
        case.count("R11 HAND/part")
        if sold > asked:
            yield f"{sold} was sold for sell_part {row['id'][:8]}, which asked for {asked}"
        if row["id"] not in published:
            continue
        case.count("R11 HAND/part sold")
        about = [lot for lot in lots.values() if args.get("lot_id", lot.lot_id) == lot.lot_id
                 and args.get("product_id", lot.product_id) == lot.product_id]  # fmt: skip
        if any(model.tainted(lot) for lot in about):
            continue
        fills = [fill for lot in about for sale in lot.sales for fill in sale.fills]
        gone = sum((f.size for f in fills if seen_us - NEWS_US <= f.us <= published[row["id"]]), Decimal(0))
        least = min((model.rules[lot.product_id].quote_min / lot.open_price for lot in about), default=Decimal(0))
        if gone < asked and asked - gone > least * 2:
            yield f"sell_part {row['id'][:8]} of {asked} was published as done, {gone} was sold by then"


def _take(case: Case, model: ReferenceModel, lot: BoughtLot, one: _Done) -> Iterator[str]:
    price = one.move.price
    assert price is not None
    case.count("R11 HAND/loss")
    paid = lot.cost + sum((fill.fee for order in lot.purchases for fill in order.fills), Decimal(0))
    if not one.move.at_a_loss and price * lot.bought() <= paid:
        yield f"the take of {named(lot)} was moved to {price}, it had cost {paid / lot.bought():.8f} with its fees"
    if model.settings["take_profit_order"] != "limit":
        return
    case.count("R11 HAND/rests")
    rested = any(
        sale.limit == price and sale.created_us <= one.from_us and sale.over_us > one.move.sent_us for sale in lot.sales
    )
    if not rested:
        yield f"the take of {named(lot)} was published as moved to {price} at {one.from_us} us, no order rests there"
    for sale in lot.sales:
        if sale.limit is None or not one.from_us + SAME_US < sale.created_us < one.to_us:
            continue
        case.count("R11 HAND/take")
        if sale.limit != price:
            yield f"a take of {named(lot)} was placed at {sale.limit} at {sale.created_us} us, moved to {price} before"
    for sale in lot.sales:
        elsewhere = sale.limit is not None and sale.limit != price
        if elsewhere and sale.created_us < one.from_us and sale.over_us > one.from_us + SEEN_US:
            yield f"a take of {named(lot)} rests at {sale.limit} after {one.from_us} us, it was moved to {price}"


def _stop(case: Case, model: ReferenceModel, lot: BoughtLot, one: _Done) -> Iterator[str]:
    price = one.move.price
    if price is None or lot.dust:
        return
    from_us = max(one.from_us, lot.whole_us) + SETTLED_US
    last_us = min(one.to_us, lot.closed_us, lot.unsure_us, model.end_us)
    for stand in model.prices[lot.product_id].stands(from_us, last_us, lambda at: at <= price):
        found = due(case, model, lot, stand, "R11 HAND/stop", f"the stop that a person moved to {price}")
        if found is not None:
            yield from found
            return


def _moved_in_time(case: Case, model: ReferenceModel, lots: dict[str, BoughtLot]) -> Iterator[str]:
    """Where nothing is in the way, no take rests for long where it was before."""
    if model.settings["take_profit_order"] != "limit":
        return
    for (lot_id, level), mine in model.moved.items():
        lot = lots.get(lot_id)
        if lot is None or level != "take" or model.tainted(lot):
            continue
        for number, move in enumerate(mine):
            by_us = move.sent_us + MOVED_US + 2 * model.queue_us
            later = mine[number + 1].sent_us if number + 1 < len(mine) else NEVER_US
            if by_us > min(later, lot.closed_us, model.end_us) or model.quiet[lot.product_id].touch(
                move.sent_us, by_us
            ):
                continue
            case.count("R11 HAND/moves")
            for sale in lot.sales:
                elsewhere = sale.limit is not None and sale.limit != move.price
                if elsewhere and sale.created_us < move.sent_us and sale.over_us > by_us:
                    yield f"the take of {named(lot)} rests at {sale.limit} at {by_us} us, moved to {move.price} before"


def _kept(case: Case, model: ReferenceModel, lots: dict[str, BoughtLot]) -> Iterator[str]:
    """In the end the ledger has a lot's level where the last move put it."""
    rows: dict[str, Row] = {row["lot_id"]: row for row in case.tables["lots"]}
    for (lot_id, level), mine in model.moved.items():
        last, lot, row = mine[-1], lots.get(lot_id), rows.get(lot_id)
        if lot is None or row is None or model.tainted(lot) or last.state != "done":
            continue
        case.count("R11 HAND/kept")
        text = row[f"{level}_price"]
        says = dec(text) if text is not None else None
        if says != last.price:
            yield f"{named(lot)} has its {level} at {says} in the ledger, it was moved to {last.price}"
