"""Orders: those that work, with UNKNOWN first and foreign ones last, and those that ended with every change."""

from dataclasses import dataclass, field
from datetime import datetime

from dashboard.rows import DONE_STATES, Entry, LedgerOrder
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.documents import OrderDoc

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
    unit: str
    limit: str
    filled: str
    filled_pct: float | None
    average: str
    created: datetime | None
    updated: datetime | None
    age: str
    reason: str
    foreign: bool
    changes: list[Change] = field(default_factory=list)


def working(s: Snapshot) -> list[Order] | None:
    """Orders that work at the exchange: what needs a person first, foreign ones last. None = not known."""
    docs = s.state.orders if s.state else None
    if docs is None:
        return None
    rows = [_of_doc(o, s) for o in docs if o.state not in DONE_STATES]
    return sorted(rows, key=lambda o: (o.foreign, o.state != "unknown", -(o.created.timestamp() if o.created else 0)))


def own_working(s: Snapshot) -> int | None:
    """How many own orders work; None = not known."""
    docs = s.state.orders if s.state else None
    return None if docs is None else sum(o.state not in DONE_STATES and o.purpose != "foreign" for o in docs)


def _of_doc(o: OrderDoc, s: Snapshot) -> Order:
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
        unit=base if in_base else quote,
        limit=_price(o.limit_price),
        filled=f.size(o.filled_size) if o.filled_size else "",
        filled_pct=None if not total else round(min(100.0, 100 * o.filled_size / total), 1),
        average=_price(o.average_fill_price),
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


def ended(rows: list[LedgerOrder], journal: list[Entry] | None) -> list[Order]:
    """Orders that ended, newest first, each with its changes."""
    by_ref: dict[str, list[Change]] = {}
    for e in journal or []:
        if e.ref:
            by_ref.setdefault(e.ref, []).append(Change(f.of_ms(e.at_ms), f.clean(e.text)))
    return [_of_ledger(o, by_ref.get(o.client_order_id, [])) for o in rows]


def _of_ledger(o: LedgerOrder, changes: list[Change]) -> Order:
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
        unit=base if in_base else quote,
        limit=_price(float(o.limit_price)) if o.limit_price is not None else "",
        filled=f.size(o.filled_size) if o.filled_size else "",
        filled_pct=None if not o.base_size else round(float(100 * o.filled_size / o.base_size), 1),
        average="",
        created=f.of_ms(o.created_ms),
        updated=f.of_ms(o.updated_ms),
        age=f.span((o.updated_ms - o.created_ms) / 1000),
        reason=f.clean(o.reason or ""),
        foreign=False,
        changes=changes,
    )
