"""Breaches of what is published, each planted into the evidence of a sound run."""

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.simtest.breaches import Tampered

Evidence = dict[str, Any]


def _told(run: Tampered) -> Evidence:
    found: Evidence = run.truth["published"]
    return found


def _samples(run: Tampered) -> list[Evidence]:
    """Those with open lots and an account."""
    return [s for s in _told(run)["samples"] if s["positions"] and s["account"]]


def _column(run: Tampered, kind: str, name: str) -> int:
    return list(_told(run)["fields"][kind]).index(name)


def _shown(run: Tampered) -> list[Any]:
    """The first lot that is shown."""
    number = _samples(run)[0]["positions"][0]["lots"][0][0]
    row: list[Any] = _told(run)["shown"][number]
    return row


# positions


def file_not_written_on_a_close(run: Tampered) -> None:
    told = _told(run)
    files = told["files"]
    closing = next(
        n for n in range(1, len(files)) if len(files[n]["lots"]) < len(files[n - 1]["lots"])
        and files[n]["life"] == files[n - 1]["life"]
    )  # fmt: skip
    del files[closing]
    for sample in told["samples"]:
        sample["file"] -= sample["file"] >= closing


def file_with_a_closed_lot(run: Tampered) -> None:
    files = _told(run)["files"]
    whole = next(f for f in files if f["lots"])
    whole["lots"] = []


def file_without_the_latch(run: Tampered) -> None:
    next(f for f in _told(run)["files"] if f["latch"])["latch"] = None


def lot_not_shown(run: Tampered) -> None:
    _samples(run)[0]["positions"][0]["lots"].pop()


def size_off(run: Tampered) -> None:
    _shown(run)[_column(run, "shown", "base_size_text")] += "1"


def take_off(run: Tampered) -> None:
    _shown(run)[_column(run, "shown", "take_price_text")] += "1"


def stop_hidden(run: Tampered) -> None:
    _shown(run)[_column(run, "shown", "stop_price")] = None


def cost_without_the_fee(run: Tampered) -> None:
    _shown(run)[_column(run, "shown", "cost_usd")] -= _shown(run)[_column(run, "shown", "entry_fee_usd")]


def result_without_the_fee_of_the_exit(run: Tampered) -> None:
    sample = _samples(run)[-1]
    lot = sample["positions"][0]["lots"][0]
    lot[1] += lot[2] * sample["account"]["maker_fee_pct"] / 100


def lot_before_its_fill(run: Tampered) -> None:
    for fill in run.truth["venue"]["fills"]:
        fill["us"] += 60_000_000


def fill_not_told(run: Tampered) -> None:
    fill = dict(run.truth["venue"]["fills"][0])
    held = _told(run)["lots"][_samples(run)[-1]["ledger_lots"][0]][_column(run, "lots", "lot_id")]
    order = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"] == held)
    early_us = _samples(run)[-1]["us"] - 60_000_000
    run.truth["venue"]["fills"].append(fill | {"order_id": order["order_id"], "us": early_us, "size": "9"})


# account


def equity_of_another_time(run: Tampered) -> None:
    _samples(run)[0]["account"]["equity"] += 0.01


def result_with_the_deposit(run: Tampered) -> None:
    _samples(run)[0]["account"]["day_transfers"] += 100


def fees_of_the_day_off(run: Tampered) -> None:
    account = _samples(run)[-1]["account"]
    account["day_fees"] *= 2


def day_of_yesterday(run: Tampered) -> None:
    _samples(run)[-1]["account"]["day"] = "2001-01-01"


def cash_that_is_not_there(run: Tampered) -> None:
    for sample in _told(run)["samples"]:
        if "USD" in sample["balances"]:
            sample["balances"]["USD"] = str(Decimal(sample["balances"]["USD"]) + 1)


