"""The ledger's one writer: records of one event in one transaction, and what a new start finds in it."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, Table, func, select, update
from sqlalchemy.dialects.sqlite import Insert, insert

from bot.core.day import Day
from bot.core.intents import Note, Record, SaveDay, SaveFact, SaveFill, SaveLot, SaveOrder, SaveReceipt
from bot.core.lots import Lot
from bot.core.model import ExitReason, Kind, LotKind, OrderSpec, Purpose, Side
from bot.core.orders import DONE, Order, OrderState
from bot.core.risk.rate import COUNTED, MINUTE_MS
from bot.core.world import EVENTS_SHOWN, Latch, Restored
from shared.control import Command
from shared.documents import EventDoc, ReceiptDoc, ReceiptState
from shared.ledger import schema as t
from shared.money import ZERO, from_units
from shared.times import epoch_ms, from_epoch_ms, iso_seconds, parse_time

log = logging.getLogger("ledger")
_ADD_FILL = insert(t.fills).on_conflict_do_nothing()
RECEIPTS_SHOWN = 32
COMMAND_MEMORY = 500
WATCH_ABSENT_MS = 86_400_000  # an order held to be absent is recognised for a day


class LedgerWriter:
    """Writes in the event loop's own thread: a commit costs less than handing it over, and order is kept."""

    def __init__(self, engine: Engine, boot_id: str) -> None:
        self._engine, self._boot_id = engine, boot_id

    # Writing.

    def commit(self, records: Sequence[Record], now_ms: int) -> None:
        """All records in one durable transaction. Raises sqlalchemy.exc.SQLAlchemyError, with nothing written."""
        with self._engine.begin() as db:
            for record in _newest(records):
                self._write(db, record, now_ms)

    def _write(self, db: Connection, record: Record, now_ms: int) -> None:
        match record:
            case SaveOrder(order):
                _upsert(db, t.orders, order_row(order, self._boot_id))
            case SaveFill(fill, lot_id, received_ms):
                row = {name: getattr(fill, name) for name in fill.__slots__}
                row |= {"side": fill.side.value, "lot_id": lot_id, "received_ms": received_ms}
                db.execute(_ADD_FILL, row)
            case SaveLot(lot):
                _upsert(db, t.lots, lot_row(lot))
            case SaveDay(day):
                _upsert(db, t.days, {name: getattr(day, name) for name in day.__slots__})
            case SaveFact(key, value):
                _upsert(db, t.facts, {"key": key, "value": value})
            case SaveReceipt(command_id, state, reason, result):
                values: dict[str, Any] = {"state": state.value, "reason": reason}
                values["result"] = dict(result) if result else None
                if state is not ReceiptState.SEEN:
                    values["done_ms"] = now_ms
                db.execute(update(t.commands).where(t.commands.c.id == command_id).values(values))
            case Note(kind, text, level, product_id, ref, data):
                row = {"at_ms": now_ms, "kind": kind, "level": level, "product_id": product_id, "ref": ref}
                db.execute(insert(t.journal).values(row | {"text": text, "data": dict(data) or None}))

    def command_seen(self, command: Command, seen_ms: int) -> None:
        """Persist "seen" before acting."""
        with self._engine.begin() as db:
            row = {
                "id": command.id,
                "cmd": command.cmd,
                "args": dict(command.args),
                "by": command.by[:80],
                "sent_ms": _sent_ms(command),
                "seen_ms": seen_ms,
                "state": ReceiptState.SEEN.value,
            }
            db.execute(insert(t.commands).values(row).on_conflict_do_nothing())

    def latch(self, latch: Latch, note: str | None = None) -> None:
        """Persist the kill latch."""
        with self._engine.begin() as db:
            row = {"latch_id": latch.latch_id, "kind": "kill", "at_ms": latch.at_ms, "source": latch.source}
            db.execute(insert(t.latches).values(row | {"note": note}).on_conflict_do_nothing())

    def lift(self, latch_id: str, now_ms: int, by: str) -> None:
        with self._engine.begin() as db:
            db.execute(
                update(t.latches).where(t.latches.c.latch_id == latch_id).values(lifted_ms=now_ms, lifted_by=by[:80])
            )

    def fact(self, key: str, value: str) -> None:
        with self._engine.begin() as db:
            _upsert(db, t.facts, {"key": key, "value": value})

    def boot_began(self, now_ms: int, build: str) -> None:
        with self._engine.begin() as db:
            db.execute(insert(t.boots).values(boot_id=self._boot_id, at_ms=now_ms, build=build))

    def boot_ended(self, now_ms: int) -> None:
        """This run ended by itself."""
        with self._engine.begin() as db:
            db.execute(update(t.boots).where(t.boots.c.boot_id == self._boot_id).values(ended_ms=now_ms))

    def unclean_starts(self, since_ms: int) -> int:
        """Runs begun since then that did not end by themselves (this one not counted)."""
        with self._engine.connect() as db:
            query = select(func.count()).where(
                t.boots.c.at_ms >= since_ms, t.boots.c.ended_ms.is_(None), t.boots.c.boot_id != self._boot_id
            )
            return int(db.execute(query).scalar_one())

    # Reading at the start.

    def facts(self) -> dict[str, str]:
        with self._engine.connect() as db:
            return {row.key: row.value for row in db.execute(select(t.facts))}

    def receipts(self) -> tuple[list[ReceiptDoc], set[str], list[Command]]:
        """(newest receipts, ids of every command that was seen, once-commands seen and not finished)."""
        with self._engine.connect() as db:
            rows = db.execute(select(t.commands).order_by(t.commands.c.seen_ms.desc()).limit(COMMAND_MEMORY)).all()
        docs = [
            ReceiptDoc(
                id=row.id,
                cmd=row.cmd,
                state=ReceiptState(row.state),
                by=row.by,
                sent_ms=row.sent_ms,
                seen_ms=row.seen_ms,
                done_ms=row.done_ms,
                reason=row.reason,
                result=row.result,
            )
            for row in rows[:RECEIPTS_SHOWN]
        ]
        unfinished = [
            Command(seq=0, id=row.id, cmd=row.cmd, at=iso_seconds(from_epoch_ms(row.seen_ms)), args=row.args, by=row.by)
            for row in rows
            if row.state == ReceiptState.SEEN.value
        ]
        return docs[::-1], {row.id for row in rows}, unfinished[::-1]

    def restore(self, now: datetime) -> Restored:
        """Everything that the engine must know of the past."""
        with self._engine.connect() as db:
            fill_rows = db.execute(select(t.fills)).all()
            lots = tuple(_lot(row) for row in db.execute(select(t.lots).where(t.lots.c.closed_ms.is_(None))))
            sums = _sums(fill_rows)
            orders = tuple(_wanted_orders(db, lots, sums, epoch_ms(now) - WATCH_ABSENT_MS))
            shut = (t.latches.c.kind == "kill", t.latches.c.lifted_ms.is_(None))
            latch = db.execute(select(t.latches).where(*shut)).first()
            top = db.execute(select(func.max(t.lots.c.seq))).scalar()
            day = db.execute(select(t.days).order_by(t.days.c.day.desc()).limit(1)).first()
            return Restored(
                lots=lots,
                next_lot_seq=(top or 0) + 1,
                orders=orders,
                fill_keys=frozenset((row.order_id, row.trade_id) for row in fill_rows),
                own_ids=frozenset(db.execute(select(t.orders.c.client_order_id)).scalars()),
                day=Day(**day._mapping) if day else None,
                facts={row.key: row.value for row in db.execute(select(t.facts))},
                attempts=_attempts(db),
                order_times_ms=_order_times(db, epoch_ms(now) - MINUTE_MS),
                latch=Latch(latch.latch_id, latch.source, latch.at_ms) if latch else None,
                totals=_totals(db),
                events=_events(db, epoch_ms(now)),
            )


