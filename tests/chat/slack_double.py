"""Slack's Web API and Socket Mode on loopback, as far as an app with slash commands and buttons uses them.

What is behind it: an envelope that is not acknowledged in time comes once more (Slack: 3 s); a websocket that gets a
`disconnect` is closed, and a new address must be asked for; addresses hold for one connection; what the Web API refuses
it refuses with its own words; 429 says how long to wait.
"""

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

TEAM = "T0TEST"
ACK_S = 1.0  # Slack: 3 s


@dataclass
class SlackRefusal(Exception):
    error: str
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class SlackMessage:
    channel: str
    versions: list[str]
    buttons: list[dict[str, Any]]


@dataclass
class SlackDouble:
    bot_token: str = "xoxb-canary-bot-token"
    app_token: str = "xapp-canary-app-token"
    refuse: Callable[[str, dict[str, Any]], SlackRefusal | None] = lambda method, given: None
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    messages: dict[str, SlackMessage] = field(default_factory=dict)  # ts → message
    ephemeral: list[tuple[str, str, str]] = field(default_factory=list)  # (channel, user, text)
    acked: dict[str, list[Any]] = field(default_factory=dict)  # envelope id → payloads of its acknowledgements
    sent: list[dict[str, Any]] = field(default_factory=list)
    deaf: bool = False  # acknowledgements are lost on their way

    def __post_init__(self) -> None:
        self._sockets: set[ServerConnection] = set()
        self._tickets: set[str] = set()
        self._ts = 1_700_000_000
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run_loop, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
                status, headers, said = double.answer(self.path, token, body, self.headers.get("Content-Type") or "")
                data = json.dumps(said).encode()
                self.send_response(status)
                for name, value in {
                    "Content-Type": "application/json",
                    "Content-Length": str(len(data)),
                    **headers,
                }.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/api/"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _end(self) -> None:
        self._websockets.close()
        await self._websockets.wait_closed()
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    # ---- the websocket ----

    def _run_loop(self) -> None:
        asyncio.set_event_loop(self._loop)

        async def start() -> None:
            self._websockets = await serve(self._socket, "127.0.0.1", 0)
            self.port = next(iter(self._websockets.sockets)).getsockname()[1]
            self._ready.set()

        self._loop.create_task(start())
        self._loop.run_forever()

    async def _socket(self, link: ServerConnection) -> None:
        query = dict(parse_qsl(urlsplit(link.request.path if link.request else "").query))
        if query.get("ticket") not in self._tickets:
            await link.close(1008)
            return
        self._tickets.discard(query["ticket"])
        self._sockets.add(link)
        try:
            hello = {"type": "hello", "num_connections": len(self._sockets), "connection_info": {"app_id": "A1"},
                     "debug_info": {"host": "applink", "approximate_connection_time": 18060}}  # fmt: skip
            await link.send(json.dumps(hello))
            async for text in link:
                said = json.loads(text)
                if not self.deaf:
                    self.acked.setdefault(said["envelope_id"], []).append(said.get("payload"))
        except ConnectionClosed:
            pass
        finally:
            self._sockets.discard(link)

    @property
    def connected(self) -> int:
        return len(self._sockets)

    def push(self, envelope: dict[str, Any], *, tries: int = 3) -> str:
        """Send it over the newest websocket; once more for each time that it is not acknowledged."""

        async def send() -> None:
            for attempt in range(tries):
                more = {"retry_attempt": attempt, "retry_reason": "timeout" if attempt else ""}
                for link in list(self._sockets)[-1:]:
                    await link.send(json.dumps(envelope | more))
                    self.sent.append(envelope)
                await asyncio.sleep(ACK_S)
                if self.acked.get(envelope["envelope_id"]):
                    return

        asyncio.run_coroutine_threadsafe(send(), self._loop)
        return str(envelope["envelope_id"])

    def disconnect(self, reason: str) -> None:
        """`warning`, `refresh_requested`: a new connection is wanted; the old one is closed a moment later."""

        async def send() -> None:
            for link in list(self._sockets):
                await link.send(json.dumps({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink"}}))
                await asyncio.sleep(0.3)
                await link.close()

        asyncio.run_coroutine_threadsafe(send(), self._loop)

    def drop(self) -> None:
        """The websockets end without a word."""

        async def end() -> None:
            for link in list(self._sockets):
                link.transport.abort()

        asyncio.run_coroutine_threadsafe(end(), self._loop)

    # ---- what people do ----

    def command(self, user: str, text: str, *, command: str = "/coin", channel: str = "C0OTHER", team: str = TEAM,
                trigger: str = "", name: str = "ann", tries: int = 3) -> dict[str, Any]:  # fmt: skip
        envelope = {
            "envelope_id": str(uuid.uuid4()), "type": "slash_commands", "accepts_response_payload": True,
            "payload": {"token": "x", "team_id": team, "team_domain": "test", "channel_id": channel,
                        "channel_name": "general", "user_id": user, "user_name": name, "command": command, "text": text,
                        "api_app_id": "A1", "is_enterprise_install": "false", "response_url": "http://127.0.0.1:9/none",
                        "trigger_id": trigger or f"13.{uuid.uuid4().hex}"},
        }  # fmt: skip
        self.push(envelope, tries=tries)
        return envelope

    def press(self, ts: str, action: str, user: str, name: str = "ann", value: str = "") -> dict[str, Any]:
        kept = self.messages[ts]
        button = next((one for one in kept.buttons if one["action_id"] == action), {"action_id": action})
        envelope = {
            "envelope_id": str(uuid.uuid4()), "type": "interactive", "accepts_response_payload": False,
            "payload": {"type": "block_actions", "user": {"id": user, "username": name, "name": name, "team_id": TEAM},
                        "api_app_id": "A1", "token": "x", "trigger_id": f"14.{uuid.uuid4().hex}",
                        "container": {"type": "message", "message_ts": ts, "channel_id": kept.channel},
                        "team": {"id": TEAM, "domain": "test"}, "channel": {"id": kept.channel, "name": "x"},
                        "message": {"ts": ts}, "response_url": "http://127.0.0.1:9/none",
                        "actions": [{**button, "value": value or button.get("value"), "type": "button",
                                     "block_id": "b", "action_ts": str(time.time())}]},
        }  # fmt: skip
        self.push(envelope)
        return envelope

    # ---- what a test waits for ----

    def until(self, what: Callable[["SlackDouble"], Any], why: str, limit_s: float = 40.0) -> Any:
        deadline_s = time.monotonic() + limit_s
        while not (found := what(self)):
            shown = {ts: kept.versions for ts, kept in self.messages.items()}
            assert time.monotonic() < deadline_s, f"{why} within {limit_s} s: {shown} {self.ephemeral}"
            time.sleep(0.02)
        return found

    def said(self, words: str) -> str | None:
        return next((ts for ts in sorted(self.messages, reverse=True) if words in self.messages[ts].versions[-1]), None)

    # ---- the Web API ----

    def answer(self, path: str, token: str, body: bytes, kind: str) -> tuple[int, dict[str, str], dict[str, Any]]:
        method = path.rpartition("/")[2]
        given = json.loads(body or b"{}") if kind.startswith("application/json") else dict(parse_qsl(body.decode()))
        self.calls.append((method, given))
        try:
            if token != (self.app_token if method == "apps.connections.open" else self.bot_token):
                raise SlackRefusal("invalid_auth")
            if (refusal := self.refuse(method, given)) is not None:
                raise refusal
            handler = getattr(self, f"_do_{method.replace('.', '_').lower()}", None)
            if handler is None:
                raise SlackRefusal("unknown_method")
            return 200, {}, {"ok": True, **handler(given)}
        except SlackRefusal as error:
            return error.status, error.headers, {"ok": False, "error": error.error}

    def _do_auth_test(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"team_id": TEAM, "team": "Test", "user_id": "U0BOT", "bot_id": "B1", "user": "coin",
                "url": "https://test.slack.com/", "is_enterprise_install": False}  # fmt: skip

    def _do_apps_connections_open(self, given: dict[str, Any]) -> dict[str, Any]:
        ticket = uuid.uuid4().hex
        self._tickets.add(ticket)
        return {"url": f"ws://127.0.0.1:{self.port}/link/?ticket={ticket}&app_id=A1"}

    def _do_chat_postmessage(self, given: dict[str, Any]) -> dict[str, Any]:
        text, buttons = _checked(given)
        channel = str(given["channel"])
        if channel.startswith("U"):
            channel = f"D{channel[1:]}"  # a direct message has an id of its own
        self._ts += 1
        ts = f"{self._ts}.000100"
        self.messages[ts] = SlackMessage(channel, [text], buttons)
        return {"channel": channel, "ts": ts, "message": {"text": given.get("text")}}

    def _do_chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        text, buttons = _checked(given)
        kept = self.messages.get(str(given["ts"]))
        if kept is None:
            raise SlackRefusal("message_not_found")
        if kept.channel != given["channel"]:
            raise SlackRefusal("channel_not_found")
        kept.versions.append(text)
        kept.buttons = buttons
        return {"channel": kept.channel, "ts": given["ts"], "text": given.get("text")}

    def _do_chat_postephemeral(self, given: dict[str, Any]) -> dict[str, Any]:
        self.ephemeral.append((str(given["channel"]), str(given["user"]), str(given["text"])))
        return {"message_ts": "1"}


def _checked(given: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """The text as its blocks show it, and the buttons; what Slack would refuse is refused."""
    if not given.get("text") and not given.get("blocks"):
        raise SlackRefusal("no_text")
    texts, buttons = [], []
    for block in given.get("blocks") or []:
        if block["type"] == "section":
            if not 1 <= len(block["text"]["text"]) <= 3000:
                raise SlackRefusal("invalid_blocks")
            texts.append(block["text"]["text"])
        elif block["type"] == "actions":
            buttons += block["elements"]
    if len({one["action_id"] for one in buttons}) != len(buttons):
        raise SlackRefusal("invalid_blocks")
    if any(len(one["value"]) > 2000 or len(one["text"]["text"]) > 75 for one in buttons):
        raise SlackRefusal("invalid_blocks")
    return "\n".join(texts), buttons
