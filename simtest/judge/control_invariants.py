"""Invariants of control: kill, pause, the requested level, the day."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

from simtest.judge.case import OPEN_AT_VENUE, Case, Row
from simtest.judge.intervals import (
    NEVER,
    ORDER_FAULTS,
    REST_FAULTS,
    STORAGE_FAULTS,
    acts,
    clear,
    kept,
    next_act,
    runs,
    swapped,
    us_of_ms,
)

SHUT = frozenset({"stop", "kill"})
ALIVE = frozenset({"running", "paused", "stopping", "stopped", "killed", "safe"})
SLACK_US = 100_000
BEFORE_US = 4_000_000  # what was asked for so shortly before the end may have been taken, and not published
KILLED_BY_HAND = {"kill_file": SLACK_US, "broken_kill": SLACK_US + 250_000}
KILL_MS = 1000 + 10 * 400  # a second, and ten round trips of the slowest network that is simulated
UNKNOWN_US = 150_000_000  # an order without an answer is looked for so long before it counts as absent
SETTLED_US = 60_000_000  # by then a process has looked at everything, and the streams stand
BOOTED_US = 20_000_000
# Of what hits the lists of orders or their cancels; of the rest what shuts all requests out.
DELAY_LISTS = (*REST_FAULTS, "list_lag", "status_lag")
DELAY_KILL = ("throttle", "unauthorized", "forbidden", *STORAGE_FAULTS, "clock_jump", "gate", "delist", "stray_orders")
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
    """True for a sale of a flatten, which is sent though the gate is shut, and for one that may have been: its row went
    with the ledger."""
    if post["side"] != "SELL":
        return False
    row = case.row_of.get(str(post["client_order_id"]))
    return row["purpose"] == "flatten" if row is not None else not kept(case, post["sent_us"])


def told_before(case: Case, us: int) -> Row | None:
    """The last state that the bot published well before that."""
    index = bisect_left(case.states, us - SLACK_US, key=lambda state: int(state["us"]))
    return next((state for state in reversed(case.states[:index]) if state["status"] in ALIVE), None)


def _told(case: Case, post: Row, kinds: frozenset[str]) -> Row | None:
    """The last state that was published well before this was sent; None = an act or another ledger came in between."""
    told = told_before(case, post["sent_us"])
    if told is None or swapped(case, told["us"] - SLACK_US, post["sent_us"]):
        return None
    return None if any(acts(case, kinds, told["us"] - SLACK_US, post["sent_us"])) else told


def kill(case: Case) -> Iterator[str]:
    """I5: after a kill is acknowledged only a flatten's sales are sent; it lasts; in the end no order is open."""
    first = _first_states(case)
    case.count("I5 KILL/sends", sum(_stands(case, state) for state in first.values()))
    for post in case.posts:
        told = _told(case, post, RESETS)
        if told is not None and told["latch"] and not _may(case, post):
            late_us = post["sent_us"] - told["us"]
            yield f"{post['side']} {str(post['client_order_id'])[-8:]} sent {late_us} us after a state that said killed"
    yield from _kill_file(case)
    yield from _cleared(case, first)
    yield from _in_time(case, first)
    yield from _latch_lasts(case)
    yield from _recorded(case, first)
    yield from _latch_carried(case)
    final = case.states[-1] if case.states else None
    if final is not None and final["latch"]:
        case.count("I5 KILL/no order left", len(case.own) + len(case.strays))
        for order in (*case.own, *case.strays):
            if order["status"] in OPEN_AT_VENUE:
                yield f"killed, and order {order['order_id'][:8]} is still open in the end"


def _first_states(case: Case) -> dict[str, Row]:
    """Latch → the first state that shows it."""
    first: dict[str, Row] = {}
    for state in case.states:
        if state["latch"]:
            first.setdefault(state["latch"], state)
    return first


def _stands(case: Case, state: Row) -> bool:
    """Nobody resets it at once, and the process could still send."""
    reset = any(acts(case, RESETS, state["us"] - SLACK_US, state["us"] + 10 * SLACK_US))
    return not reset and runs(case, state["us"], state["us"] + 10 * SLACK_US)


