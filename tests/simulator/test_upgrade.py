"""A request that becomes a stream: on a new connection or after others, in every spelling; with and without TLS."""

import json
import socket
import ssl
from pathlib import Path
from threading import Event

import pytest
from coinbase.jwt_generator import build_rest_jwt, format_jwt_uri
from coinbase.websocket import WSClient

from tests.simulator.conftest import PREFIX, Sim

KEY = b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n"
SPELLINGS = [
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
    b"Upgrade:websocket\r\nConnection:Upgrade\r\n",
    b"upgrade: \t websocket \r\nconnection: keep-alive, Upgrade\r\n",
    b"UPGRADE: WebSocket\r\nCONNECTION: UPGRADE,keep-alive\r\n",
    b"Connection: keep-alive\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 0\r\n",
]
TIME = f"GET {PREFIX}/time HTTP/1.1\r\nHost: a\r\n\r\n".encode()
HEARTBEATS = json.dumps({"type": "subscribe", "channel": "heartbeats"}).encode()
MASKED = bytes([0x81, 0x80 | len(HEARTBEATS), 0, 0, 0, 0]) + HEARTBEATS  # a mask of zeros leaves the text as it is


def _connected(sim: Sim, *, plain: bool) -> socket.socket:
    port = sim.plain_port if plain else sim.port
    made = socket.create_connection(("127.0.0.1", port), 15)
    made.settimeout(15)
    if plain:
        return made
    return ssl.create_default_context(cafile=sim.ca).wrap_socket(made, server_hostname="127.0.0.1")


def _answer(connection: socket.socket) -> tuple[bytes, bytes]:
    """(status, body) of the next answer, read to its last byte and no further."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, head
        head += byte
    length = next(
        (int(f.partition(b":")[2]) for f in head.split(b"\r\n") if f.lower().startswith(b"content-length")), 0
    )
    body = b""
    while len(body) < length:
        body += connection.recv(length - len(body))
    return head.split(b" ", 2)[1], body


def _heard(connection: socket.socket) -> bytes:
    found = connection.recv(65_536)
    while b"heartbeat_counter" not in found and b"subscriptions" not in found:
        found += connection.recv(65_536)
    return found


@pytest.mark.parametrize("plain", [False, True], ids=["tls", "plain"])
@pytest.mark.parametrize("fields", SPELLINGS)
@pytest.mark.parametrize("before", [0, 1, 3])
def test_an_upgrade_on_a_connection_that_served_requests(
    open_sim: Sim, *, plain: bool, fields: bytes, before: int
) -> None:
    with _connected(open_sim, plain=plain) as connection:
        for _ in range(before):
            connection.sendall(TIME)
            status, body = _answer(connection)
            assert status == b"200" and b"epochMillis" in body
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n" + fields + KEY + b"\r\n")
        assert _answer(connection)[0] == b"101"
        connection.sendall(MASKED)
        assert b'"subscriptions":{"heartbeats":["heartbeats"]}' in _heard(connection)


def test_all_in_one_packet(open_sim: Sim) -> None:
    """A client may send the next request, and its first message, before it has read an answer."""
    with _connected(open_sim, plain=True) as connection:
        connection.sendall(TIME + b"GET / HTTP/1.1\r\nHost: a\r\n" + SPELLINGS[0] + KEY + b"\r\n" + MASKED)
        assert _answer(connection)[0] == b"200"
        assert _answer(connection)[0] == b"101"
        assert b"subscriptions" in _heard(connection)


@pytest.mark.parametrize(
    "fields",
    [
        b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        b"Upgrade: websocket\r\n",
        b"Connection: Upgrade\r\n",
    ],
)
def test_what_asks_for_no_stream_is_answered_as_a_request(open_sim: Sim, fields: bytes) -> None:
    with _connected(open_sim, plain=True) as connection:
        for _ in range(2):
            connection.sendall(TIME[:-2] + fields + b"\r\n")
            status, body = _answer(connection)
            assert status == b"200" and b"epochMillis" in body


def test_a_handshake_that_lacks_its_key_is_refused(open_sim: Sim) -> None:
    with _connected(open_sim, plain=True) as connection:
        connection.sendall(TIME)
        assert _answer(connection)[0] == b"200"
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n" + SPELLINGS[0] + b"\r\n")
        assert _answer(connection)[0] == b"400"


def test_the_plain_port_is_on_loopback_only_and_serves_signed_requests(open_sim: Sim) -> None:
    key = open_sim.key()
    token = build_rest_jwt(format_jwt_uri("GET", f"{PREFIX}/accounts"), key["name"], key["privateKey"])
    with _connected(open_sim, plain=True) as connection:
        connection.sendall(
            f"GET {PREFIX}/accounts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        status, body = _answer(connection)
    assert status == b"200" and json.loads(body)["accounts"][0]["currency"] == "USD"
    port = open_sim.plain_port
    listening = {row.split()[1] for row in Path("/proc/net/tcp").read_text().splitlines()[1:] if row.split()[3] == "0A"}
    assert f"0100007F:{port:04X}" in listening and f"00000000:{port:04X}" not in listening


def test_without_limits_no_request_and_no_connection_is_refused(open_sim: Sim) -> None:
    with _connected(open_sim, plain=True) as connection:
        for _ in range(40):
            connection.sendall(TIME)
            assert _answer(connection)[0] == b"200"
    for _ in range(20):
        with _connected(open_sim, plain=True) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n" + SPELLINGS[0] + KEY + b"\r\n")
            assert _answer(connection)[0] == b"101"


def test_the_sdks_stream_over_the_plain_port(open_sim: Sim) -> None:
    key, heard = open_sim.key(), Event()
    url = f"ws://127.0.0.1:{open_sim.plain_port}"
    stream = WSClient(
        key["name"], key["privateKey"], base_url=url, on_message=lambda text: '"user"' in text and heard.set()
    )
    stream.open()
    stream.subscribe(["BTC-USD"], ["user"])
    assert heard.wait(20)
    stream.close()
