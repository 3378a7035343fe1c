"""The ledger's one writer: records of one event in one transaction, and what a new start finds in it."""

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Engine, func, or_, select
from sqlalchemy.exc import SQLAlchemyError

from bot.core.day import Day
from bot.core.intents import Note, Record, SaveDay, SaveFact, SaveFill, SaveLot, SaveOrder, SaveReceipt
from bot.core.lots import Lot
from bot.core.model import ExitReason, Kind, LotKind, OrderSpec, Purpose, Side
from bot.core.orders import Order, OrderState
from bot.core.risk.rate import COUNTED, MINUTE_MS
from bot.core.world import EVENTS_SHOWN, Latch, Restored
from bot.runtime.ledger_reads import LedgerReads
from shared.control import Command
from shared.documents import EventDoc, ReceiptDoc, ReceiptState
from shared.ledger import schema as t
from shared.ledger.book import Book
from shared.ledger.events import Word
from shared.ledger.history import History
from shared.ledger.restored import RESTORED
from shared.money import from_units
from shared.times import epoch_ms, from_epoch_ms, iso_seconds, parse_time

log = logging.getLogger("ledger")
RECEIPTS_SHOWN = 32
COMMAND_MEMORY = 500
WATCH_ABSENT_MS = 86_400_000  # an order held to be absent is recognised for a day


