"""The bot's tape through the backtester's own rules, decision by decision.

At every price that the bot judged, the loop's functions (`research.loops.lots`) judge the lots that the bot held and
the entry that it might have made, from bars, prices and fees of the tape alone. What they say is held against what the
bot did then. After each comparison the arrays follow the bot, so that one difference is counted once and never makes
the next. What only a living bot knows (its control level, the feed, what is in flight) is taken from the tape.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from research.loops import types as t
from research.parity.actions import apply, follow, ordered
from research.parity.book import ReplayAccount
from research.parity.decisions import entry, exits
from research.parity.findings import Cause, Findings, What
from research.parity.run import Line, ReplayedRun

TAKE_SLACK_MS = 5_000  # between a trade at the take and the news of its fill


def feed(run: ReplayedRun, line: Line) -> None:
    """One line of the tape, in order."""
    if "products" in line:
        for row in line["products"]:
            run.products.setdefault(row["product_id"], row)
    if run.book is None:
        run.early.append(line)
        if "ready" in line:
            _begin(run, line)
        return
    _market(run, line)
    if "price" in line:
        _priced(run, line)
    apply(run, line)


def _begin(run: ReplayedRun, line: Line) -> None:
    run.book = book = ReplayAccount(run.settings, run.products)
    for product_id in run.products:
        run.used[product_id] = line["ready"]["used"].get(product_id)
    for early in run.early:
        _market(run, early)
    run.early = []
    ready = line["ready"]
    for product_id, last_ms in ready["last_add_ms"].items():
        book.state.products[book.place[product_id], t.P_LAST_ADD_MS] = last_ms
    for lot in sorted(ready["lots"], key=lambda row: row["seq"]):
        if lot["product_id"] in book.place:
            book.adopt(lot, lot["kind"] == "runner")
            follow(run, lot)
    book.state.account[t.A_LOSSES] = ready["loss_streak"]
    for order in ready["working"]:
        used = run.used.get(order["product_id"])
        ordered(run, order, line["t"])
        run.used[order["product_id"]] = used
    run.limits.begin(book, ready)
    run.ready = True


def _market(run: ReplayedRun, line: Line) -> None:
    """What the bot was told: fees, cash, bars, its own signal, what it may do."""
    book = run.book
    assert book is not None
    if "fees" in line:
        book.fees(*line["fees"])
    if "cash" in line:
        book.state.account[t.A_CASH] = float(line["cash"])
    run.limits.told(book, line)
    if "bars" in line and line["bars"][1] == "ONE_MINUTE" and line["bars"][0] in book.place:
        book.add_minutes(book.place[line["bars"][0]], line["bars"][2])
    if "signal" in line:
        product_id, start_s, word, _ = line["signal"]
        run.signal[product_id] = (start_s, word)
    if "may" in line:
        run.may = tuple(line["may"])
    if "shut" in line:
        run.shut[line["shut"][0]] = line["shut"][1]
    if "lost" in line:
        run.findings.notes.append(f"{line['lost']:,} lines of the recording were lost (full disk, or too many at once)")


def _priced(run: ReplayedRun, line: Line) -> None:
    product_id, price, _, _, judged = line["price"]
    book = run.book
    assert book is not None
    if product_id not in book.place or price is None:
        return
    p = book.place[product_id]
    mark = book.ticks(p, price)
    book.state.products[p, t.P_MARK] = run.marks[product_id] = mark
    _touch(run, p, mark, line["t"])
    if not run.ready:
        return
    run.limits.judge(book, line["t"])
    if not judged:
        return
    at = mark if judged == 1 else book.ticks(p, judged)
    run.findings.judged += line["t"] >= run.since_ms
    if run.may[1]:
        exits(run, p, at, line)
    if run.may[0] and run.entries:
        entry(run, product_id, p, at, mark, line)


def _touch(run: ReplayedRun, p: int, mark: int, now_ms: int) -> None:
    """Resting takes that a price reached; and fills that waited for the price that explains them."""
    book = run.book
    assert book is not None
    lots = book.state.lots
    for j, lot_id in enumerate(book.ids[p]):
        if lots[p, j, t.L_RESTING] == 1 and mark >= lots[p, j, t.L_TAKE]:
            run.touched_ms.setdefault(lot_id, now_ms)
    still = []
    for filled_ms, ticks, text, of in run.late_takes:
        if of == p and mark >= ticks and now_ms - filled_ms <= TAKE_SLACK_MS:
            run.same(What.TAKE, filled_ms)
        elif now_ms - filled_ms > TAKE_SLACK_MS:
            run.differ(What.TAKE, filled_ms, text, Cause.PRICE)
        else:
            still.append((filled_ms, ticks, text, of))
    run.late_takes = still


def end(run: ReplayedRun) -> None:
    """The run is over: what still waits for a price never gets it."""
    for filled_ms, _, text, _ in run.late_takes:
        run.differ(What.TAKE, filled_ms, text, Cause.PRICE)
    run.late_takes = []


def replay(lines: Iterable[Line], settings_of: Any, since_ms: int) -> Findings:
    """Every run on the tape. `settings_of` makes Settings of a `boot` line's texts."""
    findings, skipped, reloads = Findings(), 0, 0
    run: ReplayedRun | None = None
    for line in lines:
        if "boot" in line:
            if run is not None:
                end(run)
            settings = settings_of(line["boot"]["settings"])
            if "by_hand" in line["boot"]:  # what was not set by hand follows the fee tier
                settings = replace(settings, by_hand=frozenset(line["boot"]["by_hand"]))
            run = ReplayedRun(settings, findings, since_ms)
            continue
        if "reload" in line and run is not None:
            # The rules of a run are made once, so what came after is not judged by the settings before.
            end(run)
            run, reloads = None, reloads + 1
        if run is None:
            skipped += line["t"] >= since_ms
            continue
        feed(run, line)
    if run is not None:
        end(run)
    if skipped:
        why = " or after settings that were reloaded while it ran" if reloads else ""
        findings.notes.append(f"{skipped:,} lines come before the first recorded start of the bot{why}: not compared")
    return findings