def curve_begun_anew(run: Tampered) -> None:
    for sample in _samples(run)[len(_samples(run)) // 2 :]:
        sample["account"]["curve"] += 0.001


def peak_forgotten(run: Tampered) -> None:
    kept = [s for s in _samples(run) if s["ledger"]["kept"].get("curve")]
    index, base, peak = kept[-1]["ledger"]["kept"]["curve"].split(" ")
    kept[-1]["ledger"]["kept"]["curve"] = f"{index} {base} {Decimal(peak) * Decimal('0.999')}"


def drawdown_hidden(run: Tampered) -> None:
    for sample in _samples(run):
        sample["account"]["drawdown_pct"] = 0.0


# receipts


def _rename(run: Tampered, cmd: str, **changes: str) -> str:
    """The pause that was done becomes another command; the answer is its id."""
    command_id: str = run.one("SELECT id FROM commands WHERE cmd = 'pause' ORDER BY seen_ms LIMIT 1")
    for name, value in {"cmd": cmd, **changes}.items():
        run.db.execute(f"UPDATE commands SET {name} = ? WHERE id = ?", (value, command_id))
    for sample in _told(run)["samples"]:
        for receipt in sample["receipts"]:
            if receipt[0] == command_id:
                receipt[1] = cmd
    return command_id


def _done_us(run: Tampered, command_id: str) -> int:
    states = ((int(s["us"]), r) for s in _told(run)["samples"] for r in s["receipts"])
    return next(us for us, r in states if r[0] == command_id and r[2] == "done")


def _own(run: Tampered, side: str = "BUY") -> Evidence:
    orders = run.truth["venue"]["orders"]
    found: Evidence = next(o for o in orders if o["client_order_id"].startswith("ct-main-") and o["side"] == side)
    return found


def ended_twice(run: Tampered) -> None:
    run.db.execute("INSERT INTO rig_commands SELECT id, 'done', done_ms FROM commands WHERE cmd = 'pause'")


def done_long_after_it_was_sent(run: Tampered) -> None:
    _rename(run, "drill")
    run.db.execute("UPDATE commands SET sent_ms = seen_ms - 45000 WHERE cmd = 'drill'")


def sold_for_a_refused_command(run: Tampered) -> None:
    command_id = run.one("SELECT id FROM commands WHERE cmd = 'pause' LIMIT 1")
    run.db.execute("UPDATE commands SET state = 'rejected' WHERE id = ?", (command_id,))
    run.db.execute("UPDATE orders SET command_id = ? WHERE rowid = (SELECT max(rowid) FROM orders)", (command_id,))


def published_and_not_kept(run: Tampered) -> None:
    run.db.execute("UPDATE commands SET state = 'failed' WHERE cmd = 'pause'")


def done_and_failed(run: Tampered) -> None:
    told = [r for s in _told(run)["samples"] for r in s["receipts"] if r[1] == "pause" and r[2] == "done"]
    told[-1][2] = "failed"


def waits_for_ever(run: Tampered) -> None:
    run.db.execute("UPDATE commands SET state = 'seen' WHERE cmd = 'pause'")


def stop_with_an_open_purchase(run: Tampered) -> None:
    done_us = _done_us(run, _rename(run, "stop"))
    _own(run).update(created_us=done_us - 1_000_000, done_us=done_us + 3_000_000)


def flat_with_a_lot(run: Tampered) -> None:
    done_us = _done_us(run, _rename(run, "flatten", args="{}"))
    for fill in run.truth["venue"]["fills"]:
        if fill["side"] == "SELL" and fill["us"] <= done_us:
            fill["us"] = done_us + 2_000_000


def lot_closed_and_held(run: Tampered) -> None:
    lot = run.one("SELECT lot_id FROM lots WHERE closed_ms IS NOT NULL LIMIT 1")
    done_us = _done_us(run, _rename(run, "close_lot", args=json.dumps({"lot_id": lot})))
    orders = {row[0] for row in run.db.execute("SELECT order_id FROM orders WHERE lot_id = ?", (lot,))}
    for fill in run.truth["venue"]["fills"]:
        if fill["order_id"] in orders:
            fill["us"] = done_us + 2_000_000


def killed_with_an_open_order(run: Tampered) -> None:
    _own(run).update(created_us=1, done_us=None)


def cancelled_and_open(run: Tampered) -> None:
    order = _own(run)
    args = json.dumps({"client_order_id": order["client_order_id"]})
    done_us = _done_us(run, _rename(run, "cancel", args=args))
    order["done_us"] = done_us + 3_000_000


def reset_and_shut(run: Tampered) -> None:
    args = json.loads(run.one("SELECT args FROM commands WHERE cmd = 'reset_kill' LIMIT 1"))
    for sample in _told(run)["samples"]:
        sample["ledger"]["latch"] = args["latch_id"]


# boots


def crash_booked_as_an_end(run: Tampered) -> None:
    run.db.execute("UPDATE boots SET ended_ms = at_ms + 1000")


def end_booked_as_a_crash(run: Tampered) -> None:
    run.truth["lives"][0]["end"] = "exit 0"


def not_safe_after_crashes(run: Tampered) -> None:
    run.truth["safe_starts"] = 1


def safe_after_one_crash(run: Tampered) -> None:
    run.truth["safe_starts"] = 2
    next(s for s in run.truth["states"] if s["life"] == 2 and s["status"] == "running")["status"] = "safe"


PUBLISHED_CONTROLS: tuple[tuple[str, Callable[[Tampered], None]], ...] = (
    ("P1 POSITIONS", file_not_written_on_a_close),
    ("P1 POSITIONS", file_with_a_closed_lot),
    ("P1 POSITIONS", file_without_the_latch),
    ("P1 POSITIONS", lot_not_shown),
    ("P1 POSITIONS", size_off),
    ("P1 POSITIONS", take_off),
    ("P1 POSITIONS", stop_hidden),
    ("P1 POSITIONS", cost_without_the_fee),
    ("P1 POSITIONS", result_without_the_fee_of_the_exit),
    ("P1 POSITIONS", lot_before_its_fill),
    ("P1 POSITIONS", fill_not_told),
    ("P2 ACCOUNT", equity_of_another_time),
    ("P2 ACCOUNT", result_with_the_deposit),
    ("P2 ACCOUNT", fees_of_the_day_off),
    ("P2 ACCOUNT", day_of_yesterday),
    ("P2 ACCOUNT", cash_that_is_not_there),
    ("P2 ACCOUNT", curve_begun_anew),
    ("P2 ACCOUNT", peak_forgotten),
    ("P2 ACCOUNT", drawdown_hidden),
    ("P5 RECEIPTS", ended_twice),
    ("P5 RECEIPTS", done_long_after_it_was_sent),
    ("P5 RECEIPTS", sold_for_a_refused_command),
    ("P5 RECEIPTS", published_and_not_kept),
    ("P5 RECEIPTS", done_and_failed),
    ("P5 RECEIPTS", waits_for_ever),
    ("P5 RECEIPTS", stop_with_an_open_purchase),
    ("P5 RECEIPTS", flat_with_a_lot),
    ("P5 RECEIPTS", lot_closed_and_held),
    ("P5 RECEIPTS", killed_with_an_open_order),
    ("P5 RECEIPTS", cancelled_and_open),
    ("P5 RECEIPTS", reset_and_shut),
    ("P6 BOOTS", crash_booked_as_an_end),
    ("P6 BOOTS", end_booked_as_a_crash),
    ("P6 BOOTS", not_safe_after_crashes),
    ("P6 BOOTS", safe_after_one_crash),
)
