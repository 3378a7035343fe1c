"""Invariants of what was sent and published: orphans, files, limits, freshness, valid numbers, liveness."""

from collections.abc import Iterator
from typing import Any

from simtest.judge.case import OPEN_AT_VENUE, PLAIN, UNFINISHED, Case, InvalidEvidence, Row, dec
from simtest.judge.intervals import (
    LIST_FAULTS,
    NO_ACCESS,
    acts,
    clear,
    first_clear,
    kept,
    next_act,
    next_swap,
    us_of_ms,
)

WS_AGE_MS = 10_000
STREAMS = ("market", "user")
SILENT_US = 7_000_000  # noticed after 5 s, acted on within 2
GRID_US = 75_000_000
SEND_US = 5_000_000  # from the intent to the order at the exchange
GATE_TO_WIRE_US = 20_000  # from the last check of an order to its first byte
READS = ("late", "lost_after", "lost_before", "refused", "status_before", "throttle", "mangle", *NO_ACCESS)
DELAY_BALANCES = (*READS, *LIST_FAULTS, "lookups_fail", "ghost", "clock_jump", "ledger_full")
STARTS = frozenset({"start", "repeat_command", "control_garbage"})
EXPLAINED_US = 150_000_000  # two balances in a row show a difference, with no order on its way
FEES_US = 1_900_000_000  # the fee tier is asked for twice an hour
GOOD_ENDS = frozenset({"running", "paused", "stopped", "killed", "safe"})


def orphans(case: Case) -> Iterator[str]:
    """I4: every own order has its intent in the ledger; orders of others are never touched."""
    for order in case.own:
        known = kept(case, order["created_us"] - SEND_US, order["created_us"])
        case.count("I4 NO-ORPHAN/intent", known)
        if order["client_order_id"] in case.row_of:
            continue
        case.count("I4 NO-ORPHAN/lost ledger", not known)
        if known:
            yield f"order {order['order_id'][:8]} ({order['status']}) has no intent in the ledger"
        elif order["status"] in OPEN_AT_VENUE and not any(state["blocked"] for state in case.states):
            yield f"order {order['order_id'][:8]} of a lost ledger is open, and entries are not latched"
    case.count("I4 NO-ORPHAN/recorded first", len(case.posts))
    for post in case.posts:
        if not post["recorded"]:
            yield f"{post['side']} {str(post['client_order_id'])[-8:]} was sent before its intent was in the ledger"
    foreign = {order["order_id"] for order in case.foreign}
    made_us = min((order["created_us"] for order in case.foreign), default=2**62)
    for cancel in case.truth["cancels"]:
        case.count("I4 NO-ORPHAN/foreign", cancel["sent_us"] > made_us)
        for order_id in set(cancel["ids"] or ()) & foreign:
            yield f"the order {order_id[:8]} of somebody else was cancelled"


def published(case: Case) -> Iterator[str]:
    """I10: every published document parses at every read, and its sequence number only grows within a boot."""
    case.count("I10 STATE/parses", len(case.states) + len(case.truth["file_faults"]))
    for fault in case.truth["file_faults"]:
        yield f"unreadable: {fault}"
    last: dict[str, int] = {}
    for state in case.states:
        case.count("I10 STATE/sequence", state["boot_id"] in last)
        if state["seq"] <= last.get(state["boot_id"], 0):
            yield f"seq {state['seq']} after {last.get(state['boot_id'], 0)} in one boot"
        last[state["boot_id"]] = state["seq"]


def limits(case: Case) -> Iterator[str]:
    """I12: no order exceeds the limits of size, rate and number."""
    counted = {row["client_order_id"] for row in case.tables["orders"] if row["purpose"] in ("entry", "exit")}
    most_usd, most_rate = dec(case.truth["max_order_usd"]), case.truth["max_orders_per_min"]
    sent: list[tuple[int, str]] = []
    for post in sorted(case.posts, key=lambda row: int(row["sent_us"])):
        if post["side"] == "BUY":
            size = _terms(post).get("quote_size")
            case.count("I12 LIMITS/size", bool(most_usd and size))
            case.count("I12 LIMITS/rate", len(sent) >= most_rate)
            if most_usd and size and dec(size) > most_usd:
                yield f"a purchase of {size}, above the limit of {most_usd}"
            # A sale that was decided while the purchase was on its way to the socket may reach it first.
            last_us = {"BUY": post["sent_us"], "SELL": post["sent_us"] - GATE_TO_WIRE_US}
            recent = sum(1 for us, side in sent if post["sent_us"] - 58_000_000 < us <= last_us[side])
            if recent >= most_rate:
                yield f"a purchase at {post['sent_us']} us, {recent} orders in the minute before (limit {most_rate})"
        if post["client_order_id"] in counted:
            sent.append((post["sent_us"], post["side"]))
    yield from _lots(case)
    for lot in case.tables["lots"]:
        # A fee that rises between the plan and the fill is nobody's fault.
        opened = us_of_ms(case, lot["opened_ms"])
        same = opened is not None and clear(case, ("fees",), opened - FEES_US, opened + SEND_US)
        fee = dec(lot["entry_fee"]) if same else dec(0)
        case.count("I12 LIMITS/cost", bool(most_usd))
        if most_usd and dec(lot["cost"]) + fee > most_usd:
            yield f"lot {lot['lot_id'][-8:]} was bought for {lot['cost']} and fees, above the limit of {most_usd}"


