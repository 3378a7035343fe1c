"""A whole system with a watch beside it, and those who hear what is told: a sink of alerts, and an open page."""

import contextlib
import http.client
import json
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cli.rig import NotReached, Rig, rig
from dashboard.auth import tokens
from shared.bots import DEFAULT_BOT, SIMULATOR
from shared.documents.alerts import RuleState, decode_alerts
from shared.documents.state import BotState
from shared.documents.status import Phase, Status
from shared.files import Unreadable
from shared.paths import ROOT

LIMIT_S = 60.0
NOBODY_WATCHES = "nobody watches"  # told by the dashboard: the watch cannot tell that it is gone
_HEADING = "Nobody watches"  # of the page's banner
_NOTE = re.compile(rb'<hx-partial hx-target="#f-note".*?</hx-partial>', re.DOTALL)
_URGENT = ("bot_dead", "bot_silent", "bot_safe", "exchange_gone", "killed", "ledger_unwritable")
_START = "import sys; from pathlib import Path; from watch.__main__ import main; sys.exit(main(Path(sys.argv[1])))"


class Heard:
    """What was told, and when it came by the monotonic clock, whoever told it."""

    def __init__(self) -> None:
        self.came: list[tuple[float, Mapping[str, Any]]] = []

    def wait(self, name: str, kind: str, since_s: float) -> float:
        """When a message of that alert came. Raises NotReached."""
        until_s = time.monotonic() + LIMIT_S
        while time.monotonic() < until_s:
            for at_s, message in self.came:
                if at_s >= since_s and message["name"] == name and message["kind"] == kind:
                    return at_s
            time.sleep(0.005)
        raise NotReached(f"{name} {kind} was not told in {LIMIT_S:g} s: {[m['title'] for _, m in self.came]}")


class LoopbackSink:
    """Takes what the webhook sink posts."""

    def __init__(self, heard: Heard) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                heard.came += [(time.monotonic(), message) for message in body["messages"]]
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class OpenPage:
    """The Overview as an open browser gets it: what its banner says of the watch becomes fired and resolved."""

    def __init__(self, port: int, token: str, heard: Heard) -> None:
        self._heard = heard
        self._gone = False
        link = _connected(port)
        link.request("GET", "/api/stream?page=overview", headers={"Authorization": f"Bearer {token}"})
        assert link.sock is not None
        self._socket = link.sock
        self._answer = link.getresponse()
        if self._answer.status != 200:
            raise NotReached(f"the dashboard's stream answers {self._answer.status}")
        threading.Thread(target=self._read, daemon=True).start()

    @property
    def says_gone(self) -> bool:
        return self._gone

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        parts: list[bytes] = []
        with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
            while line := self._answer.readline():
                if line.strip():
                    parts.append(line.removeprefix(b"data: "))
                    continue
                for note in _NOTE.findall(b"".join(parts)):
                    self._note(_HEADING.encode() in note)
                parts = []

    def _note(self, gone: bool) -> None:
        if gone != self._gone:
            self._gone = gone
            kind = "fired" if gone else "resolved"
            self._heard.came.append((time.monotonic(), {"name": NOBODY_WATCHES, "kind": kind, "title": _HEADING}))


def _connected(port: int) -> http.client.HTTPConnection:
    """As soon as the dashboard listens. Raises NotReached."""
    until_s = time.monotonic() + LIMIT_S
    while True:
        link = http.client.HTTPConnection("127.0.0.1", port)
        try:
            link.connect()
        except OSError as error:
            if time.monotonic() > until_s:
                raise NotReached(f"the dashboard does not listen: {error.strerror}") from error
            time.sleep(0.1)
        else:
            return link


@dataclass(slots=True)
class Beside:
    """A rig with a watch beside it, whose sink is ours."""

    rig: Rig
    heard: Heard
    page: OpenPage
    env_file: Path
    watch: "subprocess.Popen[bytes] | None" = None
    last_sent: str | None = None  # id of the newest command

    def begin(self) -> None:
        """A watch that knows nothing of the fault before, and has seen that all is well; a bot that trades."""
        self.end()
        self.wait_trades()
        shutil.rmtree(self.rig.paths.watch, ignore_errors=True)
        self.start_watch()
        until_s = time.monotonic() + LIMIT_S
        while not self._all_well() or self.page.says_gone:
            if time.monotonic() > until_s:
                raise NotReached("the watch does not see that all is well")
            time.sleep(0.05)

    def start_watch(self) -> None:
        """Another one, on what the one before has kept."""
        env = {name: value for name, value in self.rig.env.items() if name != "PM2_HOME"}
        command = [sys.executable, "-c", _START, str(self.env_file)]
        self.watch = subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def end(self) -> None:
        if self.watch is not None:
            self.watch.terminate()
            self.watch.wait(10)
            self.watch = None

    def wait_trades(self, other_than: str = "") -> BotState:
        """Until the bot trades, hears the exchange and keeps its ledger, in another run than `other_than`."""
        return self.rig.wait(
            lambda s: s.boot_id != other_than and s.phase is Phase.TRADING and s.status is Status.RUNNING and s.ws_ok
            and s.io.ledger_ok, LIMIT_S,
        )  # fmt: skip

    def _all_well(self) -> bool:
        assert self.watch is not None
        with contextlib.suppress(OSError, Unreadable):
            found = decode_alerts(self.rig.paths.alerts.read_bytes())
            urgent = [rule for rule in found.rules if rule.name in _URGENT]
            return found.pid == self.watch.pid and {rule.state for rule in urgent} == {RuleState.QUIET}
        return False


@contextlib.contextmanager
def beside(**settings: str) -> Iterator[Beside]:
    """`settings`: of the bot's, beside those of every rig."""
    with rig(**settings) as made, contextlib.ExitStack() as stack:
        heard = Heard()
        sink = LoopbackSink(heard)
        stack.callback(sink.close)
        env_file = made.home.parent / "watch.env"
        env_file.touch(mode=0o600)
        env_file.write_text(f"ALERT_WEBHOOK_URL=http://127.0.0.1:{sink.port}/\n")
        made.start("COIN", SIMULATOR, DEFAULT_BOT.process)
        made.wait_trading()
        page = OpenPage(made.dashboard_port, tokens.make(made.paths.dashboard, "viewer", "bench"), heard)
        stack.callback(page.close)
        watched = Beside(made, heard, page, env_file)
        stack.callback(watched.end)
        yield watched
