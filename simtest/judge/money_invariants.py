"""Invariants of money: fills, position, one order for each intent, conservation, order states."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import Decimal, localcontext
from itertools import pairwise

from simtest.judge.case import OPEN_AT_VENUE, Case, Row, dec
from simtest.judge.intervals import kept, swapped
from simtest.judge.published import NEWS_US

ENDS = {"filled": "FILLED", "cancelled": "CANCELLED", "expired": "EXPIRED", "failed": "FAILED"}
SEND_US = 5_000_000  # from the intent to the order at the exchange
FINAL = frozenset({*ENDS, "refused", "denied"})


def fills(case: Case) -> Iterator[str]:
    """I1: the ledger's fills equal the exchange's fills of our orders exactly."""
    ours = {order["order_id"] for order in case.own}
    known = {order["order_id"] for order in case.own if _kept(case, order)}
    there = {
        (f["order_id"], f["trade_id"]): (dec(f["size"]), dec(f["price"]), dec(f["fee"]), f["side"])
        for f in case.truth["venue"]["fills"]
        if f["order_id"] in ours
    }
    here = {
        (f["order_id"], f["trade_id"]): (dec(f["base_size"]), dec(f["price"]), dec(f["fee"]), f["side"])
        for f in case.tables["fills"]
    }
    case.count("I1 FILLS/at the exchange", sum(key[0] in known for key in there))
    case.count("I1 FILLS/in the ledger", len(here))
    for key in (key for key in there.keys() - here.keys() if key[0] in known):
        yield f"the ledger is missing fill {key[1][:8]} of order {key[0][:8]}: {there[key]}"
    for key in here.keys() - there.keys():
        yield f"the ledger holds fill {key[1][:8]} of order {key[0][:8]}, which the exchange never made"
    for key in here.keys() & there.keys():
        if here[key] != there[key]:
            yield f"fill {key[1][:8]}: exchange {there[key]}, ledger {here[key]}"


def _kept(case: Case, order: Row) -> bool:
    """True when the ledger knows the whole of the order's life by itself."""
    done_us = order["done_us"] if order["done_us"] is not None else case.truth["end_us"]
    return kept(case, order["created_us"] - SEND_US, done_us)


def position(case: Case) -> Iterator[str]:
    """I2: fills add up to the lots, lots to the position, the position to the change of the exchange's balances."""
    moved: dict[str, Decimal] = defaultdict(Decimal)
    everyone: dict[str, Decimal] = defaultdict(Decimal)
    ours = {order["order_id"] for order in case.own}
    for fill in case.truth["venue"]["fills"]:
        sign = 1 if fill["side"] == "BUY" else -1
        base, _, quote = fill["product_id"].partition("-")
        everyone[base] += sign * dec(fill["size"])
        everyone[quote] += -sign * dec(fill["value"]) - dec(fill["fee"])
        if fill["order_id"] in ours:
            moved[fill["product_id"]] += sign * dec(fill["size"])
    held: dict[str, Decimal] = defaultdict(Decimal)
    for lot in case.tables["lots"]:
        held[lot["product_id"]] += dec(lot["base_left"]) + dec(lot["dust"])
        if dec(lot["base_left"]) < 0:
            yield f"lot {lot['lot_id'][-8:]} holds {lot['base_left']}"
    if not case.truth["swaps"]:
        case.count("I2 POSITION/lots", len(moved.keys() | held.keys()))
        for product in moved.keys() | held.keys():
            if moved[product] != held[product]:
                yield f"{product}: fills make {moved[product]}, lots hold {held[product]}"
    everyone["USD"] += dec(case.truth["venue"]["funds"])
    for transfer in case.truth["venue"]["transfers"]:
        everyone[transfer["currency"]] += dec(transfer["amount"])
    balances = case.truth["venue"]["balances"]
    case.count("I2 POSITION/balances", len(balances.keys() | everyone.keys()))
    for currency in balances.keys() | everyone.keys():
        if dec(balances.get(currency, "0")) != everyone[currency]:
            yield f"{currency}: the exchange holds {balances.get(currency)}, its fills make {everyone[currency]}"


def one_intent(case: Case) -> Iterator[str]:
    """I3: at most one order was ever accepted for an intent; a lot has one exit at a time and is never oversold."""
    accepted = Counter(order["client_order_id"] for order in case.own)
    case.count("I3 ONE-INTENT/accepted", len(accepted))
    for coid, count in accepted.items():
        if count > 1:
            yield f"{count} orders were accepted for intent {coid[-8:]}"
    yield from _sent_again(case)
    for post in case.posts:
        case.count("I3 ONE-INTENT/unanswered", post["side"] == "BUY")
        if post["side"] == "BUY" and post["entries_open"]:
            yield f"{str(post['client_order_id'])[-8:]} was sent while another purchase of its product had no answer"
    yield from _exits(case)
    yield from _retries(case, accepted)


