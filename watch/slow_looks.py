"""Looks that may block: PM2, the dashboard, the machine, the heartbeat. Each in its thread: none delays the watch."""

import http.client
import logging
import ssl
import threading
import time
from collections.abc import Callable

from shared.documents.alerts import HeartbeatDoc
from shared.pm2 import Pm2Client, Pm2Unavailable
from shared.settings import Settings
from watch.host_figures import HostFigures
from watch.observations import DashboardObservation, HostObservation, Pm2Observation
from watch.sinks.http import request, secrets_of
from watch.sinks.sink import NotDelivered, scrubbed

log = logging.getLogger("looks")
PM2_S, DASHBOARD_S, HOST_S = 1.0, 3.0, 5.0
HEARTBEAT_S, HEARTBEAT_RETRY_S = 60.0, 10.0
ANSWER_S = 2.0


class SlowLook:
    """Calls `look` for ever in a thread of its own. `look` returns the seconds until the next one."""

    def __init__(self, name: str, look: Callable[[], float]) -> None:
        self._look, self._name = look, name
        self._poked = threading.Event()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def poke(self) -> None:
        """Look at once."""
        self._poked.set()

    def _run(self) -> None:
        while True:
            try:
                wait_s = self._look()
            except Exception:  # one look that fails must not end all those that follow
                log.exception("look.failed name=%s", self._name)
                wait_s = 5.0
            self._poked.wait(wait_s)
            self._poked.clear()


class Pm2Asking:
    """PM2's list. An error counts from when it last answered."""

    def __init__(self, client: Pm2Client | None = None) -> None:
        self._client = Pm2Client() if client is None else client
        self._good_s = time.monotonic()
        self.seen: Pm2Observation | None = None

    def look(self) -> float:
        try:
            processes, error = tuple(self._client.processes()), None
        except Pm2Unavailable as trouble:
            processes, error = (), str(trouble)
        now_s = time.monotonic()
        if error is None:
            self._good_s = now_s
        self.seen = Pm2Observation(now_s, processes, error, None if error is None else now_s - self._good_s)
        return PM2_S


class DashboardLook:
    """COIN's /healthz. Nothing is sent that is secret, so its certificate need not be known here."""

    def __init__(self, settings: Settings) -> None:
        host = settings.dashboard_host
        self._host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 (asked, not bound)
        self._port = settings.dashboard_port
        self._tls: ssl.SSLContext | None = None
        if settings.dashboard_tls_cert and settings.dashboard_tls_key:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._tls.check_hostname, self._tls.verify_mode = False, ssl.CERT_NONE
        self._good_s = time.monotonic()
        self._error: str | None = None
        self._asked = False

    @property
    def seen(self) -> DashboardObservation | None:
        if not self._asked:
            return None
        return DashboardObservation(0.0 if self._error is None else time.monotonic() - self._good_s, self._error)

    def look(self) -> float:
        error = self._ask()
        if error is None:
            self._good_s = time.monotonic()
        self._error, self._asked = error, True
        return DASHBOARD_S if error is None else 1.0

    def _ask(self) -> str | None:
        """None = it answers."""
        link = (
            http.client.HTTPConnection(self._host, self._port, timeout=ANSWER_S)
            if self._tls is None
            else http.client.HTTPSConnection(self._host, self._port, timeout=ANSWER_S, context=self._tls)
        )
        try:
            link.request("GET", "/healthz")
            answer = link.getresponse()
            answer.read(4096)
        except TimeoutError:
            return "no answer in time"
        except (OSError, http.client.HTTPException) as error:
            return getattr(error, "strerror", None) or str(error) or type(error).__name__
        finally:
            link.close()
        return None if answer.status < 500 else f"it answers {answer.status}"


class HostLook:
    """The machine's figures."""

    def __init__(self, figures: HostFigures) -> None:
        self._figures = figures
        self.seen = HostObservation()

    def look(self) -> float:
        self.seen = self._figures.look(time.monotonic())
        return HOST_S


class HeartbeatLook:
    """HEARTBEAT_URL: asked while the watch goes round; a watch that stands still must not look alive."""

    def __init__(self, url: str, only_public: bool, goes_round: Callable[[], bool]) -> None:
        """`url` may be empty: nothing is asked, and nothing is seen. `only_public`: it was set in the browser."""
        self._goes_round = goes_round
        self._to = (url, only_public)
        self.seen: HeartbeatDoc | None = HeartbeatDoc() if url else None

    def use(self, url: str, only_public: bool) -> bool:
        """This one from the next look on; False = it is the one of before."""
        if (url, only_public) == self._to:
            return False
        self._to = (url, only_public)
        self.seen = HeartbeatDoc() if url else None
        return True

    def look(self) -> float:
        to = url, only_public = self._to
        before = self.seen
        if not url or before is None or not self._goes_round():
            return 1.0
        try:
            answer = request(url, None, {}, timeout_s=5.0, only_public=only_public)
            said = scrubbed(f"{answer.status} {answer.text}", secrets_of(url))
            error = None if answer.well else said
        except NotDelivered as failed:
            said = error = str(failed)
        if to != self._to:
            return 0.0  # another one was set meanwhile: this answer is not its
        if error is not None:
            self.seen = HeartbeatDoc(last_ms=before.last_ms, failures=before.failures + 1, answer=error)
            return HEARTBEAT_RETRY_S
        self.seen = HeartbeatDoc(last_ms=round(time.time() * 1000), failures=0, answer=said)
        return HEARTBEAT_S
