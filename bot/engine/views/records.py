"""Newest lines, counters, and the key-value pairs that survive a restart."""

from bot.engine.account import reconciliation
from bot.engine.state.engine_state import EngineState
from bot.engine.views.times import iso
from shared.documents.events import EventDoc
from shared.documents.risk import AuditDoc


class RecordsView:
    def __init__(self, state: EngineState) -> None:
        self._state = state

    @property
    def events(self) -> list[EventDoc]:
        """The newest lines, oldest first."""
        return list(self._state.records.events)

    def count(self, name: str) -> int:
        """How often it happened since the ledger began."""
        return self._state.records.totals.get(name, 0)

    @property
    def totals(self) -> dict[str, int]:
        """Every counter since the ledger began."""
        return dict(self._state.records.totals)

    def value(self, key: str) -> str | None:
        """What is kept under a key; None = nothing."""
        return self._state.records.key_values.get(key)

    @property
    def values(self) -> dict[str, str]:
        """Everything that is kept."""
        return dict(self._state.records.key_values)

    @property
    def reconciled_ms(self) -> int | None:
        """When the last daily reconciliation ended; None = there was none."""
        return reconciliation.last_ms(self._state)

    def reconciliation(self) -> AuditDoc | None:
        """The last daily reconciliation, as the ledger keeps it."""
        return audit(self._state)


def audit(state: EngineState) -> AuditDoc | None:
    """The last daily audit, as the ledger keeps it."""
    kept = state.records.key_values.get(reconciliation.FACT)
    if not kept:
        return None
    at_ms, verdict, order_count, fill_count, text = kept.split(" ", 4)
    at = int(at_ms)
    return AuditDoc(at=iso(at), at_ms=at, ok=verdict == "ok", text=text, orders=int(order_count), fills=int(fill_count))
