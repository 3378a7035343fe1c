"""The invariant of losses: the day's limit, the drawdown and the streak of losing lots stop purchases, in time."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise

from simtest.judge.case import Case, Row, dec
from simtest.judge.control_invariants import SETTLED_US, SLACK_US, date_of, told_before
from simtest.judge.intervals import STORAGE_FAULTS, clear, kept, next_act, swapped, us_of_ms

SLACK_FILLS_US = 40_000_000
SEEN_US = 1_500_000  # the limits are judged once a second
EXPLAINED_US = 150_000_000  # by then a transfer is found and booked
PEAK_US = 12_000_000  # a higher peak is written every ten seconds
ROUNDED = Decimal("1.0001")
STARTS = frozenset({"start", "repeat_command", "control_garbage"})
# They change what the bot takes its equity for.
HIDE_EQUITY = ("ws_price", "stale_balances", "fill_lag", "page_lost")


def loss(case: Case) -> Iterator[str]:
    """I8: the day's loss limit, drawdown and losing streak stop purchases in time, and as long as they must."""
    yield from _published(case)
    for day in case.tables["days"]:
        yield from _latched(case, day)
        if dec(day["start_equity"]) > 0:
            yield from _not_tripped(case, day)
            yield from _beyond(case, day)
    yield from _drawdown(case)
    yield from _streak(case)


def _limit(case: Case, day: Row) -> Decimal:
    """The day's largest loss, in money."""
    found = dec(day["start_equity"]) * dec(case.setting("max_daily_loss_pct")) / 100
    in_money = dec(case.setting("max_daily_loss_usd") or 0)
    return min(found, in_money) if in_money else found


def _purchases(case: Case, after_us: int, before_us: int) -> Iterator[Row]:
    return (post for post in case.posts if post["side"] == "BUY" and after_us + SLACK_US < post["sent_us"] < before_us)


def _latched(case: Case, day: Row) -> Iterator[str]:
    tripped = us_of_ms(case, day["breaker_ms"]) if day["breaker_ms"] is not None else None
    if tripped is None:
        return
    case.count("I8 LOSS/latches")
    for post in _purchases(case, tripped, 2**62):
        if date_of(case, post["sent_us"]) == day["day"]:
            yield f"a purchase was sent after {day['day']}'s loss limit tripped"


def _published(case: Case) -> Iterator[str]:
    """A limit that was published as tripped holds, whatever the ledger says in the end."""
    case.count("I8 LOSS/published", len({date_of(case, s["us"]) for s in case.states if s["breaker"]}))
    for post in case.posts:
        told = told_before(case, post["sent_us"]) if post["side"] == "BUY" else None
        if told is None or not told["breaker"] or swapped(case, told["us"], post["sent_us"]):
            continue
        if date_of(case, told["us"]) == date_of(case, post["sent_us"]):
            yield f"a purchase was sent at {post['sent_us']} us, and the loss limit was published as tripped"


def _paid_in(case: Case, from_us: int, to_us: int) -> Decimal:
    """What was transferred to the account meanwhile; withdrawals are negative."""
    rows = (t for t in case.truth["venue"]["transfers"] if t["currency"] == "USD")
    return sum((dec(t["amount"]) for t in rows if from_us < int(t["at_us"]) <= to_us), Decimal(0))


def _moved(case: Case, from_us: int, to_us: int) -> bool:
    """Whether others moved the account's balances meanwhile."""
    transfers = any(from_us <= int(t["at_us"]) <= to_us for t in case.truth["venue"]["transfers"])
    return transfers or not clear(case, ("manual_trade",), from_us, to_us)


def _begun_us(case: Case, day: Row) -> int | None:
    """When the day had begun for the bot; None = its start equity may hold what came just before."""
    first = next((s for s in case.states if s["equity"] is not None and date_of(case, s["us"]) == day["day"]), None)
    if first is None or _moved(case, first["us"] - EXPLAINED_US, first["us"]):
        return None
    return int(first["us"])


def _beyond(case: Case, day: Row) -> Iterator[str]:
    """No purchase is sent when the account is worth less than the limit allows by every price of the last seconds.

    What fills of the last half minute cost in fees and spread may not be known yet, and counts as slack.
    """
    begun = _begun_us(case, day)
    if begun is None or not case.setting("daily_breaker_mark_to_market"):
        return
    start, fills = dec(day["start_equity"]), case.truth["venue"]["fills"]
    for post in case.posts:
        sent = int(post["sent_us"])
        if post["worth"] is None or date_of(case, sent) != day["day"] or sent < begun or not kept(case, begun, sent):
            continue
        if not clear(case, ("manual_trade",), begun, sent) or not clear(case, HIDE_EQUITY, sent - 30_000_000, sent):
            continue
        near = [f for f in fills if sent - SLACK_FILLS_US < f["us"] <= post["at_us"]]
        slack = sum((dec(f["fee"]) + dec(f["value"]) / 100 for f in near), Decimal(0))
        paid = _paid_in(case, begun, sent)
        case.count("I8 LOSS/in time")
        case.count("I8 LOSS/after a transfer", paid != 0)
        if dec(post["worth"]) - paid < (start - _limit(case, day) - slack) * Decimal("0.9999"):
            yield f"a purchase at {sent} us, when {post['worth']:.2f} of {start} were left ({paid} paid in)"


