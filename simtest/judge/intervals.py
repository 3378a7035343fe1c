"""When a fault or an act can have played a part: the judge excuses a moment, never a whole run.

A fault excuses from the first to the last of its strikes in a row (as the rig recorded them, not the plan's window),
and for `LASTS_S` after them: an answer may be that late, a list that old, a stream takes that long to come back. An act
excuses from when it happens until it is over (`until_us` in the ground truth), and for its `LASTS_S`.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping

from simtest.judge.case import Case, Row

US = 1_000_000
NEVER = 2**62
BACKOFF_S = 35.0  # the longest pause of the bot's between two tries, and the try itself
# For so long after its last strike an effect may be felt.
LASTS_S: Mapping[str, float] = {
    "late": 20.0 + BACKOFF_S,  # the answer itself may come so late
    "lost_after": 12.0 + BACKOFF_S,
    "lost_before": 12.0 + BACKOFF_S,
    "ghost": 25.0 + BACKOFF_S,  # the request takes effect so late
    "refused": BACKOFF_S,
    "status_before": BACKOFF_S,
    "status_after": BACKOFF_S,
    "odd_status": BACKOFF_S,
    "lookups_fail": BACKOFF_S,
    "throttle": BACKOFF_S,
    "unauthorized": BACKOFF_S,
    "forbidden": BACKOFF_S,
    "mangle": BACKOFF_S,
    "list_lag": 30.0 + BACKOFF_S,  # an order is listed so late
    "fill_lag": 20.0 + BACKOFF_S,
    "status_lag": 120.0 + BACKOFF_S,
    "page_lost": BACKOFF_S,
    "page_twice": BACKOFF_S,
    "stale_balances": 20.0 + BACKOFF_S,
    "ws_refuse": BACKOFF_S,
    "ws_cut": BACKOFF_S,
    "ws_silent": BACKOFF_S,
    "ws_gap": BACKOFF_S,
    "ws_hide": BACKOFF_S,
    "ws_twice": 0.0,
    "ws_late": 30.0,
    "ws_garbage": BACKOFF_S,
    "ws_price": 0.0,
    "ws_mute_product": BACKOFF_S,
    "ledger_full": BACKOFF_S,
    "disk_full": BACKOFF_S,
    "crash_at_commit": 0.0,
    "crash_at_send": 0.0,
    "suspend": 10.0,  # what waited is read
    "suspend_long": 10.0,
    "clock_jump": 20.0,  # the bot looks at the exchange's clock again
}
ORDER_FAULTS = ("lost_after", "lost_before", "ghost", "status_after", "odd_status")  # they leave an outcome unknown
NO_ACCESS = ("unauthorized", "forbidden")
REST_FAULTS = (*ORDER_FAULTS, "late", "refused", "status_before", "lookups_fail", "throttle", "mangle", *NO_ACCESS)
LIST_FAULTS = ("list_lag", "fill_lag", "status_lag", "page_lost", "stale_balances")
STORAGE_FAULTS = ("ledger_full", "disk_full")
ASLEEP = ("suspend", "suspend_long")


def clear(case: Case, kinds: Iterable[str], from_us: float, to_us: float, where: Collection[str] = ()) -> bool:
    """True when no fault or act of these kinds can have been felt from `from_us` to `to_us`.

    `where`: only strikes at a request or stream whose name holds one of these words; all where none is given.
    """
    for kind in kinds:
        lasts_us = LASTS_S.get(kind, 0.0) * US
        for begin, end, place in case.spans.get(kind, ()):
            near = begin <= to_us and end + lasts_us >= from_us
            if near and (not where or any(word in place for word in where)):
                return False
    return True


def acts(case: Case, kinds: Collection[str], from_us: float, to_us: float) -> Iterator[Row]:
    """The acts of these kinds from `from_us` to `to_us`."""
    return (act for act in case.truth["acts"] if act["kind"] in kinds and from_us <= act["us"] <= to_us)


def next_act(case: Case, kinds: Collection[str], after_us: float) -> int:
    """When the first act of these kinds after `after_us` happens; far away where there is none."""
    return min(
        (act["us"] for act in case.truth["acts"] if act["kind"] in kinds and act["us"] > after_us), default=NEVER
    )


def life_at(case: Case, us: float) -> Row | None:
    """The process that ran then."""
    lives = case.truth["lives"]
    index = bisect_right(lives, us, key=lambda life: int(life["from_us"])) - 1
    return lives[index] if index >= 0 and us <= (lives[index]["to_us"] or NEVER) else None


def runs(case: Case, from_us: float, to_us: float) -> bool:
    """True when one process ran, awake, from `from_us` to `to_us`."""
    life = life_at(case, from_us)
    return life is not None and to_us <= (life["to_us"] or NEVER) and clear(case, ASLEEP, from_us, to_us)


def first_clear(
    case: Case, kinds: Iterable[str], from_us: float, for_us: float, where: Collection[str] = ()
) -> float | None:
    """When one process had run awake, and clear of these, for `for_us` in one piece since `from_us`; None = never."""
    kinds = tuple(kinds)
    starts = [from_us, *(float(life["from_us"]) for life in case.truth["lives"])]
    for kind in (*kinds, *ASLEEP):
        starts += [end + LASTS_S.get(kind, 0.0) * US + 1 for _, end, _ in case.spans.get(kind, ())]
    for begin in sorted(us for us in starts if us >= from_us):
        if runs(case, begin, begin + for_us) and clear(case, kinds, begin, begin + for_us, where):
            return begin + for_us
    return None


def kept(case: Case, from_us: float, to_us: float = -1) -> bool:
    """True when the ledger knows by itself what happened from `from_us` to `to_us` (the same moment by default).

    A ledger that was replaced does not know what came between its copy and its return.
    """
    to_us = max(from_us, to_us)
    return not any(swap["copy_us"] <= to_us and from_us <= swap["us"] for swap in case.truth["swaps"])


def next_swap(case: Case, after_us: float) -> int:
    """When the ledger was first replaced after `after_us`."""
    return min((swap["us"] for swap in case.truth["swaps"] if swap["us"] > after_us), default=NEVER)


def swapped(case: Case, from_us: float, to_us: float) -> bool:
    """True when the ledger was replaced meanwhile."""
    return any(from_us <= swap["us"] <= to_us for swap in case.truth["swaps"])


def us_of_ms(case: Case, ms: int) -> int | None:
    """A wall time of the ledger as time of the run; None where the wall clock may have been wrong by then."""
    us = case.us_of_ms(ms)
    for act in case.truth["acts"]:
        if act["kind"] == "clock_jump":
            off_us = act.get("off_us", 0)
            begin, end = act["us"] - US, act.get("until_us", act["us"]) + round(LASTS_S["clock_jump"] * US)
            if begin <= us <= end or begin <= us - off_us <= end:
                return None
    return us
