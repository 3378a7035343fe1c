"""Invariants of what is published: lots, positions and the account, against the ledger and the exchange."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from simtest.judge.case import Case, Row, dec
from simtest.judge.published import (
    NEWS_US,
    SYNC_US,
    LotFills,
    at_rest,
    fills_by_lot,
    hears,
    lot_rows,
    near,
    neighbours,
    samples,
    settled,
    shown_lots,
    until,
)

_TEXTS = ("lot_id", "product_id", "kind", "exit_reason", "exit_client_order_id")
_SAME_US = 1_000  # a fill and what is told of it may carry the same moment


def positions(case: Case) -> Iterator[str]:
    """P1: the lots that are published are those of the ledger, and the exchange filled what they say."""
    yield from _file(case)
    yield from _stale_file(case)
    yield from _shown(case)
    if not case.ledger_was_lost:
        yield from _filled(case)


def _file(case: Case) -> Iterator[str]:
    """positions.json is the ledger's open lots, latch and level, whenever it is written."""
    rows = lot_rows(case)
    well = {(row["us"], row["life"]) for row in samples(case) if row["ledger_ok"]}
    for file in case.truth["published"]["files"]:
        if (file["us"], file["life"]) not in well:
            continue  # no sample of that moment says that the ledger was written
        case.count("P1 POSITIONS/file")
        yield from _same_lots(file["lots"], file["ledger_lots"], rows, f"positions.json of {file['us']} us")
        if file["latch"] != file["ledger_latch"]:
            yield f"positions.json of {file['us']} us: latch {file['latch']}, the ledger's is {file['ledger_latch']}"


def _same_lots(shown: list[int], true: list[int], rows: list[Row], where: str) -> Iterator[str]:
    if shown == true:
        return
    listed = {rows[number]["lot_id"]: rows[number] for number in shown}
    there = {rows[number]["lot_id"]: rows[number] for number in true}
    for lot_id in listed.keys() ^ there.keys():
        word = "is listed, and is not open" if lot_id in listed else "is open, and is not listed"
        yield f"{where}: lot {lot_id[-8:]} {word}"
    for lot_id in listed.keys() & there.keys():
        for name, value in there[lot_id].items():
            if not _same(name, listed[lot_id][name], value):
                yield f"{where}: lot {lot_id[-8:]} has {name} {listed[lot_id][name]}, the ledger {value}"


def _same(name: str, shown: Any, true: Any) -> bool:
    if name in _TEXTS or shown is None or true is None:
        return bool(shown == true)
    if name == "trail_active":
        return bool(shown) == bool(true)
    return dec(shown) == dec(true)


def _stale_file(case: Case) -> Iterator[str]:
    """A change of the lots is in positions.json when the next state is published."""
    rows, files = lot_rows(case), case.truth["published"]["files"]
    for before, after in neighbours(case):
        if before["io_error"] or after["io_error"]:
            continue  # the disk is full
        file = files[after["file"]] if after["file"] >= 0 else None
        if file is not None and file["life"] == after["life"] and file["us"] < before["us"]:
            case.count("P1 POSITIONS/stale file")
            where = f"positions.json of {file['us']} us is still there at {after['us']} us"
            yield from _same_lots(file["lots"], before["ledger_lots"], rows, where)
        elif file is None or file["life"] != after["life"]:
            yield f"positions.json was not written by process {after['life']} by {after['us']} us"


def _shown(case: Case) -> Iterator[str]:
    """The positions of bot_state.json are the ledger's open lots at that moment, valued at the mark that is shown."""
    rows, shown = lot_rows(case), shown_lots(case)
    for sample in settled(case):
        true = {rows[number]["lot_id"]: rows[number] for number in sample["ledger_lots"]}
        listed = {shown[lot[0]]["lot_id"] for position in sample["positions"] for lot in position["lots"]}
        where = f"bot_state.json at {sample['us']} us"
        case.count("P1 POSITIONS/shown")
        for lot_id in listed ^ true.keys():
            yield f"{where}: lot {lot_id[-8:]} {'is shown, and is not open' if lot_id in listed else 'is not shown'}"
        for position in sample["positions"]:
            lots = [true[lot_id] for lot in position["lots"] if (lot_id := shown[lot[0]]["lot_id"]) in true]
            held = sum((dec(lot["base_left"]) for lot in lots), Decimal(0))
            if dec(position["base_size_text"]) != held:
                yield f"{where}: {position['base_size_text']} of {position['product_id']}, its lots hold {held}"
            for number, result, value in position["lots"]:
                doc = shown[number]
                if doc["lot_id"] in true:
                    yield from _lot(case, sample, position, doc, true[doc["lot_id"]], result, value)


