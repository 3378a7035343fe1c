"""The invariant of the watcher's alerts: what a person is told in time is what was so, and it ends when that ends.

Judged in runs that a watcher was beside (`Plan.watched`). What must fire is told by the ends of processes and by what
the bot published, which other invariants hold against the exchange and the ledger.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from simtest.judge.case import Case, Row
from simtest.reference.spans import TimeSpans

S = 1_000_000
TOLD_US = 5 * S  # an urgent alert is told within so long after its own threshold
GONE_US, SILENT_US = 1 * S, 5 * S  # those of a process that is gone, and of one that writes nothing
NEXT_US = 2 * S  # two documents that are further apart say nothing of the time between them
MOST_AN_HOUR, HOUR_MS = 10, 3_600_000
CLEAR_S, CLEAR_MOST_S = 3, 900  # no longer found for so long, an alert is over; twice as long each time it came back
GRACE_US = 20 * S  # a watcher that never saw the bot alive waits for it
UP = frozenset({"trading", "stopped", "error"})  # phases in which a start is over


class AlertCause(NamedTuple):
    """When a rule must fire (`due`), and when it may (`may`)."""

    due: TimeSpans
    may: TimeSpans


def alerts(case: Case) -> Iterator[str]:
    """I17: an alert fires within 5 s of its cause, only for one, ends with it, and is told 10 times an hour at most."""
    seen = case.truth.get("watch")
    if seen is None:
        return
    fired = _fired(seen["changes"], int(case.truth["end_us"]))
    for rule, name in RULES_JUDGED.items():
        cause = _CAUSES[rule](case)
        yield from _told(case, rule, f"I17 ALERT/{name}", cause.due, fired.get(rule, TimeSpans()))
        yield from _caused(case, rule, cause.may, fired.get(rule, TimeSpans()))
    yield from _over(case, seen["changes"])
    yield from _messages(case, seen["all"])


def _fired(changes: list[Row], end_us: int) -> dict[str, TimeSpans]:
    """Rule → when an alert that it set off was open."""
    found: dict[str, list[tuple[int, int]]] = {}
    ends = [*(int(change["us"]) for change in changes[1:]), end_us][: len(changes)]
    for change, until_us in zip(changes, ends, strict=True):
        for rule in {rule for alert in change["alerts"] for rule in alert["rules"]}:
            found.setdefault(rule, []).append((int(change["us"]), until_us))
    return {rule: TimeSpans(spans) for rule, spans in found.items()}


def _told(case: Case, rule: str, name: str, due: TimeSpans, fired: TimeSpans) -> Iterator[str]:
    for from_us, to_us in due.spans:
        if from_us + TOLD_US >= to_us:
            continue
        case.count(name)
        quiet = fired.gaps(from_us + TOLD_US, to_us)
        if quiet:
            yield f"{rule} was due from {from_us} us to {to_us} us, and did not fire at {quiet[0][0]} us"
            return


def _caused(case: Case, rule: str, may: TimeSpans, fired: TimeSpans) -> Iterator[str]:
    for from_us, _ in fired.spans:
        case.count("I17 ALERT/without a cause")
        if not may.touch(from_us - NEXT_US, from_us):
            yield f"{rule} fires at {from_us} us, and nothing caused it"
            return


def _over(case: Case, changes: list[Row]) -> Iterator[str]:
    """In the end, when all has been calm for minutes, what is over is called so."""
    end_us = int(case.truth["end_us"])
    for alert in changes[-1]["alerts"] if changes else ():
        if not set(alert["rules"]) <= RULES_JUDGED.keys():
            continue
        lasted_us = max((_CAUSES[rule](case).may.spans or [(0, 0)])[-1][1] for rule in alert["rules"])
        clear_us = min(CLEAR_S << min(alert["came_back"], 20), CLEAR_MOST_S) * S
        case.count("I17 ALERT/over")
        if end_us - lasted_us > clear_us + TOLD_US:
            yield f"the alert {alert['cause']} is open in the end, and its cause ended at {lasted_us} us"
    calm_us = max((int(act["us"]) for act in case.truth["acts"] if act["kind"] == "calm"), default=end_us)
    case.count("I17 ALERT/over", sum(bool(change["alerts"]) for change in changes if change["us"] < calm_us))


def _messages(case: Case, told: list[Row]) -> Iterator[str]:
    for alert in told:
        case.count("I17 ALERT/messages", len(alert["told_ms"]))
        for at_ms in alert["told_ms"]:
            if sum(at_ms - HOUR_MS < other <= at_ms for other in alert["told_ms"]) > MOST_AN_HOUR:
                yield f"the alert {alert['cause']} was told more than {MOST_AN_HOUR} times in an hour"
                break


# ---- causes ----


def _published(case: Case, holds: Callable[[Row], bool]) -> AlertCause:
    """As long as documents in a row say so."""
    due: list[tuple[int, int]] = []
    may: list[tuple[int, int]] = []
    last: Row | None = None
    for state in case.states:
        us = int(state["us"])
        if holds(state):
            may.append((us, us + NEXT_US))
            if last is not None and last["life"] == state["life"] and us - int(last["us"]) <= NEXT_US and holds(last):
                due.append((int(last["us"]), us))
        last = state
    return AlertCause(TimeSpans(due), TimeSpans(may))


def _killed(case: Case) -> AlertCause:
    found = _published(case, lambda state: state["latch"] is not None)
    asked = ("kill", "kill_file", "broken_kill", "drill")
    more = [(int(act["us"]), int(act["us"]) + TOLD_US) for act in case.truth["acts"] if act["kind"] in asked]
    stands = [(first, last) for first, last in found.may.spans]
    # A latch outlives its process: until the next one publishes, the last word stands.
    ends = [int(life["to_us"]) for life in case.truth["lives"] if life["to_us"] is not None]
    for us in ends:
        before = next((s for s in reversed(case.states) if s["us"] <= us), None)
        after = next((int(s["us"]) for s in case.states if s["us"] > us), int(case.truth["end_us"]))
        if before is not None and before["latch"] is not None:
            stands.append((us, after))
    return AlertCause(found.due, TimeSpans([*stands, *more]))


def _gone(case: Case) -> AlertCause:
    """From a process' end against everybody's will until one has started."""
    due: list[tuple[int, int]] = []
    may: list[tuple[int, int]] = []
    for life in case.truth["lives"]:
        if life["to_us"] is None:
            continue
        us = int(life["to_us"])
        back_us = next(
            (int(s["us"]) for s in case.states if s["us"] > us and s["phase"] in UP), int(case.truth["end_us"])
        )
        may.append((us, back_us + NEXT_US))
        last = next((s for s in reversed(case.states) if s["us"] <= us), None)
        unclean = life["end"] is None or life["end"].startswith("crash") or life["end"] == "exit 1"
        known = last is not None and last["life"] == life["life"] and last["status"] not in ("stopped", "error")
        if unclean and known and us > GRACE_US:
            due.append((us + GONE_US, back_us))
    return AlertCause(TimeSpans(due), TimeSpans(may))


def _silent(case: Case) -> AlertCause:
    """A process that lives, and from which no document came."""
    due: list[tuple[int, int]] = []
    may: list[tuple[int, int]] = []
    end_us = int(case.truth["end_us"])
    for life in case.truth["lives"]:
        wrote = [int(state["us"]) for state in case.states if state["life"] == life["life"]]
        ended_us = int(life["to_us"]) if life["to_us"] is not None else end_us
        for us, next_us in zip(wrote, [*wrote[1:], ended_us], strict=True):
            if next_us - us > SILENT_US - S:
                may.append((us + SILENT_US - S, next_us + NEXT_US))
            if next_us - us > SILENT_US:
                due.append((us + SILENT_US, next_us))
        if not wrote:  # it never wrote: what stands there is the last one's
            may.append((int(life["from_us"]), ended_us + NEXT_US))
    return AlertCause(TimeSpans(due), TimeSpans(may))


def _blind(case: Case) -> AlertCause:
    return _published(case, lambda state: state["word"] == "blind")


def _ledger(case: Case) -> AlertCause:
    """What a fault takes away for a moment only may be over before it is published again."""
    return _published(case, lambda state: state["ledger_ok"] is False or state["word"] == "ledger_gone")


def _safe(case: Case) -> AlertCause:
    return _published(case, lambda state: state["status"] == "safe" and state["word"] == "safe")


_CAUSES: dict[str, Callable[[Case], AlertCause]] = {
    "killed": _killed,
    "bot_dead": _gone,
    "bot_silent": _silent,
    "exchange_gone": _blind,
    "ledger_unwritable": _ledger,
    "bot_safe": _safe,
}
# The watcher's rule → the judge's.
RULES_JUDGED = {
    "killed": "killed", "bot_dead": "dead", "bot_silent": "silent", "exchange_gone": "blind",
    "ledger_unwritable": "ledger", "bot_safe": "safe",
}  # fmt: skip
