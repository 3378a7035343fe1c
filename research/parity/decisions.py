"""What the backtest would do at one price that the bot judged, held against what the bot did there."""

from typing import Any

from bot.engine.execution.questions import BAR_LATE_S
from bot.engine.risk.policies.registry import POLICIES
from bot.engine.risk.policy import Backtest
from bot.rules import codes
from research.loops import types as t
from research.loops.entry import consider_entry
from research.loops.exits import judge_exits
from research.parity.book import NO_ORDER
from research.parity.findings import Cause, What
from research.parity.run import Line, ReplayedRun
from shared.figures import plainly
from shared.settings import GRANULARITY_S, parse_window

RETRY_MS = 5_000  # an exit that was refused is tried again after at most this
REASONS = {codes.EXIT_STOP: "stop", codes.EXIT_TRAIL: "trail", codes.EXIT_TAKE: "take", codes.EXIT_SIGNAL: "signal"}
CODES = {word: code for code, word in REASONS.items()}
# Gates that the backtester judges by the same rules; every other one is a living bot's own.
RULES = frozenset(policy.code for policy in POLICIES.deciding if policy.backtest is Backtest.MODELLED) - {
    "vol_low", "vol_high", "price_band", "base_cap"  # applied before the loop, which a replay of prices has not
}  # fmt: skip


def exits(run: ReplayedRun, p: int, at: int, line: Line) -> None:
    """Every lot of the product, judged by the loop and by the bot at the same price."""
    book = run.book
    assert book is not None
    state, now_ms = book.state, line["t"]
    rows, ids = state.lots[p], book.ids[p]
    held_back = [j for j, lot_id in enumerate(ids) if lot_id in run.working]
    for j in held_back:
        rows[j, t.L_REASON] = NO_ORDER
    before = [int(rows[j, t.L_REASON]) for j in range(len(ids))]
    rests = [int(rows[j, t.L_RESTING]) for j in range(len(ids))]
    judge_exits(book.rules, state, p, at, _sell_signal(run, book.names[p], line["t"]))
    for j in held_back:
        rows[j, t.L_REASON] = before[j] = 0
    told = {lot["lot_id"]: lot["exit_reason"] for lot in line.get("lots", ()) if lot["exit_reason"]}
    for j, lot_id in enumerate(ids):
        mine = int(rows[j, t.L_REASON]) if before[j] == 0 else 0
        his = CODES.get(told.get(lot_id, ""), 0) if before[j] == 0 else 0
        if mine and mine == his:
            run.same(What.EXIT, now_ms)
        elif mine or his:
            words = f"{book.names[p]} lot {lot_id[-6:]} at {book.text(p, at)}: the bot "
            words += f"left by {REASONS[his]}" if his else "stayed"
            words += f", the backtest {'leaves by ' + REASONS[mine] if mine else 'stays'}"
            run.differ(What.EXIT, now_ms, words, _why_exit(run, lot_id, rows[j], now_ms, his))
        rows[j, t.L_REASON] = his if before[j] == 0 else before[j]
        rows[j, t.L_RESTING] = rests[j]


def _sell_signal(run: ReplayedRun, product_id: str, now_ms: int) -> int:
    """SIGNAL_SELL while the newest bar that the strategy has answered says SELL and is not late, else SIGNAL_FLAT."""
    bar_s, word = run.signal.get(product_id, (0, "flat"))
    held = now_ms / 1000 - bar_s - 2 * GRANULARITY_S[run.settings.granularity] <= BAR_LATE_S
    return codes.SIGNAL_SELL if word == "sell" and held else codes.SIGNAL_FLAT


def _why_exit(run: ReplayedRun, lot_id: str, row: Any, now_ms: int, his: int) -> Cause:
    if not his and now_ms - run.refused_ms.get(lot_id, -RETRY_MS) < RETRY_MS:
        return Cause.REFUSED  # it was tried a moment ago, and is tried again soon
    return Cause.PARTIAL if row[t.L_LEFT] != row[t.L_STEPS] else Cause.NOTHING


def entry(run: ReplayedRun, product_id: str, p: int, at: int, mark: int, line: Line) -> None:
    """Would the backtest buy now, and how much? Against the order that the bot made, or the gate that it named."""
    bar_s, word = run.signal.get(product_id, (0, "flat"))
    orders = [o for o in line.get("orders", ()) if o["purpose"] == "entry" and o["product_id"] == product_id]
    if word != "buy" or run.used.get(product_id) == bar_s:
        if orders:
            run.differ(What.ENTRY, line["t"], f"{product_id}: the bot bought without a new BUY bar")
        return
    mine = _would_buy(run, p, at, line["t"])
    book = run.book
    assert book is not None
    book.state.products[p, t.P_MARK] = mark
    if orders:
        _both_sizes(run, product_id, orders[0], mine, line, at != mark)
        return
    if mine is None:
        return
    gate = run.shut.get(product_id)
    key = (product_id, bar_s, str(gate))
    if key in run.said:
        return
    run.said.add(key)
    if gate is None:
        run.used[product_id] = bar_s  # tried, and refused by the last check before sending
        run.differ(What.ENTRY, line["t"], f"{product_id}: the bot decided to buy but sent no order", Cause.REFUSED)
        return
    why = Cause.NOTHING if gate in RULES else Cause.GATE
    run.differ(What.ENTRY, line["t"], f"{product_id}: the backtest buys, the bot's gate {gate} was shut", why)


def _would_buy(run: ReplayedRun, p: int, at: int, now_ms: int) -> tuple[float, float] | None:
    """(quote, take profit in percent) of the entry that the loop makes at this price; None = none."""
    book = run.book
    assert book is not None
    state, minute = book.state, now_ms // 60_000 % 1440
    window = parse_window(run.settings.trading_window_utc) if run.settings.trading_window_utc else None
    if run.settings.reduce_only or state.products[p, t.P_PENDING]:
        return None
    if window is not None:
        first, last = window
        if not (first <= minute < last if first <= last else minute >= first or minute < last):
            return None
    newest = int(state.products[p, t.P_FIRST]) + book.minutes[p] - 1
    state.products[p, t.P_MARK] = at
    consider_entry(book.tape, book.rules, book.models[p], state, p, newest, now_ms)
    if not state.products[p, t.P_PENDING]:
        return None
    quote, tp = float(state.money[p, t.M_QUOTE]), float(state.money[p, t.M_TP])
    state.products[p, t.P_PENDING] = 0
    state.account[t.A_RESERVED] -= quote
    return quote, tp


def _both_sizes(
    run: ReplayedRun, product_id: str, order: Line, mine: tuple[float, float] | None, line: Line, at_bar: bool
) -> None:
    if mine is None:
        words = f"{product_id}: the bot bought for {order['quote_size']}, the backtest's gates are shut"
        run.differ(What.ENTRY, line["t"], words)
        return
    quote, tp = mine
    if abs(quote - float(order["quote_size"])) < 0.005 and abs(tp - float(order["tp_pct"])) < 1e-9:
        run.same(What.ENTRY, line["t"])
        return
    words = (
        f"{product_id}: the bot bought for {order['quote_size']} with a take of {float(order['tp_pct']):.4g} %, "
        f"the backtest for {quote:.2f} with {plainly(tp, 4)} %"
    )
    only_size = abs(tp - float(order["tp_pct"])) < 1e-9
    run.differ(What.ENTRY, line["t"], words, Cause.BAR if at_bar and only_size else Cause.NOTHING)