def order_row(order: Order, boot_id: str) -> dict[str, Any]:
    """An order as a row of the ledger."""
    spec = order.spec
    return {
        "client_order_id": spec.client_order_id,
        "order_id": order.order_id,
        "product_id": spec.product_id,
        "side": spec.side.value,
        "kind": spec.kind.value,
        "purpose": spec.purpose.value,
        "base_size": spec.base_size,
        "quote_size": spec.quote_size,
        "limit_price": spec.limit_price,
        "post_only": spec.post_only,
        "lot_id": spec.lot_id,
        "command_id": spec.command_id,
        "retry_of": spec.retry_of,
        "tp_pct": spec.tp_pct,
        "lot_kind": spec.lot_kind.value if spec.lot_kind else None,
        "expected_price": spec.expected_price,
        "boot_id": boot_id,
        "created_ms": order.created_ms,
        "state": order.state.value,
        "reason": order.reason,
        "filled_size": order.filled_size,
        "updated_ms": order.updated_ms,
    }


def lot_row(lot: Lot) -> dict[str, Any]:
    """A lot as a row of the ledger; prices instead of ticks."""
    return {
        "lot_id": lot.lot_id,
        "seq": lot.seq,
        "product_id": lot.product_id,
        "kind": lot.kind.value,
        "opened_ms": lot.opened_ms,
        "open_price": lot.open_price,
        "base_bought": lot.base_bought,
        "base_left": lot.base_left,
        "cost": lot.cost,
        "entry_fee": lot.entry_fee,
        "tp_pct": lot.tp_pct,
        "take_price": lot.take_price,
        "stop_price": lot.stop_price,
        "trail_active": lot.trail_active,
        "trail_peak": from_units(lot.peak_ticks, lot.price_increment) if lot.trail_active else None,
        "trail_stop": from_units(lot.trail_ticks, lot.price_increment) if lot.trail_active else None,
        "price_increment": lot.price_increment,
        "exit_reason": lot.exit_reason.value if lot.exit_reason else None,
        "exit_client_order_id": lot.exit_client_order_id,
        "proceeds": lot.proceeds,
        "exit_fee": lot.exit_fee,
        "closed_ms": lot.closed_ms,
        "realized_pnl": lot.realized_pnl,
        "dust": lot.dust,
    }


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


