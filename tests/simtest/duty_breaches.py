"""Breaches of the reference model's invariants, planted into the evidence of a sound run: duties that were not done."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.simtest.breaches import Evidence, Tampered

S = 1_000_000


def _own(run: Tampered, side: str) -> list[Evidence]:
    orders: list[Evidence] = run.truth["venue"]["orders"]
    return [o for o in orders if o["side"] == side and o["client_order_id"].startswith("ct-main-")]


def _forget(run: Tampered, gone: Callable[[Evidence], bool]) -> None:
    """The own orders for which `gone` is true were never made."""
    ids = {o["order_id"]: o["client_order_id"] for side in ("BUY", "SELL") for o in _own(run, side) if gone(o)}
    venue = run.truth["venue"]
    venue["orders"] = [o for o in venue["orders"] if o["order_id"] not in ids]
    venue["fills"] = [f for f in venue["fills"] if f["order_id"] not in ids]
    run.truth["posts"] = [p for p in run.truth["posts"] if p["client_order_id"] not in ids.values()]


def _lot_of(run: Tampered, order: Evidence) -> Any:
    return run.one(f"SELECT coalesce(lot_id, '') FROM orders WHERE client_order_id = '{order['client_order_id']}'")


def _long_lot(run: Tampered) -> tuple[Evidence, Evidence]:
    """A purchase that stayed open for minutes, and its fill."""
    fills = {f["order_id"]: f for f in run.truth["venue"]["fills"]}
    buy = next(o for o in _own(run, "BUY") if 380 * S < o["created_us"] < 400 * S)
    return buy, fills[buy["order_id"]]


def _priced(run: Tampered, product_id: str, from_us: int, to_us: int, price: Decimal) -> None:
    """The bot heard this price, twice a second."""
    rows = [row for row in run.truth["prices"][product_id] if not from_us <= row[0] <= to_us]
    rows += [[us, f"{price:.2f}", f"{price:.2f}", f"{price:.2f}", 1e6] for us in range(from_us, to_us, S // 2)]
    run.truth["prices"][product_id] = sorted(rows, key=lambda row: row[0])


def never_bought(run: Tampered) -> None:
    _forget(run, lambda _: True)
    run.db.execute("DELETE FROM lots")


def bought_against_the_signal(run: Tampered) -> None:
    for rows in run.truth["bars"].values():
        for number, row in enumerate(rows):
            row[3] = str(100_000 - number)


def bought_without_a_fall(run: Tampered) -> None:
    run.truth["settings"]["pyramid_min_adverse_pct"] = 50.0


def take_elsewhere(run: Tampered) -> None:
    take = next(o for o in _own(run, "SELL") if o["limit"] is not None)
    take["limit"] = str(Decimal(take["limit"]) * 2)


def take_too_large(run: Tampered) -> None:
    take = next(o for o in _own(run, "SELL") if o["limit"] is not None)
    take["size"] = str(Decimal(take["size"]) * 2)


def no_take_at_all(run: Tampered) -> None:
    lot = _lot_of(run, _long_lot(run)[0]) or _long_lot(run)[0]["client_order_id"]
    _forget(run, lambda order: order["side"] == "SELL" and _lot_of(run, order) == lot)


def take_of_another_price_in_the_ledger(run: Tampered) -> None:
    run.db.execute("UPDATE lots SET take_price = take_price * 2 WHERE rowid = 1")


def stop_of_another_lot_in_the_ledger(run: Tampered) -> None:
    run.db.execute("UPDATE lots SET stop_price = stop_price - 1 WHERE rowid = 1")


def stop_overlooked(run: Tampered) -> None:
    buy, fill = _long_lot(run)
    begin_us = fill["us"] + 20 * S
    _priced(run, buy["product_id"], begin_us, begin_us + 5 * S, Decimal(fill["price"]) * Decimal("0.99"))


def sold_for_no_reason(run: Tampered) -> None:
    take = next(o for o in _own(run, "SELL") if o["limit"] is not None and o["created_us"] < 140 * S)
    post = next(p for p in run.truth["posts"] if p["client_order_id"] == take["client_order_id"])
    post["configuration"] = {"market_market_ioc": {"base_size": take["size"]}}
    buy = next(o for o in _own(run, "BUY") if o["client_order_id"] == _lot_of(run, take))
    bought = next(f for f in run.truth["venue"]["fills"] if f["order_id"] == buy["order_id"])
    _priced(run, take["product_id"], bought["us"], post["sent_us"] + S, Decimal(bought["price"]))


def trail_overlooked(run: Tampered) -> None:
    buy, fill = _long_lot(run)
    run.truth["settings"] |= {"trail_activate_pct": 1.0, "trail_distance_pct": 0.4, "stop_loss_pct": 1000.0}
    begin_us = fill["us"] + 20 * S
    _priced(run, buy["product_id"], begin_us, begin_us + 4 * S, Decimal(fill["price"]) * Decimal("1.02"))
    _priced(run, buy["product_id"], begin_us + 4 * S, begin_us + 8 * S, Decimal(fill["price"]) * Decimal("1.01"))


def trails_from_too_high(run: Tampered) -> None:
    """The ledger's runner trails from a price that nobody heard."""
    buy, fill = _long_lot(run)
    run.truth["settings"]["trail_activate_pct"] = 1.0
    published = run.truth["published"]
    names = published["fields"]["lots"]
    high = Decimal(fill["price"]) * 2
    for row in published["lots"]:
        if row[names.index("lot_id")] == buy["client_order_id"]:
            row[names.index("trail_active")] = 1
            row[names.index("trail_peak")], row[names.index("trail_stop")] = str(high), str(high * Decimal("0.996"))


