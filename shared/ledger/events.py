"""The journal's events: one word each for what happened, and the columns that it brought.

Inputs are events: an intent and every answer to it (`order`), a fill, a decision about a lot (its levels, its exit,
its close), a turned day, a transfer, a command and its receipt, a latch, a line for people. Money is not among them
beyond fills and transfers: costs, proceeds, results and the day's sums are derived (`shared.ledger.reduce`).
Amounts are text; `null` means that a column became empty; a column that is not named did not change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

import orjson

from shared.ledger import schema as t
from shared.ledger.tables import Table
from shared.money import plain

Row = dict[str, Any]


class EventType(StrEnum):
    """What may happen."""

    ORDER = "order"  # an intent was made, or its state moved
    FILL = "fill"
    LOT = "lot"  # levels, trailing, exit decided, closed
    LOT_SET = "lot_set"  # a lot that no fill of ours opened, or whose money is not what its fills come to
    DAY = "day"  # a day began, or its peak, its breaker, its counters moved
    DAY_SET = "day_set"  # sums of a day that its fills and lots do not come to
    TRANSFER = "transfer"  # money that our fills do not explain, as the account rules book it
    FACT = "fact"
    COMMAND = "command"
    RECEIPT = "receipt"
    LATCH = "latch"
    LIFT = "lift"
    BOOT = "boot"
    BOOT_END = "boot_end"
    NOTE = "note"
    ROW = "row"  # a whole row as it was when the journal began, or in a replaced ledger: data is {"table": …, "row": …}


TABLE_OF: Mapping[EventType, Table] = {
    EventType.ORDER: t.orders,
    EventType.FILL: t.fills,
    EventType.LOT: t.lots,
    EventType.LOT_SET: t.lots,
    EventType.DAY: t.days,
    EventType.DAY_SET: t.days,
    EventType.FACT: t.key_values,
    EventType.COMMAND: t.commands,
    EventType.RECEIPT: t.commands,
    EventType.LATCH: t.latches,
    EventType.LIFT: t.latches,
    EventType.BOOT: t.boots,
    EventType.BOOT_END: t.boots,
    EventType.NOTE: t.activity_log,
}
EXACT_COLUMNS: Mapping[str, frozenset[str]] = {table.name: table.exact for table in t.DERIVED}


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """`data`: column → value, amounts as Decimal."""

    word: EventType
    data: Mapping[str, Any]


class UnreadableEvent(ValueError):
    """A row of the journal that cannot be read. The text says why."""


def to_text(events: Iterable[JournalEvent]) -> str:
    """The events of one transaction as the JSON that the journal keeps: [[word, {column: value}], …]."""
    told = [[event.word.value, dict(event.data)] for event in events]
    return orjson.dumps(told, default=_spell).decode()


def _spell(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    raise TypeError(type(value).__name__)


def from_text(text: str) -> list[JournalEvent]:
    """The events of one row. Raises BadEvent."""
    try:
        return [_event(EventType(word), data) for word, data in orjson.loads(text)]
    except (ValueError, TypeError, ArithmeticError, KeyError) as error:
        raise UnreadableEvent(f"{type(error).__name__}: {error}"[:200]) from error


def _event(word: EventType, data: Any) -> JournalEvent:
    if word is EventType.ROW:
        return JournalEvent(
            word, {"table": data["table"], "row": _amounts(t.table_named(data["table"]).name, data["row"])}
        )
    if word is EventType.TRANSFER:
        return JournalEvent(word, {"day": data["day"], "amount": Decimal(data["amount"])})
    return JournalEvent(word, _amounts(TABLE_OF[word].name, data))


def _amounts(table: str, data: Mapping[str, Any]) -> Row:
    exact = EXACT_COLUMNS[table]
    return {name: Decimal(value) if name in exact and value is not None else value for name, value in data.items()}
