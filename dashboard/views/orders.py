"""Orders: those that work, with UNKNOWN first and foreign ones last, and those that ended with every change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from dashboard.rows import DONE_STATES, NO_MONEY, Entry, LedgerOrder, OrderMoney
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from dashboard.views.spreadsheet import cell
from shared.documents import OrderDoc
from shared.money import plain
from shared.times import from_epoch_ms, iso_seconds

_SHAPE = {
    "unknown": ("warn", "unk"),
    "new": ("now", "now"),
    "sent": ("now", "now"),
    "open": ("open", "alive"),
    "cancelling": ("now", "now"),
    "filled": ("done", "ok"),
    "cancelled": ("ended", "stop"),
    "expired": ("warn", "warns"),
    "refused": ("bad", "bads"),
    "denied": ("warn", "shut"),
    "failed": ("bad", "bads"),
    "absent": ("warn", "off"),
}


@dataclass(frozen=True, slots=True)
class Change:
    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Order:
    id: str
    short: str
    exchange_id: str
    product_id: str
    side: str
    what: str
    purpose: str
    state: str
    hue: str
    icon: str
    size: str
    unit: str  # of the size
    base: str
    quote: str
    limit: str
    filled: str
    filled_pct: float | None
    average: str
    money: OrderMoney
    result: str  # what became of it in lots: "opened lot 4f1a22"
    created: datetime | None
    updated: datetime | None
    age: str
    reason: str
    foreign: bool
    changes: list[Change] = field(default_factory=list)


def working(s: Snapshot, money: Mapping[str, OrderMoney]) -> list[Order] | None:
    """Working orders at the exchange: what needs a person first, foreign ones last. None = not known."""
    docs = s.state.orders if s.state else None
    if docs is None:
        return None
    rows = [_of_doc(o, s, money.get(o.client_order_id, NO_MONEY)) for o in docs if o.state not in DONE_STATES]
    return sorted(rows, key=lambda o: (o.foreign, o.state != "unknown", -(o.created.timestamp() if o.created else 0)))


def own_working(s: Snapshot) -> int | None:
    """How many own orders work; None = not known."""
    docs = s.state.orders if s.state else None
    return None if docs is None else sum(o.state not in DONE_STATES and o.purpose != "foreign" for o in docs)


def _of_doc(o: OrderDoc, s: Snapshot, money: OrderMoney) -> Order:
    hue, icon = _SHAPE.get(o.state, ("unk", "unk"))
    total = o.base_size or (o.quote_size and o.average_fill_price and o.quote_size / o.average_fill_price) or None
    created = f.of_text(o.created_at)
    base, _, quote = o.product_id.partition("-")
    in_base = o.base_size is not None
    return Order(
        id=o.client_order_id,
        short=f.short_id(f.clean(o.client_order_id), 6),
        exchange_id=f.clean(o.order_id or ""),
        product_id=f.clean(o.product_id),
        side=o.side.lower(),
        what=f"{o.kind} {o.side.lower()}",
        purpose=o.purpose,
        state=o.state,
        hue=hue,
        icon=icon,
        size=f.size(o.base_size) if in_base else f.money(o.quote_size),
        unit=f.clean(base if in_base else quote),
        base=f.clean(base),
        quote=f.clean(quote),
        limit=_price(o.limit_price),
        filled=f.size(o.filled_size) if o.filled_size else "",
        filled_pct=None if not total else round(min(100.0, 100 * o.filled_size / total), 1),
        average=_price(o.average_fill_price),
        money=money,
        result=_result(money),
        created=created,
        updated=f.of_text(o.updated_at),
        age=f.span(max(0.0, (s.now - created).total_seconds())) if created else "",
        reason=f.clean(o.reason or ""),
        foreign=o.purpose == "foreign",
    )


def _price(value: float | None) -> str:
    """A price where the product's increment is not at hand: as many digits as it has, two at least."""
    if value is None:
        return ""
    most = 2 if value >= 1000 else 4 if value >= 1 else 8
    text = f"{value:.{most}f}".rstrip("0")
    return f.number(value, max(2, len(text.partition(".")[2])))


def _result(money: OrderMoney) -> str:
    """Lots are called by the end of their id, as on Positions."""
    for words, lot in (("opened", money.opened_lot), ("closed", money.closed_lot), ("part of", money.sold_of_lot)):
        if lot:
            return f"{words} {f.short_id(f.clean(lot), 6)}"
    return ""


def ended(
    rows: list[LedgerOrder], journal: list[Entry] | None, money: Mapping[str, OrderMoney] | None = None
) -> list[Order]:
    """Orders that ended, newest first, each with its changes."""
    by_ref: dict[str, list[Change]] = {}
    for e in journal or []:
        if e.ref:
            by_ref.setdefault(e.ref, []).append(Change(f.of_ms(e.at_ms), f.clean(e.text)))
    known = money or {}
    return [_of_ledger(o, by_ref.get(o.client_order_id, []), known.get(o.client_order_id, NO_MONEY)) for o in rows]


def _of_ledger(o: LedgerOrder, changes: list[Change], money: OrderMoney) -> Order:
    hue, icon = _SHAPE.get(o.state, ("unk", "unk"))
    base, _, quote = o.product_id.partition("-")
    in_base = o.base_size is not None
    size = o.base_size if in_base else o.quote_size
    return Order(
        id=o.client_order_id,
        short=f.short_id(f.clean(o.client_order_id), 6),
        exchange_id=f.clean(o.order_id or ""),
        product_id=f.clean(o.product_id),
        side=o.side.lower(),
        what=f"{o.kind} {o.side.lower()}",
        purpose=o.purpose,
        state=o.state,
        hue=hue,
        icon=icon,
        size=f.size(size) if in_base else f.money(size),
        unit=f.clean(base if in_base else quote),
        base=f.clean(base),
        quote=f.clean(quote),
        limit=_price(float(o.limit_price)) if o.limit_price is not None else "",
        filled=f.size(o.filled_size) if o.filled_size else "",
        filled_pct=None if not o.base_size else round(float(100 * o.filled_size / o.base_size), 1),
        average=_price(float(money.average_fill_price)) if money.average_fill_price is not None else "",
        money=money,
        result=_result(money),
        created=f.of_ms(o.created_ms),
        updated=f.of_ms(o.updated_ms),
        age=f.span((o.updated_ms - o.created_ms) / 1000),
        reason=f.clean(o.reason or ""),
        foreign=False,
        changes=changes,
    )


def csv(rows: list[LedgerOrder], money: Mapping[str, OrderMoney]) -> str:
    """Orders as CSV, exact amounts as text, times in UTC; an empty cell is not known or does not apply."""
    names = [*LedgerOrder.__slots__, *OrderMoney.__slots__]
    head = [name.replace("_ms", "_at") if name.endswith("_ms") else name for name in names]
    lines = [",".join(head)]
    for o in rows:
        told = money.get(o.client_order_id, NO_MONEY).with_order(o)
        lines.append(",".join(cell(_csv(name, told[name])) for name in names))
    return "\r\n".join(lines) + "\r\n"


def _csv(name: str, value: object) -> str:
    if value is None:
        return ""
    if name.endswith("_ms") and isinstance(value, int):
        return iso_seconds(from_epoch_ms(value))
    return plain(value) if isinstance(value, Decimal) else str(value)
