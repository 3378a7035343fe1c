"""Invariants of commands: each is acted on once and in time, and "done" is said when the exchange shows the effect."""

import json
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from simtest.judge.case import Case, Row, dec
from simtest.judge.intervals import next_act, us_of_ms
from simtest.judge.published import fills_by_lot, samples, until

LEVELS = frozenset({"start", "pause", "stop", "kill"})
TTL_MS = 30_000  # of every command but levels
CLOCKS_MS = 1_500  # the sender's clock is the true one; the bot's differs by less, where nobody moves it
SAME_US = 1_000
HIDDEN_US = 35_000_000  # what the lists may hide for half a minute is looked for again every ten seconds
ENDED_US = 120_000_000  # the longest command gives up after 90 s
OWN = "flatten:"  # the bot's own, by KILL_FLATTEN: carried out again by each process as long as the kill lasts
FINAL = frozenset({"done", "failed", "expired", "rejected"})


def receipts(case: Case) -> Iterator[str]:
    """P5: each command is acted on once and in time, and its receipt says what became of it."""
    if case.ledger_was_lost:
        return  # what an older ledger does not know is seen again
    yield from _once(case)
    yield from _expired(case)
    yield from _refused(case)
    yield from _kept(case)
    yield from _ended(case)
    yield from _done(case)


def _once(case: Case) -> Iterator[str]:
    ends: dict[str, list[str]] = defaultdict(list)
    for row in case.tables["rig_commands"]:
        if row["state"] in FINAL and not row["id"].startswith(OWN):
            ends[row["id"]].append(row["state"])
    case.count("P5 RECEIPTS/once", len(ends))
    for command_id, states in ends.items():
        if len(states) > 1:
            yield f"command {command_id} ended {len(states)} times: {', '.join(states)}"


def _late(command: Row) -> bool:
    sent_ms = command["sent_ms"]
    return sent_ms is not None and command["seen_ms"] - sent_ms > TTL_MS + CLOCKS_MS


def _expired(case: Case) -> Iterator[str]:
    """What waited longer than it may is not carried out, whatever else refuses it."""
    for command in case.tables["commands"]:
        if command["cmd"] in LEVELS or not _late(command) or us_of_ms(case, command["seen_ms"]) is None:
            continue
        case.count("P5 RECEIPTS/expired")
        if command["state"] not in ("expired", "seen"):
            late_s = (command["seen_ms"] - command["sent_ms"]) / 1000
            yield f"{command['cmd']} {command['id']} is {command['state']}, it was seen after {late_s:.0f} s"


def _refused(case: Case) -> Iterator[str]:
    """Nothing is sent for a command that was refused."""
    refused = {c["id"]: c for c in case.tables["commands"] if c["state"] in ("expired", "rejected")}
    case.count("P5 RECEIPTS/refused", len(refused))
    for order in case.tables["orders"]:
        command = refused.get(order["command_id"] or "")
        if command is not None:
            coid = order["client_order_id"][-8:]
            yield f"{order['side']} {coid} was made for a {command['cmd']} that {command['state']}"


def _kept(case: Case) -> Iterator[str]:
    """An end that is published is the ledger's."""
    known = {command["id"]: command for command in case.tables["commands"]}
    told: dict[str, str] = {}
    for sample in samples(case):
        if not sample["ledger_ok"]:
            continue
        for command_id, cmd, state, _, _ in sample["receipts"]:
            if state not in FINAL or command_id.startswith(OWN):
                continue
            if command_id not in told:
                case.count("P5 RECEIPTS/kept")
                told[command_id] = state
                kept = known[command_id]["state"] if command_id in known else None
                if kept != state:
                    yield f"{cmd} {command_id} was published as {state} at {sample['us']} us, the ledger has {kept}"
            elif told[command_id] != state:
                yield f"{cmd} {command_id} was {told[command_id]}, and {state} at {sample['us']} us"


def _ended(case: Case) -> Iterator[str]:
    """No command waits for ever."""
    for command in case.tables["commands"]:
        seen_us = us_of_ms(case, command["seen_ms"])
        if seen_us is None or seen_us > case.truth["end_us"] - ENDED_US:
            continue
        case.count("P5 RECEIPTS/ended")
        if command["state"] not in FINAL:
            yield f"{command['cmd']} {command['id']} is still {command['state']}"


