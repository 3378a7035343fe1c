"""Invariants of the reference model about commands, bids and limits: what was said is done, and what must shut shuts.

A receipt that says "done" means the effect at the exchange; a bid stands no longer than MAKER_TIMEOUT_SEC; a limit that
latches holds until a person presses Start.
"""

import json
from collections.abc import Iterator

from simtest.judge.case import Case, Row, dec
from simtest.judge.reference_model import ReferenceModel, model_of
from simtest.reference.levels import number
from simtest.reference.lots import NEWS_US, BoughtLot, OwnOrder
from simtest.reference.spans import TimeSpans

S = 1_000_000
CANCEL_US = 10 * S  # noticed with the second's tick, asked for, and asked for again after 2 s
GIVE_UP_US = 100 * S  # a flatten or close that cannot be done says so after 90 s
SELL_ALL_US = 30 * S  # takes are cancelled first, and a refused sale is tried again
MINUTE_US = 58 * S  # a minute of the bot's own clock, less what lies between deciding and sending
LATCH_US = 5 * S  # a latch closes with the second's tick; orders decided before are on their way
LEVELS = frozenset({"start", "pause", "repeat_command", "control_garbage"})
FILLS_US = 30 * S  # what fills cost in fees and spread may not be known for so long


def bids(case: Case) -> Iterator[str]:
    """R6: a bid ends by its time (MAKER_TIMEOUT_SEC, EXPOSURE_MAKER_SEC), and by a stop."""
    model = model_of(case)
    if case.ledger_was_lost:
        return
    began: dict[str, int] = {}
    for order in model.orders:
        if order.buys:
            began[order.lot_id] = min(order.sent_us, began.get(order.lot_id, order.sent_us))
    for order in model.orders:
        if not order.buys or order.limit is None:
            continue
        name = f"{order.product_id}: the bid {order.client_order_id[-8:]}"
        cancel_us = CANCEL_US + 2 * model.queue_us
        held = model.excuses.machine | model.excuses.product(order.product_id)
        due_us, over_us = began[order.lot_id] + model.job_us, min(order.over_us, model.end_us)
        case.count("R6 CANCEL/timeout", not held.touch(due_us, due_us + cancel_us))
        if (late := _stands(held, due_us, over_us, cancel_us)) is not None:
            yield f"{name} was due to end at {due_us} us, and stood at {late} us"
        yield from _stopped(case, model, order, name, cancel_us)


def _stopped(case: Case, model: ReferenceModel, order: OwnOrder, name: str, cancel_us: int) -> Iterator[str]:
    """What stands, or is on its way, when a person presses Stop is cancelled."""
    held = model.excuses.machine | model.excuses.product(order.product_id)
    for act in case.truth["acts"]:
        by_us = act["us"] + cancel_us
        if act["kind"] not in ("stop", "flatten") or not order.sent_us < act["us"] < order.over_us:
            continue
        others = (a for a in case.truth["acts"] if a["kind"] in LEVELS and act["us"] < a["us"] < by_us)
        if by_us > model.end_us or held.touch(act["us"] - S, by_us) or any(others):
            continue
        case.count("R6 CANCEL/stopped")
        if order.over_us > by_us:
            yield f"{name} stood at {by_us} us, though the bot was stopped at {act['us']} us"


def _stands(held: TimeSpans, due_us: int, over_us: int, cancel_us: int) -> int | None:
    """Since when an order that was due to end has stood for too long; None = it ended, or something excuses it."""
    late = (to_us for from_us, to_us in held.gaps(due_us, over_us) if to_us - from_us > cancel_us)
    return next(late, None)


def flat(case: Case) -> Iterator[str]:
    """R7: a flatten or close sells, and says "done" when it is."""
    model = model_of(case)
    if case.ledger_was_lost:
        return
    for act in case.truth["acts"]:
        if act["kind"] not in ("flatten", "close_lot") or "id" not in act:
            continue
        lots = list(_ordered(case, model, act))
        done_us = _done_us(case, act["id"])
        if done_us is not None:
            case.count("R7 FLATTEN/done", len(lots))
            for lot in lots:
                if _left(model, lot, done_us):
                    yield f"{act['kind']} of {act['us']} us is done, and {_words(lot, done_us)}"
        yield from _sold(case, model, act, lots)


def _ordered(case: Case, model: ReferenceModel, act: Row) -> Iterator[BoughtLot]:
    """The lots that the command was about: bought before it, for certain."""
    row = next((row for row in case.tables["commands"] if row["id"] == act["id"]), None)
    named = json.loads(row["args"]).get("lot_id") if row is not None and act["kind"] == "close_lot" else None
    for lot in model.lots:
        before = lot.opened_us < act["us"] - NEWS_US and lot.closed_us > act["us"]
        if before and (act["kind"] == "flatten" or lot.lot_id == named):
            yield lot


def _done_us(case: Case, command_id: str) -> int | None:
    """When it was published as done; None = never."""
    for state in case.states:
        if any(receipt[0] == command_id and receipt[2] == "done" for receipt in state["receipts"]):
            return int(state["us"])
    return None