def _sent_again(case: Case) -> Iterator[str]:
    """A ledger that was replaced by an older one knows nothing of a POST that the exchange refused; what it accepted
    must be found there instead of being sent again."""
    since = {order["client_order_id"]: order["created_us"] for order in case.own}
    sent: dict[str, list[int]] = defaultdict(list)
    for post in case.posts:
        sent[post["client_order_id"]].append(post["sent_us"])
    case.count("I3 ONE-INTENT/posted", len(sent))
    for coid, times in sent.items():
        late = [us for us in times if us > since.get(coid, 2**62)]
        if len(times) > 1 and (late or not any(pairwise_swapped(case, times))):
            yield f"intent {str(coid)[-8:]} was POSTed {len(times)} times"


def pairwise_swapped(case: Case, times: list[int]) -> Iterator[bool]:
    """Of each two POSTs in a row, whether another ledger came in between."""
    return (swapped(case, before, after) for before, after in pairwise(times))


def _exits(case: Case) -> Iterator[str]:
    spans: dict[str, list[tuple[int, int, Row]]] = defaultdict(list)
    sold: dict[str, Decimal] = defaultdict(Decimal)
    for order in case.own:
        row = case.row_of.get(order["client_order_id"])
        if row is not None and row["lot_id"] and order["side"] == "SELL" and _kept(case, order):
            end = order["done_us"] if order["done_us"] is not None else 2**62
            spans[row["lot_id"]].append((order["created_us"], end, order))
            sold[row["lot_id"]] += dec(order["filled"])
    lots = {lot["lot_id"]: lot for lot in case.tables["lots"]}
    for lot_id, rows in spans.items():
        rows.sort(key=lambda item: item[:2])
        case.count("I3 ONE-INTENT/one exit", len(rows) - 1)
        case.count("I3 ONE-INTENT/oversold")
        for (_, end, before), (begin, _, after) in pairwise(rows):
            if begin < end:
                yield f"lot {lot_id[-8:]}: exits {before['order_id'][:8]} and {after['order_id'][:8]} were open at once"
        lot = lots.get(lot_id)
        if lot is None:
            yield f"an exit of lot {lot_id[-8:]}, which the ledger does not hold"
        elif sold[lot_id] > dec(lot["base_bought"]):
            yield f"lot {lot_id[-8:]}: {sold[lot_id]} sold of {lot['base_bought']} bought"


def _retries(case: Case, accepted: Counter[str]) -> Iterator[str]:
    for row in case.tables["orders"]:
        case.count("I3 ONE-INTENT/replaced", bool(row["retry_of"]))
        if row["retry_of"] and row["client_order_id"] in accepted and row["retry_of"] in accepted:
            yield f"{row['client_order_id'][-8:]} replaced {row['retry_of'][-8:]}, which the exchange had accepted"


def conserve(case: Case) -> Iterator[str]:
    """I9: a lot's money is the sum of its fills, realised results are the days' totals, equity is what is held."""
    with localcontext() as context:
        context.prec = 60
        yield from _lots_money(case)
        yield from _days_money(case)
        yield from _equity(case)


def _lots_money(case: Case) -> Iterator[str]:
    of_lot: dict[str, list[Row]] = defaultdict(list)
    for fill in case.tables["fills"]:
        of_lot[fill["lot_id"] or ""].append(fill)
    for fill in of_lot.pop("", []):
        yield f"fill {fill['trade_id'][:8]} belongs to no lot"
    for lot in case.tables["lots"]:
        rows = of_lot[lot["lot_id"]]
        case.count("I9 CONSERVE/lots")
        for word, side, money, fee in (("entry", "BUY", "cost", "entry_fee"), ("exit", "SELL", "proceeds", "exit_fee")):
            mine = [f for f in rows if f["side"] == side]
            value = sum((dec(f["price"]) * dec(f["base_size"]) for f in mine), Decimal(0))
            fees = sum((dec(f["fee"]) for f in mine), Decimal(0))
            if (value, fees) != (dec(lot[money]), dec(lot[fee])):
                says = f"it says {lot[money]}, {lot[fee]}"
                yield f"lot {lot['lot_id'][-8:]} {word}: fills make {value} and fee {fees}, {says}"
        if lot["closed_ms"] is not None:
            case.count("I9 CONSERVE/results")
            bought = dec(lot["base_bought"])
            gone = bought - dec(lot["dust"])
            want = (
                dec(lot["proceeds"]) - dec(lot["exit_fee"]) - (dec(lot["cost"]) + dec(lot["entry_fee"])) * gone / bought
            )
            if abs(want - dec(lot["realized_pnl"])) > Decimal("1e-25"):
                yield f"lot {lot['lot_id'][-8:]} realised {lot['realized_pnl']}, its money makes {want}"


