"""Orders: those that work, with UNKNOWN first and foreign ones last, and those that ended with every change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from dashboard.rows import DONE_STATES, NO_MONEY, ActivityRow, LedgerOrder, OrderMoney
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from dashboard.views.spreadsheet import cell
from shared.documents.account import OrderDoc
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
class OrderChange:
    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class OrderView:
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
    changes: list[OrderChange] = field(default_factory=list)


def working(s: Snapshot, money: Mapping[str, OrderMoney]) -> list[OrderView] | None:
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


@dataclass(frozen=True, slots=True)
class _OrderData:
    """One order, by whichever source tells of it. Sizes as the source has them: the ledger's are exact."""

    client_order_id: str
    order_id: str | None
    product_id: str
    side: str
    kind: str
    purpose: str
    state: str
    base_size: Decimal | float | None
    quote_size: Decimal | float | None
    limit_price: Decimal | float | None
    filled_size: Decimal | float
    average: Decimal | float | None
    whole: Decimal | float | None  # base size that the filled share is of; None = not known
    created: datetime | None
    updated: datetime | None
    age_s: float | None
    reason: str | None


def _of_doc(o: OrderDoc, s: Snapshot, money: OrderMoney) -> OrderView:
    whole = o.base_size or (o.quote_size and o.average_fill_price and o.quote_size / o.average_fill_price) or None
    created = f.of_text(o.created_at)
    age_s = max(0.0, (s.now - created).total_seconds()) if created else None
    return _view(
        _OrderData(
            o.client_order_id, o.order_id, o.product_id, o.side, o.kind, o.purpose, o.state, o.base_size, o.quote_size,
            o.limit_price, o.filled_size, o.average_fill_price, whole, created, f.of_text(o.updated_at), age_s,
            o.reason,
        ),
        money,
    )  # fmt: skip


def _view(o: _OrderData, money: OrderMoney, changes: Sequence[OrderChange] = ()) -> OrderView:
    hue, icon = _SHAPE.get(o.state, ("unk", "unk"))
    base, _, quote = o.product_id.partition("-")
    in_base = o.base_size is not None
    return OrderView(
        id=o.client_order_id,
        short=f.short_id(f.clean(o.client_order_id), 6),
        exchange_id=f.clean(o.order_id or ""),
        product_id=f.clean(o.product_id),
        side=o.side.lower(),
        what=f"{o.kind} {o.side.lower()}",
        purpose=f.exit_reason(o.purpose),
        state=o.state,
        hue=hue,
        icon=icon,
        size=f.size(o.base_size) if in_base else f.money(o.quote_size),
        unit=f.clean(base if in_base else quote),
        base=f.clean(base),
        quote=f.clean(quote),
        limit=_price(o.limit_price),
        filled=f.size(o.filled_size) if o.filled_size else "",
        filled_pct=round(min(100.0, 100 * float(o.filled_size) / float(o.whole)), 1) if o.whole else None,
        average=_price(o.average),
        money=money,
        result=_result(money),
        created=o.created,
        updated=o.updated,
        age=f.span(o.age_s) if o.age_s is not None else "",
        reason=f.clean(o.reason or ""),
        foreign=o.purpose == "foreign",
        changes=list(changes),
    )


def _price(price: Decimal | float | None) -> str:
    """A price where the product's increment is not at hand: as many digits as it has, two at least."""
    if price is None:
        return ""
    value = float(price)
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
    rows: list[LedgerOrder], journal: list[ActivityRow] | None, money: Mapping[str, OrderMoney] | None = None
) -> list[OrderView]:
    """Orders that ended, newest first, each with its history."""
    by_ref: dict[str, list[OrderChange]] = {}
    for e in journal or []:
        if e.ref:
            by_ref.setdefault(e.ref, []).append(OrderChange(f.of_ms(e.at_ms), f.clean(e.text)))
    known = money or {}
    return [_of_ledger(o, by_ref.get(o.client_order_id, []), known.get(o.client_order_id, NO_MONEY)) for o in rows]


def _of_ledger(o: LedgerOrder, changes: list[OrderChange], money: OrderMoney) -> OrderView:
    return _view(
        _OrderData(
            o.client_order_id, o.order_id, o.product_id, o.side, o.kind, o.purpose, o.state, o.base_size, o.quote_size,
            o.limit_price, o.filled_size, money.average_fill_price, o.base_size, f.of_ms(o.created_ms),
            f.of_ms(o.updated_ms), (o.updated_ms - o.created_ms) / 1000, o.reason,
        ),
        money,
        changes,
    )  # fmt: skip


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
