"""What a new start finds in the ledger: by indexes, so that a long past costs little."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from bot.domain.day import TradingDay
from bot.domain.kinds import ExitReason, LotKind, OrderKind, Purpose, Side
from bot.domain.lots import Lot
from bot.domain.order_ids import epoch_of_boot
from bot.domain.order_life import Order, OrderState
from bot.domain.orders import OrderSpec
from bot.engine.risk.rate import COUNTED, MINUTE_MS
from bot.engine.state.control import Latch
from bot.engine.state.records import EVENTS_SHOWN
from bot.engine.state.recovered import RecoveredState
from shared.documents.events import EventDoc
from shared.ledger import schema as t
from shared.ledger.db import DatabaseSession, among
from shared.ledger.key_values import read_key_values
from shared.ledger.tables import select
from shared.times import epoch_ms, from_epoch_ms, iso_seconds

WATCH_ABSENT_MS = 86_400_000  # an order held to be absent is recognised for a day


def restored(db: DatabaseSession, now: datetime, boot_id: str) -> RecoveredState:
    """Everything that the engine must know of the past."""
    lots = tuple(_lot(row) for row in db.rows(f"{select(t.lots)}WHERE closed_ms IS NULL", of=t.lots))
    orders = tuple(_wanted_orders(db, lots, epoch_ms(now) - WATCH_ABSENT_MS))
    latch = db.row("SELECT latch_id, source, at_ms FROM latches WHERE kind = 'kill' AND lifted_ms IS NULL")
    top = db.value("SELECT max(seq) FROM lots")
    day = db.row(f"{select(t.days)}ORDER BY day DESC LIMIT 1", of=t.days)
    boots = db.column("SELECT boot_id FROM boots")
    return RecoveredState(
        lots=lots,
        next_lot_seq=(top or 0) + 1,
        orders=orders,
        fill_keys=frozenset(map(tuple, db.rows("SELECT order_id, trade_id FROM fills"))),
        own_ids=frozenset(db.column("SELECT client_order_id FROM orders")),
        epoch=epoch_of_boot(boot_id),
        earlier_epochs=frozenset(epoch_of_boot(other) for other in boots if other != boot_id),
        day=TradingDay(**day._asdict()) if day else None,
        key_values=read_key_values(db),
        attempts=_attempts(db),
        order_times_ms=_order_times(db, epoch_ms(now) - MINUTE_MS),
        latch=Latch(latch.latch_id, latch.source, latch.at_ms) if latch else None,
        totals=_totals(db),
        events=_events(db, epoch_ms(now)),
    )


def _lot(row: Any) -> Lot:
    step: Decimal = row.price_increment
    return Lot(
        lot_id=row.lot_id,
        seq=row.seq,
        product_id=row.product_id,
        kind=LotKind(row.kind),
        opened_ms=row.opened_ms,
        base_bought=row.base_bought,
        base_left=row.base_left,
        cost=row.cost,
        entry_fee=row.entry_fee,
        tp_pct=row.tp_pct,
        price_increment=step,
        take_ticks=int(row.take_price / step),
        stop_ticks=int(row.stop_price / step) if row.stop_price is not None else 0,
        trail_active=row.trail_active,
        peak_ticks=int(row.trail_peak / step) if row.trail_peak is not None else 0,
        trail_ticks=int(row.trail_stop / step) if row.trail_stop is not None else 0,
        exit_reason=ExitReason(row.exit_reason) if row.exit_reason else None,
        exit_client_order_id=row.exit_client_order_id,
        proceeds=row.proceeds,
        exit_fee=row.exit_fee,
        dust=row.dust,
    )


def _order(row: Any) -> Order:
    spec = OrderSpec(
        client_order_id=row.client_order_id,
        product_id=row.product_id,
        side=Side(row.side),
        kind=OrderKind(row.kind),
        purpose=Purpose(row.purpose),
        base_size=row.base_size,
        quote_size=row.quote_size,
        limit_price=row.limit_price,
        post_only=row.post_only,
        end_ms=None,
        expected_price=row.expected_price,
        lot_id=row.lot_id,
        lot_kind=LotKind(row.lot_kind) if row.lot_kind else None,
        tp_pct=row.tp_pct,
        command_id=row.command_id,
        retry_of=row.retry_of,
        reduce_only=Purpose(row.purpose) is not Purpose.ENTRY,
    )
    return Order(
        spec,
        OrderState(row.state),
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        order_id=row.order_id,
        filled_size=row.filled_size,
        counted_size=row.counted_size,
        counted_quote=row.counted_quote,
        reason=row.reason,
    )


def _wanted_orders(db: DatabaseSession, lots: tuple[Lot, ...], absent_since_ms: int) -> Iterable[Order]:
    """Orders that are not settled, those that open lots wait for, and absent ones that may still turn up."""
    waited, ids = among("id", (lot.exit_client_order_id for lot in lots if lot.exit_client_order_id is not None))
    wanted = f"NOT settled OR client_order_id IN {waited} OR (state = :absent AND updated_ms > :since)"
    values = {**ids, "absent": OrderState.ABSENT.value, "since": absent_since_ms}
    query = f"{select(t.orders)}WHERE {wanted} ORDER BY created_ms, client_order_id"
    return [_order(row) for row in db.rows(query, values, of=t.orders)]


def _attempts(db: DatabaseSession) -> dict[str, int]:
    query = "SELECT lot_id, command_id, count(*) FROM orders WHERE lot_id IS NOT NULL GROUP BY lot_id, command_id"
    return {f"{lot}|{command}" if command else lot: count for lot, command, count in db.rows(query)}


def _order_times(db: DatabaseSession, since_ms: int) -> tuple[int, ...]:
    """When the orders that the limit per minute counts were made."""
    counted, purposes = among("purpose", (purpose.value for purpose in COUNTED))
    query = f"SELECT created_ms FROM orders WHERE created_ms >= :since AND purpose IN {counted} ORDER BY created_ms"  # noqa: S608
    return tuple(db.column(query, {**purposes, "since": since_ms}))


def _totals(db: DatabaseSession) -> dict[str, int]:
    totals: dict[str, int] = {}
    for counters in db.column("SELECT counters FROM days", of=t.days):
        for name, count in counters.items():
            totals[name] = totals.get(name, 0) + count
    return totals


def _events(db: DatabaseSession, _now_ms: int) -> tuple[EventDoc, ...]:
    rows = db.rows(f"{select(t.activity_log)}ORDER BY seq DESC LIMIT :most", {"most": EVENTS_SHOWN})
    return tuple(
        EventDoc(
            at=iso_seconds(from_epoch_ms(row.at_ms)),
            at_ms=row.at_ms,
            kind=row.kind,
            level=row.level,
            text=row.text,
            product_id=row.product_id,
        )
        for row in reversed(rows)
    )
