"""Invariants of the other published figures: counters, orders, feeds, fees, transfers, limits, gates, alerts."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from simtest.judge.case import Case, Row, dec
from simtest.judge.intervals import REST_FAULTS, clear, life_at, next_act, runs
from simtest.judge.published import NEWS_US, SYNC_US, at_rest, hears, near, neighbours, samples, settled, shown_orders

SHOWN_MOST = 24  # own orders in bot_state.json
FOREIGN_MOST = 8
WORKING = frozenset({"new", "sent", "unknown", "open", "cancelling"})
OFFSET_MS = 600  # the slowest network's request takes 400 ms, and one beside it may hold it up
JUMPED_US = 3_000_000
FEES_US = 200_000_000  # the fee tier is asked for every two minutes here, and what is late comes within another
SMALL_JUMP_US = 2_000_000  # of the clock; the bot may not take it for one, and finds it when it compares
AGAIN_US = 130_000_000
COMPARED_US = 140_000_000  # the clocks are compared each minute
PERMIT_US = 3_000_000
AGE_MS = 2_500  # a frame is read in one turn of the loop, and the next document may be a second old
SAME_MS = 3
# A jump of the clock moves the times of orders that work, in the ledger too; a process that starts under a wrong clock
# counts by the ledger's times for as long as the clock is off.
SHIFTED_US = 300_000_000
# Faults by which a frame that reached the connection is not read, is held back, or is not believed at once.
HIDE_PRICES = (
    "ws_price",
    "ws_garbage",
    "ws_gap",
    "ws_mute_product",
    "ws_cut",
    "ws_refuse",
    "ws_silent",
    "ws_late",
    "ws_twice",
)
READ_US = 50_000  # a frame that came just now is read in the next turn of the loop
TAKEN_US = 2_500_000  # it looks once a second, and publishes after it
AWAKE = frozenset({"running", "paused", "stopping"})


def counters(case: Case) -> Iterator[str]:
    """P3: the counters are the numbers of what is in the ledger, and the orders that are shown are those that work."""
    if case.ledger_was_lost:
        return  # what an older ledger does not know was counted
    posted: Counter[str] = Counter()
    posts = sorted(
        {p["client_order_id"]: p for p in reversed(case.posts)}.values(), key=lambda post: int(post["sent_us"])
    )
    rows = shown_orders(case)
    for sample in settled(case):
        while posts and posts[0]["sent_us"] <= sample["us"]:
            posted[str(posts.pop(0)["side"]).lower()] += 1
        yield from _metrics(case, sample, posted)
        yield from _orders(case, sample, rows)
        if sample["account"] is not None:
            yield from _day(case, sample, sample["account"])


def _metrics(case: Case, sample: Row, posted: Counter[str]) -> Iterator[str]:
    metrics, ledger = sample["metrics"], sample["ledger"]
    if metrics is None:
        return
    lots = ledger["lots"]
    true = {("orders", side): ledger["orders"].get(side.upper(), 0) for side in ("buy", "sell")}
    true |= {("trades", "open"): lots["opened"], ("trades", "win"): lots["won"], ("trades", "loss"): lots["lost"]}
    case.count("P3 COUNTERS/metrics", len(true))
    for (group, name), number in true.items():
        if metrics[group][name] != number:
            yield f"at {sample['us']} us {group} {name} is shown as {metrics[group][name]}, the ledger has {number}"
    for side in ("buy", "sell"):
        if posted[side] > metrics["orders"][side]:
            yield f"at {sample['us']} us {metrics['orders'][side]} orders to {side} are shown, {posted[side]} were sent"


def _day(case: Case, sample: Row, account: Row) -> Iterator[str]:
    if len(case.tables["days"]) != 1:
        return
    ledger = sample["ledger"]
    lots, case_day = ledger["lots"], ledger["day"]
    if case_day is None or sample["metrics"] is None:
        return
    true = {
        "day_lots_opened": lots["opened"],
        "day_lots_closed": lots["closed"],
        "day_wins": lots["won"],
        "day_losses": lots["lost"],
        "day_orders": sum(ledger["orders"].values()),
        "day_decisions": sum(sample["metrics"]["decisions"].values())
        if sample["metrics"]
        else account["day_decisions"],
    }
    case.count("P3 COUNTERS/day", len(true))
    for name, number in true.items():
        if account[name] != number:
            yield f"at {sample['us']} us {name} is shown as {account[name]}, it is {number}"


def _orders(case: Case, sample: Row, rows: list[Row]) -> Iterator[str]:
    ledger = sample["ledger"]["unsettled"]
    if sample["orders"] is None:
        return
    own = [rows[number] for number in sample["orders"] if rows[number]["purpose"] != "foreign"]
    working = Counter("sent" if row["state"] == "new" else row["state"] for row in own if row["state"] in WORKING)
    true = Counter({state: number for state, number in ledger.items() if state in WORKING and state != "new"})
    true["sent"] += ledger.get("new", 0)
    if sum(ledger.values()) <= SHOWN_MOST:
        case.count("P3 COUNTERS/orders")
        if +working != +true:
            yield f"at {sample['us']} us the orders {dict(working)} are shown, the ledger has {dict(+true)}"
    if sample["account"] is not None and sample["account"]["orders_unknown"] != true["unknown"]:
        shown = sample["account"]["orders_unknown"]
        yield f"at {sample['us']} us {shown} orders of unknown outcome are shown, the ledger has {true['unknown']}"
    us = sample["us"]
    if not hears(case, us - SYNC_US, us):
        return
    listed = {rows[number]["order_id"] for number in sample["orders"] if rows[number]["purpose"] == "foreign"}
    others = (*case.foreign, *case.strays)
    long_open = {o["order_id"] for o in others if _open(o, us - SYNC_US, us)}
    some_time = {o["order_id"] for o in others if o["created_us"] <= us and not _over(o, us - SYNC_US)}
    case.count("P3 COUNTERS/foreign orders")
    if len(long_open) <= FOREIGN_MOST and len(some_time) <= FOREIGN_MOST and long_open - listed:
        yield f"at {us} us an open order of somebody else is not listed"
    if listed - some_time:
        yield f"at {us} us an order of somebody else is listed that was over long before"


def _over(order: Row, us: int) -> bool:
    return order["done_us"] is not None and order["done_us"] <= us


def _open(order: Row, from_us: int, until_us: int) -> bool:
    return bool(order["created_us"] <= from_us and not _over(order, until_us))


def asked_well(case: Case, from_us: int, until_us: int) -> bool:
    """Whether every request was answered in time then."""
    return runs(case, from_us, until_us) and clear(case, REST_FAULTS, from_us, until_us)


def feeds(case: Case) -> Iterator[str]:
    """P4: ages, the clock's error and the fee tier are what they are."""
    unseen_until_us = 0
    for before, sample in neighbours(case):
        if 0 < abs(before["clock_off_us"] - sample["clock_off_us"]) <= SMALL_JUMP_US:
            unseen_until_us = sample["us"] + AGAIN_US
        if sample["feeds"] is None:
            continue
        if sample["us"] >= unseen_until_us:
            yield from _clock(case, before, sample)
        yield from _age(case, sample)
        yield from _marks(case, sample)
    yield from _fees(case)
    yield from _verdict(case)


