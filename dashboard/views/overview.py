"""The Overview's own cards: today's figures and the last events."""

import re
from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from dashboard.views import results
from dashboard.views.snapshot import Snapshot
from shared.documents import AccountDoc, EventDoc


@dataclass(frozen=True, slots=True)
class Row:
    name: str
    remark: str
    value: str
    tone: str = ""
    sum: bool = False
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    at: datetime | None
    icon: str
    tone: str
    product: str
    text: str


def today(s: Snapshot) -> list[Row] | None:
    """Today's figures; None = not known yet."""
    a: AccountDoc | None = s.state.account if s.state else None
    if a is None:
        return None
    open_ = results.open_lots(s)
    lots = "not known yet" if open_.lots is None else f.plural(open_.count, "lot")
    return [
        Row("Realised", "", f.signed(a.day_realized), f.tone(a.day_realized)),
        Row("Unrealised change", "", f.signed(a.day_unrealized_change), f.tone(a.day_unrealized_change)),
        Row("Day PnL", "", f.signed(a.day_pnl), f.tone(a.day_pnl), True, a.quote_currency),
        *([Row("Transfers", "not part of the result", f.signed(a.day_transfers))] if a.day_transfers else []),
        Row("Fees paid", "every fill of today", f.signed(-a.day_fees)),
        Row("Lots opened", "", f.count(a.day_lots_opened)),
        Row("Lots closed", f"{f.count(a.day_wins)} won, {f.count(a.day_losses)} lost", f.count(a.day_lots_closed)),
        Row("Open lots", lots, f.signed(open_.pnl), f.tone(open_.pnl)),
        Row("Decisions", f"{f.count(a.day_entries)} became entries", f.count(a.day_decisions)),
        Row("Orders", f"{f.count(a.day_orders_refused)} refused, {f.count(a.orders_unknown)} unknown",
            f.count(a.day_orders)),
        Row("Fee tier", "maker, taker", f"{f.number(a.maker_fee_pct)}, {f.pct(a.taker_fee_pct)}"),
    ]  # fmt: skip


_AMOUNT = re.compile(r"[:\s]([+\-−])\d[\d.,]*(?: USD)?\.?$")
_EVENT_ICON = {
    "entry": "run",
    "exit": "up",
    "command": "ok",
    "boot": "play",
    "risk": "risk",
    "feed": "health",
    "order": "orders",
    "day": "dash",
}
_TONE = {"good": "ok", "bad": "bad", "warn": "warn", "info": "ink2"}


def event(doc: EventDoc) -> Event:
    """One event with the icon of its kind and the hue of its level; the product's name is taken off the text."""
    icon, tone = _EVENT_ICON.get(doc.kind, "dash"), _TONE.get(doc.level, "ink2")
    if doc.kind == "exit":
        icon, tone = _exit(doc, tone)
    if doc.level == "bad" and doc.kind not in ("exit",):
        icon = "bads"
    if doc.level == "warn" and doc.kind not in ("exit", "entry"):
        icon = "warns"
    product = f.clean(doc.product_id or "")
    text = f.clean(doc.text)
    if product and text.startswith(product):
        text = text[len(product) :].lstrip(" :")
    return Event(f.of_ms(doc.at_ms), icon, tone, product, f.minus(text))


def _exit(doc: EventDoc, tone: str) -> tuple[str, str]:
    """A gain points up and a loss down, by the amount that the text ends with; what only prepares an exit does not."""
    amount = _AMOUNT.search(doc.text)
    if amount is None:
        return ("down", "bad") if doc.level == "bad" else ("run", tone)
    return ("up", "ok") if amount[1] == "+" else ("down", "bad")


def last_events(s: Snapshot, most: int = 8) -> list[Event]:
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
