"""The process itself: how it starts, refuses to start, ends, and what a bad client can do to it."""

import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from dashboard.door import HEADER_TIMEOUT_S
from dashboard.links import create_login_link, create_token
from shared.paths import DataPaths
from shared.settings import load
from tests.conftest import ROOT


def command(folder: Path, port: int, **env: str) -> subprocess.Popen[str]:
    whole = {**os.environ, "DATA_DIR": str(folder), "DASHBOARD_PORT": str(port), "PM2_HOME": str(folder / "pm2"), **env}
    return subprocess.Popen(
        [sys.executable, "-m", "dashboard"], cwd=ROOT, env=whole, text=True, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )  # fmt: skip


@pytest.fixture
def served(tmp_path: Path, free_port: Callable[[], int]) -> Iterator[tuple[DataPaths, int, subprocess.Popen[str]]]:
    port = free_port()
    process = command(tmp_path, port)
    for _ in range(1200):  # a busy machine takes its time for the start
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz")
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        else:
            break
    yield DataPaths(tmp_path), port, process
    if process.poll() is None:
        process.kill()
    process.communicate()


@pytest.mark.parametrize(("host", "name"), [("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")])
def test_a_taken_port_ends_with_3_and_names_it(
    tmp_path: Path, free_port: Callable[[], int], host: str, name: str
) -> None:
    port = free_port()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as holder:
        holder.bind((host, port))
        holder.listen()
        process = command(tmp_path, port)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 3
    assert f"{name}:{port}" in error
    assert "DASHBOARD_PORT" in error


@pytest.mark.parametrize(
    ("env", "word"),
    [
        ({"DASHBOARD_HOST": "0.0.0.0"}, "DASHBOARD_PASSWORD_HASH"),
        ({"DASHBOARD_HOST": "192.168.1.7", "DASHBOARD_BEHIND_PROXY": "true"}, "DASHBOARD_PASSWORD_HASH"),
        ({"DASHBOARD_PORT": "99999"}, "DASHBOARD_PORT"),
        ({"DASHBOARD_TLS_CERT": "x.pem"}, "DASHBOARD_TLS_KEY"),
        ({"DATA_DIR": "/proc/nowhere"}, "/proc/nowhere"),
    ],
)
def test_bad_settings_end_with_78_and_are_named(tmp_path: Path, env: dict[str, str], word: str) -> None:
    process = command(tmp_path, 1, **env)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 78
    assert word in error
    assert "Traceback" not in error


def test_it_binds_loopback_only_and_ends_quickly_with_a_stream_open(
    served: tuple[DataPaths, int, subprocess.Popen[str]],
) -> None:
    paths, port, process = served
    token = create_token(paths, "viewer")
    stream = socket.create_connection(("127.0.0.1", port))
    head = f"GET /api/stream?page=overview HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n\r\n"
    stream.sendall(head.encode())
    assert b"text/event-stream" in stream.recv(4096)
    table = Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()
    mine = [line.split()[1] for line in table.splitlines() if f":{port:04X} " in line and " 0A " in line]
    # 127.0.0.1 and [::1]: whoever held the other would be given what a browser sends to localhost
    assert sorted(mine) == [f"00000000000000000000000001000000:{port:04X}", f"0100007F:{port:04X}"]
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.wait(8)
    assert time.monotonic() - began < 5
    assert process.returncode == 0


def test_the_log_is_private_and_holds_no_secret(served: tuple[DataPaths, int, subprocess.Popen[str]]) -> None:
    paths, port, process = served
    settings = load(paths.root / "none", {"DASHBOARD_PORT": str(port)}).settings
    link = create_login_link(paths, settings)
    secret = link.partition("t=")[2]
    with httpx.Client() as client:
        assert client.get(link).status_code == 200
        client.get(f"http://127.0.0.1:{port}/login/link?t=wrong-{secret}")
        client.get(f"http://127.0.0.1:{port}/nowhere%1b[31m?t={secret}%0a%1b[31m")
    process.send_signal(signal.SIGTERM)
    out, error = process.communicate(timeout=10)
    log = paths.logs / "COIN.log"
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    text = log.read_text()
    assert "login.done how=link" in text
    assert "login.failed how=link" in text
    for sink in (text, out, error):
        assert secret not in sink
        assert "\x1b" not in sink