def _clock(case: Case, before: Row, sample: Row) -> Iterator[str]:
    """The exchange's clock less ours, whatever ours shows."""
    us, offset = sample["us"], sample["feeds"]["clock_offset_ms"]
    stands = before["clock_off_us"] == sample["clock_off_us"] and us - before["us"] > JUMPED_US
    if offset is None or not stands or not asked_well(case, us - COMPARED_US, us):
        return
    case.count("P4 FEEDS/clock")
    true = -sample["clock_off_us"] / 1000
    if abs(offset - true) > OFFSET_MS:
        yield f"at {us} us the clocks' difference is shown as {offset} ms, it is {true:.0f} ms"


def _age(case: Case, sample: Row) -> Iterator[str]:
    """The market's stream is as old as the last frame that reached the bot."""
    age_ms, last_us = sample["feeds"]["ws_age_ms"], sample["heard"].get("market")
    if age_ms is None or last_us is None or not runs(case, last_us - 1, sample["us"]):
        return  # a frame that came in a sleep is read after it, and its age is told from then on
    if sample["us"] - last_us < READ_US:
        return
    case.count("P4 FEEDS/age")
    true_ms = (sample["us"] - last_us) / 1000
    if abs(age_ms - true_ms) > AGE_MS:
        yield f"at {sample['us']} us the market's last frame is shown as {age_ms} ms old, it is {true_ms:.0f} ms"


def _marks(case: Case, sample: Row) -> Iterator[str]:
    """A lot is valued at the last trade that reached the bot."""
    us = sample["us"]
    if case.faulty(*HIDE_PRICES) or not runs(case, us - 1, us):
        return  # a price far from the last must come twice
    for position in sample["positions"]:
        price = sample["prices"].get(position["product_id"])
        if price is None or position["mark_source"] != "trade" or us - price[0] < READ_US:
            continue
        case.count("P4 FEEDS/marks")
        if not near(position["mark"], price[1]):
            yield f"at {us} us {position['product_id']} is valued at {position['mark']}, the last trade said {price[1]}"


