"""What the bot did in one line of its tape: the arrays follow, and what follows from the rules alone is compared."""

from decimal import Decimal
from typing import Any

from bot.rules.lots import promotion_index
from research.loops import types as t
from research.parity.book import NO_ORDER
from research.parity.decisions import CODES
from research.parity.findings import Cause, What
from research.parity.run import Line, ReplayedRun
from shared.figures import plainly


def apply(run: ReplayedRun, line: Line) -> None:
    for lot in line.get("lots", ()):
        _lot(run, lot, line)
    for order in line.get("orders", ()):  # after the lots: a take may rest for one that is new
        ordered(run, order, line["t"])
    for client_order_id, ended in line.get("ends", ()):
        _ended(run, client_order_id, ended, line["t"])
    for product_id in {lot["product_id"] for lot in line.get("lots", ())}:
        _runners(run, product_id, line)


def ordered(run: ReplayedRun, order: Line, now_ms: int) -> None:
    book, coid = run.book, order["client_order_id"]
    assert book is not None
    run.working.add(coid)
    run.sent[coid] = order
    p = book.place.get(order["product_id"], -1)
    if order["purpose"] == "entry" and p >= 0:
        quote = float(order["quote_size"] or 0)
        run.pending[coid] = (p, quote)
        book.state.products[p, t.P_PENDING], book.state.money[p, t.M_QUOTE] = 1, quote
        book.state.account[t.A_RESERVED] += quote
        run.used[order["product_id"]] = run.signal.get(order["product_id"], (None, ""))[0]
    elif order["lot_id"] and order["purpose"] == "take":
        _rests(run, order["lot_id"], p, 1)
    elif order["lot_id"]:
        run.refused_ms[order["lot_id"]] = now_ms  # sent now: not sent again for a moment, whatever comes of it


def _ended(run: ReplayedRun, coid: str, ended: str, now_ms: int) -> None:
    book = run.book
    assert book is not None
    run.working.discard(coid)
    if coid in run.pending:
        p, quote = run.pending.pop(coid)
        book.state.products[p, t.P_PENDING] = 0
        book.state.account[t.A_RESERVED] -= quote
    order = run.sent.get(coid)
    if order is None or not order["lot_id"]:
        return
    if ended in ("refused", "denied", "failed"):
        run.refused_ms[order["lot_id"]] = now_ms
    if order["purpose"] == "take":
        _rests(run, order["lot_id"], book.place.get(order["product_id"], -1), 0)


def _rests(run: ReplayedRun, lot_id: str, p: int, resting: int) -> None:
    book = run.book
    assert book is not None
    if p >= 0 and lot_id in book.ids[p]:
        book.state.lots[p, book.ids[p].index(lot_id), t.L_RESTING] = resting


def _lot(run: ReplayedRun, lot: Line, line: Line) -> None:
    book = run.book
    assert book is not None
    if lot["product_id"] not in book.place:
        return
    p, j = book.find(lot)
    if lot["closed_ms"] is not None:
        if j >= 0:
            _closed(run, p, j, lot, line)
    elif j < 0:
        has_runner = any(book.state.lots[p, k, t.L_RUNNER] for k in range(len(book.ids[p])))
        take, stop, opened = book.adopt(lot, not has_runner)
        book.state.products[p, t.P_LAST_ADD_MS] = line["t"]
        _levels(run, lot, take, stop, opened, line)
    else:
        row = book.state.lots[p, j]
        if round(Decimal(lot["base_bought"]) / book.step[p]) != row[t.L_STEPS]:
            take, stop, opened = book.resize(p, j, lot)
            _levels(run, lot, take, stop, opened, line)
        row[t.L_LEFT] = round(Decimal(lot["base_left"]) / book.step[p])
        book._held(p)
        _trail(run, p, j, lot, line)
        follow(run, lot)


def follow(run: ReplayedRun, lot: Line) -> None:
    """A decision that the bot made or took back elsewhere than at a judged price."""
    book = run.book
    assert book is not None
    p, j = book.find(lot)
    row = book.state.lots[p, j]
    row[t.L_REASON] = 0 if lot["exit_reason"] is None else CODES.get(lot["exit_reason"], NO_ORDER)