def _shut_us(case: Case, latch_id: str, shown_us: int) -> int:
    """When the kill was latched: a full disk may publish it late. Long before, where the wall clock was not right."""
    at_ms = next((row["at_ms"] for row in case.tables["latches"] if row["latch_id"] == latch_id), None)
    if at_ms is None:
        return shown_us
    us = us_of_ms(case, at_ms)
    return min(us, shown_us) if us is not None else -NEVER


def _cleared(case: Case, first: dict[str, Row]) -> Iterator[str]:
    """ "Cleared" is published only when no order is open."""
    judged: set[str] = set()
    for state in case.states:
        if not state["latch"] or state["cleared_ms"] is None:
            continue
        since = int(first[state["latch"]]["us"])
        # What the lists may hide for half a minute is looked for again every ten seconds.
        hidden = not clear(case, ("list_lag", "ghost", "late", "mangle"), since - 5_000_000, state["us"])
        hidden_us = 35_000_000 if hidden else 5_000_000
        case.count("I5 KILL/cleared", state["latch"] not in judged)
        judged.add(state["latch"])
        if (
            state["life"] == first[state["latch"]]["life"]
            and state["cleared_ms"] * 1000 > state["us"] - _shut_us(case, state["latch"], since) + SLACK_US
        ):
            yield f"a kill {state['us'] - since} us old was published as cleared after {state['cleared_ms']} ms"
            return
        for order in case.own:
            known = order["created_us"] < since - hidden_us
            if known and (order["done_us"] is None or order["done_us"] > state["us"] + 1_000_000):
                yield f"said to be cleared at {state['us']} us, with order {order['order_id'][:8]} open"
                return


def _in_time(case: Case, first: dict[str, Row]) -> Iterator[str]:
    """Where nothing is in its way a kill is cleared within `KILL_MS`, and the exchange's own time for cancels."""
    allowed_ms = KILL_MS + 2 * float(case.setting("sim_queue_ms") or 0)
    for latch, state in first.items():
        since, due = int(state["us"]), int(state["us"] + allowed_ms * 1000)
        if not runs(case, since - BOOTED_US, due) or any(acts(case, RESETS, since, due)):
            continue
        if not clear(case, DELAY_KILL, since, due) or not clear(case, DELAY_LISTS, since, due, where=("/orders",)):
            continue
        if not clear(case, ORDER_FAULTS, since - UNKNOWN_US, due, where=("/orders",)):
            continue
        case.count("I5 KILL/time")
        later = [s for s in case.states if s["us"] >= since and s["latch"] == latch and s["life"] == state["life"]]
        for order in case.own:
            if order["created_us"] < since and (order["done_us"] or NEVER) > due:
                yield f"order {order['order_id'][:8]} was still open {allowed_ms:.0f} ms after a kill"
        cleared = next((s for s in later if s["cleared_ms"] is not None), None)
        if cleared is not None and cleared["cleared_ms"] > allowed_ms:
            yield f"a kill with nothing in its way took {cleared['cleared_ms']} ms"
        elif cleared is None and any(s["us"] > due + 1_000_000 for s in later):
            yield f"a kill with nothing in its way was not cleared within {allowed_ms:.0f} ms"


def _kill_file(case: Case) -> Iterator[str]:
    """The file alone shuts the gate, from the next look on, whether or not the bot has said so; a control.json that
    does not hold and mentions kill, when a write would be over."""
    for act in case.truth["acts"]:
        if act["kind"] not in KILLED_BY_HAND:
            continue
        until, shut_us = next_act(case, RESETS, act["us"]), act["us"] + KILLED_BY_HAND[act["kind"]]
        case.count("I5 KILL/by file", until > shut_us)
        for post in case.posts:
            if shut_us < post["sent_us"] < until and not _may(case, post):
                yield f"{post['side']} {str(post['client_order_id'])[-8:]} sent after a {act['kind']}"


def _latch_lasts(case: Case) -> Iterator[str]:
    for latch in case.tables["latches"]:
        begin = us_of_ms(case, latch["at_ms"])
        end = 2**62 if latch["lifted_ms"] is None else us_of_ms(case, latch["lifted_ms"])
        if begin is None or end is None:
            continue
        for state in case.states:
            shown = state["status"] in ALIVE and begin + 50_000 < state["us"] < end - 50_000
            if not shown or not kept(case, state["us"]):
                continue
            case.count("I5 KILL/shown")
            if state["latch"] != latch["latch_id"]:
                yield f"latch {latch['latch_id']} was not shown at {state['us']} us ({state['status']})"
                break