def _order(row: Any, counted: tuple[Decimal, Decimal]) -> Order:
    spec = OrderSpec(
        client_order_id=row.client_order_id,
        product_id=row.product_id,
        side=Side(row.side),
        kind=Kind(row.kind),
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
    )
    return Order(
        spec,
        OrderState(row.state),
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        order_id=row.order_id,
        filled_size=row.filled_size,
        counted_size=counted[0],
        counted_quote=counted[1],
        reason=row.reason,
    )


def _sums(fill_rows: Iterable[Any]) -> dict[str, tuple[Decimal, Decimal]]:
    """Client order id → (size, quote) of its fills."""
    sums: dict[str, tuple[Decimal, Decimal]] = {}
    for row in fill_rows:
        size, quote = sums.get(row.client_order_id, (ZERO, ZERO))
        sums[row.client_order_id] = (size + row.base_size, quote + row.base_size * row.price)
    return sums


def _wanted_orders(
    db: Connection, lots: tuple[Lot, ...], sums: dict[str, tuple[Decimal, Decimal]], absent_since_ms: int
) -> Iterable[Order]:
    """Orders that are not settled, those that open lots wait for, and absent ones that may still turn up."""
    waited = {lot.exit_client_order_id for lot in lots}
    done = [state.value for state in DONE]
    for row in db.execute(select(t.orders).where(t.orders.c.state.not_in(done))):
        yield _order(row, sums.get(row.client_order_id, (ZERO, ZERO)))
    for row in db.execute(select(t.orders).where(t.orders.c.state.in_(done))):
        counted = sums.get(row.client_order_id, (ZERO, ZERO))
        unfilled = row.state == OrderState.FILLED.value and not counted[0]
        watched = row.state == OrderState.ABSENT.value and row.updated_ms > absent_since_ms
        if row.client_order_id in waited or counted[0] < row.filled_size or unfilled or watched:
            yield _order(row, counted)


def _attempts(db: Connection) -> dict[str, int]:
    columns = (t.orders.c.lot_id, t.orders.c.command_id)
    rows = db.execute(select(*columns, func.count()).where(columns[0].is_not(None)).group_by(*columns))
    return {f"{lot_id}|{command_id}" if command_id else lot_id: count for lot_id, command_id, count in rows}


def _order_times(db: Connection, since_ms: int) -> tuple[int, ...]:
    """When the orders that the limit per minute counts were made."""
    wanted = (t.orders.c.created_ms >= since_ms, t.orders.c.purpose.in_([purpose.value for purpose in COUNTED]))
    query = select(t.orders.c.created_ms).where(*wanted).order_by(t.orders.c.created_ms)
    return tuple(db.execute(query).scalars())


def _totals(db: Connection) -> dict[str, int]:
    totals: dict[str, int] = {}
    for counters in db.execute(select(t.days.c.counters)).scalars():
        for name, count in counters.items():
            totals[name] = totals.get(name, 0) + count
    return totals


def _events(db: Connection, _now_ms: int) -> tuple[EventDoc, ...]:
    rows = db.execute(select(t.journal).order_by(t.journal.c.seq.desc()).limit(EVENTS_SHOWN)).all()
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


def _newest(records: Sequence[Record]) -> list[Record]:
    """Of several records of one thing only the last is written; journal, fills and receipts are all written."""
    last: dict[tuple[type, str], int] = {}
    for index, record in enumerate(records):
        key = _key(record)
        if key is not None:
            last[key] = index
    return [r for i, r in enumerate(records) if (key := _key(r)) is None or last[key] == i]


def _key(record: Record) -> tuple[type, str] | None:
    match record:
        case SaveOrder(order):
            return SaveOrder, order.spec.client_order_id
        case SaveLot(lot):
            return SaveLot, lot.lot_id
        case SaveDay(day):
            return SaveDay, day.day
        case SaveFact(key, _):
            return SaveFact, key
    return None


def _upsert(db: Connection, table: Table, row: dict[str, Any]) -> None:
    db.execute(_upsert_statement(table, tuple(row)), row)


@cache
def _upsert_statement(table: Table, names: tuple[str, ...]) -> Insert:
    """Built once for each table: building it costs more than running it."""
    keys = [column.name for column in table.primary_key]
    statement = insert(table)
    changed = {name: statement.excluded[name] for name in names if name not in keys and name != "boot_id"}
    return statement.on_conflict_do_update(index_elements=keys, set_=changed)


def _sent_ms(command: Command) -> int | None:
    try:
        return epoch_ms(parse_time(command.at))
    except ValueError:
        return None
