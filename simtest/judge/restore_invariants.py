"""The invariant of a restore: restoring an older ledger releases no brake."""

from collections.abc import Iterable, Iterator

from simtest.judge.case import Case, Row
from simtest.judge.control_invariants import ALIVE, LEVEL_ACTS, RESETS

RANK = {"run": 0, "pause": 1, "stop": 2, "kill": 3}
SEEN_US = 4_000_000  # what was asked for so shortly before the end may have been taken, and not told
STARTS = frozenset({"start", "repeat_command", "control_garbage"})


def brakes(case: Case) -> Iterator[str]:
    """F6: kill latch, level, SAFE, loss limit and blocked entries are as strict after a restore as before it."""
    for act in case.truth["acts"]:
        if act["kind"] == "restored":
            yield from _held(case, act["us"])
            yield from _bought(case, act["us"])
    if case.had("restored", "old_ledger"):
        yield from _fetched(case)


def _held(case: Case, us: int) -> Iterator[str]:
    before = next((s for s in reversed(case.states) if s["us"] <= us and s["status"] in ALIVE), None)
    if before is None:
        return
    after = [s for s in case.states if s["us"] > us and s["status"] in ALIVE]
    since = before["us"] - SEEN_US
    for state in _until(case, after, since, RESETS | {"repeat_command"}):
        if before["latch"] and not state["latch"]:
            yield f"killed ({before['latch']}) before the restore at {us} us, {state['status']} after it"
            break
    for state in _until(case, after, since, LEVEL_ACTS):
        was, now = ("stop" if s["status"] == "safe" else s["level"] for s in (before, state))
        if was is not None and RANK.get(now, 0) < RANK[was]:
            yield f"{was} before the restore at {us} us, {now} after it"
            break
    same_day = (s for s in after if s["ts_ms"] // 86_400_000 == before["ts_ms"] // 86_400_000)
    if case.wall_is_right and before["breaker"] and any(s["breaker"] is False for s in same_day):
        yield f"the day's loss limit had tripped before the restore at {us} us, and was open after it"
    for state in _until(case, after, us, STARTS):
        if state["breaker"] is not None and not state["blocked"]:
            yield f"entries are open {state['us'] - us} us after the restore at {us} us, and nobody pressed Start"
            break


def _until(case: Case, states: Iterable[Row], since_us: int, kinds: frozenset[str]) -> Iterator[Row]:
    """The states before anybody changed that."""
    changed = min((a["us"] for a in case.truth["acts"] if a["kind"] in kinds and a["us"] >= since_us), default=2**62)
    return (state for state in states if state["us"] < changed)


def _fetched(case: Case) -> Iterator[str]:
    """In the end the ledger has the fills that it lacked; judged only where no fault hid them."""
    if case.truth["plan"]["windows"] or case.had("lose_ledger") or not case.wall_is_right:
        return
    ours = {order["order_id"] for order in case.own}
    there = {(f["order_id"], f["trade_id"]) for f in case.truth["venue"]["fills"] if f["order_id"] in ours}
    here = {(f["order_id"], f["trade_id"]): f for f in case.tables["fills"]}
    for key in there - here.keys():
        yield f"fill {key[1][:8]} of order {key[0][:8]} was not fetched after the ledger was put back"
    for key in here.keys() - there:
        yield f"the ledger holds fill {key[1][:8]} of order {key[0][:8]}, which the exchange never made"
    for key, fill in here.items():
        if fill["lot_id"] is None:
            yield f"fill {key[1][:8]} of order {key[0][:8]} belongs to no lot"


def _bought(case: Case, us: int) -> Iterator[str]:
    started = min((a["us"] for a in case.truth["acts"] if a["kind"] in STARTS and a["us"] > us), default=2**62)
    for post in case.posts:
        if post["side"] == "BUY" and us < post["sent_us"] < started:
            yield f"a purchase was sent {post['sent_us'] - us} us after the restore at {us} us: nobody pressed Start"
            return
