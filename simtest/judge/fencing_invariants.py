"""Invariants of fencing: a single bot never reports a second writer, and two bots on copies of one folder each detect
the other and stop entries.
"""

from collections import Counter
from collections.abc import Iterator

from simtest.judge.case import Case, Row, dec

FACTS = 24  # the last digits of a client order id say what the order is for
SHUT_US = 5_000_000
BOOT_US = 70_000_000  # after its first state a bot's fence stands for certain
LIFTS = frozenset({"start", "repeat_command", "control_garbage", "reset_kill"})
# What may keep a bot from taking up what it was told.
DEAF = ("mangle", "ws_garbage", "ws_gap")
ALIVE = frozenset({"running", "paused", "stopping", "stopped", "killed", "safe"})


def fenced(case: Case) -> Iterator[str]:
    """I23: a single bot reports no second writer; two on copies of a folder detect each other and stop entries.

    An intent has one id. Entries shut within 5 s of the bot's being told of the other's order, and it says so until
    somebody presses Start.
    """
    if case.truth["copies"]:
        yield from _two(case)
        return
    if not case.had("stray_orders"):
        for state in case.states:
            if state["second_writer"]:
                yield f"a second writer was seen at {state['us']} us, and there was none: {state['second_writer']}"
                break
    accepted = {order["client_order_id"] for order in case.own}
    for facts, count in Counter(coid[-FACTS:] for coid in accepted).items():
        if count > 1:
            yield f"{count} orders under different epochs were accepted for the intent {facts[-8:]}"


def _two(case: Case) -> Iterator[str]:
    copy = case.truth["copies"][0]
    sent = [{post["client_order_id"] for post in side["posts"]} for side in (case.truth, copy)]
    for coid in sent[0] & sent[1]:
        yield f"both bots sent an order under the id {coid[-8:]}"
    if case.faulty(*DEAF) or case.had("suspend", "suspend_long") or case.ledger_was_lost:
        return
    made = {order["client_order_id"]: order for order in (*case.own, *case.strays)}
    for side, name, theirs in ((case.truth, "the bot", sent[1]), (copy, "the copy", sent[0])):
        lifts = [a["us"] for a in case.truth["acts"] if a["kind"] in LIFTS] if side is case.truth else []
        first: dict[str, tuple[int, int, Row]] = {}  # an order that a later process sees again is not new
        for life, coid, us in side["sightings"]:
            if coid in theirs and coid in made and made[coid]["created_us"] > copy["us"] + 1_000_000:
                first.setdefault(coid, (us, life, made[coid]))
        told = list(first.values())
        yield from _entered(side, name, told, lifts)
        yield from _kept(case, side, name, lifts)
        yield from _silent(case, side, name, told, lifts)


def _entered(side: Row, name: str, told: list[tuple[int, int, Row]], lifts: list[int]) -> Iterator[str]:
    """Whether it takes the order for a second writer's or for one of a lost ledger, it stops entries."""
    for us, _, order in told:
        if dec(order["filled"]) == 0:
            continue  # over without a trace before the bot was there to see it: no sign of anything
        until = min((at for at in lifts if at > us - 1_000_000), default=2**62)
        for post in side["posts"]:
            if post["side"] == "BUY" and us + SHUT_US < post["sent_us"] < until:
                late = (post["sent_us"] - us) / 1e6
                yield f"{name} bought {late:.1f} s after it was told of the order {order['client_order_id'][-8:]}"
                return


def _kept(case: Case, side: Row, name: str, lifts: list[int]) -> Iterator[str]:
    """A detected second writer is reported until somebody presses Start, also after a restart."""
    if case.faulty("ledger_full", "disk_full"):
        return
    last: Row | None = None
    for state in side["states"]:
        if state["status"] not in ALIVE:
            continue
        gone = last is not None and last["second_writer"] and not state["second_writer"]
        if last is not None and gone and not any(last["us"] - 1_000_000 <= at <= state["us"] for at in lifts):
            yield f"{name} forgot the second writer between {last['us']} and {state['us']} us"
            return
        last = state


def _silent(case: Case, side: Row, name: str, told: list[tuple[int, int, Row]], lifts: list[int]) -> Iterator[str]:
    if case.had("kill", "kill_file", "drill", "clock_jump"):
        return  # the kill path looks for itself, and a clock that is wrong delays what is written
    for us, life, order in told:
        awake = [s for s in side["states"] if s["life"] == life and s["status"] in ALIVE]
        if not awake or order["created_us"] < awake[0]["us"] + BOOT_US:
            continue
        until = min((at for at in lifts if at > us - 1_000_000), default=2**62)
        after = next((s for s in awake if us + SHUT_US < s["us"] < until), None)
        if after is not None and not after["second_writer"]:
            yield f"{name} was told of the order {order['client_order_id'][-8:]} at {us} us and says nothing of it"
            return
