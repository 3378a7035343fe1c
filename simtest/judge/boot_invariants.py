"""Invariants of the boots table: how each process ended, and the safe mode that a crash loop leads to."""

from collections.abc import Iterator

from simtest.judge.case import Case, Row
from simtest.judge.intervals import clear

WINDOW_US = 600_000_000
EDGE_US = 2_000_000
READY = frozenset({"running", "paused", "stopping", "stopped", "killed", "safe"})
STARTS = frozenset({"start", "repeat_command", "control_garbage", "broken_kill"})


def boots(case: Case) -> Iterator[str]:
    """P6: a process that was killed is booked so, one that ended by itself too; a crash loop ends in SAFE."""
    if case.ledger_was_lost or case.had("ledger_removed"):
        return
    ids = {state["life"]: state["boot_id"] for state in case.states if state["life"] > 0}
    rows = {row["boot_id"]: row for row in case.tables["boots"]}
    yield from _ends(case, ids, rows)
    if case.wall_is_right and case.truth["safe_starts"]:
        yield from _safe(case, ids, rows)


def _ends(case: Case, ids: dict[int, str], rows: dict[str, Row]) -> Iterator[str]:
    for life in case.truth["lives"]:
        row = rows.get(ids.get(life["life"], ""))
        if row is None:
            continue  # it ended before it had opened the ledger
        unclean = _unclean(life)
        case.count("P6 BOOTS/crashes" if unclean else "P6 BOOTS/clean ends")
        if unclean and row["ended_ms"] is not None:
            yield f"process {life['life']} ended by {life['end']}, and is booked as ended by itself"
        if not unclean and row["ended_ms"] is None and _written(case, life):
            yield f"process {life['life']} ended by {life['end']}, and is not booked as ended by itself"


def _unclean(life: Row) -> bool:
    """Killed, ended by an error, or still running when the run ended."""
    return life["end"] is None or life["end"].startswith("crash") or life["end"] == "exit 1"


def _written(case: Case, life: Row) -> bool:
    """Whether its ledger could be written at its end."""
    last = [state for state in case.states if state["life"] == life["life"]][-1]
    full = not clear(case, ("ledger_full",), life["to_us"] - EDGE_US, life["to_us"] + EDGE_US)
    return not full and last["ledger_ok"] is not False


def _safe(case: Case, ids: dict[int, str], rows: dict[str, Row]) -> Iterator[str]:
    limit = int(case.truth["safe_starts"])
    earlier: list[Row] = []
    for life in case.truth["lives"]:
        ready = [s for s in case.states if s["life"] == life["life"] and s["status"] in READY]
        if ready and ready[0]["status"] in READY:
            first_us = ready[0]["us"]
            sure = sum(row["from_us"] >= first_us - WINDOW_US + EDGE_US for row in earlier)
            most = sum(row["from_us"] >= life["from_us"] - WINDOW_US - EDGE_US for row in earlier)
            started = any(a["kind"] in STARTS and life["from_us"] <= a["us"] <= first_us for a in case.truth["acts"])
            if sure >= limit and not started and not _ended_at_once(ready):
                case.count("P6 BOOTS/safe")
                if ready[0]["status"] != "safe":
                    yield f"process {life['life']} is {ready[0]['status']} after {sure} crashes in ten minutes"
            elif most < limit:
                case.count("P6 BOOTS/not safe")
                if any(state["status"] == "safe" for state in ready):
                    yield f"process {life['life']} is safe after {most} crashes in ten minutes"
        if _unclean(life) and ids.get(life["life"]) in rows:
            earlier.append(life)


def _ended_at_once(ready: list[Row]) -> bool:
    """A process that was asked to end during its start is stopped before it was judged."""
    return bool(ready[0]["status"] == "stopped" and len(ready) == 1)