def _levels(run: ReplayedRun, lot: Line, take: int, stop: int, opened: float, line: Line) -> None:
    if (take, stop) == (lot["take_ticks"], lot["stop_ticks"]):
        run.same(What.LEVEL, line["t"])
        return
    words = f"{lot['product_id']}: a lot opened with take and stop at {lot['take_ticks']} and {lot['stop_ticks']}"
    run.differ(What.LEVEL, line["t"], f"{words} ticks, the backtest says {take} and {stop} (open {plainly(opened, 6)})")


def _trail(run: ReplayedRun, p: int, j: int, lot: Line, line: Line) -> None:
    book = run.book
    assert book is not None
    row = book.state.lots[p, j]
    his, mine = (int(lot["trail_active"]), lot["peak_ticks"]), (int(row[t.L_ACTIVE]), int(row[t.L_PEAK]))
    if his == mine:
        if lot["trail_active"]:
            run.same(What.TRAIL, line["t"])
        return
    off_tick = (Decimal(lot["cost"]) / Decimal(lot["base_bought"]) / Decimal(lot["price_increment"])) % 1 != 0
    words = f"{lot['product_id']}: the bot's trailing peak is {book.text(p, his[1])}, the backtest's "
    words += book.text(p, mine[1])
    run.differ(What.TRAIL, line["t"], words, Cause.PARTIAL if off_tick else Cause.NOTHING)
    row[t.L_ACTIVE], row[t.L_PEAK] = his


def _runners(run: ReplayedRun, product_id: str, line: Line) -> None:
    """Who is the runner after this line: by the rulebook, and by the bot."""
    book = run.book
    assert book is not None
    if product_id not in book.place:
        return
    p = book.place[product_id]
    rows, ids = book.state.lots[p], book.ids[p]
    i = promotion_index([bool(rows[j, t.L_RUNNER]) for j in range(len(ids))], len(ids))
    if i >= 0:
        rows[i, t.L_RUNNER], rows[i, t.L_ACTIVE], rows[i, t.L_PEAK] = 1, 0, 0
    for lot in line["lots"]:
        if lot["closed_ms"] is None and lot["lot_id"] in ids:
            row = rows[ids.index(lot["lot_id"])]
            if (lot["kind"] == "runner") != bool(row[t.L_RUNNER]):
                words = f"{product_id} lot {lot['lot_id'][-6:]}: the bot holds it as {lot['kind']}"
                run.differ(What.LEVEL, line["t"], words)
                row[t.L_RUNNER] = int(lot["kind"] == "runner")


def _closed(run: ReplayedRun, p: int, j: int, lot: Line, line: Line) -> None:
    book = run.book
    assert book is not None
    row = book.state.lots[p, j]
    lot_id, now_ms = lot["lot_id"], line["t"]
    rested = any(
        run.sent.get(fill["client_order_id"], {}).get("purpose") == "take"
        for fill in line.get("fills", ())
        if fill["lot_id"] == lot_id
    )
    if rested:
        _take_filled(run, p, row, lot_id, now_ms)
    pnl = Decimal(lot["realized_pnl"] or 0)
    if Decimal(lot["proceeds"]):
        losses = book.state.account[t.A_LOSSES]
        book.state.account[t.A_LOSSES] = losses + 1.0 if pnl < 0 else 0.0
        book.state.account[t.A_DAY_REALISED] += float(pnl)
    run.touched_ms.pop(lot_id, None)
    book.remove(p, j)


def _take_filled(run: ReplayedRun, p: int, row: Any, lot_id: str, now_ms: int) -> None:
    """A resting take was filled: the tape's prices must have reached it by then, or do so at once."""
    assert run.book is not None
    if lot_id in run.touched_ms:
        run.same(What.TAKE, now_ms)
        return
    text = run.book.text(p, float(row[t.L_TAKE]))
    words = f"{run.book.names[p]}: the take at {text} was filled, but the recorded prices did not reach it"
    run.late_takes.append((now_ms, int(row[t.L_TAKE]), words, p))