def _days_money(case: Case) -> Iterator[str]:
    days = case.tables["days"]
    if not days:
        return
    case.count("I9 CONSERVE/days", len(days))
    realized = sum(
        (dec(lot["realized_pnl"]) for lot in case.tables["lots"] if lot["closed_ms"] is not None), Decimal(0)
    )
    fees = sum((dec(fill["fee"]) for fill in case.tables["fills"]), Decimal(0))
    told = sum((dec(day["realized"]) for day in days), Decimal(0))
    told_fees = sum((dec(day["fees"]) for day in days), Decimal(0))
    if abs(realized - told) > Decimal("1e-20"):
        yield f"lots realised {realized}, the days say {told}"
    if abs(fees - told_fees) > Decimal("1e-20"):
        yield f"fills cost {fees} in fees, the days say {told_fees}"


def _equity(case: Case) -> Iterator[str]:
    """At the end the market stands still, so the published equity must be the balances at the last prices."""
    states = [s for s in case.states if s["equity"] is not None]
    if not states or states[-1]["us"] < case.last_word_us:
        return
    venue = case.truth["venue"]
    if any(fill["us"] > states[-1]["us"] - NEWS_US for fill in venue["fills"]):
        return  # an exit that was still to come, and news of it may come after the last document
    case.count("I9 CONSERVE/equity")
    total = dec(venue["balances"].get("USD", "0"))
    for product_id, product in venue["products"].items():
        total += dec(venue["balances"].get(product_id.partition("-")[0], "0")) * dec(product["last"])
    shown = dec(states[-1]["equity"])
    if abs(shown - total) > abs(total) * Decimal("1e-9"):
        yield f"equity is shown as {shown}, the account is worth {total}"


def states(case: Case) -> Iterator[str]:
    """I14: no order left a final state, filled sizes only grow, and final states equal the exchange's."""
    by_coid: dict[str, list[Row]] = defaultdict(list)
    for order in case.own:
        by_coid[order["client_order_id"]].append(order)
    for coid, row in case.row_of.items():
        there = by_coid.get(coid, [])
        state = row["state"]
        case.count("I14 FSM/never sent", state in ("refused", "denied", "absent"))
        case.count("I14 FSM/end", state in ENDS)
        case.count("I14 FSM/open", state == "open" and bool(there))
        case.count("I14 FSM/filled", bool(there))
        if state in ("refused", "denied", "absent") and there:
            yield f"{coid[-8:]} is {state} in the ledger, but the exchange accepted it ({there[0]['status']})"
        elif state in ENDS and not there:
            yield f"{coid[-8:]} is {state} in the ledger, but the exchange never received it"
        elif there and state in ENDS and there[0]["status"] != ENDS[state]:
            yield f"{coid[-8:]} is {state} in the ledger and {there[0]['status']} at the exchange"
        elif there and state == "open" and there[0]["status"] not in OPEN_AT_VENUE:
            yield f"{coid[-8:]} is open in the ledger and {there[0]['status']} at the exchange"
        if there and dec(row["filled_size"]) != dec(there[0]["filled"]):
            yield f"{coid[-8:]}: filled {row['filled_size']} in the ledger, {there[0]['filled']} at the exchange"
    yield from _history(case)


def replayed(case: Case) -> Iterator[str]:
    """I16: replaying the journal gives the same ledger, byte for byte, and the ledger's own checks find nothing."""
    case.count("I16 REPLAY", any(case.tables.values()))
    yield from case.truth["ledger"]["replay"]
    yield from case.truth["ledger"]["verify"]


def _history(case: Case) -> Iterator[str]:
    last: dict[str, tuple[str, Decimal]] = {}
    for row in case.tables["rig_orders"]:
        coid, state, filled = row["client_order_id"], row["state"], dec(row["filled_size"])
        before = last.get(coid)
        if before is not None:
            case.count("I14 FSM/final", before[0] in FINAL)
            case.count("I14 FSM/grows")
            if before[0] in FINAL and state != before[0]:
                yield f"{coid[-8:]} went from {before[0]} to {state}"
            if filled < before[1]:
                yield f"{coid[-8:]}: filled went from {before[1]} to {filled}"
        last[coid] = (state, filled)
