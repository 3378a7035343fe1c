"""The ledger's one writer: records of one event in one transaction, and what a new start finds in it."""

import logging
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.app.ledger_files import LedgerFiles
from bot.app.ledger_reads import LedgerReads
from bot.app.ledger_restore import restored
from bot.app.metrics import CommitTimer
from bot.domain.intents import Note, Record, SaveDay, SaveFill, SaveKeyValue, SaveLot, SaveOrder, SaveReceipt
from bot.domain.lots import Lot
from bot.domain.order_life import Order
from bot.engine.state.control import Latch
from bot.engine.state.recovered import RecoveredState
from shared.control import Command
from shared.documents.control import ReceiptDoc, ReceiptState
from shared.ledger import schema as t
from shared.ledger.db import Database, LedgerError
from shared.ledger.event_encoder import EventEncoder
from shared.ledger.events import EventType
from shared.ledger.folder import has_orders
from shared.ledger.journal_writer import JournalWriter
from shared.ledger.key_values import read_key_values
from shared.ledger.open import copy_open
from shared.ledger.restore_mark import LACKS_SINCE, RESTORED
from shared.ledger.tables import select
from shared.ledger.unit_of_work import UnitOfWork
from shared.money import from_units
from shared.times import epoch_ms, from_epoch_ms, iso_ms, parse_time

log = logging.getLogger("ledger")
RECEIPTS_SHOWN = 32
COMMAND_MEMORY = 500