def _lot(
    case: Case, sample: Row, position: Row, doc: Row, lot: Row, result: float | None, value: float | None
) -> Iterator[str]:
    where = f"bot_state.json at {sample['us']} us: lot {doc['lot_id'][-8:]}"
    left, bought = dec(lot["base_left"]), dec(lot["base_bought"])
    cost, fee = dec(lot["cost"]) * left / bought, dec(lot["entry_fee"]) * left / bought
    case.count("P1 POSITIONS/lots")
    exact = {"base_size_text": left, "take_price_text": dec(lot["take_price"]), "opened_ms": dec(lot["opened_ms"])}
    for name, amount in exact.items():
        if dec(doc[name]) != amount:
            yield f"{where} has {name} {doc[name]}, the ledger {amount}"
    sold_cost = (dec(lot["cost"]) + dec(lot["entry_fee"])) - cost - fee
    figures = {
        "open_price": dec(lot["cost"]) / bought,
        "cost_usd": cost + fee,
        "entry_fee_usd": fee,
        "bought_usd": dec(lot["cost"]) + dec(lot["entry_fee"]),
        "fees_paid_usd": dec(lot["entry_fee"]) + dec(lot["exit_fee"]),
        "sold_pnl": dec(lot["proceeds"]) - dec(lot["exit_fee"]) - sold_cost,
    }
    for name, amount in figures.items():
        if not near(doc[name], amount):
            yield f"{where} has {name} {doc[name]}, its fills make {amount:f}"
    for name in ("stop_price", "trail_stop"):
        known = lot[name] if name != "trail_stop" or lot["trail_active"] else None
        if (doc[name] is None) != (known is None) or (known is not None and not near(doc[name], dec(known))):
            yield f"{where} has {name} {doc[name]}, the ledger {known}"
    account, mark = sample["account"], position["mark"]
    if account is None or mark is None or result is None or value is None:
        return
    case.count("P1 POSITIONS/results")
    limit = case.truth["take_profit_order"] == "limit"
    rate = dec(account["maker_fee_pct" if limit else "taker_fee_pct"]) / 100
    worth = left * dec(mark)
    true = worth - worth * rate - cost - fee
    if not near(value, worth) or not near(result, true):
        yield f"{where} is shown as worth {value}, result {result}: it is worth {worth:f}, result {true:f}"


def _filled(case: Case) -> Iterator[str]:
    """No lot says more than the exchange filled by then; what it filled a while ago is said, where nothing hid it."""
    rows, fills = lot_rows(case), fills_by_lot(case)
    closed_ms = {lot["lot_id"]: lot["closed_ms"] for lot in case.tables["lots"]}
    for sample in settled(case):
        lots = {rows[number]["lot_id"]: rows[number] for number in sample["ledger_lots"]}
        for lot_id, lot in lots.items():
            there = fills.get(lot_id, LotFills(lot["product_id"], [], []))
            bought, sold = dec(lot["base_bought"]), dec(lot["base_bought"]) - dec(lot["base_left"])
            case.count("P1 POSITIONS/filled")
            for word, said, by in (("bought", bought, there.bought), ("sold", sold, there.sold)):
                most = until(by, sample["us"] + _SAME_US)
                if said > most:
                    yield f"lot {lot_id[-8:]} {word} {said} at {sample['us']} us, the exchange filled {most} by then"
        if not hears(case, sample["us"] - NEWS_US, sample["us"]):
            continue
        for lot_id, there in fills.items():
            case.count("P1 POSITIONS/told")
            yield from _told(sample, lot_id, there, lots.get(lot_id), closed_ms.get(lot_id))