def _lots(case: Case) -> Iterator[str]:
    """A ledger that was replaced may count lots that were sold meanwhile, until it knows of the sales."""
    swaps_ms = [(s["copy_us"], s["us"] + EXPLAINED_US) for s in case.truth["swaps"]]
    start_us = int(case.truth["start_us"])
    parts = {"max_total_lots": "I12 LIMITS/total lots", "max_concurrent_lots": "I12 LIMITS/product lots"}
    for name, per_product in (("max_total_lots", False), ("max_concurrent_lots", True)):
        limit = case.setting(name)
        if not limit:
            continue
        marks: list[tuple[int, int, str]] = []
        for lot in case.tables["lots"]:
            key = lot["product_id"] if per_product else ""
            marks.append((lot["opened_ms"], 1, key))
            if lot["closed_ms"] is not None:
                marks.append((lot["closed_ms"], -1, key))
        open_now: dict[str, int] = {}
        for at_ms, change, key in sorted(marks):
            open_now[key] = open_now.get(key, 0) + change
            us = at_ms * 1000 - start_us
            if any(begin <= us <= end for begin, end in swaps_ms):
                continue
            case.count(parts[name], change > 0 and open_now[key] >= limit)
            if open_now[key] > limit:
                yield f"{open_now[key]} lots open at {at_ms} ms, {name} is {limit}"
                break


def explained(case: Case) -> Iterator[str]:
    """B7: a change of balances that our fills do not explain stops purchases until a person adopts it.

    Judged once a process has run, with nothing in the way of what it asks for, for as long as it takes to be seen.
    """
    traded = [int(order["created_us"]) for order in case.foreign if dec(order["filled"]) > 0]
    for act in case.truth["acts"]:
        if act["kind"] != "manual_trade" or not any(0 <= us - act["us"] < 1_000_000 for us in traded):
            continue  # the exchange refused it
        if not any(s["equity"] is not None and s["us"] < act["us"] - 5_000_000 for s in case.states):
            continue  # the bot had not seen the balances before it
        due = first_clear(case, DELAY_BALANCES, act["us"], EXPLAINED_US)
        until = min(next_act(case, STARTS, act["us"]), next_swap(case, act["us"]))
        if due is None or due >= min(until, case.truth["end_us"]):
            continue
        case.count("B7 EXPLAINED")
        for post in case.posts:
            if post["side"] == "BUY" and due < post["sent_us"] < until:
                yield f"a purchase at {post['sent_us']} us, after a trade at {act['us']} us that was not ours"


def fresh(case: Case) -> Iterator[str]:
    """I13: no purchase on a price older than allowed, and none while a gap in a stream is open."""
    allowed_us = float(case.truth["stale_data_s"]) * 1e6 + 300_000
    for post in case.posts:
        if post["side"] != "BUY":
            continue
        # A frame that is no JSON does not show the gap that it came after.
        gap_us = post["gap_us"] or 0
        seen = clear(case, ("ws_garbage", "ws_late"), post["sent_us"] - gap_us - 1_000_000, post["sent_us"])
        seen_us = 300_000 if seen else 3_000_000
        case.count("I13 FRESH/price")
        case.count("I13 FRESH/gap")
        if post["tick_age_us"] is None:
            yield f"a purchase of {post['product_id']} at {post['sent_us']} us without any price"
        elif post["tick_age_us"] - (post["at_us"] - post["sent_us"]) > allowed_us:
            yield f"a purchase of {post['product_id']} on a price {post['tick_age_us'] / 1e6:.1f} s old"
        if post["gap_us"] is not None and post["gap_us"] > seen_us:
            yield f"a purchase of {post['product_id']} {post['gap_us'] / 1e6:.1f} s after a gap that is still open"


