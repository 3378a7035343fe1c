"""Invariants of control: kill, pause, the requested level, the day and its loss limit."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

from simtest.judge.case import OPEN_AT_VENUE, Case, Row, dec

SHUT = frozenset({"stop", "kill"})
ALIVE = frozenset({"running", "paused", "stopping", "stopped", "killed", "safe"})
SLACK_US = 100_000
SLACK_FILLS_US = 40_000_000
KILLED_BY_HAND = {"kill_file": SLACK_US, "broken_kill": SLACK_US + 250_000}
KILL_MS = 1000 + 10 * 400  # a second, and ten round trips of the slowest network that is simulated
RESETS = frozenset({"reset_kill"})
LEVEL_ACTS = frozenset(
    {
        "start",
        "pause",
        "stop",
        "kill",
        "kill_file",
        "broken_kill",
        "reset_kill",
        "flatten",
        "repeat_command",
        "control_garbage",
        "rest",
        "calm",
    }
)


def _may(case: Case, post: Row) -> bool:
    """True for a sale of a flatten, which is sent though the gate is shut."""
    row = case.row_of.get(str(post["client_order_id"]))
    return post["side"] == "SELL" and row is not None and row["purpose"] == "flatten"


def _told(case: Case, post: Row, acts: frozenset[str]) -> Row | None:
    """The last state that the bot published well before it sent this; None = an act came in between."""
    told: Row | None = None
    for state in case.truth["states"]:
        if state["us"] + SLACK_US >= post["sent_us"]:
            break
        if state["status"] in ALIVE:
            told = state
    if told is None:
        return None
    changed = any(a["kind"] in acts and told["us"] - SLACK_US <= a["us"] <= post["sent_us"] for a in case.truth["acts"])
    return None if changed else told


def kill(case: Case) -> Iterator[str]:
    """I5: after a kill is acknowledged only a flatten's sales are sent; it lasts; in the end no order is open."""
    for post in case.posts:
        told = _told(case, post, RESETS)
        if told is not None and told["latch"] and not _may(case, post) and not case.ledger_was_lost:
            late_us = post["sent_us"] - told["us"]
            yield f"{post['side']} {str(post['client_order_id'])[-8:]} sent {late_us} us after a state that said killed"
    yield from _kill_file(case)
    yield from _cleared(case)
    yield from _latch_lasts(case)
    if not case.ledger_was_lost:
        yield from _latch_carried(case)
    final = case.states[-1] if case.states else None
    if final is not None and final["latch"]:
        for order in (*case.own, *case.strays):
            if order["status"] in OPEN_AT_VENUE:
                yield f"killed, and order {order['order_id'][:8]} is still open in the end"


def _cleared(case: Case) -> Iterator[str]:
    """ "Cleared" is published only when no order is open, and soon where no fault prevents it."""
    # What the lists may hide for half a minute is looked for again every ten seconds.
    hidden_us = 35_000_000 if case.faulty("list_lag", "ghost", "late", "mangle") else 5_000_000
    latched: dict[str, int] = {}
    for state in case.truth["states"]:
        if not state["latch"]:
            continue
        since = latched.setdefault(state["latch"], state["us"])
        if state["cleared_ms"] is None:
            continue
        for order in case.own:
            known = order["created_us"] < since - hidden_us
            if known and (order["done_us"] is None or order["done_us"] > state["us"] + 1_000_000):
                yield f"said to be cleared at {state['us']} us, with order {order['order_id'][:8]} open"
                return
        if not case.truth["plan"]["windows"] and state["cleared_ms"] > KILL_MS:
            yield f"a kill with nothing in its way took {state['cleared_ms']} ms"


