"""The audit trail of the dashboard: the one log that every part appends to (`shared.audit_log`)."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dashboard.auth.peer import NETWORK, RemotePeer
from shared.audit_log import AuditLog

__all__ = ["AuditLog", "Failures"]
EVERY_S = 60.0
MOST = 100
_REST = "others"
_Key = tuple[str, str, str]


@dataclass(slots=True)
class _Kept:
    written_s: float
    more: int = 0  # since that line
    row: dict[str, Any] | None = None  # the last of them


class Failures:
    """Failed sign-ins in the trail: a line a minute for each kind and peer.

    So nobody's guesses push the commands out of sight, or fill a file that is never rotated. What came meanwhile is
    counted in the next line (`times`). All peers beyond this machine are one. Each failure by itself is in the
    dashboard's own log, which is rotated.
    """

    def __init__(self, audit: AuditLog, clock: Callable[[], float] = time.monotonic) -> None:
        self._audit = audit
        self._clock = clock
        self._kept: dict[_Key, _Kept] = {}

    def note(self, what: str, peer: RemotePeer, facts: dict[str, Any], by: str = "?", role: str = "") -> None:
        """One failure; `facts` say how, or when."""
        key = (what, str(facts.get("how") or facts.get("when")), peer.key if peer.here else NETWORK)
        if key not in self._kept and len(self._kept) >= MOST:
            key = (*key[:2], _REST)
        row = {"what": what, "by": by, "role": role, "address": peer.label, "facts": facts}
        kept = self._kept.get(key)
        if kept is not None and self._clock() - kept.written_s < EVERY_S:
            kept.more, kept.row = kept.more + 1, row
            return
        self._write(row, kept.more + 1 if kept is not None else 1)
        self._kept[key] = _Kept(self._clock())

    def flush(self, *, at_once: bool = False) -> None:
        """Write what was only counted, where its minute is over."""
        for key, kept in list(self._kept.items()):
            if not at_once and self._clock() - kept.written_s < EVERY_S:
                continue
            del self._kept[key]
            if kept.row is not None:
                self._write(kept.row, kept.more)
                self._kept[key] = _Kept(self._clock())

    def _write(self, row: dict[str, Any], times: int) -> None:
        facts = {**row["facts"], **({"times": times} if times > 1 else {})}
        self._audit.note(row["what"], by=row["by"], role=row["role"], address=row["address"], facts=facts)
