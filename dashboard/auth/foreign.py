"""Session cookies sent by another user: refused by the guard, counted and reported here."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from dashboard.auth.audit import AuditLog
from dashboard.auth.peer import RemotePeer

log = logging.getLogger(__name__)
SAY_AGAIN_S = 60.0
SHOWN_S = 86_400.0
MOST = 100


@dataclass(frozen=True, slots=True)
class Foreign:
    """A session's cookie, last sent by somebody else."""

    owner: str  # who signed in
    user: str  # who sent it
    at_s: float  # wall clock
    times: int


class ForeignUse:
    """What was refused, by who signed in and who sent it. Bounded; logged once a minute at most."""

    def __init__(self, audit: AuditLog, clock: Callable[[], float] = time.time) -> None:
        self._audit = audit
        self._clock = clock
        self._seen: dict[tuple[str, str], Foreign] = {}
        self._said_s: dict[tuple[str, str], float] = {}
        self.count = 0

    def note(self, owner: str, peer: RemotePeer) -> None:
        """A request of `peer` carried the cookie of `owner`'s session."""
        now, key = self._clock(), (owner, peer.key)
        self.count += 1
        before = self._seen.pop(key, None)
        if len(self._seen) >= MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[key] = Foreign(owner, peer.key, now, (before.times if before else 0) + 1)
        if now - self._said_s.get(key, -SAY_AGAIN_S) < SAY_AGAIN_S:
            return
        self._said_s = {k: at for k, at in self._said_s.items() if k in self._seen and now - at < SAY_AGAIN_S}
        self._said_s[key] = now
        log.warning("session.foreign_user owner=%s sent_by=%s from=%s", owner, peer.key, peer.label)
        self._audit.note("session_foreign_user", by=peer.key, role="", address=peer.label, facts={"owner": owner})

    def lately(self) -> list[Foreign]:
        """Those of the last day, newest first."""
        now = self._clock()
        return [f for f in reversed(self._seen.values()) if now - f.at_s < SHOWN_S]
