"""Intents of the event in hand, key-value pairs that survive a restart, counters, newest lines."""

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from bot.domain.intents import Intent, Note, SaveKeyValue
from shared.documents.events import EventDoc
from shared.times import from_epoch_ms, iso_seconds

EVENTS_SHOWN = 30


class Records:
    """`intents`: what the event in hand leads to, in order; the process commits its records in one transaction."""

    def __init__(self, key_values: Mapping[str, str], totals: Mapping[str, int], events: Iterable[EventDoc]) -> None:
        self.key_values: dict[str, str] = dict(key_values)
        self.totals: dict[str, int] = dict(totals)  # counters since the ledger began
        self.events: deque[EventDoc] = deque(events, maxlen=EVENTS_SHOWN)
        self.intents: list[Intent] = []

    def emit(self, intent: Intent) -> None:
        self.intents.append(intent)

    def note(
        self,
        at_ms: int,
        kind: str,
        text: str,
        level: str,
        product_id: str | None,
        ref: str | None,
        data: dict[str, Any],
    ) -> None:
        """One line for the ledger, the log and the page; `level` is info, good, warn or bad."""
        self.emit(Note(kind, text, level, product_id, ref, data))
        at = iso_seconds(from_epoch_ms(at_ms))
        self.events.append(EventDoc(at=at, at_ms=at_ms, kind=kind, level=level, text=text, product_id=product_id))

    def save_value(self, key: str, value: str) -> None:
        self.key_values[key] = value
        self.emit(SaveKeyValue(key, value))