def _verdict(case: Case) -> Iterator[str]:
    """A bot whose lock or ledger was taken away says so."""
    words = {"lock_gone": "locked_out", "ledger_removed": "ledger_gone"}
    for act in case.truth["acts"]:
        wanted, life = words.get(act["kind"]), life_at(case, act["us"])
        if wanted is None or life is None:
            continue
        for state in case.states:
            late = state["us"] > act["us"] + TAKEN_US and state["life"] == life["life"]
            if late and state["status"] in AWAKE and runs(case, act["us"], state["us"]):
                case.count("P4 FEEDS/verdict")
                if state["word"] not in ("locked_out", wanted):
                    yield f"at {state['us']} us the verdict is {state['word']}, {act['kind']} was at {act['us']} us"


def _fees(case: Case) -> Iterator[str]:
    """The rates that are shown were the account's within the last minutes."""
    told = samples(case)
    for sample in settled(case):
        us, account = sample["us"], sample["account"]
        if account is None or not hears(case, us - FEES_US, us):
            continue
        rates = [row["fees"] for row in told if us - FEES_US <= row["us"] <= us]
        shown = (account["maker_fee_pct"], account["taker_fee_pct"], account["fee_tier"])
        case.count("P4 FEEDS/fees")
        if not any(
            near(shown[0], f["maker_ppm"] / 1e4) and near(shown[1], f["taker_ppm"] / 1e4) and shown[2] == f["tier"]
            for f in rates
        ):
            yield f"at {us} us the fees are shown as {shown}, the exchange's are {rates[-1]}"


def transfers(case: Case) -> Iterator[str]:
    """P7: what came into the account and went out of it is what the exchange booked, adopted or waiting."""
    if case.ledger_was_lost or case.had("manual_trade"):
        return
    venue = case.truth["venue"]
    known = [s for s in settled(case) if s["account"] is not None]
    if not known:
        return
    moves = [(int(t["at_us"]), dec(t["amount"])) for t in venue["transfers"] if t["currency"] == "USD"]
    if len(moves) < len(venue["transfers"]) or any(us < known[0]["us"] for us, _ in moves):
        return  # what came before the balances were first known was there from the beginning
    own = {order["order_id"] for order in case.own}
    if any(fill["order_id"] not in own for fill in venue["fills"]):
        return
    days = case.tables["days"]
    for sample in known:
        us, account = sample["us"], sample["account"]
        if any(us - SYNC_US <= at_us <= us for at_us, _ in moves) or not hears(case, us - SYNC_US, us):
            continue
        if not at_rest(case, us - (SYNC_US if any(at_us <= us for at_us, _ in moves) else NEWS_US), us):
            continue
        true = sum((amount for at_us, amount in moves if at_us < us), dec(0))
        case.count("P7 TRANSFERS/all")
        if not near(float(dec(account["transfers"]) + dec(account["waiting_value"])), true, 0.011):
            told = f"{account['transfers']} adopted, {account['waiting_value']} waiting"
            yield f"at {us} us transfers are shown as {told}, the exchange booked {true}"
        if len(days) == 1:
            case.count("P7 TRANSFERS/day")
            if not near(account["day_transfers"], account["transfers"]):
                yield f"at {us} us the day's transfers are {account['day_transfers']} of {account['transfers']}"


def risk(case: Case) -> Iterator[str]:
    """P9: a limit's value is what it measures, its state follows from it, and why nothing is bought is said."""
    names = case.truth["published"]["fields"]["limits"]
    for sample in settled(case):
        limits = [dict(zip(names, row, strict=True)) for row in sample["limits"] or ()]
        yield from _states(case, sample, limits)
        yield from _values(case, sample, {limit["name"]: limit for limit in limits})
        yield from _blocked(case, sample)
        yield from _gates(case, sample)


UP_TO = frozenset({"exposure", "exposure_total", "cluster"})  # with the next entry: just the limit is allowed


def _states(case: Case, sample: Row, limits: list[Row]) -> Iterator[str]:
    for limit in limits:
        value, most = limit["value"], limit["limit"]
        if value is None or not most or limit["at_least"]:
            continue
        case.count("P9 RISK/states")
        if limit["state"] in ("ok", "warn") and (value > most or (value == most and limit["name"] not in UP_TO)):
            yield f"at {sample['us']} us {limit['name']} is {limit['state']} at {value}, its limit is {most}"