def _done(case: Case) -> Iterator[str]:
    """ "Done" is published after the effect is there, by the exchange's truth."""
    commands = {c["id"]: c for c in case.tables["commands"] if c["state"] == "done"}
    told: set[str] = set()
    for sample in samples(case):
        for command_id, cmd, state, _, _ in sample["receipts"]:
            if state != "done" or command_id in told or command_id not in commands:
                continue
            told.add(command_id)
            command = commands[command_id]
            if cmd == "stop" and not command["reason"]:
                yield from _stopped(case, sample["us"])
            elif cmd == "flatten":
                yield from _flat(case, sample, command_id, None)
            elif cmd == "close_lot":
                yield from _flat(case, sample, command_id, json.loads(command["args"])["lot_id"])
            elif cmd == "kill" and not command["reason"]:
                yield from _killed(case, sample, command)
            elif cmd == "cancel":
                yield from _cancelled(case, sample, json.loads(command["args"])["client_order_id"])
            elif cmd == "reset_kill":
                case.count("P5 RECEIPTS/reset")
                if sample["ledger"]["latch"] == json.loads(command["args"]).get("latch_id"):
                    yield f"reset_kill was published as done at {sample['us']} us, its latch is shut"


def _open_at(order: Row, us: int) -> bool:
    return bool(order["created_us"] <= us and (order["done_us"] is None or order["done_us"] > us + SAME_US))


def _stopped(case: Case, us: int) -> Iterator[str]:
    """No purchase is on its way to the exchange either."""
    case.count("P5 RECEIPTS/stop")
    sent_us = {post["client_order_id"]: post["sent_us"] for post in reversed(case.posts)}
    for order in case.own:
        if order["side"] != "BUY" or order["client_order_id"] not in case.row_of:
            continue
        begun_us = min(sent_us.get(order["client_order_id"], order["created_us"]), order["created_us"])
        if begun_us <= us and (order["done_us"] is None or order["done_us"] > us + SAME_US):
            coid, until_us = order["client_order_id"][-8:], order["done_us"]
            yield f"stop was published as done at {us} us, purchase {coid} of {begun_us} us is open until {until_us}"


def _flat(case: Case, sample: Row, command_id: str, only: str | None) -> Iterator[str]:
    """Nothing is left of what was there when it was done; a Start since may have bought again."""
    case.count("P5 RECEIPTS/flat")
    asked_us = next((act["us"] for act in case.truth["acts"] if act.get("id") == command_id), sample["us"])
    start_us = next_act(case, ("start", "repeat_command", "control_garbage"), asked_us)
    lots = {lot["lot_id"]: lot for lot in case.tables["lots"]}
    for lot_id, fills in fills_by_lot(case).items():
        if only is not None and lot_id != only:
            continue
        left = until(fills.bought, min(sample["us"], start_us)) - until(fills.sold, sample["us"] + SAME_US)
        lot = lots.get(lot_id)
        closed = lot is not None and lot["closed_ms"] is not None and lot["closed_ms"] <= sample["ts_ms"]
        dust = dec(lot["dust"]) if lot is not None and closed else Decimal(0)
        if left > dust:
            word = "flatten" if only is None else "close_lot"
            yield f"{word} was published as done at {sample['us']} us, lot {lot_id[-8:]} holds {left} ({dust} as dust)"


def _killed(case: Case, sample: Row, command: Row) -> Iterator[str]:
    case.count("P5 RECEIPTS/kill")
    since_us = sample["us"] - (sample["ts_ms"] - command["seen_ms"]) * 1000
    for order in (*case.own, *case.strays):
        if order["created_us"] < since_us - HIDDEN_US and _open_at(order, sample["us"]):
            yield f"kill was published as done at {sample['us']} us, order {order['order_id'][:8]} is open"


def _cancelled(case: Case, sample: Row, client_order_id: str) -> Iterator[str]:
    case.count("P5 RECEIPTS/cancel")
    for order in case.own:
        if order["client_order_id"] == client_order_id and _open_at(order, sample["us"]):
            yield f"cancel of {client_order_id[-8:]} was published as done at {sample['us']} us, it is open"