def _kill_file(case: Case) -> Iterator[str]:
    """The file alone shuts the gate, from the next look on, whether or not the bot has said so; a control.json that
    does not hold and mentions kill, when a write would be over."""
    if case.ledger_was_lost:
        return  # nobody knows which sale was flatten's
    for act in case.truth["acts"]:
        if act["kind"] not in KILLED_BY_HAND:
            continue
        resets = [a["us"] for a in case.truth["acts"] if a["kind"] in ("reset_kill",) and a["us"] > act["us"]]
        until = min(resets, default=2**62)
        for post in case.posts:
            if act["us"] + KILLED_BY_HAND[act["kind"]] < post["sent_us"] < until and not _may(case, post):
                yield f"{post['side']} {str(post['client_order_id'])[-8:]} sent after a {act['kind']}"


def _latch_lasts(case: Case) -> Iterator[str]:
    if not case.wall_is_right or case.ledger_was_lost:
        return
    for latch in case.tables["latches"]:
        begin, end = latch["at_ms"], latch["lifted_ms"] if latch["lifted_ms"] is not None else 2**62
        for state in case.states:
            shown = state["status"] in ALIVE and begin + 50 < state["ts_ms"] < end - 50
            if shown and state["latch"] != latch["latch_id"]:
                yield f"latch {latch['latch_id']} was not shown at {state['us']} us ({state['status']})"
                break
    if case.faulty("ledger_full"):
        return  # then the file KILL holds it, and the next life latches anew
    known = {latch["latch_id"] for latch in case.tables["latches"]}
    for latch_id in {state["latch"] for state in case.states if state["latch"]} - known:
        yield f"latch {latch_id} was shown, but the ledger never had it"


def _latch_carried(case: Case) -> Iterator[str]:
    """A bot that ends killed comes back killed, unless somebody reset it in between."""
    resets = [act["us"] for act in case.truth["acts"] if act["kind"] in RESETS | {"repeat_command"}]
    last: Row | None = None
    for state in case.states:
        if state["status"] not in ALIVE:
            continue
        lifted = last is not None and last["life"] != state["life"] and last["latch"] and not state["latch"]
        if last is not None and lifted and not any(last["us"] - 4_000_000 <= us <= state["us"] for us in resets):
            yield f"process {last['life']} ended killed ({last['latch']}), process {state['life']} was not killed"
        last = state


def pause(case: Case) -> Iterator[str]:
    """I6: no purchase while paused; while stopped only a flatten's sales."""
    for post in case.posts:
        told = _told(case, post, LEVEL_ACTS)
        if told is None or told["level"] not in SHUT | {"pause"} or case.ledger_was_lost:
            continue
        if post["side"] == "BUY":
            yield f"a purchase was sent at {post['sent_us']} us while {told['level']}"
        elif told["level"] in SHUT and not _may(case, post):
            yield f"a sale was sent at {post['sent_us']} us while {told['level']}"


def level_persists(case: Case) -> Iterator[str]:
    """I7: the level before a crash is the level after it, unless somebody changed it in between."""
    if case.ledger_was_lost:
        return
    acts = [act["us"] for act in case.truth["acts"] if act["kind"] in LEVEL_ACTS]
    last: Row | None = None
    for state in case.states:
        if state["status"] not in ALIVE or state["level"] is None:
            continue
        if last is not None and last["life"] != state["life"]:
            touched = any(last["us"] - 4_000_000 <= us <= state["us"] for us in acts)
            if not touched and last["level"] != state["level"]:
                yield f"{last['level']} before the end of process {last['life']}, {state['level']} after it"
        last = state


def loss(case: Case) -> Iterator[str]:
    """I8: the daily loss limit stops purchases for the rest of the UTC day, across restarts, and stops them in time."""
    if not case.wall_is_right or case.ledger_was_lost:
        return
    limit_pct = dec(case.setting("max_daily_loss_pct") or 2)
    for day in case.tables["days"]:
        if day["breaker_ms"] is not None:
            tripped = case.us_of_ms(day["breaker_ms"])
            for post in case.posts:
                at_ms = (post["sent_us"] + int(case.truth["start_us"])) // 1000
                same_day = at_ms // 86_400_000 == day["breaker_ms"] // 86_400_000
                if post["side"] == "BUY" and post["sent_us"] > tripped + SLACK_US and same_day:
                    yield f"a purchase was sent after {day['day']}'s loss limit tripped"
        yield from _not_tripped(case, day, limit_pct)
        yield from _beyond(case, day, limit_pct)