def _sold(case: Case, model: ReferenceModel, act: Row, lots: list[BoughtLot]) -> Iterator[str]:
    """What nothing keeps from being sold is sold soon."""
    by_us = act["us"] + SELL_ALL_US + 2 * model.queue_us + (GIVE_UP_US if model.settings["max_impact_bp"] else 0)
    others = [a for a in case.truth["acts"] if a is not act and act["us"] - GIVE_UP_US < a["us"] < by_us]
    if any(a["kind"] not in ("transfer", "foreign_order", "state_garbage") for a in others):
        return
    if model.excuses.machine.touch(act["us"] - 5 * S, by_us) or by_us > model.end_us:
        return
    for lot in lots:
        if model.excuses.product(lot.product_id).touch(act["us"] - 5 * S, by_us):
            continue
        case.count("R7 FLATTEN/sells")
        if _left(model, lot, by_us):
            yield f"{act['kind']} of {act['us']} us: {_words(lot, by_us)}"


def _left(model: ReferenceModel, lot: BoughtLot, at_us: int) -> bool:
    """Whether something of it can still be sold, for certain: not where the least order was made larger meanwhile."""
    if model.tainted(lot):
        return False
    rule = model.rules[lot.product_id]
    return rule.sellable(lot.left(at_us), lot.open_price * 97 / 100) is True


def _words(lot: BoughtLot, at_us: int) -> str:
    return f"lot {lot.lot_id[-8:]} of {lot.product_id} holds {lot.left(at_us)} at {at_us} us"


def latches(case: Case) -> Iterator[str]:
    """R8: a limit that is reached shuts entries: orders in a minute, losing lots in a row, the drawdown."""
    if case.ledger_was_lost:
        return
    model = model_of(case)
    starts = [int(a["us"]) for a in case.truth["acts"] if a["kind"] in ("start", "repeat_command", "control_garbage")]
    buys = sorted((post for post in case.posts if post["side"] == "BUY"), key=lambda post: int(post["sent_us"]))
    yield from _rate(case, model, buys, starts)
    yield from _streak(case, model, buys, starts)
    yield from _drawdown(case, model, buys, starts)


def _rate(case: Case, model: ReferenceModel, buys: list[Row], starts: list[int]) -> Iterator[str]:
    most = int(model.settings["max_orders_per_min"])
    times = [int(post["sent_us"]) for post in buys]
    for first_us, last_us in zip(times, times[most - 1 :], strict=False):
        if last_us - first_us >= MINUTE_US or not case.wall_is_right:
            continue
        case.count("R8 LATCH/orders in a minute")
        until_us = min((us for us in starts if us > first_us), default=model.end_us)
        late = next((us for us in times if last_us + LATCH_US < us < until_us), None)
        if late is not None:
            yield f"a purchase at {late} us, after {most} in the minute before {last_us} us, and nobody pressed Start"


def _streak(case: Case, model: ReferenceModel, buys: list[Row], starts: list[int]) -> Iterator[str]:
    """So many lots surely closed one after the other at a loss: until a gain, a Start or midnight none is bought."""
    most = int(model.settings["max_consecutive_losses"])
    closed = sorted((lot for lot in model.lots if lot.closed_us < model.end_us), key=lambda lot: lot.closed_us)
    if not most or any(lot.unsure_us < lot.closed_us for lot in closed):
        return
    start_us, day_us = int(case.truth["start_us"]), 86_400 * S
    gains = [lot.closed_us for lot in closed if lot.result >= 0]
    for first, last in zip(closed, closed[most - 1 :], strict=False):
        from_us = last.closed_us + LATCH_US + NEWS_US
        midnight_us = day_us - (start_us + first.closed_us) % day_us + first.closed_us
        # The bot may have been told of a gain before these losses that were made before it, and the other way round.
        lifted = [us for us in (*starts, midnight_us, model.end_us) if us > first.closed_us]
        lifted += [us - NEWS_US for us in gains if us > first.closed_us - NEWS_US]
        if min(lifted) <= from_us or model.excuses.news.touch(first.closed_us, from_us):
            continue
        case.count("R8 LATCH/losses in a row")
        bought_us = next((int(post["sent_us"]) for post in buys if from_us < post["sent_us"] < min(lifted)), None)
        if bought_us is not None:
            yield f"a purchase at {bought_us} us, after {most} lots in a row were lost by {last.closed_us} us"


def _drawdown(case: Case, model: ReferenceModel, buys: list[Row], starts: list[int]) -> Iterator[str]:
    """The highest value that the account may have had is held against the least peak: what it began with."""
    limit_pct = number(model.settings["max_drawdown_pct"])
    if not limit_pct or case.truth["venue"]["transfers"] or case.had("manual_trade", "fees"):
        return
    if case.faulty("ws_price", "stale_balances"):
        return
    began, fills = dec(case.truth["venue"]["funds"]), case.truth["venue"]["fills"]
    until_us = min(starts, default=model.end_us)
    for post in buys:
        if post["worth"] is None or post["sent_us"] >= until_us:
            continue
        case.count("R8 LATCH/drawdown")
        near = [f for f in fills if post["sent_us"] - FILLS_US < f["us"] <= post["at_us"]]
        slack = sum((dec(f["fee"]) + dec(f["value"]) / 100 for f in near), dec(0))
        if dec(post["worth"]) < (began * (1 - limit_pct / 100) - slack) * dec("0.9999"):
            yield f"a purchase at {post['sent_us']} us, at a drawdown to {post['worth']:.2f} of {began}"
