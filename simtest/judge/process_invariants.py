"""Invariants of the process: it stays up, it is the only writer, its resources are bounded, its storage is durable."""

from collections.abc import Iterator

from simtest.judge.case import Case, Row

LOCK_WAIT_US = 17_000_000  # a second bot waits for so long, in case the first one is on its way out
LOCK_SEEN_US = 1_300_000  # the holder looks once a second
LEDGER_SEEN_US = 2_000_000
MOST = {"tasks": 120, "files": 120, "unread": 2_000, "backlog": 20_000}


def one_writer(case: Case) -> Iterator[str]:
    """I11: one bot writes: a second one ends without a change, and a bot that lost the lock sends nothing more."""
    lives = {life["life"]: life for life in case.truth["lives"]}
    for second in case.truth["seconds"]:
        first = lives[second["life"]]
        if second["opened"]:
            yield f"a second bot opened the ledger of process {second['life']}"
        elif second["end"] is None and first["to_us"] - second["us"] > LOCK_WAIT_US and not _asleep(case):
            yield f"a second bot beside process {second['life']} did not end"
        elif second["end"] not in (None, "exit 75"):
            yield f"a second bot beside process {second['life']} ended with {second['end']}"
    for post in case.posts:
        if post["life"] < 0:
            yield f"a second bot sent {post['side']} {str(post['client_order_id'])[-8:]}"
    for act in case.truth["acts"]:
        life = _life_at(case, act["us"]) if act["kind"] == "lock_gone" else None
        for post in case.posts if life is not None else ():
            late_us = post["sent_us"] - act["us"]
            if life is not None and post["life"] == life["life"] and late_us > LOCK_SEEN_US and not _asleep(case):
                yield f"{post['side']} {str(post['client_order_id'])[-8:]} sent {late_us} us after the lock was gone"


def recorded(case: Case) -> Iterator[str]:
    """I25: no order is sent more than two seconds after the ledger's files were removed under the bot."""
    for act in case.truth["acts"]:
        life = _life_at(case, act["us"]) if act["kind"] == "ledger_removed" else None
        for post in case.posts if life is not None else ():
            late_us = post["sent_us"] - act["us"]
            if life is not None and post["life"] == life["life"] and late_us > LEDGER_SEEN_US and not _asleep(case):
                yield f"{post['side']} {str(post['client_order_id'])[-8:]} sent {late_us} us after the ledger was gone"


def _asleep(case: Case) -> bool:
    return case.had("suspend", "suspend_long")


def _life_at(case: Case, us: int) -> Row | None:
    """The life that had the lock by then."""
    for life in case.truth["lives"]:
        if life["from_us"] + 1000 < us < life["to_us"]:
            return life  # type: ignore[no-any-return]
    return None


def bounded(case: Case) -> Iterator[str]:
    """I19: the numbers of tasks, open files, unread frames and unwritten records stay bounded."""
    for held in case.truth["bounds"]:
        for name, most in MOST.items():
            if held[name] > most:
                yield f"process {held['life']} held {held[name]} {name}, more than {most}"


def storage(case: Case) -> Iterator[str]:
    """DURABLE: the ledger uses a write-ahead log (WAL) and syncs at each commit (synchronous=FULL)."""
    yield from case.truth["storage"]


def upright(case: Case) -> Iterator[str]:
    """UP: the process never ends by an error of its own, and refuses to start only for a reason that it names."""
    named = case.had("clock_jump", "lose_ledger", "old_ledger") or case.faulty("ledger_full", "disk_full")
    for life in case.truth["lives"]:
        if life["end"] == "exit 1":
            yield f"process {life['life']} ended by an error: {life.get('error')}"
        elif life["end"] == "exit 78" and not named:
            yield f"process {life['life']} refused to start: {_last_error(case, life)}"
        elif life["end"] == "exit 75":
            yield f"process {life['life']} found the lock held"


def _last_error(case: Case, life: Row) -> str:
    rows = [s for s in case.states if s["life"] == life["life"]]
    return str(rows[-1]["error"]) if rows else "?"