def _beyond(case: Case, day: Row, limit_pct: Decimal) -> Iterator[str]:
    """No purchase is sent when the account is worth less than the limit allows by every price of the last seconds.

    What fills of the last half minute cost in fees and spread may not be known yet, and counts as slack.
    """
    if case.truth["venue"]["transfers"] or case.had("manual_trade") or case.faulty("ws_price", "stale_balances"):
        return
    start, fills = dec(day["start_equity"]), case.truth["venue"]["fills"]
    for post in case.posts:
        at_ms = (post["sent_us"] + int(case.truth["start_us"])) // 1000
        if post["worth"] is None or _date(at_ms) != day["day"]:
            continue
        near = [f for f in fills if post["sent_us"] - SLACK_FILLS_US < f["us"] <= post["at_us"]]
        slack = sum((dec(f["fee"]) + dec(f["value"]) / 100 for f in near), Decimal(0))
        least = start * (1 - limit_pct / 100) - slack
        if dec(post["worth"]) < least * Decimal("0.9999"):
            yield f"a purchase at {post['sent_us']} us, when {post['worth']:.2f} of {start} were left"


def _not_tripped(case: Case, day: Row, limit_pct: Decimal) -> Iterator[str]:
    if dec(day["transfers"]) != 0 or case.truth["venue"]["transfers"] or case.had("manual_trade"):
        return
    start = dec(day["start_equity"])
    for before, after in zip(case.states, case.states[1:], strict=False):
        if before["equity"] is None or before["status"] != "running" or before["life"] != after["life"]:
            continue
        if (
            after["us"] - before["us"] < 1_500_000
            or day["day"] != _date(before["ts_ms"])
            or _date(after["ts_ms"]) != day["day"]
        ):
            continue
        lost = dec(before["equity"]) - start <= -start * limit_pct / 100 * Decimal("1.0001")
        lost_still = after["equity"] is not None and dec(after["equity"]) - start <= -start * limit_pct / 100 * Decimal(
            "1.0001"
        )
        if lost and lost_still and (day["breaker_ms"] is None or day["breaker_ms"] > after["ts_ms"]):
            yield f"{day['day']}: {before['equity']} of {day['start_equity']} left, and the breaker did not trip"
            return


def _date(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"


def day(case: Case) -> Iterator[str]:
    """I20: each UTC date that the bot saw has exactly one day, by the exchange's clock."""
    begin_ms = int(case.truth["start_us"]) // 1000
    true_days = {_date(begin_ms + us // 1000) for us in (0, int(case.truth["end_us"]))}
    for row in case.tables["days"]:
        if not min(true_days) <= row["day"] <= max(true_days):
            yield f"the day {row['day']} was begun, which is not between {min(true_days)} and {max(true_days)}"
    if not case.wall_is_right:
        return
    rolls = Counter(row["text"].split(" ")[0] for row in case.tables["activity_log"] if row["kind"] == "day")
    for date, count in rolls.items():
        if count > 1:
            yield f"the day {date} ended {count} times"
    if case.ledger_was_lost:
        return
    seen = {_date(s["ts_ms"]) for s in case.states if s["status"] == "running" and s["equity"] is not None}
    for date in sorted(seen - {row["day"] for row in case.tables["days"]}):
        later = [s for s in case.states if _date(s["ts_ms"]) == date and s["status"] == "running"]
        if later[-1]["us"] - later[0]["us"] > 5_000_000:
            yield f"{date} has no row of its own"
