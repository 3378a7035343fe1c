"""One TCP connection: HTTP/1.1 by h11, the stream by websockets' sans-IO protocol, both on the same port.

Any request may ask to become a stream, also one that comes after others on a connection that was kept alive.
"""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import h11
from websockets.exceptions import InvalidState
from websockets.frames import OP_BINARY, OP_CONT, OP_TEXT, Frame
from websockets.http11 import Request as WsRequest
from websockets.protocol import State
from websockets.server import ServerProtocol

from simulator.api.delivery import Delivery
from simulator.api.http import HttpRequest, Response, error
from simulator.api.ws.session import StreamSession

log = logging.getLogger("simulator.transport")
MAX_BODY = 1_000_000
MAX_HEAD = 65_536
MAX_MESSAGE = 1_000_000
MAX_UNSENT = 96 * 1024 * 1024  # a reader that is further behind is cut off
IDLE_S = 75.0
CLOSE_S = 2.0
SLOW_PIECES = 10
_REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}


class Front(Protocol):
    """What connections belong to."""

    def accept(self) -> bool: ...
    def answer(self, request: HttpRequest) -> Delivery: ...
    def connect(self, wake: Callable[[], None], client: str) -> StreamSession | Response: ...
    def receive(self, session: StreamSession, text: str) -> None: ...
    def disconnect(self, session: StreamSession) -> None: ...


def text_frame(text: str) -> bytes:
    """One unmasked text frame: websockets' own serialiser costs three times as much."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2, "big") + payload
    return b"\x81\x7f" + size.to_bytes(8, "big") + payload


def wants_stream(request: h11.Request) -> bool:
    """Whether a request asks to go on as WebSocket, in any spelling that HTTP allows."""
    asked = {"connection": set[bytes](), "upgrade": set[bytes]()}
    for name, value in request.headers:
        if (key := name.decode("latin-1")) in asked:
            asked[key] |= {word.strip().lower() for word in value.split(b",")}
    upgrades = b"upgrade" in asked["connection"] and b"websocket" in asked["upgrade"]
    return upgrades and request.method == b"GET" and request.http_version == b"1.1"


def request_bytes(request: h11.Request) -> bytes:
    """A request's head as it would be sent, in one spelling; a body that is empty is not announced."""
    fields = [name + b": " + value for name, value in request.headers if name != b"content-length"]
    return b"\r\n".join((b"GET " + request.target + b" HTTP/1.1", *fields, b"", b""))


