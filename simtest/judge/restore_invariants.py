"""The invariant of a restore: restoring an older ledger releases no brake."""

from collections.abc import Iterable, Iterator

from simtest.judge.case import Case, Row
from simtest.judge.control_invariants import ALIVE, LEVEL_ACTS, RESETS, date_of
from simtest.judge.intervals import LIST_FAULTS, REST_FAULTS, first_clear

RANK = {"run": 0, "pause": 1, "stop": 2, "kill": 3}
SEEN_US = 4_000_000  # what was asked for so shortly before the end may have been taken, and not told
FETCHED_US = 60_000_000  # a boot fetches what its ledger lacks; the audit looks again
STARTS = frozenset({"start", "repeat_command", "control_garbage"})


def brakes(case: Case) -> Iterator[str]:
    """F6: kill latch, level, SAFE, loss limit and blocked entries are as strict after a restore as before it."""
    for act in case.truth["acts"]:
        if act["kind"] == "restored":
            yield from _held(case, act["us"])
            yield from _bought(case, act["us"])
    yield from _fetched(case)


def _held(case: Case, us: int) -> Iterator[str]:
    before = next((s for s in reversed(case.states) if s["us"] <= us and s["status"] in ALIVE), None)
    if before is None:
        return
    after = [s for s in case.states if s["us"] > us and s["status"] in ALIVE]
    since = before["us"] - SEEN_US
    killed = list(_until(case, after, since, RESETS | {"repeat_command"}))
    case.count("F6 RESTORE/kill", bool(before["latch"] and killed))
    for state in killed:
        if before["latch"] and not state["latch"]:
            yield f"killed ({before['latch']}) before the restore at {us} us, {state['status']} after it"
            break
    levels = list(_until(case, after, since, LEVEL_ACTS))
    case.count("F6 RESTORE/level", bool(levels) and (before["status"] == "safe" or RANK.get(before["level"], 0) > 0))
    for state in levels:
        was, now = ("stop" if s["status"] == "safe" else s["level"] for s in (before, state))
        if was is not None and RANK.get(now, 0) < RANK[was]:
            yield f"{was} before the restore at {us} us, {now} after it"
            break
    same_day = [s for s in after if date_of(case, s["us"]) == date_of(case, before["us"])]
    case.count("F6 RESTORE/loss limit", bool(before["breaker"] and same_day))
    if before["breaker"] and any(s["breaker"] is False for s in same_day):
        yield f"the day's loss limit had tripped before the restore at {us} us, and was open after it"
    waiting = [s for s in _until(case, after, us, STARTS) if s["breaker"] is not None]
    case.count("F6 RESTORE/entries", bool(waiting))
    for state in waiting:
        if not state["blocked"]:
            yield f"entries are open {state['us'] - us} us after the restore at {us} us, and nobody pressed Start"
            break


def _until(case: Case, states: Iterable[Row], since_us: int, kinds: frozenset[str]) -> Iterator[Row]:
    """The states before anybody changed that."""
    changed = min((a["us"] for a in case.truth["acts"] if a["kind"] in kinds and a["us"] >= since_us), default=2**62)
    return (state for state in states if state["us"] < changed)


def _fetched(case: Case) -> Iterator[str]:
    """In the end the ledger has the fills that it lacked, once a process could ask for them with nothing in its way."""
    swaps = [swap for swap in case.truth["swaps"] if not _lost(case, swap["us"])]
    asked = {swap["us"]: first_clear(case, (*REST_FAULTS, *LIST_FAULTS), swap["us"], FETCHED_US) for swap in swaps}
    ours = {order["order_id"] for order in case.own}
    here = {(f["order_id"], f["trade_id"]): f for f in case.tables["fills"]}
    for fill in case.truth["venue"]["fills"]:
        lacking = (s for s in swaps if s["copy_us"] <= fill["us"] <= s["us"] and asked[s["us"]] is not None)
        if fill["order_id"] not in ours or not any(lacking):
            continue
        case.count("F6 RESTORE/fills")
        found = here.get((fill["order_id"], fill["trade_id"]))
        name = f"fill {fill['trade_id'][:8]} of order {fill['order_id'][:8]}"
        if found is None:
            yield f"{name} was not fetched after the ledger was put back"
        elif found["lot_id"] is None:
            yield f"{name} belongs to no lot"


def _lost(case: Case, us: int) -> bool:
    """Whether the ledger was lost then or later, with all that it had fetched."""
    return any(swap["how"] == "lose" and swap["us"] >= us for swap in case.truth["swaps"])


def _bought(case: Case, us: int) -> Iterator[str]:
    started = min((a["us"] for a in case.truth["acts"] if a["kind"] in STARTS and a["us"] > us), default=2**62)
    case.count("F6 RESTORE/purchases")
    for post in case.posts:
        if post["side"] == "BUY" and us < post["sent_us"] < started:
            yield f"a purchase was sent {post['sent_us'] - us} us after the restore at {us} us: nobody pressed Start"
            return
