"""Invariants of the process: it stays up, it is the only writer, its resources are bounded, its storage is durable."""

from collections.abc import Iterator

from simtest.judge.case import Case, Row
from simtest.judge.intervals import ASLEEP, acts, clear, life_at, runs, swapped

LOCK_WAIT_US = 17_000_000  # a second bot waits for so long, in case the first one is on its way out
LOCK_SEEN_US = 1_300_000  # the holder looks once a second
LEDGER_SEEN_US = 2_000_000
NAMED = ("clock_jump", "ledger_full", "disk_full", "key_change")  # reasons to refuse a start
HELPED_US = 300_000_000  # by then a person has done what the bot's message asks for over another ledger
MOST = {"tasks": 120, "files": 120, "unread": 2_000, "backlog": 20_000}


def one_writer(case: Case) -> Iterator[str]:
    """I11: one bot writes: a second one ends without a change, and a bot that lost the lock sends nothing more."""
    for second in case.truth["seconds"]:
        if _unlocked(case, second["us"]):
            continue
        case.count("I11 ONE-WRITER/second")
        if second["opened"]:
            yield f"a second bot opened the ledger of process {second['life']}"
        elif second["end"] is None and runs(case, second["us"], second["us"] + LOCK_WAIT_US):
            yield f"a second bot beside process {second['life']} did not end"
        elif second["end"] not in (None, "exit 75"):
            yield f"a second bot beside process {second['life']} ended with {second['end']}"
    for post in case.posts:
        if post["life"] < 0 and not _unlocked(case, post["sent_us"]):
            yield f"a second bot sent {post['side']} {str(post['client_order_id'])[-8:]}"
    for act in case.truth["acts"]:
        if act["kind"] == "lock_gone":
            case.count("I11 ONE-WRITER/lock gone", runs(case, act["us"], act["us"] + LOCK_SEEN_US))
            for post, late_us in _sent_after(case, act, LOCK_SEEN_US):
                yield f"{post['side']} {str(post['client_order_id'])[-8:]} sent {late_us} us after the lock was gone"


def _unlocked(case: Case, us: int) -> bool:
    """Whether somebody had deleted the lock of the process that ran then: another one may take it."""
    life = life_at(case, us)
    return life is not None and any(acts(case, ("lock_gone",), life["from_us"], us))


def recorded(case: Case) -> Iterator[str]:
    """I25: no order is sent more than two seconds after the ledger's files were removed under the bot."""
    for act in case.truth["acts"]:
        if act["kind"] == "ledger_removed":
            case.count("I25 RECORDED", runs(case, act["us"], act["us"] + LEDGER_SEEN_US))
            for post, late_us in _sent_after(case, act, LEDGER_SEEN_US):
                yield f"{post['side']} {str(post['client_order_id'])[-8:]} sent {late_us} us after the ledger was gone"


def _sent_after(case: Case, act: Row, seen_us: int) -> Iterator[tuple[Row, int]]:
    """(order request, how late in us) of the process that ran then, later than it takes to see the act."""
    life = life_at(case, act["us"])
    if life is None or life["from_us"] + 1000 >= act["us"]:  # it had not opened anything yet
        return
    for post in case.posts:
        late_us = post["sent_us"] - act["us"]
        if post["life"] == life["life"] and late_us > seen_us and clear(case, ASLEEP, act["us"], post["sent_us"]):
            yield post, late_us


def bounded(case: Case) -> Iterator[str]:
    """I19: the numbers of tasks, open files, unread frames and unwritten records stay bounded."""
    for held in case.truth["bounds"]:
        for name, most in MOST.items():
            case.count(f"I19 BOUND/{name}")
            if held[name] > most:
                yield f"process {held['life']} held {held[name]} {name}, more than {most}"


def storage(case: Case) -> Iterator[str]:
    """DURABLE: the ledger uses a write-ahead log (WAL) and syncs at each commit (synchronous=FULL)."""
    case.count("DURABLE", len(case.truth["lives"]))
    yield from case.truth["storage"]


def upright(case: Case) -> Iterator[str]:
    """UP: the process never ends by an error of its own, and refuses to start only for a reason that it names."""
    case.count("UP", len(case.truth["lives"]))
    for life in case.truth["lives"]:
        begin, end = life["from_us"], life["to_us"] or case.truth["end_us"]
        named = not clear(case, NAMED, begin, end) or swapped(case, begin - HELPED_US, end)
        if life["end"] == "exit 1" and not life.get("part_died"):
            yield f"process {life['life']} ended by an error: {life.get('error')}"
        elif life["end"] == "exit 78" and not named:
            yield f"process {life['life']} refused to start: {_last_error(case, life)}"
        elif life["end"] == "exit 75":
            yield f"process {life['life']} found the lock held"


def _last_error(case: Case, life: Row) -> str:
    rows = [s for s in case.states if s["life"] == life["life"]]
    return str(rows[-1]["error"]) if rows else "?"
