"""Breaches of the judge's invariants, each planted into the evidence of a sound run."""

import json
import sqlite3
from pathlib import Path
from typing import Any

Evidence = dict[str, Any]


class Tampered:
    """The evidence of a run, to be tampered with."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.truth: Evidence = json.loads((folder / "truth.json").read_text())
        self.db = sqlite3.connect(folder / "data" / "ledger.db")
        for trigger in ("rig_insert", "rig_update"):
            self.db.execute(f"DROP TRIGGER IF EXISTS {trigger}")

    def close(self) -> None:
        self.db.commit()
        self.db.close()
        (self.folder / "truth.json").write_text(json.dumps(self.truth))

    def one(self, query: str) -> Any:
        return self.db.execute(query).fetchone()[0]

    def state(self, index: int) -> Evidence:
        found: Evidence = self.truth["states"][index]
        return found

    def running(self) -> list[Evidence]:
        return [s for s in self.truth["states"] if s["status"] == "running"]

    def set(self, **settings: Any) -> None:
        """As if the bot had run with these."""
        self.truth["settings"] |= settings

    def strike(self, kind: str, where: str, from_s: float, to_s: float) -> None:
        """As if a fault had struck in this time."""
        self.truth["struck"].append([kind, where, round(from_s * 1e6), round(to_s * 1e6)])

    def act(self, kind: str, at_s: float, **more: Any) -> None:
        """As if this had happened."""
        self.truth["acts"].append({"us": round(at_s * 1e6), "kind": kind, "arg": 0.5, **more})

    def swap(self, copy_s: float, at_s: float, how: str = "old") -> None:
        """As if the ledger had been replaced by its copy."""
        self.truth["swaps"].append({"us": round(at_s * 1e6), "copy_us": round(copy_s * 1e6), "how": how})

    def post(self, **changes: Any) -> None:
        """One more order request, like the last purchase."""
        like = [p for p in self.truth["posts"] if p["side"] == "BUY"][-1]
        self.truth["posts"].append({**like, "client_order_id": "ct-main-" + "0" * 32, **changes})


def lost_fill(run: Tampered) -> None:
    run.db.execute("DELETE FROM fills WHERE rowid = (SELECT max(rowid) FROM fills)")


def fee_off_by_an_atom(run: Tampered) -> None:
    fee = run.one("SELECT fee FROM fills LIMIT 1")
    run.db.execute("UPDATE fills SET fee = ? WHERE rowid = (SELECT min(rowid) FROM fills)", (fee + "00000001",))


def lot_too_large(run: Tampered) -> None:
    run.db.execute("UPDATE lots SET dust = '0.00000001' WHERE rowid = (SELECT min(rowid) FROM lots)")


def bought_twice(run: Tampered) -> None:
    own = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"].startswith("ct-main-"))
    run.truth["venue"]["orders"].append({**own, "order_id": "twice"})


def sent_twice(run: Tampered) -> None:
    run.truth["posts"].append(dict(run.truth["posts"][0]))


def unknown_did_not_block(run: Tampered) -> None:
    next(p for p in run.truth["posts"] if p["side"] == "BUY")["entries_open"] = 1


def two_exits_at_once(run: Tampered) -> None:
    coid = run.one("SELECT client_order_id FROM orders WHERE lot_id IS NOT NULL AND state = 'filled' LIMIT 1")
    order = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"] == coid)
    other = run.one("SELECT client_order_id FROM orders WHERE purpose = 'entry' LIMIT 1")
    lot = run.one(f"SELECT lot_id FROM orders WHERE client_order_id = '{coid}'")
    run.db.execute("UPDATE orders SET lot_id = ? WHERE client_order_id = ?", (lot, other))
    twin = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"] == other)
    twin.update(side="SELL", created_us=order["created_us"], done_us=order["done_us"] + 1)


def orphan(run: Tampered) -> None:
    run.db.execute("DELETE FROM orders WHERE rowid = (SELECT max(rowid) FROM orders)")


def sent_before_recorded(run: Tampered) -> None:
    run.truth["posts"][0]["recorded"] = False


def foreign_cancelled(run: Tampered) -> None:
    manual = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"].startswith("manual-"))
    run.truth["cancels"].append({"sent_us": 1, "at_us": 1, "life": 1, "ids": [manual["order_id"]]})


def bought_while_killed(run: Tampered) -> None:
    shut = [s for s in run.truth["states"] if s["latch"]]
    run.post(sent_us=(shut[0]["us"] + shut[-1]["us"]) // 2 + 200_000, at_us=shut[-1]["us"])


def cleared_too_early(run: Tampered) -> None:
    order = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"].startswith("ct-main-"))
    order["done_us"] = None


def kill_took_long(run: Tampered) -> None:
    states = run.truth["states"]
    shut = [index for index, state in enumerate(states) if state["latch"]]
    for index in shut:
        states[index]["cleared_ms"] = None
    first, last = states[shut[0]], states[shut[-1]]
    late = {"us": first["us"] + 7_100_000, "cleared_ms": 7_000.0, "seq": last["seq"]}
    last["seq"] -= 0.5
    states.insert(shut[-1] + 1, {**last, **late})


def cleared_by_the_kill_before(run: Tampered) -> None:
    next(s for s in run.truth["states"] if s["latch"])["cleared_ms"] = 337.0


def order_outlived_a_kill(run: Tampered) -> None:
    since = next(s["us"] for s in run.truth["states"] if s["latch"])
    own = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"].startswith("ct-main-"))
    own["done_us"] = since + 8_000_000
    for state in run.truth["states"]:
        state["cleared_ms"] = None


def latch_vanished(run: Tampered) -> None:
    for state in run.truth["states"]:
        state["latch"] = None


def latch_not_carried(run: Tampered) -> None:
    shut = next(s for s in run.truth["states"] if s["latch"] and s["status"] == "killed")
    for state in run.truth["states"]:
        if state["us"] > shut["us"]:
            state.update(life=2, latch=None)
    shut["life"] = 1
    run.truth["acts"] = [act for act in run.truth["acts"] if act["kind"] != "reset_kill"]


def bought_while_paused(run: Tampered) -> None:
    paused = [s for s in run.truth["states"] if s["level"] == "pause" and s["status"] == "paused"][:2]
    run.post(sent_us=paused[1]["us"] + 5_000_000, at_us=paused[1]["us"] + 5_000_000)


def level_forgotten(run: Tampered) -> None:
    for state in run.truth["states"]:
        if state["life"] == 2 and state["us"] < 200_000_000:
            state["level"] = "stop"


def bought_after_the_loss(run: Tampered) -> None:
    start_ms = run.truth["start_us"] // 1000
    run.db.execute("UPDATE days SET breaker_ms = ?", (start_ms + 1000,))


def loss_overlooked(run: Tampered) -> None:
    run.set(max_daily_loss_pct=1.0)
    run.truth["venue"]["transfers"] = []
    for state in run.running()[5:9]:
        state["equity"] = "9000"


def bought_though_the_limit_was_published(run: Tampered) -> None:
    purchase = [p for p in run.truth["posts"] if p["side"] == "BUY"][-1]
    for state in run.truth["states"]:
        state["breaker"] = state["us"] < purchase["sent_us"]


def realised_loss_overlooked(run: Tampered) -> None:
    run.set(daily_breaker_mark_to_market=False, max_daily_loss_usd=5.0)
    lot = "rowid = (SELECT min(rowid) FROM lots WHERE closed_ms IS NOT NULL)"
    run.db.execute(f"UPDATE lots SET realized_pnl = '-6' WHERE {lot}")


def loss_behind_a_deposit(run: Tampered) -> None:
    """Money that was paid in hid the loss."""
    run.set(max_daily_loss_pct=1.0)
    begun = run.running()[0]["us"]
    run.truth["venue"]["transfers"] = [{"at_us": str(begun + 1), "currency": "USD", "amount": "500"}]
    post = [p for p in run.truth["posts"] if p["side"] == "BUY"][-1]
    post["worth"] = float(run.one("SELECT start_equity FROM days LIMIT 1")) + 300


def bought_in_a_drawdown(run: Tampered) -> None:
    run.set(max_drawdown_pct=5.0)
    run.truth["acts"] = [a for a in run.truth["acts"] if a["kind"] != "start"]
    low = run.running()[-6:-3]
    for state in low:
        state.update(equity="9000", blocked="drawdown")
    run.post(sent_us=low[-1]["us"] + 2_000_000, at_us=low[-1]["us"] + 2_100_000)


def peak_lost_at_a_restart(run: Tampered) -> None:
    """The first process saw the peak; the second one, after the crash at 150 s, has no reason to shut but that."""
    run.set(max_drawdown_pct=5.0)
    for state in run.running():
        if state["us"] > 150_000_000:
            state.update(equity="9000", blocked=None)


def open_in_a_drawdown(run: Tampered) -> None:
    run.set(max_drawdown_pct=5.0)
    for state in run.running()[-6:-3]:
        state.update(equity="9000", blocked=None)


def bought_in_a_losing_streak(run: Tampered) -> None:
    run.set(max_consecutive_losses=2)
    run.truth["acts"] = [a for a in run.truth["acts"] if a["kind"] != "start"]
    run.db.execute("UPDATE lots SET realized_pnl = '-0.01' WHERE closed_ms IS NOT NULL")


def proceeds_off(run: Tampered) -> None:
    run.db.execute(
        "UPDATE lots SET proceeds = proceeds || '1' WHERE closed_ms IS NOT NULL AND instr(proceeds, '.') > 0"
    )


def equity_off(run: Tampered) -> None:
    run.state(-1)["equity"] = str(float(run.state(-1)["equity"]) + 0.01)


def torn_file(run: Tampered) -> None:
    run.truth["file_faults"].append("17 bot_state.json: unexpected end")


def seq_went_back(run: Tampered) -> None:
    run.state(-1)["seq"] = 1


def order_too_large(run: Tampered) -> None:
    run.truth["max_order_usd"] = 1.0


def too_many_orders(run: Tampered) -> None:
    run.truth["max_orders_per_min"] = 0


def too_many_lots(run: Tampered) -> None:
    run.set(max_total_lots=0.5)


def stale_price(run: Tampered) -> None:
    next(p for p in run.truth["posts"] if p["side"] == "BUY")["tick_age_us"] = 99_000_000


def never_priced(run: Tampered) -> None:
    next(p for p in run.truth["posts"] if p["side"] == "BUY")["tick_age_us"] = None


def refused_but_accepted(run: Tampered) -> None:
    run.db.execute("UPDATE orders SET state = 'refused' WHERE rowid = (SELECT min(rowid) FROM orders)")


def left_a_final_state(run: Tampered) -> None:
    coid = run.one("SELECT client_order_id FROM orders WHERE state = 'filled' LIMIT 1")
    run.db.execute("INSERT INTO rig_orders VALUES (?, 'open', '9')", (coid,))


def still_unknown(run: Tampered) -> None:
    run.db.execute("UPDATE orders SET state = 'unknown' WHERE rowid = (SELECT max(rowid) FROM orders)")


def stands_in_stopping(run: Tampered) -> None:
    run.state(-1)["status"] = "stopping"


def deaf_in_the_end(run: Tampered) -> None:
    run.state(-1)["ws_age_ms"] = 99_000


def silent_in_the_end(run: Tampered) -> None:
    run.truth["states"] = run.truth["states"][:-20]


def day_ended_twice(run: Tampered) -> None:
    row = "INSERT INTO activity_log (at_ms, kind, level, text) VALUES (1, 'day', 'info', '2026-02-17 ended: +1.00 USD')"
    run.db.execute(row)
    run.db.execute(row)


def exponent_on_the_wire(run: Tampered) -> None:
    next(p for p in run.truth["posts"] if p["side"] == "BUY")["configuration"] = {
        "market_market_ioc": {"quote_size": "1E+2"}
    }


def not_a_number(run: Tampered) -> None:
    run.post(configuration={"market_market_ioc": {"quote_size": "NaN"}}, sent_us=10**15, at_us=10**15)


def off_the_increment(run: Tampered) -> None:
    run.post(configuration={"market_market_ioc": {"quote_size": "10.00000001"}}, sent_us=10**15, at_us=10**15)


def died_by_itself(run: Tampered) -> None:
    run.truth["lives"][0]["end"] = "exit 1"


def refused_to_start(run: Tampered) -> None:
    run.truth["lives"][0]["end"] = "exit 78"


def unexplained_trade(run: Tampered) -> None:
    run.truth["acts"] = [a for a in run.truth["acts"] if a["kind"] not in ("start", "crash")]
    run.truth["lives"] = run.truth["lives"][-1:]
    run.truth["acts"].append({"us": 61_000_000, "kind": "manual_trade", "arg": 0.5})
    manual = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"].startswith("manual-"))
    manual |= {"filled": "0.5", "created_us": 61_000_100}


def second_bot_wrote(run: Tampered) -> None:
    run.truth["seconds"].append({"us": 1_000_000, "life": 1, "opened": True, "end": None, "to_us": None})


def second_bot_stayed(run: Tampered) -> None:
    run.truth["seconds"].append({"us": 1_000_000, "life": 1, "opened": False, "end": None, "to_us": None})


def sold_without_the_lock(run: Tampered) -> None:
    first = run.truth["posts"][0]["sent_us"]
    run.truth["acts"].append({"us": first - 2_000_000, "kind": "lock_gone", "arg": 0.0})


def sold_without_the_ledger(run: Tampered) -> None:
    first = run.truth["posts"][0]["sent_us"]
    run.truth["acts"].append({"us": first - 2_500_000, "kind": "ledger_removed", "arg": 0.0})


def replay_differs(run: Tampered) -> None:
    run.truth["ledger"]["replay"].append("lots, row 3")


def tasks_without_end(run: Tampered) -> None:
    run.truth["bounds"][0]["tasks"] = 5_000


def sync_was_off(run: Tampered) -> None:
    run.truth["storage"].append("synchronous is 1, not 2")


def bought_across_a_gap(run: Tampered) -> None:
    next(p for p in run.truth["posts"] if p["side"] == "BUY")["gap_us"] = 400_000


def bought_beyond_the_loss(run: Tampered) -> None:
    run.truth["venue"]["transfers"] = []
    next(p for p in run.truth["posts"] if p["side"] == "BUY")["worth"] = 10.0


def more_bought_than_planned(run: Tampered) -> None:
    run.db.execute("UPDATE lots SET cost = '401' WHERE rowid = (SELECT max(rowid) FROM lots)")


def on_the_old_grid(run: Tampered) -> None:
    act = {"us": 1, "kind": "regrid", "arg": 0.0, "product_id": "ETH-USD", "name": "base_increment", "value": "0.1"}
    run.truth["acts"].insert(0, act)
    terms = {"limit_limit_gtc": {"base_size": "0.01", "limit_price": "3000"}}
    run.post(product_id="ETH-USD", configuration=terms, sent_us=200_000_000, at_us=200_000_000)


def bought_in_a_silence(run: Tampered) -> None:
    post = next(p for p in reversed(run.truth["posts"]) if p["side"] == "BUY")
    post["heard"] = dict.fromkeys(("market", "user"), post["sent_us"] - 8_000_000)


def running_in_a_silence(run: Tampered) -> None:
    run.running()[-1]["heard"]["user"] -= 40_000_000


def running_and_never_heard(run: Tampered) -> None:
    del run.running()[-1]["heard"]["user"]


def bought_before_a_stream_was_heard(run: Tampered) -> None:
    post = next(p for p in run.truth["posts"] if p["side"] == "BUY")
    del post["heard"]["user"]
    run.truth["opened"] = [[post["life"], post["sent_us"] - 1_000_000]]


def _restored(run: Tampered, at_s: int, *without: str) -> None:
    kept = [a for a in run.truth["acts"] if a["kind"] not in without]
    run.truth["acts"] = [*kept, {"us": at_s * 1_000_000, "kind": "restored", "arg": 0.0}]


def restore_lifted_the_kill(run: Tampered) -> None:
    _restored(run, 335, "reset_kill")


def restore_forgot_the_pause(run: Tampered) -> None:
    _restored(run, 530, "start", "rest", "calm")


def restore_forgot_the_loss(run: Tampered) -> None:
    _restored(run, 200)
    for state in run.truth["states"]:
        state["breaker"] = state["us"] < 200_000_000


def bought_before_anybody_looked(run: Tampered) -> None:
    _restored(run, 100, "start")


def alone_and_fenced(run: Tampered) -> None:
    run.running()[-1]["second_writer"] = "second writer: order 7"


def two_ids_for_one_intent(run: Tampered) -> None:
    own = next(o for o in run.truth["venue"]["orders"] if o["client_order_id"].startswith("ct-main-"))
    again = f"ct-main-{'c0ffee00'}{own['client_order_id'][-24:]}"
    run.truth["venue"]["orders"].append({**own, "order_id": "again", "client_order_id": again})


def with_copy(run: Tampered, *, told_us: int, says: bool, sent: str = "ct-main-" + "c0ffee00" + "7" * 24) -> int:
    """A copy of the folder ran beside the bot, which was told of its order at `told_us` of the last life."""
    run.truth["plan"]["windows"] = []
    run.truth["acts"] = [a for a in run.truth["acts"] if a["kind"] == "calm"]
    state = run.running()[-1]
    life = state["life"]
    first = min(s["us"] for s in run.truth["states"] if s["life"] == life)
    made_us = first + 71_000_000
    like = run.truth["venue"]["orders"][0]
    order = {**like, "client_order_id": sent, "order_id": "copy", "filled": "1", "created_us": made_us}
    run.truth["venue"]["orders"].append(order)
    post = {**run.truth["posts"][0], "client_order_id": sent, "sent_us": made_us, "side": "SELL"}
    run.truth["copies"] = [{**run.truth, "us": 0, "posts": [post], "sightings": [], "states": [], "copies": []}]
    run.truth["sightings"] = [[life, sent, made_us + told_us]]
    for other in run.truth["states"]:
        other["second_writer"] = "second writer: copy" if says and other["us"] > made_us + told_us else None
    run.truth["posts"] = [p for p in run.truth["posts"] if p["side"] == "SELL" or p["sent_us"] < made_us]
    return int(made_us + told_us)


def bought_beside_a_second_writer(run: Tampered) -> None:
    told_us = with_copy(run, told_us=1_000_000, says=True)
    run.post(sent_us=told_us + 5_100_000, at_us=told_us + 5_200_000)


def silent_about_a_second_writer(run: Tampered) -> None:
    with_copy(run, told_us=1_000_000, says=False)


def one_id_of_two_bots(run: Tampered) -> None:
    with_copy(run, told_us=1_000_000, says=True, sent=run.truth["posts"][0]["client_order_id"])


def bought_without_a_permission(run: Tampered) -> None:
    last = max(p["sent_us"] for p in run.truth["posts"] if p["side"] == "BUY")
    run.truth["plan"]["live"] = True
    run.truth["permits"] = [{"us": 0, "on": True}, {"us": last - 1_000_000, "on": False}]


def sale_kept_back_by_the_permission(run: Tampered) -> None:
    run.truth["plan"]["live"], run.truth["permits"] = True, [{"us": 0, "on": True}]
    run.db.execute(
        "UPDATE orders SET state = 'denied', reason = 'live orders are locked: no permission' "
        "WHERE rowid = (SELECT max(rowid) FROM orders WHERE side = 'SELL')"
    )


def copy_of_a_live_folder_traded(run: Tampered) -> None:
    with_copy(run, told_us=1_000_000, says=True)
    run.truth["plan"]["live"], run.truth["permits"] = True, [{"us": 0, "on": True}]


def _audit(run: Tampered) -> tuple[Path, list[bytes]]:
    path = run.folder / "data" / "audit.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) > 2, "a run without commands proves nothing"
    return path, lines


def audit_entry_edited(run: Tampered) -> None:
    path, lines = _audit(run)
    path.write_bytes(b"".join([lines[0].replace(b'"cmd":"', b'"cmd":"x'), *lines[1:]]))


def audit_entry_removed(run: Tampered) -> None:
    path, lines = _audit(run)
    path.write_bytes(b"".join([lines[0], *lines[2:]]))


def audit_lacks_commands(run: Tampered) -> None:
    path, _ = _audit(run)
    path.write_bytes(b"")