def _told(sample: Row, lot_id: str, there: LotFills, lot: Row | None, closed_ms: int | None) -> Iterator[str]:
    known_us = sample["us"] - NEWS_US
    bought, sold = until(there.bought, known_us), until(there.sold, known_us)
    if lot is None:
        closed = closed_ms is not None and closed_ms <= sample["ts_ms"] + 1_000
        if bought > 0 and not closed and bought > until(there.sold, sample["us"] + _SAME_US):
            yield f"lot {lot_id[-8:]} is not listed at {sample['us']} us, the exchange filled {bought} for it"
        return
    said_sold = dec(lot["base_bought"]) - dec(lot["base_left"])
    if dec(lot["base_bought"]) < bought or said_sold < sold:
        yield (
            f"lot {lot_id[-8:]} bought {lot['base_bought']} and sold {said_sold} at {sample['us']} us, the exchange "
            f"filled {bought} and {sold} long before"
        )


def account(case: Case) -> Iterator[str]:
    """P2: the account adds up, and it is the exchange's."""
    shown = shown_lots(case)
    for sample in settled(case):
        if sample["account"] is not None:
            yield from _sums(case, sample, sample["account"], shown)
            yield from _day(case, sample, sample["account"])
    yield from _balances(case)
    yield from _curve(case)
    if not case.ledger_was_lost:
        yield from _drawdown(case)


def _sums(case: Case, sample: Row, shown: Row, lots: list[Row]) -> Iterator[str]:
    """Every figure that is made of others."""
    at = f"at {sample['us']} us"
    equity, cash = dec(shown["equity_text"]), dec(shown["cash_text"])
    positions = sample["positions"]
    value = sum((dec(p["size_usd"] or 0) for p in positions), Decimal(0))
    results = [p["unrealized_pnl"] for p in positions]
    sold = sum((dec(lots[lot[0]]["sold_pnl"]) for p in positions for lot in p["lots"]), Decimal(0))
    wanted: dict[str, Decimal | None] = {
        "equity": equity,
        "cash": cash,
        "lots_value": value,
        "other_value": equity - cash - value,
        "held_in_orders": cash - dec(shown["cash_available"]),
        "day_pnl": equity - dec(shown["day_start_equity"]) - dec(shown["day_transfers"]) - dec(shown["waiting_value"]),
        "day_unrealized_change": dec(shown["day_pnl"]) - dec(shown["day_realized"]),
        "open_pnl": sum(map(dec, results), Decimal(0)) + sold if None not in results else None,
    }
    case.count("P2 ACCOUNT/sums", len(wanted))
    if sample["value"] != shown["equity"]:
        yield f"{at} portfolio_value is {sample['value']}, equity {shown['equity']}"
    for name, amount in wanted.items():
        if amount is not None and shown[name] is not None and not near(shown[name], amount):
            yield f"{at} {name} is shown as {shown[name]}, it is {amount:f}"
    start = dec(shown["day_start_equity"])
    if start and not near(shown["day_pnl_pct"], dec(shown["day_pnl"]) / start * 100):
        yield f"{at} day_pnl_pct is shown as {shown['day_pnl_pct']}, of {start} the result is {shown['day_pnl']}"


def _day(case: Case, sample: Row, shown: Row) -> Iterator[str]:
    """The day's figures are the ledger's of that day, and the ledger's unsettled orders are those of unknown end."""
    at, ledger = f"at {sample['us']} us", sample["ledger"]
    day = ledger["day"]
    if day is not None and day["day"] == shown["day"]:
        case.count("P2 ACCOUNT/day")
        figures = {"start_equity": "day_start_equity", "realized": "day_realized", "fees": "day_fees"}
        figures["transfers"] = "day_transfers"
        for column, name in figures.items():
            if not near(shown[name], dec(day[column])):
                yield f"{at} {name} is shown as {shown[name]}, the ledger's day {shown['day']} has {day[column]}"
    elif day is None or day["day"] > shown["day"]:
        yield f"{at} the day is shown as {shown['day']}, the ledger has {day and day['day']}"


