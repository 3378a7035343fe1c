"""Ends sessions while pages are open: those revoked elsewhere, revoked tokens, a changed password."""

import asyncio
import logging
from collections.abc import Callable

from dashboard.hub import Hub

log = logging.getLogger(__name__)
LOOK_S = 0.2


class Watch:
    """Looks at the files several times a second; `wake` makes open streams check their sign-in again."""

    def __init__(self, hub: Hub, wake: Callable[[], None]) -> None:
        self._hub = hub
        self._wake = wake
        if hub.sessions.outdated:
            self._note("password_changed", hub.sessions.outdated)

    async def run(self) -> None:
        try:
            while True:
                try:
                    self.look()
                except Exception:  # whatever is wrong with a file, the next look must come
                    log.exception("access.check_failed")
                await asyncio.sleep(LOOK_S)
        finally:
            self._hub.tokens.flush(at_once=True)
            self._hub.failures.flush(at_once=True)

    def look(self) -> None:
        """One look. What ended is over for the next request and for streams that are open."""
        hub = self._hub
        ended = hub.sessions.look()
        if ended and hub.sessions.file_gone:
            self._note("sessions_removed", ended)
        changed = hub.password.look()
        if changed:
            self._note("password_changed", hub.sessions.password_changed(hub.password.fingerprint))
        if hub.tokens.look() or ended or changed:
            self._wake()
        hub.sessions.flush()
        hub.tokens.flush()
        hub.failures.flush()

    def _note(self, what: str, ended: int) -> None:
        log.warning("access.%s sessions_ended=%d", what, ended)
        self._hub.audit.note(what, by="files", role="", address="", facts={"ended": ended})
