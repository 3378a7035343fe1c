"""Invariants of fencing: a single bot never reports a second writer, and two bots on copies of one folder each detect
the other and stop entries.
"""

from collections import Counter
from collections.abc import Iterator

from simtest.judge.case import Case, Row, dec
from simtest.judge.intervals import ASLEEP, STORAGE_FAULTS, acts, clear, next_act

FACTS = 24  # the last digits of a client order id say what the order is for
SHUT_US = 5_000_000
BOOT_US = 70_000_000  # after its first state a bot's fence stands for certain
LIFTS = frozenset({"start", "repeat_command", "control_garbage", "reset_kill"})
# What may keep a bot from taking up what it was told.
DEAF = ("mangle", "ws_garbage", "ws_gap", *ASLEEP)
LOOKS = frozenset({"kill", "kill_file", "broken_kill", "drill"})
LOOKS_US = 60_000_000
ALIVE = frozenset({"running", "paused", "stopping", "stopped", "killed", "safe"})


def fenced(case: Case) -> Iterator[str]:
    """I23: a single bot reports no second writer; two on copies of a folder detect each other and stop entries.

    An intent has one id. Entries shut within 5 s of the bot's being told of the other's order, and it says so until
    somebody presses Start.
    """
    if case.truth["copies"]:
        yield from _two(case)
        return
    strays_us = next_act(case, ("stray_orders",), -1)
    for state in case.states:
        if state["us"] > strays_us:
            break
        case.count("I23 FENCE/alone")
        if state["second_writer"]:
            yield f"a second writer was seen at {state['us']} us, and there was none: {state['second_writer']}"
            break
    accepted = {order["client_order_id"] for order in case.own}
    case.count("I23 FENCE/one epoch", len(accepted))
    for facts, count in Counter(coid[-FACTS:] for coid in accepted).items():
        if count > 1:
            yield f"{count} orders under different epochs were accepted for the intent {facts[-8:]}"


def _two(case: Case) -> Iterator[str]:
    copy = case.truth["copies"][0]
    sent = [{post["client_order_id"] for post in side["posts"]} for side in (case.truth, copy)]
    case.count("I23 FENCE/ids", len(sent[0] | sent[1]))
    for coid in sent[0] & sent[1]:
        yield f"both bots sent an order under the id {coid[-8:]}"
    made = {order["client_order_id"]: order for order in (*case.own, *case.strays)}
    for side, name, theirs in ((case.truth, "the bot", sent[1]), (copy, "the copy", sent[0])):
        lifts = [a["us"] for a in case.truth["acts"] if a["kind"] in LIFTS] if side is case.truth else []
        lifts += (
            [s["us"] for s in case.truth["swaps"]] if side is case.truth else []
        )  # another ledger knows nothing of it
        first: dict[str, tuple[int, int, Row]] = {}  # an order that a later process sees again is not new
        for life, coid, us in side["sightings"]:
            if coid in theirs and coid in made and made[coid]["created_us"] > copy["us"] + 1_000_000:
                first.setdefault(coid, (us, life, made[coid]))
        told = [row for row in first.values() if clear(case, DEAF, row[0] - 5_000_000, row[0] + SHUT_US)]
        yield from _entered(case, side, name, told, lifts)
        yield from _kept(case, side, name, lifts)
        yield from _silent(case, side, name, told, lifts)


def _entered(case: Case, side: Row, name: str, told: list[tuple[int, int, Row]], lifts: list[int]) -> Iterator[str]:
    """Whether it takes the order for a second writer's or for one of a lost ledger, it stops entries."""
    for us, _, order in told:
        if dec(order["filled"]) == 0:
            continue  # over without a trace before the bot was there to see it: no sign of anything
        until = min((at for at in lifts if at > us - 1_000_000), default=2**62)
        case.count("I23 FENCE/entries", until > us + SHUT_US)
        for post in side["posts"]:
            if post["side"] == "BUY" and us + SHUT_US < post["sent_us"] < until:
                late = (post["sent_us"] - us) / 1e6
                yield f"{name} bought {late:.1f} s after it was told of the order {order['client_order_id'][-8:]}"
                return


def _kept(case: Case, side: Row, name: str, lifts: list[int]) -> Iterator[str]:
    """A detected second writer is reported until somebody presses Start, also after a restart."""
    last: Row | None = None
    for state in side["states"]:
        if state["status"] not in ALIVE:
            continue
        if last is not None and last["second_writer"]:
            since_us = _asleep_since(case, last["us"]) - 1_000_000  # Start waits for a process that sleeps
            lifted = any(since_us <= at <= state["us"] for at in lifts)
            judged = not lifted and clear(case, STORAGE_FAULTS, last["us"], state["us"])
            case.count("I23 FENCE/kept", judged)
            if judged and not state["second_writer"]:
                yield f"{name} forgot the second writer between {last['us']} and {state['us']} us"
                return
        last = state


def _asleep_since(case: Case, us: int) -> int:
    """When the sleep began that `us` lies in or just after; `us` where there is none."""
    sleeps = [*case.spans.get("suspend", ()), *case.spans.get("suspend_long", ())]
    return int(min((first for first, last, _ in sleeps if first <= us <= last + 1_000_000), default=us))


def _silent(case: Case, side: Row, name: str, told: list[tuple[int, int, Row]], lifts: list[int]) -> Iterator[str]:
    for us, life, order in told:
        # The kill path looks for itself, and a clock that is wrong delays what is written.
        if any(acts(case, LOOKS, us - LOOKS_US, us + SHUT_US)) or not clear(case, ("clock_jump",), us, us + SHUT_US):
            continue
        awake = [s for s in side["states"] if s["life"] == life and s["status"] in ALIVE]
        if not awake or order["created_us"] < awake[0]["us"] + BOOT_US:
            continue
        until = min((at for at in lifts if at > us - 1_000_000), default=2**62)
        after = next((s for s in awake if us + SHUT_US < s["us"] < until), None)
        case.count("I23 FENCE/reported", after is not None)
        if after is not None and not after["second_writer"]:
            yield f"{name} was told of the order {order['client_order_id'][-8:]} at {us} us and says nothing of it"
            return