def _balances(case: Case) -> Iterator[str]:
    """Cash and holdings are the exchange's, where nothing moved them and nothing hid them for a while."""
    venue = case.truth["venue"]
    own = {order["order_id"] for order in case.own}
    moved = [(int(f["us"]), f["order_id"] in own) for f in venue["fills"]]
    moved += [(int(transfer["at_us"]), False) for transfer in venue["transfers"]]
    for sample in settled(case):
        us = sample["us"]
        if sample["account"] is None or not hears(case, us - SYNC_US, us):
            continue
        if any(us - (NEWS_US if ours else SYNC_US) <= at_us <= us + _SAME_US for at_us, ours in moved):
            continue
        if not at_rest(case, us - (NEWS_US if all(ours for at_us, ours in moved if at_us <= us) else SYNC_US), us):
            continue
        case.count("P2 ACCOUNT/balances")
        cash = dec(sample["balances"].get("USD", 0))
        if not near(float(dec(sample["account"]["cash_text"])), cash):
            yield f"at {us} us cash is shown as {sample['account']['cash_text']}, the exchange has {cash}"
        for position in sample["positions"]:
            held = dec(sample["balances"].get(position["product_id"].partition("-")[0], 0))
            if position["exchange_base_text"] is None or abs(dec(position["exchange_base_text"]) - held) > Decimal(
                "1e-9"
            ):
                shown = position["exchange_base_text"]
                yield f"at {us} us the exchange is said to hold {shown} for {position['product_id']}, it holds {held}"


def _curve(case: Case) -> Iterator[str]:
    """The time-weighted curve moves as settled equity does while no transfer is booked, also over a restart."""
    if case.ledger_was_lost:
        return  # it begins anew with the ledger
    known = [s for s in settled(case) if s["account"] is not None and s["account"]["curve"] is not None]
    for before, after in pairwise(known):
        first, then = before["account"], after["account"]
        same = first["transfers"] == then["transfers"] and before["ledger"]["kept"].get("curve") is not None
        if not same or _between(case, before, after, "lose_ledger", "old_ledger", "restored", "restore"):
            continue
        from_equity, to_equity = (dec(a["equity_text"]) - dec(a["waiting_value"]) for a in (first, then))
        if from_equity <= 0 or to_equity <= 0:
            continue
        case.count("P2 ACCOUNT/curve")
        wanted = dec(first["curve"]) * to_equity / from_equity
        if abs(dec(then["curve"]) - wanted) > wanted * Decimal("1e-9"):
            yield f"the curve went from {first['curve']} to {then['curve']} at {after['us']} us, equity to {wanted:f}"


def _between(case: Case, before: Row, after: Row, *kinds: str) -> bool:
    return any(act["kind"] in kinds and before["us"] <= act["us"] <= after["us"] for act in case.truth["acts"])


def _drawdown(case: Case) -> Iterator[str]:
    """The drawdown is counted from the highest point of the curve. The ledger keeps it, and no restart forgets it: only
    a person who presses Start lets it begin anew. It is followed once a second, so what is published between two
    seconds may stand a little higher.
    """
    looked = [act["us"] for act in case.truth["acts"] if act["kind"] in _LOOKED]
    kept_peak, highest, last_us = Decimal(0), Decimal(0), 0
    for sample in settled(case):
        shown, kept = sample["account"], sample["ledger"]["kept"].get("curve")
        if shown is None or shown["curve"] is None or kept is None:
            continue
        if any(last_us - _LOOKED_US <= us <= sample["us"] for us in looked):
            kept_peak = highest = Decimal(0)
        last_us = sample["us"]
        now, peak = dec(shown["curve"]), dec(kept.split(" ")[2])
        case.count("P2 ACCOUNT/kept peak")
        if peak < kept_peak:
            yield f"the curve's highest point went from {kept_peak} to {peak} at {sample['us']} us"
        kept_peak = peak
        case.count("P2 ACCOUNT/drawdown")
        for point, slack in ((peak, 0.0), (highest, _BETWEEN_PCT)):
            fall = float(100 * (1 - now / point)) if point > now else 0.0
            if shown["drawdown_pct"] < fall * (1 - 1e-6) - 1e-6 - slack:
                yield f"a drawdown of {shown['drawdown_pct']} % is shown at {sample['us']} us, it is {fall} % at least"
        if not case.faulty("ws_price"):
            highest = max(highest, now)


_LOOKED = frozenset({"start", "repeat_command", "control_garbage", "broken_kill", "calm"})
_LOOKED_US = 20_000_000  # a damaged control.json is mended by then, and may say start
_BETWEEN_PCT = 0.05