class LedgerWriter:
    """Writes in the event loop's own thread: a commit costs less than handing it over, and order is kept."""

    def __init__(self, engine: Engine, boot_id: str) -> None:
        self._engine, self._boot_id = engine, boot_id
        self._book = Book(engine, boot_id)
        self._failed: Sequence[Record] = ()  # the records of a commit that failed
        self.doubt: str | None = None  # why this ledger may lack what happened (`runtime.ledger_past`)

    # Writing.

    def commit(self, records: Sequence[Record], now_ms: int) -> None:
        """All records in one durable transaction. Raises sqlalchemy.exc.SQLAlchemyError, with nothing written.

        To be called again with at least the same records, in the same order, where it failed: what reached the
        database all the same is not written twice.
        """
        try:
            with self._book.transaction(now_ms) as draft:
                told = {id(record) for record in self._failed} if draft.failed_is_in else set()
                history = History(draft)
                for record in records:
                    if not (isinstance(record, Note) and id(record) in told):
                        self._describe(history, record, now_ms)
                history.close()
        except SQLAlchemyError:
            self._failed = tuple(records)
            raise
        self._failed = ()

    def _describe(self, history: History, record: Record, now_ms: int) -> None:
        match record:
            case SaveOrder(order):
                history.order(order_row(order, self._boot_id))
            case SaveFill(fill, lot_id, received_ms):
                row = {name: getattr(fill, name) for name in fill.__slots__}
                history.fill(row | {"side": fill.side.value, "lot_id": lot_id, "received_ms": received_ms})
            case SaveLot(lot):
                history.lot(lot_row(lot))
            case SaveDay(day):
                history.day({name: getattr(day, name) for name in day.__slots__})
            case SaveFact(key, value):
                history.changed(Word.FACT, {"key": key, "value": value})
            case SaveReceipt(command_id, state, reason, result):
                values: dict[str, Any] = {"id": command_id, "state": state.value, "reason": reason}
                values["result"] = dict(result) if result else None
                if state is not ReceiptState.SEEN:
                    values["done_ms"] = now_ms
                history.moved(Word.RECEIPT, values)
            case Note(kind, text, level, product_id, ref, data):
                row = {"kind": kind, "level": level, "text": text, "product_id": product_id, "ref": ref}
                history.note(row | {"data": dict(data) or None})

    def command_seen(self, command: Command, seen_ms: int) -> None:
        """Persist "seen" before acting."""
        row = {
            "id": command.id,
            "cmd": command.cmd,
            "args": dict(command.args),
            "by": command.by,
            "sent_ms": _sent_ms(command),
            "seen_ms": seen_ms,
            "state": ReceiptState.SEEN.value,
        }
        with self._book.transaction(seen_ms) as draft:
            History(draft).once(Word.COMMAND, row)

    def latch(self, latch: Latch, note: str | None = None) -> None:
        """Persist the kill latch."""
        row = {"latch_id": latch.latch_id, "kind": "kill", "at_ms": latch.at_ms, "source": latch.source, "note": note}
        with self._book.transaction(latch.at_ms) as draft:
            History(draft).once(Word.LATCH, row)

    def lift(self, latch_id: str, now_ms: int, by: str) -> None:
        with self._book.transaction(now_ms) as draft:
            History(draft).moved(Word.LIFT, {"latch_id": latch_id, "lifted_ms": now_ms, "lifted_by": by})

    def fact(self, key: str, value: str, now_ms: int) -> None:
        with self._book.transaction(now_ms) as draft:
            History(draft).changed(Word.FACT, {"key": key, "value": value})

    def boot_began(self, now_ms: int, build: str) -> None:
        with self._book.transaction(now_ms) as draft:
            History(draft).once(Word.BOOT, {"boot_id": self._boot_id, "at_ms": now_ms, "build": build})

    def boot_ended(self, now_ms: int) -> None:
        """This run ended by itself."""
        with self._book.transaction(now_ms) as draft:
            History(draft).moved(Word.BOOT_END, {"boot_id": self._boot_id, "ended_ms": now_ms})

    def head(self) -> tuple[int, str]:
        """(number, chain) of the journal's newest row. Raises SQLAlchemyError."""
        return self._book.head()

    @property
    def known_head(self) -> tuple[int, str] | None:
        """The same without asking the database; None while the last commit is in doubt."""
        return self._book.known_head

    def chain_at(self, seq: int) -> str | None:
        """The chain after that row of the journal; None = it has none."""
        with self._engine.connect() as db:
            return db.execute(select(t.events.c.chain).where(t.events.c.seq == seq)).scalar()

    def doubted(self, why: str, now_ms: int) -> None:
        """The ledger may lack what happened: entries wait for a person, and the audit begins anew."""
        with self._book.transaction(now_ms) as draft:
            history = History(draft)
            for key, value in (("entries_latched", why), ("audit", ""), (RESTORED, "")):
                history.changed(Word.FACT, {"key": key, "value": value})
            history.note({"kind": "ledger", "level": "bad", "text": f"{why}; no entry until Start"})

    def unclean_starts(self, since_ms: int) -> int:
        """Runs begun since then that did not end by themselves (this one not counted)."""
        with self._engine.connect() as db:
            query = select(func.count()).where(
                t.boots.c.at_ms >= since_ms, t.boots.c.ended_ms.is_(None), t.boots.c.boot_id != self._boot_id
            )
            return int(db.execute(query).scalar_one())

    def reads(self) -> LedgerReads:
        """All of it, page by page, for who compares everything."""
        return LedgerReads(self._engine)

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
            lots = tuple(_lot(row) for row in db.execute(select(t.lots).where(t.lots.c.closed_ms.is_(None))))
            orders = tuple(_wanted_orders(db, lots, epoch_ms(now) - WATCH_ABSENT_MS))
            shut = (t.latches.c.kind == "kill", t.latches.c.lifted_ms.is_(None))
            latch = db.execute(select(t.latches).where(*shut)).first()
            top = db.execute(select(func.max(t.lots.c.seq))).scalar()
            day = db.execute(select(t.days).order_by(t.days.c.day.desc()).limit(1)).first()
            return Restored(
                lots=lots,
                next_lot_seq=(top or 0) + 1,
                orders=orders,
                fill_keys=frozenset(map(tuple, db.execute(select(t.fills.c.order_id, t.fills.c.trade_id)))),
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


def _order(row: Any) -> Order:
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
        counted_size=row.counted_size,
        counted_quote=row.counted_quote,
        reason=row.reason,
    )


def _wanted_orders(db: Connection, lots: tuple[Lot, ...], absent_since_ms: int) -> Iterable[Order]:
    """Orders that are not settled, those that open lots wait for, and absent ones that may still turn up."""
    c = t.orders.c
    waited = [lot.exit_client_order_id for lot in lots if lot.exit_client_order_id is not None]
    watched = (c.state == OrderState.ABSENT.value) & (c.updated_ms > absent_since_ms)
    wanted = or_(c.settled.is_(False), c.client_order_id.in_(waited), watched)
    for row in db.execute(select(t.orders).where(wanted).order_by(c.created_ms, c.client_order_id)):
        yield _order(row)


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


def _sent_ms(command: Command) -> int | None:
    try:
        return epoch_ms(parse_time(command.at))
    except ValueError:
        return None