def _values(case: Case, sample: Row, limits: dict[str, Row]) -> Iterator[str]:
    at, account, day = f"at {sample['us']} us", sample["account"], sample["ledger"]["day"]
    true: dict[str, float] = {"lots": len(sample["ledger_lots"])}
    if account is not None and limits.get("drawdown", {}).get("value") is not None:
        true["drawdown"] = account["drawdown_pct"]
    if account is not None and case.truth["mark_to_market"] and account["day_start_equity"] > 0:
        true["day_loss"] = max(-account["day_pnl"], 0.0) / account["day_start_equity"] * 100
    for name, number in true.items():
        shown = limits.get(name)
        if shown is None or shown["value"] is None:
            continue
        case.count("P9 RISK/values")
        if not near(shown["value"], number, 1e-4):
            yield f"{at} {name} is shown at {shown['value']}, it is {number}"
    us = sample["us"]
    stands = next_act(case, ("clock_jump",), -1) > us + SHIFTED_US
    if not case.ledger_was_lost and "orders_per_min" in limits and stands:
        yield from _rate(case, sample, limits["orders_per_min"]["value"])
    tripped = day is not None and day["breaker_ms"] is not None
    if "day_loss" in limits and account is not None and day is not None and day["day"] == account["day"]:
        case.count("P9 RISK/day loss")
        if tripped and limits["day_loss"]["state"] != "tripped":
            yield f"{at} the day's loss limit is {limits['day_loss']['state']}, the ledger has it tripped"


def _rate(case: Case, sample: Row, shown: float) -> Iterator[str]:
    """Entries and exits of the last minute; what was made within the same milliseconds may be in it or not."""
    ages = [sample["ts_ms"] - o["created_ms"] for o in case.tables["orders"] if o["purpose"] in ("entry", "exit")]
    least, most = (sum(edge <= age < 60_000 - edge for age in ages) for edge in (SAME_MS, -SAME_MS))
    case.count("P9 RISK/values")
    if not least <= shown <= most:
        yield f"at {sample['us']} us orders_per_min is shown at {shown}, {least} to {most} were made"


def _blocked(case: Case, sample: Row) -> Iterator[str]:
    kept, day = sample["ledger"]["kept"], sample["ledger"]["day"]
    tripped = day is not None and sample["account"] is not None and day["breaker_ms"] is not None
    why = kept.get("entries_latched") or kept.get("differences")
    case.count("P9 RISK/blocked")
    if sample["blocked"] is None and (why or (tripped and day["day"] == sample["account"]["day"])):
        yield f"at {sample['us']} us entries are not shown as blocked, the ledger has {why or 'the day loss tripped'}"
    if sample["blocked"] is not None and not why and not tripped and not _fenced(case):
        yield f"at {sample['us']} us entries are shown as blocked ({sample['blocked']}), the ledger has no reason"


def _gates(case: Case, sample: Row) -> Iterator[str]:
    rows: list[Any] = case.truth["published"]["gates"]
    if sample["status"] == "stopped" and sample["level"] == "run":
        return  # the last word of a process that was asked to end
    open_ = sample["status"] == "running"
    for number in sample["gates"] or ():
        product_id, *gates = rows[number]
        case.count("P9 RISK/control gate")
        if ("control=open" in gates) != open_:
            yield f"at {sample['us']} us the control gate of {product_id} is {gates[:3]}, the bot is {sample['status']}"


def _fenced(case: Case) -> bool:
    """Whether there were orders under the bot's name that its ledger could not know."""
    return bool(case.ledger_was_lost or case.strays or case.truth["copies"])


def alerts(case: Case) -> Iterator[str]:
    """P8: an alert is there when its cause is, and only then."""
    for sample in settled(case):
        codes = set(sample["alerts"])
        case.count("P8 ALERTS/without a cause")
        for code in codes - {"entries_locked"}:
            if not (code == "second_writer" and _fenced(case)):
                yield f"at {sample['us']} us the alert {code} is published, and nothing caused it"
        if not case.truth["live"]:
            if "entries_locked" in codes:
                yield f"at {sample['us']} us entries are called locked, and this is not live"
            continue
        turns = [p for p in case.truth["permits"] if p["us"] <= sample["us"]]
        allowed = bool(turns) and turns[-1]["on"]
        if turns and sample["us"] - turns[-1]["us"] < PERMIT_US:
            continue
        case.count("P8 ALERTS/entries locked")
        wanted = not allowed and bool(sample["ledger_lots"])
        if wanted != ("entries_locked" in codes):
            lots = len(sample["ledger_lots"])
            yield f"at {sample['us']} us the alerts are {sorted(codes)} with {lots} lots, permission {allowed}"