class LedgerWriter:
    """Writes in the event loop's own thread: a commit costs less than handing it over, and order is kept."""

    def __init__(
        self, engine: Database, boot_id: str, files: LedgerFiles | None = None, timer: CommitTimer | None = None
    ) -> None:
        """`files`: the ledger's own; None = it is on a server. `timer`: of every transaction; None = none is timed."""
        self._engine, self._boot_id, self._files, self._timer = engine, boot_id, files, timer
        self._book = JournalWriter(engine, boot_id)
        self._failed: Sequence[Record] = ()  # the records of a commit that failed
        self.doubt: str | None = None  # why this ledger may lack what happened (`app.ledger_past`)

    # Writing.

    @property
    def gone(self) -> str | None:
        """What became of the ledger's files, where they are not those that are written; None = they are."""
        return self._files.gone() if self._files is not None else None

    def rescue(self, target: Path) -> None:
        """Copy all of it to `target`, also where its files are gone. Raises LedgerError, sqlite3.Error, OSError."""
        copy_open(self._engine, target)

    def _transaction(self, at_ms: int) -> AbstractContextManager[UnitOfWork]:
        """As the book's. Raises LedgerGone, a LedgerError, where what is written would be lost."""
        if self._files is not None:
            self._files.check()
        transaction = self._book.transaction(at_ms)
        return transaction if self._timer is None else self._timer.around(transaction)

    def commit(self, records: Sequence[Record], now_ms: int) -> None:
        """All records in one durable transaction. Raises LedgerError, with nothing written.

        To be called again with at least the same records, in the same order, where it failed: what reached the
        database all the same is not written twice.
        """
        try:
            with self._transaction(now_ms) as unit:
                told = {id(record) for record in self._failed} if unit.failed_is_in else set()
                encoder = EventEncoder(unit)
                for record in records:
                    if not (isinstance(record, Note) and id(record) in told):
                        self._describe(encoder, record, now_ms)
                encoder.close()
        except LedgerError:
            self._failed = tuple(records)
            raise
        self._failed = ()

    def _describe(self, encoder: EventEncoder, record: Record, now_ms: int) -> None:
        match record:
            case SaveOrder(order):
                encoder.order(order_row(order, self._boot_id))
            case SaveFill(fill, lot_id, received_ms):
                # The fee comes in quote units: the engine has turned one that was taken in another currency.
                row = {name: getattr(fill, name) for name in fill.__slots__ if name != "fee_currency"}
                encoder.fill(row | {"side": fill.side.value, "lot_id": lot_id, "received_ms": received_ms})
            case SaveLot(lot):
                encoder.lot(lot_row(lot))
            case SaveDay(day):
                encoder.day({name: getattr(day, name) for name in day.__slots__})
            case SaveKeyValue(key, value):
                encoder.changed(EventType.FACT, {"key": key, "value": value})
            case SaveReceipt(command_id, state, reason, result):
                values: dict[str, Any] = {"id": command_id, "state": state.value, "reason": reason}
                values["result"] = dict(result) if result else None
                if state is not ReceiptState.SEEN:
                    values["done_ms"] = now_ms
                encoder.moved(EventType.RECEIPT, values)
            case Note(kind, text, level, product_id, ref, data):
                row = {"kind": kind, "level": level, "text": text, "product_id": product_id, "ref": ref}
                encoder.note(row | {"data": dict(data) or None})

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
        with self._transaction(seen_ms) as unit:
            EventEncoder(unit).once(EventType.COMMAND, row)

    def latch(self, latch: Latch, note: str | None = None) -> None:
        """Persist the kill latch."""
        row = {"latch_id": latch.latch_id, "kind": "kill", "at_ms": latch.at_ms, "source": latch.source, "note": note}
        with self._transaction(latch.at_ms) as unit:
            EventEncoder(unit).once(EventType.LATCH, row)

    def lift(self, latch_id: str, now_ms: int, by: str) -> None:
        with self._transaction(now_ms) as unit:
            EventEncoder(unit).moved(EventType.LIFT, {"latch_id": latch_id, "lifted_ms": now_ms, "lifted_by": by})

    def fact(self, key: str, value: str, now_ms: int) -> None:
        with self._transaction(now_ms) as unit:
            EventEncoder(unit).changed(EventType.FACT, {"key": key, "value": value})

    def boot_began(self, now_ms: int, build: str) -> None:
        with self._transaction(now_ms) as unit:
            EventEncoder(unit).once(EventType.BOOT, {"boot_id": self._boot_id, "at_ms": now_ms, "build": build})

    def boot_ended(self, now_ms: int) -> None:
        """This run ended by itself."""
        with self._transaction(now_ms) as unit:
            EventEncoder(unit).moved(EventType.BOOT_END, {"boot_id": self._boot_id, "ended_ms": now_ms})

    def head(self) -> tuple[int, str]:
        """(number, chain) of the journal's newest row. Raises LedgerError."""
        return self._book.head()

    @property
    def known_head(self) -> tuple[int, str] | None:
        """The same without asking the database; None while the last commit is in doubt."""
        return self._book.known_head

    def last_ms(self) -> int:
        """When the journal's newest row was written, by the clock of then; 0 = there is none."""
        with self._engine.connect() as db:
            return db.value("SELECT at_ms FROM events ORDER BY seq DESC LIMIT 1") or 0

    def chain_at(self, seq: int) -> str | None:
        """The chain after that row of the journal; None = it has none."""
        with self._engine.connect() as db:
            return db.value("SELECT chain FROM events WHERE seq = :seq", {"seq": seq})  # type: ignore[no-any-return]

    def doubted(self, why: str, now_ms: int, since_ms: int) -> None:
        """It may lack what happened since: entries wait for a person, it is fetched, and the audit begins anew."""
        facts = self.facts()
        kept = facts.get("entries_latched")
        latched = f"{why}; before that: {kept}" if kept and why not in kept else kept or why
        since = facts.get(LACKS_SINCE) or (str(since_ms) if since_ms else "")
        with self._transaction(now_ms) as unit:
            encoder = EventEncoder(unit)
            for key, value in (("entries_latched", latched), ("audit", ""), (RESTORED, ""), (LACKS_SINCE, since)):
                encoder.changed(EventType.FACT, {"key": key, "value": value})
            encoder.note({"kind": "ledger", "level": "bad", "text": f"{why}; no entry until Start"})

    def has_orders(self) -> bool:
        """Whether an order was ever recorded. Raises LedgerError."""
        with self._engine.connect() as db:
            return has_orders(db)

    def unclean_starts(self, since_ms: int) -> int:
        """Runs begun since then that did not end by themselves (this one not counted)."""
        with self._engine.connect() as db:
            query = "SELECT count(*) FROM boots WHERE at_ms >= :since AND ended_ms IS NULL AND boot_id != :own"
            return int(db.value(query, {"since": since_ms, "own": self._boot_id}))

    def reads(self) -> LedgerReads:
        """All of it, page by page, for who compares everything."""
        return LedgerReads(self._engine)

    # Reading at the start.

    def facts(self) -> dict[str, str]:
        with self._engine.connect() as db:
            return read_key_values(db)

    def receipts(self) -> tuple[list[ReceiptDoc], set[str], list[tuple[Command, int]]]:
        """(newest receipts, ids of every command that was seen, those not finished with the time they were seen, ms).

        `at` of a command is its sender's time; "" = it told none.
        """
        with self._engine.connect() as db:
            query = f"{select(t.commands)}ORDER BY seen_ms DESC LIMIT :most"
            rows = db.rows(query, {"most": COMMAND_MEMORY}, of=t.commands)
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
            (Command(seq=0, id=row.id, cmd=row.cmd, at=_sent_at(row.sent_ms), args=row.args, by=row.by), row.seen_ms)
            for row in rows
            if row.state == ReceiptState.SEEN.value
        ]
        return docs[::-1], {row.id for row in rows}, unfinished[::-1]

    def restore(self, now: datetime) -> RecoveredState:
        """Everything that the engine must know of the past."""
        with self._engine.connect() as db:
            return restored(db, now, self._boot_id)


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


def _sent_at(sent_ms: int | None) -> str:
    return iso_ms(from_epoch_ms(sent_ms)) if sent_ms is not None else ""


def _sent_ms(command: Command) -> int | None:
    try:
        return epoch_ms(parse_time(command.at))
    except ValueError:
        return None
