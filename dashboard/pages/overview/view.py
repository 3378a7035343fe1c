"""The Overview's own cards: today's figures and the last events."""

from dataclasses import dataclass

from dashboard.views import format as f
from dashboard.views import results
from dashboard.views.events import EventRow, event
from dashboard.views.snapshot import Snapshot
from shared.documents.account import AccountDoc


@dataclass(frozen=True, slots=True)
class TodayRow:
    name: str
    remark: str
    value: str
    tone: str = ""
    sum: bool = False
    unit: str = ""


def today(s: Snapshot) -> list[TodayRow] | None:
    """Today's figures; None = not known yet."""
    a: AccountDoc | None = s.state.account if s.state else None
    if a is None:
        return None
    open_ = results.open_lots(s)
    lots = "not known yet" if open_.lots is None else f.plural(open_.count, "lot")
    return [
        TodayRow("Realised", "", f.signed(a.day_realized), f.tone(a.day_realized)),
        TodayRow("Unrealised change", "", f.signed(a.day_unrealized_change), f.tone(a.day_unrealized_change)),
        TodayRow("Day PnL", "", f.signed(a.day_pnl), f.tone(a.day_pnl), True, a.quote_currency),
        *([TodayRow("Transfers", "not part of the result", f.signed(a.day_transfers))] if a.day_transfers else []),
        TodayRow("Fees paid", "all fills today", f.signed(-a.day_fees)),
        TodayRow("Lots opened", "", f.count(a.day_lots_opened)),
        TodayRow("Lots closed", f"{f.count(a.day_wins)} won, {f.count(a.day_losses)} lost", f.count(a.day_lots_closed)),
        TodayRow("Open lots", lots, f.signed(open_.pnl), f.tone(open_.pnl)),
        TodayRow("Decisions", f"{f.count(a.day_entries)} became entries", f.count(a.day_decisions)),
        TodayRow("Orders", f"{f.count(a.day_orders_refused)} refused, {f.count(a.orders_unknown)} unknown",
            f.count(a.day_orders)),
        TodayRow("Fee tier", "maker, taker", f"{f.number(a.maker_fee_pct)}, {f.pct(a.taker_fee_pct)}"),
    ]  # fmt: skip


def last_events(s: Snapshot, most: int = 8) -> list[EventRow]:
    events = s.state.events if s.state else []
    return [event(e) for e in sorted(events, key=lambda e: e.at_ms, reverse=True)[:most]]


def figures(a: AccountDoc | None) -> list[tuple[str, str, str]]:
    """(name, value, tone) above the equity curve."""
    if a is None:
        return []
    return [
        ("Since 00:00", f.signed(a.day_pnl), f.tone(a.day_pnl)),
        ("Start", f.money(a.day_start_equity), ""),
        # A transfer moves the peak by the same share: it is then what the drawdown counts from, not what was held.
        ("Peak today, time-weighted" if a.day_transfers else "Peak today", f.money(a.day_peak_equity), ""),
        ("Drawdown", f.pct(a.drawdown_pct), ""),
    ]
