"""One bot's figures of a period, by the definitions of the Performance page.

The result of a day is what equity came to when the next day was booked, less what it began with and less money that
was moved. Realised is of the lots that were closed, after all their fees; the rest of the result is open lots and other
holdings. Fees are those of every fill, by the day that they are booked to.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

from reports.document import BotReport, GateTime, ShutSpan
from reports.ledger_rows import LedgerRows, NotRead, StopRows, read_curve, read_ledger, read_stops
from reports.period import ReportPeriod
from shared.bots import BotRef
from shared.documents.state import BotState
from shared.figures import ago
from shared.ledger.location import LedgerLocation
from shared.market_data import ENTERED
from shared.paths import DataPaths
from shared.times import from_epoch_ms

DAY_MS = 86_400_000
OLD_MS = 60_000  # a state that is older is not of now


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSources:
    """Where one bot's figures are. `state`: its last document; `bar_s`: of the bars that it decides on."""

    bot: BotRef
    paths: DataPaths
    ledger: LedgerLocation
    state: BotState | None
    bar_s: float


@dataclass(slots=True)
class _Found:
    """The fields of the report as they become known."""

    values: dict[str, Any] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)


def report_of(sources: ReportSources, period: ReportPeriod, now_ms: int) -> BotReport:
    """What is known of that bot. Never raises for what cannot be read: it is said to be unknown."""
    found = _Found()
    try:
        _of_ledger(found, read_ledger(sources.ledger, period), period, now_ms)
    except NotRead as error:
        found.unknown.append(f"Result, fees, lots and starts: {error}.")
    try:
        _of_stops(found, read_stops(sources.paths.market_db, period), sources.bar_s, period)
    except NotRead as error:
        found.unknown.append(f"What stopped entries: {error}.")
    try:
        depths = [row.drawdown for row in read_curve(sources.paths.market_db, period, 86_400)]
        found.values["drawdown_pct"] = max((depth for depth in depths if depth is not None), default=None)
    except NotRead:
        pass  # told above, of the same file
    _of_now(found, sources.state, now_ms)
    state = sources.state
    return BotReport(
        bot=sources.bot.name, mode=state.mode if state is not None else None, unknown=found.unknown, **found.values
    )


def _of_ledger(found: _Found, rows: LedgerRows, period: ReportPeriod, now_ms: int) -> None:
    sold = [lot for lot in rows.closed if lot.proceeds > 0]  # one that was booked as dust is no round trip
    realised = sum((lot.realized_pnl or Decimal(0) for lot in rows.closed), Decimal(0))
    found.values |= {
        "realised": float(realised),
        "lots_opened": rows.opened,
        "lots_closed": len(sold),
        "won": sum(1 for lot in rows.closed if (lot.realized_pnl or 0) > 0),
        "lost": sum(1 for lot in rows.closed if (lot.realized_pnl or 0) < 0),
        "starts": sum(1 for boot in rows.boots if boot.at_ms >= period.start_ms),
        "unclean": sum(
            1 for before, boot in pairwise(rows.boots) if boot.at_ms >= period.start_ms and before.ended_ms is None
        ),
        "shut": _shut(rows, period, now_ms),
    }
    _of_days(found, rows, period, float(realised))


def _of_days(found: _Found, rows: LedgerRows, period: ReportPeriod, realised: float) -> None:
    if not rows.days:
        found.unknown.append("Equity, result and fees: the bot booked no day in this period; it did not run.")
        return
    start = rows.days[0].start_equity
    found.values |= {
        "equity_start": float(start),
        "fees": float(sum((day.fees for day in rows.days), Decimal(0))),
        "transfers": float(sum((day.transfers for day in rows.days), Decimal(0))),
    }
    missing = [day for day in period.days if day > rows.days[0].day and day not in {one.day for one in rows.days}]
    if missing:
        found.unknown.append(f"No day is booked for {_listed(missing)}: the bot did not run.")
    if rows.after is None:
        found.unknown.append("Equity at the end and the result: the bot has not begun the next day.")
        return
    # The sum of the days' results, each by the day that was booked next.
    results = [
        after.start_equity - day.start_equity - day.transfers for day, after in pairwise([*rows.days, rows.after])
    ]
    result = float(sum(results, Decimal(0)))
    found.values |= {
        "equity_end": float(rows.after.start_equity),
        "result": result,
        "result_pct": 100 * result / float(start) if start > 0 else None,
        "open_change": result - realised,
    }
    if rows.after.day > f"{from_epoch_ms(period.end_ms):%Y-%m-%d}":
        found.unknown.append(f"The next day that is booked is {rows.after.day}: the result runs until then.")


def _listed(days: Sequence[str]) -> str:
    return ", ".join(days[:4]) + (f" and {len(days) - 4} more" if len(days) > 4 else "")


def _shut(rows: LedgerRows, period: ReportPeriod, now_ms: int) -> list[ShutSpan]:
    """Latches, and the day's loss, which holds until the day ends."""
    spans = []
    for day in rows.days:
        if day.breaker_ms is not None:
            end_ms = (day.breaker_ms // DAY_MS + 1) * DAY_MS
            spans.append(ShutSpan(what="the day's loss", from_ms=day.breaker_ms, until_ms=end_ms))
    for latch in rows.latches:
        what = "kill" if latch.kind == "kill" else f"the latch of {latch.source}"
        until_ms = latch.lifted_ms
        holds = until_ms is None and now_ms < period.end_ms
        ends_ms = None if holds else min(until_ms or period.end_ms, period.end_ms)
        spans.append(ShutSpan(what=what, from_ms=max(latch.at_ms, period.start_ms), until_ms=ends_ms))
    return sorted(spans, key=lambda span: span.from_ms)


def _of_stops(found: _Found, rows: StopRows, bar_s: float, period: ReportPeriod) -> None:
    gates = [
        GateTime(gate=gate, title=title, bars=bars, buys=buys or 0, span_s=moments * bar_s)
        for gate, title, bars, buys, moments in rows.gates
        if gate != ENTERED
    ]
    found.values |= {
        "gates": sorted(gates, key=lambda gate: -gate.span_s),
        "entered_bars": sum(bars for gate, _, bars, _, _ in rows.gates if gate == ENTERED),
        "recorded_s": rows.moments * bar_s,
    }
    left_s = (period.end_ms - period.start_ms) / 1000 - rows.moments * bar_s
    if left_s >= bar_s:
        found.unknown.append(f"What stopped entries for {ago(left_s)}: no decision is on record (no run, or no bar).")


def _of_now(found: _Found, state: BotState | None, now_ms: int) -> None:
    if state is None:
        found.unknown.append("What is held now: the bot has written no state.")
        return
    age_ms = now_ms - state.ts_ms
    if age_ms > OLD_MS:
        found.unknown.append(f"What is held now: the bot's state is {ago(age_ms / 1000)} old.")
        return
    found.values["now_ms"] = state.ts_ms
    account = state.account
    if state.positions is not None:
        found.values["lots_open"] = sum(len(position.lots) for position in state.positions)
    if account is None:
        found.unknown.append("Equity now: the bot does not know its account yet.")
        return
    found.values |= {
        "currency": account.quote_currency, "equity_now": account.equity, "open_pnl": account.open_pnl,
    }  # fmt: skip
    if account.orders_unknown:
        found.unknown.append(f"Orders without an answer now: {account.orders_unknown}.")