def _not_tripped(case: Case, day: Row) -> Iterator[str]:
    """A loss beyond the limit in two states of one process, a judgement apart, has tripped it."""
    begun, by_marks = _begun_us(case, day), bool(case.setting("daily_breaker_mark_to_market"))
    if begun is None:
        return
    tripped = us_of_ms(case, day["breaker_ms"]) if day["breaker_ms"] is not None else 2**62
    if tripped is None:
        return
    least = -_limit(case, day) * ROUNDED
    for before, after in pairwise(_judged_states(case)):
        same = before["life"] == after["life"] and date_of(case, before["us"]) == date_of(case, after["us"])
        if not same or date_of(case, after["us"]) != day["day"] or after["us"] - before["us"] < SEEN_US:
            continue
        if by_marks and _moved(case, before["us"] - EXPLAINED_US, after["us"]):
            continue
        if by_marks and not clear(case, ("manual_trade",), begun, after["us"]):
            continue
        if not kept(case, begun, after["us"]):
            continue
        made = [_made(case, day, state, begun, by_marks=by_marks) for state in (before, after)]
        if any(amount is None or amount > least for amount in made):
            continue
        case.count("I8 LOSS/trips" if by_marks else "I8 LOSS/realised")
        if tripped > after["us"]:
            yield f"{day['day']}: {made[0]} made of {day['start_equity']} by {before['us']} us, and nothing tripped"
            return


def _judged_states(case: Case) -> list[Row]:
    return [s for s in case.states if s["status"] == "running" and s["equity"] is not None]


def _made(case: Case, day: Row, state: Row, begun: int, *, by_marks: bool) -> Decimal | None:
    """The day's result by the marks, or what lots realised; None = not known."""
    if by_marks:
        return dec(state["equity"]) - dec(day["start_equity"]) - _paid_in(case, begun, state["us"])
    total = Decimal(0)
    for lot in case.tables["lots"]:
        closed = us_of_ms(case, lot["closed_ms"]) if lot["closed_ms"] is not None else 2**62
        if closed is None:
            return None
        if closed <= state["us"] and date_of(case, closed) == day["day"]:
            total += dec(lot["realized_pnl"])
    return total


def _drawdown(case: Case) -> Iterator[str]:
    """The peak published since the last Start, transfer or other ledger is at most the bot's own, and so is the fall
    from it. A higher peak is in the ledger ten seconds later: the next process must know of it."""
    limit = dec(case.setting("max_drawdown_pct") or 0)
    ends = {life["life"]: life["to_us"] or case.truth["end_us"] for life in case.truth["lives"]}
    seen: list[Row] = []
    since = 0
    for state in _judged_states(case) if limit else ():
        us = int(state["us"])
        began_anew = next_act(case, STARTS, since) <= us or swapped(case, since, us)
        if began_anew or _moved(case, since - EXPLAINED_US, us) or not clear(case, HIDE_EQUITY, us - SETTLED_US, us):
            seen, since = [], us
            continue
        seen.append(state)
        if len(seen) < 2 or seen[-2]["life"] != state["life"] or us - seen[-2]["us"] < SEEN_US:
            continue
        peaks = (s for s in seen if s["life"] == state["life"] or _peak_kept(case, int(s["us"]), ends[s["life"]]))
        peak = max(dec(s["equity"]) for s in peaks)
        # Both states are that deep: the bot has judged one in between.
        fall = min((peak - dec(s["equity"])) / peak * 100 for s in seen[-2:]) if peak > 0 else Decimal(0)
        if fall < limit * ROUNDED:
            continue
        case.count("I8 LOSS/drawdown")
        if not state["blocked"]:
            yield f"a drawdown of {fall:.2f} % (limit {limit}) at {us} us: entries are open"
        for post in _purchases(case, us, next_act(case, STARTS, us)):
            if not swapped(case, us, post["sent_us"]) and not _moved(case, us, post["sent_us"]):
                yield f"a purchase at {post['sent_us']} us, after a drawdown beyond {limit} % at {us} us"
        seen, since = [], us


def _peak_kept(case: Case, us: int, end_us: int) -> bool:
    """Whether a peak was in the ledger before its process ended."""
    return end_us - us > PEAK_US and clear(case, STORAGE_FAULTS, us, us + PEAK_US)


def _streak(case: Case) -> Iterator[str]:
    """Lots that lost in a row stop purchases until midnight, Start, or a lot of before that earns."""
    most = int(case.setting("max_consecutive_losses") or 0)
    if not most:
        return
    lots = [lot for lot in case.tables["lots"] if lot["closed_ms"] is not None and dec(lot["proceeds"]) > 0]
    ends = sorted(
        (us, lot["lot_id"], dec(lot["realized_pnl"]))
        for lot in lots
        if (us := us_of_ms(case, lot["closed_ms"])) is not None
    )
    earned = [us for us, _, made in ends if made >= 0]
    count, last = 0, 0
    for us, lot_id, made in ends:
        anew = date_of(case, last) != date_of(case, us) or next_act(case, STARTS, last) <= us or swapped(case, last, us)
        count, last = (0 if anew else count) + 1 if made < 0 else 0, us
        if count < most:
            continue
        case.count("I8 LOSS/streak")
        until = min((at for at in earned if at > us), default=next_act(case, STARTS, us))
        for post in _purchases(case, us + SEEN_US, min(until, next_act(case, STARTS, us))):
            if date_of(case, post["sent_us"]) == date_of(case, us) and not swapped(case, us, post["sent_us"]):
                yield f"a purchase at {post['sent_us']} us, after {count} lots in a row lost, {lot_id[-8:]} at {us} us"
                break