def nobody_is_the_runner(run: Tampered) -> None:
    published = run.truth["published"]
    kind = published["fields"]["lots"].index("kind")
    for row in published["lots"]:
        row[kind] = "scalp"


def bid_stands_too_long(run: Tampered) -> None:
    buy, fill = _long_lot(run)
    buy |= {"limit": fill["price"], "size": fill["size"], "done_us": buy["created_us"] + 50 * S}


def bid_outlives_a_stop(run: Tampered) -> None:
    buy, fill = _long_lot(run)
    buy |= {"limit": fill["price"], "size": fill["size"], "done_us": buy["created_us"] + 25 * S}
    run.truth["acts"].append({"us": buy["created_us"] + 8 * S, "kind": "stop", "arg": 0.5})


def _flattened(run: Tampered, receipt: str) -> None:
    at_us = _long_lot(run)[1]["us"] + 100 * S
    run.truth["acts"].append({"us": at_us, "kind": "flatten", "arg": 0.5, "id": "flat"})
    state = next(s for s in run.truth["states"] if s["us"] > at_us)
    state["receipts"].append(["flat", "flatten", receipt])


def flat_is_claimed(run: Tampered) -> None:
    _flattened(run, "done")


def nothing_is_sold(run: Tampered) -> None:
    run.truth["acts"] = [act for act in run.truth["acts"] if act["kind"] != "pause" or act["us"] < 400 * S]
    _flattened(run, "executing")


def too_many_in_a_minute(run: Tampered) -> None:
    buys = sorted(p["sent_us"] for p in run.truth["posts"] if p["side"] == "BUY")
    most = run.truth["settings"]["max_orders_per_min"] = 2
    assert len(buys) > most
    for number in range(most + 1):
        run.post(sent_us=200 * S + number * 10 * S)


def bought_after_a_row_of_losses(run: Tampered) -> None:
    run.truth["settings"]["max_consecutive_losses"] = 1
    run.truth["acts"] = [act for act in run.truth["acts"] if act["kind"] != "start"]
    for fill in run.truth["venue"]["fills"]:
        fill["price"] = fill["price"] if fill["side"] == "BUY" else str(Decimal(fill["price"]) / 2)


def bought_below_the_drawdown(run: Tampered) -> None:
    run.truth["settings"]["max_drawdown_pct"] = 10.0
    run.post(sent_us=300 * S, at_us=300 * S, worth=0.8 * float(run.truth["venue"]["funds"]))


def sell_overlooked(run: Tampered) -> None:
    """SIGNAL_EXITS was on, and bars fell until the strategy says SELL while a lot stayed open."""
    run.truth["settings"] |= {"signal_exits": True, "strategy": "sma_cross", "ma_fast": 1, "ma_slow": 3}
    for rows in run.truth["bars"].values():
        for number, row in enumerate(rows):
            row[3] = str(100_000 - number)


def weights_overlooked(run: Tampered) -> None:
    """KIND=exposure was on, and the bot bought and sold for reasons of its own."""
    run.truth["settings"] |= {
        "kind": "exposure", "strategy": "weight_steps", "exposure_max_pct": 90.0, "exposure_band_pct": 5.0,
        "exposure_maker_sec": 5.0,
    }  # fmt: skip


def _commanded(run: Tampered, cmd: str, args: str, command_id: str = "by-hand") -> None:
    """As if a person had sent it and it was done."""
    start_ms = run.truth["start_us"] // 1000
    run.db.execute(
        "INSERT INTO commands (id, cmd, args, by, sent_ms, seen_ms, state) VALUES (?, ?, ?, 'operator', ?, ?, 'done')",
        (command_id, cmd, args, start_ms + 395_000, start_ms + 395_010),
    )


def moved_stop_forgotten(run: Tampered) -> None:
    lot = _long_lot(run)[0]["client_order_id"]
    _commanded(run, "move_stop", f'{{"lot_id": "{lot}", "price": "1.23"}}')


def more_sold_than_the_part(run: Tampered) -> None:
    sale = next(o for o in _own(run, "SELL") if o["order_id"] in {f["order_id"] for f in run.truth["venue"]["fills"]})
    run.db.execute(f"UPDATE orders SET command_id = 'by-hand' WHERE client_order_id = '{sale['client_order_id']}'")
    _commanded(run, "sell_part", f'{{"product_id": "{sale["product_id"]}", "base_size": "0.00000001"}}')
