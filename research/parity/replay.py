"""The bot's tape through the backtester's own rules, decision by decision.

At every price that the bot judged, the loop's functions (`research.loops.lots`) judge the lots that the bot held and
the entry that it might have made, from bars, prices and fees of the tape alone. What they say is held against what the
bot did then. After each comparison the arrays follow the bot, so that one difference is counted once and never makes
the next. What only a living bot knows (its control level, the feed, what is in flight) is taken from the tape.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from bot.core.rules import codes
from bot.core.rules.lots import promotion_index
from research.engine import check_settings
from research.errors import ResearchError
from research.loops import types as t
from research.loops.entry import consider_entry
from research.loops.exits import judge_exits
from research.parity.book import NO_ORDER, Book
from research.parity.findings import Findings, What, Why
from research.parity.limits import Limits
from shared.settings import Settings, parse_window

Line = dict[str, Any]
RETRY_MS = 5_000  # an exit that was refused is tried again after at most this
TAKE_SLACK_MS = 5_000  # between a trade at the take and the news of its fill
REASONS = {codes.EXIT_STOP: "stop", codes.EXIT_TRAIL: "trail", codes.EXIT_TAKE: "take"}
CODES = {word: code for code, word in REASONS.items()}
# Gates that the backtester judges by the same rules; every other one is a living bot's own.
RULES = frozenset({"lots", "pause", "adverse", "edge", "funds", "vol_spike", "loss_streak", "exposure",
                   "exposure_total", "window", "reduce_only", "bar_used", "in_flight", "signal", "breaker",
                   "drawdown"})  # fmt: skip


class Replay:
    """One run of the bot, from its `ready` line on."""

    def __init__(self, settings: Settings, findings: Findings, since_ms: int) -> None:
        self.settings, self.findings, self.since_ms = settings, findings, since_ms
        self.products: dict[str, dict[str, str]] = {}
        self.book: Book | None = None
        self.ready = False
        self.may = (False, False)
        self.early: list[Line] = []  # bars and fees before all products are known
        self.signal: dict[str, tuple[int, str]] = {}
        self.used: dict[str, int | None] = {}
        self.shut: dict[str, str | None] = {}
        self.marks: dict[str, int] = {}
        self.working: set[str] = set()
        self.pending: dict[str, tuple[int, float]] = {}  # entry → its product's place, quote
        self.sent: dict[str, Line] = {}  # orders by client order id
        self.refused_ms: dict[str, int] = {}  # lot → when an order of its exit was sent or refused
        self.touched_ms: dict[str, int] = {}  # lot → when a price reached its resting take
        self.late_takes: list[tuple[int, int, str, int]] = []  # filled at, ticks, text, product
        self.said: set[tuple[str, int, str]] = set()
        self.limits = Limits(self._same, self._differ)
        self.entries = True
        try:
            check_settings(settings)
        except ResearchError as error:
            self.entries = False
            findings.notes.append(f"entries are not compared: {error}")

    def feed(self, line: Line) -> None:
        """One line of the tape, in order."""
        if "products" in line:
            for row in line["products"]:
                self.products.setdefault(row["product_id"], row)
        if self.book is None:
            self.early.append(line)
            if "ready" in line:
                self._begin(line)
            return
        self._market(line)
        if "price" in line:
            self._priced(line)
        self._acts(line)

    def _begin(self, line: Line) -> None:
        self.book = book = Book(self.settings, self.products)
        for product_id in self.products:
            self.used[product_id] = line["ready"]["used"].get(product_id)
        for early in self.early:
            self._market(early)
        self.early = []
        ready = line["ready"]
        for product_id, last_ms in ready["last_add_ms"].items():
            book.state.products[book.place[product_id], t.P_LAST_ADD_MS] = last_ms
        for lot in sorted(ready["lots"], key=lambda row: row["seq"]):
            if lot["product_id"] in book.place:
                book.adopt(lot, lot["kind"] == "runner")
                self._follow(lot)
        book.state.account[t.A_LOSSES] = ready["loss_streak"]
        for order in ready["working"]:
            used = self.used.get(order["product_id"])
            self._ordered(order, line["t"])
            self.used[order["product_id"]] = used
        self.limits.begin(book, ready)
        self.ready = True

    def _market(self, line: Line) -> None:
        """What the bot was told: fees, cash, bars, its own signal, what it may do."""
        book = self.book
        assert book is not None
        if "fees" in line:
            book.fees(*line["fees"])
        if "cash" in line:
            book.state.account[t.A_CASH] = float(line["cash"])
        self.limits.told(book, line)
        if "bars" in line and line["bars"][1] == "ONE_MINUTE" and line["bars"][0] in book.place:
            book.add_minutes(book.place[line["bars"][0]], line["bars"][2])
        if "signal" in line:
            product_id, start_s, word, _ = line["signal"]
            self.signal[product_id] = (start_s, word)
        if "may" in line:
            self.may = tuple(line["may"])
        if "shut" in line:
            self.shut[line["shut"][0]] = line["shut"][1]
        if "lost" in line:
            self.findings.notes.append(
                f"{line['lost']:,} lines of the tape were lost (a full disk, or too much at once)"
            )

    # Prices.

    def _priced(self, line: Line) -> None:
        product_id, price, _, _, judged = line["price"]
        book = self.book
        assert book is not None
        if product_id not in book.place or price is None:
            return
        p = book.place[product_id]
        mark = book.ticks(p, price)
        book.state.products[p, t.P_MARK] = self.marks[product_id] = mark
        self._touch(p, mark, line["t"])
        if not self.ready:
            return
        self.limits.judge(book, line["t"])
        if not judged:
            return
        at = mark if judged == 1 else book.ticks(p, judged)
        self.findings.judged += line["t"] >= self.since_ms
        if self.may[1]:
            self._exits(p, at, line)
        if self.may[0] and self.entries:
            self._entry(product_id, p, at, mark, line)

    def _touch(self, p: int, mark: int, now_ms: int) -> None:
        """Resting takes that a price reached; and fills that waited for the price that explains them."""
        book = self.book
        assert book is not None
        lots = book.state.lots
        for j, lot_id in enumerate(book.ids[p]):
            if lots[p, j, t.L_RESTING] == 1 and mark >= lots[p, j, t.L_TAKE]:
                self.touched_ms.setdefault(lot_id, now_ms)
        still = []
        for filled_ms, ticks, text, of in self.late_takes:
            if of == p and mark >= ticks and now_ms - filled_ms <= TAKE_SLACK_MS:
                self._same(What.TAKE, filled_ms)
            elif now_ms - filled_ms > TAKE_SLACK_MS:
                self._differ(What.TAKE, filled_ms, text, Why.PRICE)
            else:
                still.append((filled_ms, ticks, text, of))
        self.late_takes = still

    def _exits(self, p: int, at: int, line: Line) -> None:
        """Every lot of the product, judged by the loop and by the bot at the same price."""
        book = self.book
        assert book is not None
        state, now_ms = book.state, line["t"]
        rows, ids = state.lots[p], book.ids[p]
        held_back = [j for j, lot_id in enumerate(ids) if lot_id in self.working]
        for j in held_back:
            rows[j, t.L_REASON] = NO_ORDER
        before = [int(rows[j, t.L_REASON]) for j in range(len(ids))]
        rests = [int(rows[j, t.L_RESTING]) for j in range(len(ids))]
        judge_exits(book.rules, state, p, at)
        for j in held_back:
            rows[j, t.L_REASON] = before[j] = 0
        told = {lot["lot_id"]: lot["exit_reason"] for lot in line.get("lots", ()) if lot["exit_reason"]}
        for j, lot_id in enumerate(ids):
            mine = int(rows[j, t.L_REASON]) if before[j] == 0 else 0
            his = CODES.get(told.get(lot_id, ""), 0) if before[j] == 0 else 0
            if mine and mine == his:
                self._same(What.EXIT, now_ms)
            elif mine or his:
                words = f"{book.names[p]} lot {lot_id[-6:]} at {book.text(p, at)}: the bot "
                words += f"left by {REASONS[his]}" if his else "stayed"
                words += f", the backtest {'leaves by ' + REASONS[mine] if mine else 'stays'}"
                self._differ(What.EXIT, now_ms, words, self._why_exit(lot_id, rows[j], now_ms, his))
            rows[j, t.L_REASON] = his if before[j] == 0 else before[j]
            rows[j, t.L_RESTING] = rests[j]

    def _why_exit(self, lot_id: str, row: Any, now_ms: int, his: int) -> Why:
        if not his and now_ms - self.refused_ms.get(lot_id, -RETRY_MS) < RETRY_MS:
            return Why.REFUSED  # it was tried a moment ago, and is tried again soon
        return Why.PARTIAL if row[t.L_LEFT] != row[t.L_STEPS] else Why.NOTHING

    # Entries.

    def _entry(self, product_id: str, p: int, at: int, mark: int, line: Line) -> None:
        """Would the backtest buy now, and how much? Against the order that the bot made, or the gate that it named."""
        bar_s, word = self.signal.get(product_id, (0, "flat"))
        orders = [o for o in line.get("orders", ()) if o["purpose"] == "entry" and o["product_id"] == product_id]
        if word != "buy" or self.used.get(product_id) == bar_s:
            if orders:
                self._differ(What.ENTRY, line["t"], f"{product_id}: the bot bought without a new BUY bar")
            return
        mine = self._would_buy(p, at, line["t"])
        self.state_mark(p, mark)
        if orders:
            self._both_sizes(product_id, orders[0], mine, line, at != mark)
            return
        if mine is None:
            return
        gate = self.shut.get(product_id)
        key = (product_id, bar_s, str(gate))
        if key in self.said:
            return
        self.said.add(key)
        if gate is None:
            self.used[product_id] = bar_s  # tried, and refused by the last check before sending
            self._differ(What.ENTRY, line["t"], f"{product_id}: the bot decided to buy, and sent nothing", Why.REFUSED)
            return
        why = Why.NOTHING if gate in RULES else Why.GATE
        self._differ(What.ENTRY, line["t"], f"{product_id}: the backtest buys, the bot's gate {gate} was shut", why)

    def state_mark(self, p: int, mark: int) -> None:
        assert self.book is not None
        self.book.state.products[p, t.P_MARK] = mark

    def _would_buy(self, p: int, at: int, now_ms: int) -> tuple[float, float] | None:
        """(quote, take profit in percent) of the entry that the loop makes at this price; None = none."""
        book = self.book
        assert book is not None
        state, minute = book.state, now_ms // 60_000 % 1440
        window = parse_window(self.settings.trading_window_utc) if self.settings.trading_window_utc else None
        if self.settings.reduce_only or state.products[p, t.P_PENDING]:
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
        self, product_id: str, order: Line, mine: tuple[float, float] | None, line: Line, at_bar: bool
    ) -> None:
        if mine is None:
            words = f"{product_id}: the bot bought for {order['quote_size']}, the backtest's gates are shut"
            self._differ(What.ENTRY, line["t"], words)
            return
        quote, tp = mine
        if abs(quote - float(order["quote_size"])) < 0.005 and abs(tp - float(order["tp_pct"])) < 1e-9:
            self._same(What.ENTRY, line["t"])
            return
        words = (
            f"{product_id}: the bot bought for {order['quote_size']} with a take of {float(order['tp_pct']):.4g} %, "
            f"the backtest for {quote:.2f} with {tp:.4g} %"
        )
        only_size = abs(tp - float(order["tp_pct"])) < 1e-9
        self._differ(What.ENTRY, line["t"], words, Why.BAR if at_bar and only_size else Why.NOTHING)

    # What the bot did.

    def _acts(self, line: Line) -> None:
        for lot in line.get("lots", ()):
            self._lot(lot, line)
        for order in line.get("orders", ()):  # after the lots: a take may rest for one that is new
            self._ordered(order, line["t"])
        for client_order_id, ended in line.get("ends", ()):
            self._ended(client_order_id, ended, line["t"])
        for product_id in {lot["product_id"] for lot in line.get("lots", ())}:
            self._runners(product_id, line)

    def _ordered(self, order: Line, now_ms: int) -> None:
        book, coid = self.book, order["client_order_id"]
        assert book is not None
        self.working.add(coid)
        self.sent[coid] = order
        p = book.place.get(order["product_id"], -1)
        if order["purpose"] == "entry" and p >= 0:
            quote = float(order["quote_size"] or 0)
            self.pending[coid] = (p, quote)
            book.state.products[p, t.P_PENDING], book.state.money[p, t.M_QUOTE] = 1, quote
            book.state.account[t.A_RESERVED] += quote
            self.used[order["product_id"]] = self.signal.get(order["product_id"], (None, ""))[0]
        elif order["lot_id"] and order["purpose"] == "take":
            self._rests(order["lot_id"], p, 1)
        elif order["lot_id"]:
            self.refused_ms[order["lot_id"]] = now_ms  # sent now: not sent again for a moment, whatever comes of it

    def _ended(self, coid: str, ended: str, now_ms: int) -> None:
        book = self.book
        assert book is not None
        self.working.discard(coid)
        if coid in self.pending:
            p, quote = self.pending.pop(coid)
            book.state.products[p, t.P_PENDING] = 0
            book.state.account[t.A_RESERVED] -= quote
        order = self.sent.get(coid)
        if order is None or not order["lot_id"]:
            return
        if ended in ("refused", "denied", "failed"):
            self.refused_ms[order["lot_id"]] = now_ms
        if order["purpose"] == "take":
            self._rests(order["lot_id"], book.place.get(order["product_id"], -1), 0)

    def _rests(self, lot_id: str, p: int, resting: int) -> None:
        book = self.book
        assert book is not None
        if p >= 0 and lot_id in book.ids[p]:
            book.state.lots[p, book.ids[p].index(lot_id), t.L_RESTING] = resting

    def _lot(self, lot: Line, line: Line) -> None:
        book = self.book
        assert book is not None
        if lot["product_id"] not in book.place:
            return
        p, j = book.find(lot)
        if lot["closed_ms"] is not None:
            if j >= 0:
                self._closed(p, j, lot, line)
        elif j < 0:
            has_runner = any(book.state.lots[p, k, t.L_RUNNER] for k in range(len(book.ids[p])))
            take, stop, opened = book.adopt(lot, not has_runner)
            book.state.products[p, t.P_LAST_ADD_MS] = line["t"]
            self._levels(lot, take, stop, opened, line)
        else:
            row = book.state.lots[p, j]
            if round(Decimal(lot["base_bought"]) / book.step[p]) != row[t.L_STEPS]:
                take, stop, opened = book.resize(p, j, lot)
                self._levels(lot, take, stop, opened, line)
            row[t.L_LEFT] = round(Decimal(lot["base_left"]) / book.step[p])
            book._held(p)
            self._trail(p, j, lot, line)
            self._follow(lot)

    def _follow(self, lot: Line) -> None:
        """A decision that the bot made or took back elsewhere than at a judged price."""
        book = self.book
        assert book is not None
        p, j = book.find(lot)
        row = book.state.lots[p, j]
        row[t.L_REASON] = 0 if lot["exit_reason"] is None else CODES.get(lot["exit_reason"], NO_ORDER)

    def _levels(self, lot: Line, take: int, stop: int, opened: float, line: Line) -> None:
        if (take, stop) == (lot["take_ticks"], lot["stop_ticks"]):
            self._same(What.LEVEL, line["t"])
            return
        words = f"{lot['product_id']}: a lot opened with take and stop at {lot['take_ticks']} and {lot['stop_ticks']}"
        self._differ(What.LEVEL, line["t"], f"{words} ticks, the backtest says {take} and {stop} (open {opened:.6g})")

    def _trail(self, p: int, j: int, lot: Line, line: Line) -> None:
        book = self.book
        assert book is not None
        row = book.state.lots[p, j]
        his, mine = (int(lot["trail_active"]), lot["peak_ticks"]), (int(row[t.L_ACTIVE]), int(row[t.L_PEAK]))
        if his == mine:
            if lot["trail_active"]:
                self._same(What.TRAIL, line["t"])
            return
        off_tick = (Decimal(lot["cost"]) / Decimal(lot["base_bought"]) / Decimal(lot["price_increment"])) % 1 != 0
        words = f"{lot['product_id']}: the bot's trailing peak is {book.text(p, his[1])}, the backtest's "
        words += book.text(p, mine[1])
        self._differ(What.TRAIL, line["t"], words, Why.PARTIAL if off_tick else Why.NOTHING)
        row[t.L_ACTIVE], row[t.L_PEAK] = his

    def _runners(self, product_id: str, line: Line) -> None:
        """Who is the runner after this line: by the rulebook, and by the bot."""
        book = self.book
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
                    self._differ(What.LEVEL, line["t"], words)
                    row[t.L_RUNNER] = int(lot["kind"] == "runner")

    def _closed(self, p: int, j: int, lot: Line, line: Line) -> None:
        book = self.book
        assert book is not None
        row = book.state.lots[p, j]
        lot_id, now_ms = lot["lot_id"], line["t"]
        rested = any(
            self.sent.get(fill["client_order_id"], {}).get("purpose") == "take"
            for fill in line.get("fills", ())
            if fill["lot_id"] == lot_id
        )
        if rested:
            self._take_filled(p, row, lot_id, now_ms)
        pnl = Decimal(lot["realized_pnl"] or 0)
        if Decimal(lot["proceeds"]):
            losses = book.state.account[t.A_LOSSES]
            book.state.account[t.A_LOSSES] = losses + 1.0 if pnl < 0 else 0.0
            book.state.account[t.A_DAY_REALISED] += float(pnl)
        self.touched_ms.pop(lot_id, None)
        book.remove(p, j)

    def _take_filled(self, p: int, row: Any, lot_id: str, now_ms: int) -> None:
        """A resting take was filled: the tape's prices must have reached it by then, or do so at once."""
        assert self.book is not None
        if lot_id in self.touched_ms:
            self._same(What.TAKE, now_ms)
            return
        text = self.book.text(p, float(row[t.L_TAKE]))
        words = f"{self.book.names[p]}: the take at {text} was filled, the tape's prices did not reach it"
        self.late_takes.append((now_ms, int(row[t.L_TAKE]), words, p))

    def end(self) -> None:
        """The run is over: what still waits for a price never gets it."""
        for filled_ms, _, text, _ in self.late_takes:
            self._differ(What.TAKE, filled_ms, text, Why.PRICE)
        self.late_takes = []

    def _same(self, what: What, at_ms: int) -> None:
        if at_ms >= self.since_ms:
            self.findings.same(what)

    def _differ(self, what: What, at_ms: int, text: str, why: Why = Why.NOTHING) -> None:
        if at_ms >= self.since_ms:
            self.findings.differ(what, at_ms, text, why)


def replay(lines: Iterable[Line], settings_of: Any, since_ms: int) -> Findings:
    """Every run on the tape. `settings_of` makes Settings of a `boot` line's texts."""
    findings, run, skipped = Findings(), None, 0
    for line in lines:
        if "boot" in line:
            if run is not None:
                run.end()
            run = Replay(settings_of(line["boot"]["settings"]), findings, since_ms)
            continue
        if run is None:
            skipped += line["t"] >= since_ms
            continue
        run.feed(line)
    if run is not None:
        run.end()
    if skipped:
        findings.notes.append(f"{skipped:,} lines come before the first start of the bot on the tape: not compared")
    return findings