def heard(case: Case) -> Iterator[str]:
    """I22: a stream that is silent for 5 s stops entries within 2 s and is published as silent.

    A silence begins with a stream's last frame, in a new process when it first opens a stream: a boot may wait for REST
    for as long as it takes. Nothing is bought before both streams of this process were heard.
    """
    begins = {life["life"]: int(life["from_us"]) for life in case.truth["lives"]}
    begins |= dict(case.truth["opened"])

    def silent_us(row: Row, at_us: int) -> int:
        begin = begins.get(row["life"], 0)
        return max(at_us - max(int(row["heard"].get(name, 0)), begin) for name in STREAMS)

    for post in case.posts:
        if post["side"] != "BUY":
            continue
        case.count("I22 HEARD/silent")
        case.count("I22 HEARD/first")
        if silent_us(post, post["sent_us"]) > SILENT_US:
            yield f"a purchase at {post['sent_us']} us, {silent_us(post, post['sent_us']) / 1e6:.1f} s of silence"
        for name in STREAMS:
            if int(post["heard"].get(name, -1)) < begins.get(post["life"], 0):
                yield f"a purchase at {post['sent_us']} us, before the {name} stream was heard"
    for state in case.states:
        case.count("I22 HEARD/published", state["status"] == "running" and silent_us(state, state["us"]) > SILENT_US)
        if state["status"] == "running" and state["word"] == "running" and silent_us(state, state["us"]) > SILENT_US:
            yield f"running was published {silent_us(state, state['us']) / 1e6:.1f} s after the last frame"


def _terms(post: Row) -> dict[str, Any]:
    for terms in (post["configuration"] or {}).values():
        return dict(terms)
    return {}


def sane(case: Case) -> Iterator[str]:
    """I21: every number that is sent or in the ledger is plain, finite, positive and on its increment."""
    products = case.truth["venue"]["products"]
    for post in case.posts:
        product = products.get(post["product_id"])
        case.count("I21 SANE/order")
        if product is None or post["side"] not in ("BUY", "SELL") or not post["client_order_id"]:
            yield f"an order of {post['product_id']!r} {post['side']!r} with id {post['client_order_id']!r}"
            continue
        steps = {"base_size": "base_increment", "quote_size": "quote_increment", "limit_price": "price_increment"}
        for name, step in steps.items():
            text = _terms(post).get(name)
            if text is None:
                continue
            case.count("I21 SANE/terms")
            if not isinstance(text, str) or not PLAIN.fullmatch(text) or dec(text) <= 0:
                yield f"{name}={text!r} on the wire"
            elif dec(text) % dec(product[step]) != 0:
                yield f"{name}={text} is not on the increment {product[step]}"
    yield from _new_grid(case)
    columns = {"fills": ("price", "base_size", "fee"), "lots": ("base_bought", "base_left", "cost", "proceeds", "dust")}
    for table, names in columns.items():
        for row in case.tables[table]:
            for name in names:
                case.count("I21 SANE/ledger")
                try:
                    if not PLAIN.fullmatch(str(row[name])) or dec(row[name]) < 0:
                        yield f"{table}.{name}={row[name]!r} in the ledger"
                except InvalidEvidence as error:
                    yield f"{table}.{name}: {error}"


def _new_grid(case: Case) -> Iterator[str]:
    """Once a process has asked for the products since their increments became coarser, orders are on them."""
    terms = {"base_increment": "base_size", "price_increment": "limit_price"}
    calm = min((act["us"] for act in case.truth["acts"] if act["kind"] == "calm"), default=2**62)
    for act in case.truth["acts"]:
        term = terms.get(act.get("name", "")) if act["kind"] == "regrid" else None
        if term is None:
            continue
        told = first_clear(case, READS, act["us"], GRID_US, where=("GET /products",))
        again = (a["us"] for a in acts(case, ("regrid",), act["us"] + 1, calm) if a["name"] == act["name"])
        until = min(again, default=calm)
        for post in case.posts:
            text = _terms(post).get(term)
            due = told is not None and told < post["sent_us"] < until and post["product_id"] == act["product_id"]
            case.count("I21 SANE/new grid", due and text is not None)
            if due and text is not None and dec(text) % dec(act["value"]) != 0:
                yield f"{term}={text} at {post['sent_us']} us, {act['name']} is {act['value']} since {act['us']} us"


def alive(case: Case) -> Iterator[str]:
    """I18: after the faults the bot runs or is stopped by a latch that it names, and every order's outcome is known."""
    final = case.states[-1] if case.states else None
    case.count("I18 LIVE/status")
    if final is None or final["us"] < case.last_word_us:
        yield "no state was published at the end"
        return
    if final["status"] not in GOOD_ENDS:
        yield f"{final['status']}/{final['phase']} at the end ({final['error']})"
    case.count("I18 LIVE/orders", len(case.tables["orders"]))
    case.count("I18 LIVE/streams")
    case.count("I18 LIVE/ledger", final["ledger_ok"] is not None)
    for row in case.tables["orders"]:
        if row["state"] in UNFINISHED:
            yield f"{row['client_order_id'][-8:]} ({row['purpose']}) is still {row['state']}"
    if not final["ws_ok"] or final["ws_age_ms"] is None or final["ws_age_ms"] > WS_AGE_MS:
        yield f"the streams are not back (up: {final['ws_ok']}, last frame {final['ws_age_ms']} ms ago)"
    if final["ledger_ok"] is False:
        yield "the ledger is not written"