def test_a_shell_without_the_settings_of_the_start_gets_a_link_that_works(
    served: tuple[DataPaths, int, subprocess.Popen[str]],
) -> None:
    paths, port, _ = served
    link = create_login_link(paths, load(paths.root / "none", {}).settings)
    assert link.startswith(f"http://127.0.0.1:{port}/")
    assert httpx.get(link).status_code == 200


def test_headers_that_never_end_are_given_up_and_others_are_served(
    served: tuple[DataPaths, int, subprocess.Popen[str]],
) -> None:
    _, port, _ = served
    slow = []
    for _ in range(60):  # more of one user are refused; what another user does: tests/two_users
        one = socket.create_connection(("127.0.0.1", port))
        one.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        slow.append(one)
    took = []
    for _ in range(20):
        began = time.perf_counter()
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        took.append(time.perf_counter() - began)
    assert sorted(took)[len(took) // 2] < 0.2
    time.sleep(HEADER_TIMEOUT_S + 0.6)
    cut = 0
    for one in slow:
        one.settimeout(0.2)
        try:
            cut += one.recv(1) == b""
        except ConnectionResetError:
            cut += 1
        except TimeoutError:
            pass
        one.close()
    assert cut == 60


@pytest.mark.parametrize("noise", [b"\x00" * 300 + b"\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n",
                                 b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n\r\n", b"POST / HTTP/1.1\r\nHost: x\r\n"
                                 b"Content-Length: -5\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"])  # fmt: skip
def test_noise_on_the_socket_breaks_nothing(served: tuple[DataPaths, int, subprocess.Popen[str]], noise: bytes) -> None:
    _, port, process = served
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(noise)
        one.settimeout(3)
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            answer = one.recv(4096)
        assert b"Traceback" not in answer
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
    assert process.poll() is None


def raw(port: int, request: bytes) -> bytes:
    """All that comes back until the server closes, at most three seconds long."""
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.settimeout(3)
        one.sendall(request)
        found = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while piece := one.recv(65536):
                found += piece
        return found


def test_two_lengths_in_one_request_are_400_and_nothing_after_them_is_read(
    served: tuple[DataPaths, int, subprocess.Popen[str]],
) -> None:
    paths, port, _ = served
    head = f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {create_token(paths, 'operator')}\r\n"
    second = f"GET /api/state HTTP/1.1\r\n{head}\r\n"
    for method, path in (("POST", "/api/commands"), ("POST", "/login/password"), ("GET", "/api/state")):
        both = f"{method} {path} HTTP/1.1\r\n{head}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
        found = raw(port, (both + second).encode())
        assert found.startswith(b"HTTP/1.1 400 "), (path, found[:80])
        assert found.count(b"HTTP/1.1 ") == 1, "the connection is over"
    assert raw(port, second.encode()).startswith(b"HTTP/1.1 200 ")


def test_a_body_that_drips_on_after_its_answer_ends_with_the_deadline(
    served: tuple[DataPaths, int, subprocess.Popen[str]],
) -> None:
    paths, port, _ = served
    token = create_token(paths, "viewer")
    with socket.create_connection(("127.0.0.1", port)) as one:
        one.sendall(f"GET /api/health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
                    "Content-Length: 10000\r\n\r\n".encode())  # fmt: skip
        assert one.recv(4096).startswith(b"HTTP/1.1 200")
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 3 * HEADER_TIMEOUT_S:
                one.sendall(b"x")
                time.sleep(0.2)
        assert HEADER_TIMEOUT_S - 1 < time.monotonic() - began < 2 * HEADER_TIMEOUT_S