def _recorded(case: Case, first: dict[str, Row]) -> Iterator[str]:
    """On a full disk the file KILL holds the latch, and the next life latches anew."""
    known = {latch["latch_id"] for latch in case.tables["latches"]}
    for latch_id, state in first.items():
        if not kept(case, state["us"]) or not clear(case, ("ledger_full",), state["us"] - 5_000_000, state["us"]):
            continue
        case.count("I5 KILL/recorded")
        if latch_id not in known:
            yield f"latch {latch_id} was published, and is not in the ledger"


def _latch_carried(case: Case) -> Iterator[str]:
    last: Row | None = None
    for state in case.states:
        if state["status"] not in ALIVE:
            continue
        if last is not None and last["life"] != state["life"] and last["latch"]:
            from_us = last["us"] - BEFORE_US
            reset = any(acts(case, RESETS | {"repeat_command"}, from_us, state["us"]))
            judged = not reset and not swapped(case, from_us, state["us"])
            case.count("I5 KILL/carried", judged)
            if judged and not state["latch"]:
                yield f"process {last['life']} ended killed ({last['latch']}), process {state['life']} was not killed"
        last = state


def pause(case: Case) -> Iterator[str]:
    """I6: no purchase while paused; while stopped only a flatten's sales."""
    case.count("I6 PAUSE/paused", sum(state["level"] == "pause" for state in case.states))
    case.count("I6 PAUSE/stopped", sum(state["level"] in SHUT for state in case.states))
    for post in case.posts:
        told = _told(case, post, LEVEL_ACTS)
        if told is None or told["level"] not in SHUT | {"pause"}:
            continue
        if post["side"] == "BUY":
            yield f"a purchase was sent at {post['sent_us']} us while {told['level']}"
        elif told["level"] in SHUT and not _may(case, post):
            yield f"a sale was sent at {post['sent_us']} us while {told['level']}"


def level_persists(case: Case) -> Iterator[str]:
    """I7: the level before a crash is the level after it, unless somebody changed it in between."""
    last: Row | None = None
    for state in case.states:
        if state["status"] not in ALIVE or state["level"] is None:
            continue
        if last is not None and last["life"] != state["life"]:
            from_us = last["us"] - BEFORE_US
            touched = any(acts(case, LEVEL_ACTS, from_us, state["us"])) or swapped(case, from_us, state["us"])
            case.count("I7 STOP-PERSIST", not touched)
            if not touched and last["level"] != state["level"]:
                yield f"{last['level']} before the end of process {last['life']}, {state['level']} after it"
        last = state


def date_of(case: Case, us: int) -> str:
    """The UTC date at the exchange."""
    return f"{datetime.fromtimestamp((int(case.truth['start_us']) + us) / 1e6, UTC):%Y-%m-%d}"


def day(case: Case) -> Iterator[str]:
    """I20: each UTC date that the bot saw has exactly one day, by the exchange's clock."""
    first, last = date_of(case, 0), date_of(case, int(case.truth["end_us"]))
    case.count("I20 DAY/true", len(case.tables["days"]))
    for row in case.tables["days"]:
        if not first <= row["day"] <= last:
            yield f"the day {row['day']} was begun, which is not between {first} and {last}"
    rolls = Counter(row["text"].split(" ")[0] for row in case.tables["activity_log"] if row["kind"] == "day")
    case.count("I20 DAY/once", len(rolls))
    for date, count in rolls.items():
        if count > 1:
            yield f"the day {date} ended {count} times"
    ran: dict[str, list[int]] = {}
    for state in case.states:
        if state["status"] == "running" and state["equity"] is not None and kept(case, state["us"]):
            ran.setdefault(date_of(case, state["us"]), []).append(state["us"])
    case.count("I20 DAY/row", len(ran))
    for date in sorted(ran.keys() - {row["day"] for row in case.tables["days"]}):
        if ran[date][-1] - ran[date][0] > 5_000_000:
            yield f"{date} has no row of its own"