class HttpConnection(asyncio.Protocol):
    """Reads requests one after another, or becomes a stream."""

    def __init__(self, front: Front) -> None:
        self._front = front
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD)
        self._stream: ServerProtocol | None = None
        self._session: StreamSession | None = None
        self._flush_planned = False
        self._timer: asyncio.TimerHandle | None = None
        self._request: h11.Request | None = None
        self._body = bytearray()
        self._message: list[bytes] = []
        self._busy = False
        self._client = ""
        self._made = False

    @property
    def gone(self) -> bool:
        """True once the connection is closed."""
        return self._made and self._transport is None

    # Sockets

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._made = True
        if not self._front.accept():
            transport.abort()
            return
        peer = transport.get_extra_info("peername")
        self._client = str(peer[0]) if peer else ""
        transport.set_write_buffer_limits(high=MAX_UNSENT)
        self._arm_idle()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._disarm()
        self._transport = None
        if self._session is not None:
            self._front.disconnect(self._session)
            self._session = None

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        if self._stream is not None:
            self._stream_data(data)
            return
        self._http.receive_data(data)
        self._http_events()

    def _drop(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _arm_idle(self) -> None:
        self._disarm()
        self._timer = self._loop.call_later(IDLE_S, self._idle)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _idle(self) -> None:
        if self._transport is not None and self._stream is None and not self._busy:
            self._transport.close()

    def end(self) -> None:
        """The server stops."""
        if self._transport is None:
            return
        if self._session is not None and self._stream is not None and self._stream.state is State.OPEN:
            self._session.close(1001)
            self._flush()
        self._transport.close()

    # HTTP

    def _http_events(self) -> None:
        while self._transport is not None and not self._busy and self._stream is None:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as wrong:
                self._malformed(wrong.error_status_hint)
                return
            if event in (h11.NEED_DATA, h11.PAUSED):
                return
            if isinstance(event, h11.ConnectionClosed):
                self._transport.close()
                return
            if isinstance(event, h11.Request):
                self._request, self._body = event, bytearray()
                if any(name == b"expect" for name, _ in event.headers):
                    self._write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])))
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > MAX_BODY:
                    self._malformed(413)
                    return
            elif isinstance(event, h11.EndOfMessage):
                self._answer_or_switch()

    def _malformed(self, status: int) -> None:
        """Answer what is no HTTP, as far as it can be answered, and close."""
        text = "request is too large" if status == 413 else "request is malformed"
        response = error(status, "INVALID_ARGUMENT", text)
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._send(response, close=True)
        if self._transport is not None:
            self._transport.close()

    def _answer_or_switch(self) -> None:
        event = self._request
        assert event is not None
        if wants_stream(event):
            self._stream = ServerProtocol(max_size=MAX_MESSAGE)
            self._stream_data(request_bytes(event) + self._http.trailing_data[0])
        else:
            self._answer(event)

    def _answer(self, event: h11.Request) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers}
        target = event.target.decode("latin-1")
        request = HttpRequest.of(event.method.decode("latin-1"), target, headers, bytes(self._body), self._client)
        delivery = self._front.answer(request)
        self._busy = True
        if delivery.lost:
            self._drop()
        elif delivery.delay_us:
            self._loop.call_later(delivery.delay_us / 1e6, self._deliver, delivery)
        else:
            self._deliver(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        if self._transport is None:
            return
        if delivery.cut:
            whole = self._bytes(delivery.response)
            self._write(whole[: len(whole) - max(1, len(delivery.response.body) // 2)])
            self._transport.close()
        elif delivery.slow_us:
            self._trickle(self._bytes(delivery.response), delivery.slow_us / 1e6)
        else:
            self._send(delivery.response)
            self._next()

    def _trickle(self, whole: bytes, seconds: float) -> None:
        size = -(-len(whole) // SLOW_PIECES)
        for i in range(SLOW_PIECES):
            piece = whole[i * size : (i + 1) * size]
            self._loop.call_later(seconds * (i + 1) / SLOW_PIECES, self._write, piece)
        self._loop.call_later(seconds * (SLOW_PIECES + 1) / SLOW_PIECES, self._next)

    def _bytes(self, response: Response, *, close: bool = False) -> bytes:
        """The whole answer as HTTP."""
        http = self._http
        headers = [("content-type", response.content_type), ("content-length", str(len(response.body)))]
        headers += [("cache-control", "no-store"), *response.headers]
        if close:
            headers.append(("connection", "close"))
        reason = _REASONS.get(response.status, b"")
        head = http.send(h11.Response(status_code=response.status, headers=headers, reason=reason))
        is_head = self._request is not None and self._request.method == b"HEAD"
        body = http.send(h11.Data(data=b"" if is_head else response.body)) or b""
        end = http.send(h11.EndOfMessage()) or b""
        return (head or b"") + body + end

    def _send(self, response: Response, *, close: bool = False) -> None:
        self._write(self._bytes(response, close=close))

    def _write(self, data: bytes | None) -> None:
        if data and self._transport is not None:
            self._transport.write(data)

    def _next(self) -> None:
        """After an answer: the next request on this connection, or its end."""
        self._busy = False
        if self._transport is None:
            return
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            self._arm_idle()
            self._http_events()
        else:
            self._transport.close()

    # Stream

    def _stream_data(self, data: bytes) -> None:
        stream = self._stream
        assert stream is not None
        stream.receive_data(data)
        for event in stream.events_received():
            if isinstance(event, WsRequest):
                self._handshake(event)
            elif isinstance(event, Frame):
                self._frame(event)
        self._push()

    def _handshake(self, request: WsRequest) -> None:
        stream = self._stream
        assert stream is not None
        response = stream.accept(request)
        if response.status_code == 101:
            session = self._front.connect(self._wake, self._client)
            if isinstance(session, Response):
                response = stream.reject(session.status, session.body.decode())
            else:
                self._session = session
                self._disarm()
        stream.send_response(response)

    def _frame(self, frame: Frame) -> None:
        if frame.opcode in (OP_TEXT, OP_BINARY, OP_CONT):
            self._message.append(bytes(frame.data))
            if sum(map(len, self._message)) > MAX_MESSAGE:
                self._drop()
            elif frame.fin and self._session is not None:
                text, self._message = b"".join(self._message), []
                self._front.receive(self._session, text.decode(errors="replace"))

    def _push(self) -> None:
        """What the protocol itself has to say: handshake, pongs, closing."""
        stream = self._stream
        if stream is None or self._transport is None:
            return
        for data in stream.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()
        if stream.close_expected() and self._timer is None:
            self._timer = self._loop.call_later(CLOSE_S, self._drop)

    def _wake(self) -> None:
        if not self._flush_planned:
            self._flush_planned = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flush_planned = False
        session, stream, transport = self._session, self._stream, self._transport
        if session is None or stream is None or transport is None or stream.state is not State.OPEN:
            return
        out = session.take_out()
        if out:
            transport.write(b"".join([text_frame(text) for text in out]))
            if transport.get_write_buffer_size() > MAX_UNSENT:
                log.warning("stream.cut_off unsent_bytes=%d", transport.get_write_buffer_size())
                self._drop()
                return
        if session.close_code is not None:
            try:
                stream.send_close(session.close_code)
            except InvalidState:
                return
            self._push()
