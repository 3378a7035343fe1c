"""Breaches of the other published figures, each planted into the evidence of a sound run."""

from collections.abc import Callable
from typing import Any

from tests.simtest.breaches import Tampered

Evidence = dict[str, Any]


def _samples(run: Tampered) -> list[Evidence]:
    """Those with metrics, an account and open lots, in a row of the second process."""
    told = run.truth["published"]["samples"]
    return [s for s in told if s["life"] == 2 and s["positions"] and s["metrics"] and s["account"]]


def sales_not_counted(run: Tampered) -> None:
    for sample in _samples(run):
        sample["metrics"]["orders"]["sell"] = 0


def sent_and_not_counted(run: Tampered) -> None:
    sample = _samples(run)[-1]
    for number in range(50):
        run.post(client_order_id=f"ct-main-{number:032x}", sent_us=sample["us"] - 1, at_us=sample["us"])


def win_counted_as_a_loss(run: Tampered) -> None:
    account = _samples(run)[-1]["account"]
    account["day_wins"], account["day_losses"] = account["day_losses"] + 1, account["day_wins"]


def order_not_shown(run: Tampered) -> None:
    sample = next(s for s in _samples(run) if s["ledger"]["unsettled"])
    sample["orders"] = []


def unknown_not_shown(run: Tampered) -> None:
    _samples(run)[0]["account"]["orders_unknown"] += 1


def foreign_order_not_shown(run: Tampered) -> None:
    rows = run.truth["published"]["orders"]
    purpose = run.truth["published"]["fields"]["orders"].index("purpose")
    for sample in _samples(run):
        sample["orders"] = [number for number in sample["orders"] if rows[number][purpose] != "foreign"]


def clock_of_the_wrong_sign(run: Tampered) -> None:
    for sample in run.truth["published"]["samples"]:
        sample["clock_off_us"] += 2_000_000
        if sample["feeds"]:
            sample["feeds"]["clock_offset_ms"] = 2000


def age_too_young(run: Tampered) -> None:
    for sample in _samples(run):
        sample["heard"]["market"] -= 5_000_000


def mark_of_another_price(run: Tampered) -> None:
    for sample in _samples(run):
        for price in sample["prices"].values():
            price[1] *= 1.001


def well_without_a_lock(run: Tampered) -> None:
    us = _samples(run)[0]["us"]
    run.truth["acts"].append({"us": us, "kind": "lock_gone", "arg": 0.5})


def fees_of_yesterday(run: Tampered) -> None:
    for sample in run.truth["published"]["samples"]:
        sample["fees"]["taker_ppm"] *= 2


def transfer_dropped(run: Tampered) -> None:
    first = _samples(run)[0]["us"]
    run.truth["venue"]["transfers"].append({"at_us": str(first + 1), "currency": "USD", "amount": "100"})


def transfer_of_another_day(run: Tampered) -> None:
    for sample in run.truth["published"]["samples"]:
        if sample["account"]:
            sample["account"]["day_transfers"] += 5.0
            sample["account"]["day_pnl"] -= 5.0


def alert_without_a_cause(run: Tampered) -> None:
    _samples(run)[-1]["alerts"].append("strategy_silent")


def locked_and_silent(run: Tampered) -> None:
    run.truth["live"] = True


def limit_reached_and_in_order(run: Tampered) -> None:
    limits = _samples(run)[-1]["limits"]
    stale = next(limit for limit in limits if limit[0] == "stale")
    stale[1], stale[3] = stale[2] + 1, "ok"


def lots_limit_off(run: Tampered) -> None:
    next(limit for limit in _samples(run)[-1]["limits"] if limit[0] == "lots")[1] += 1


def tripped_and_in_order(run: Tampered) -> None:
    _samples(run)[-1]["ledger"]["day"]["breaker_ms"] = 1


def latched_and_open(run: Tampered) -> None:
    _samples(run)[-1]["ledger"]["kept"]["entries_latched"] = "somebody must look"


def blocked_without_a_reason(run: Tampered) -> None:
    _samples(run)[-1]["blocked"] = "somebody must look"


def gate_open_while_paused(run: Tampered) -> None:
    next(s for s in _samples(run) if s["status"] == "running")["status"] = "paused"


FIGURE_CONTROLS: tuple[tuple[str, Callable[[Tampered], None]], ...] = (
    ("P3 COUNTERS", sales_not_counted),
    ("P3 COUNTERS", sent_and_not_counted),
    ("P3 COUNTERS", win_counted_as_a_loss),
    ("P3 COUNTERS", order_not_shown),
    ("P3 COUNTERS", unknown_not_shown),
    ("P3 COUNTERS", foreign_order_not_shown),
    ("P4 FEEDS", clock_of_the_wrong_sign),
    ("P4 FEEDS", age_too_young),
    ("P4 FEEDS", mark_of_another_price),
    ("P4 FEEDS", well_without_a_lock),
    ("P4 FEEDS", fees_of_yesterday),
    ("P7 TRANSFERS", transfer_dropped),
    ("P7 TRANSFERS", transfer_of_another_day),
    ("P8 ALERTS", alert_without_a_cause),
    ("P8 ALERTS", locked_and_silent),
    ("P9 RISK", limit_reached_and_in_order),
    ("P9 RISK", lots_limit_off),
    ("P9 RISK", tripped_and_in_order),
    ("P9 RISK", latched_and_open),
    ("P9 RISK", blocked_without_a_reason),
    ("P9 RISK", gate_open_while_paused),
)
