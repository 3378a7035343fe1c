"""The server as a process: start, certificates, crash, ports, settings, signals, logs."""

import signal
import socket
import stat
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

from simulator import admin
from simulator.api.http import Response
from simulator.core.faults import Faults
from simulator.inprocess import LocalExchange
from simulator.server import app
from tests.simulator.conftest import PREFIX, ROOT, Sim, free_port


def test_what_a_client_saw_accepted_survives_kill_9(own_sim: Sim) -> None:
    own_sim.start()
    files = {name: (own_sim.folder / "sim" / name).read_bytes() for name in ("ca.pem", "key.json", "admin_token")}
    client, mark = own_sim.sdk(), uuid.uuid4().hex
    client.market_order_buy(uuid.uuid4().hex, "BTC-USD", quote_size="100")
    price = float(client.get_product("BTC-USD").price)
    order_id = client.limit_order_gtc_buy(mark, "BTC-USD", "0.01", f"{price * 0.5:.2f}").success_response["order_id"]
    before = {a.currency: (a.available_balance, a.hold) for a in client.get_accounts().accounts}
    assert own_sim.stop(signal.SIGKILL) == -signal.SIGKILL
    own_sim.start()
    client = own_sim.sdk()
    assert client.get_order(order_id).order.status == "OPEN"
    assert {a.currency: (a.available_balance, a.hold) for a in client.get_accounts().accounts} == before
    again = client.limit_order_gtc_buy(mark, "BTC-USD", "0.01", f"{price * 0.5:.2f}")
    assert again.success_response["order_id"] == order_id
    assert client.cancel_orders([order_id]).results[0].success
    assert files == {name: (own_sim.folder / "sim" / name).read_bytes() for name in files}
    assert own_sim.stop(signal.SIGTERM) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_within_two_seconds(own_sim: Sim, number: int) -> None:
    own_sim.start()
    began = time.monotonic()
    assert own_sim.stop(number) == 0
    assert time.monotonic() - began < 2
    log = own_sim.folder / "logs" / "COIN-SIM.log"
    assert "sim.ready" in log.read_text() and "sim.stopped" in log.read_text()
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_it_is_ready_soon_and_its_files_are_private(own_sim: Sim) -> None:
    began = time.monotonic()
    own_sim.start()
    assert time.monotonic() - began < 3  # 0.4 s on an idle machine
    for path in (own_sim.folder / "sim").iterdir():
        assert not stat.S_IMODE(path.stat().st_mode) & 0o077, path
    assert set(own_sim.key()) == {"name", "privateKey"}


def _run(sim: Sim, **changed: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "simulator"],
        cwd=ROOT,
        env=sim.environment() | changed,
        capture_output=True,
        timeout=15,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).decode()


def test_a_taken_port_and_a_taken_account_say_so(own_sim: Sim, tmp_path: Path) -> None:
    own_sim.start()
    code, text = _run(own_sim, DATA_DIR=str(tmp_path / "other"))
    assert code == 3 and str(own_sim.port) in text and "taken" in text
    code, text = _run(own_sim, SIM_PORT="1", SIM_ADMIN_PORT="2")
    assert code == 3 and "another COIN-SIM" in text


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"SIM_PORT": "many"}, "SIM_PORT"),
        ({"SIM_MARKET": "sideways"}, "SIM_MARKET"),
        ({"COIN_MODE": "replay", "SIM_REPLAY": "/nowhere/file.csv"}, "/nowhere/file.csv"),
        ({"SIM_IDEMPOTENCY": "perhaps"}, "SIM_IDEMPOTENCY"),
    ],
)
def test_settings_that_make_no_exchange_end_in_78_and_name_the_setting(
    own_sim: Sim, changed: dict[str, str], word: str
) -> None:
    code, text = _run(own_sim, **changed)
    assert code == 78 and word in text and "Traceback" not in text


def test_a_damaged_account_is_not_started_over(own_sim: Sim) -> None:
    (own_sim.folder / "sim").mkdir()
    account = own_sim.folder / "sim" / "account.db"
    account.write_bytes(b"this is no database" * 100)
    code, text = _run(own_sim)
    assert code == 78 and "account" in text and "Traceback" not in text
    assert account.read_bytes().startswith(b"this is no database")


def test_bad_faults_file_is_named(own_sim: Sim) -> None:
    (own_sim.folder / "sim").mkdir()
    (own_sim.folder / "sim" / "faults.json").write_text('{"nonsense": {}}')
    code, text = _run(own_sim)
    assert code == 78 and "faults.json" in text


def test_reset_wants_a_stopped_server_and_then_starts_over(own_sim: Sim) -> None:
    own_sim.start()
    own_sim.sdk().market_order_buy(uuid.uuid4().hex, "BTC-USD", quote_size="100")
    with pytest.raises(admin.SimError, match="running"):
        admin.reset(own_sim.paths)
    own_sim.stop()
    key = own_sim.key()
    assert admin.reset(own_sim.paths)
    own_sim.start()
    (usd,) = own_sim.sdk().get_accounts().accounts
    assert usd.available_balance["value"] == "10000" and own_sim.key() == key


def test_status_gates_and_deposits_over_the_admin_api(own_sim: Sim) -> None:
    assert admin.status(own_sim.paths, own_sim.admin_settings) is None
    own_sim.start()
    found = admin.status(own_sim.paths, own_sim.admin_settings)
    assert found is not None and found["pid"] == own_sim.process.pid  # type: ignore[union-attr]
    assert float(found["products"]["BTC-USD"]["price"]) > 0
    admin.set_gate(own_sim.paths, own_sim.admin_settings, "BTC-USD", "cancel_only")
    assert own_sim.sdk().get_product("BTC-USD").cancel_only
    with pytest.raises(admin.SimError):
        admin.set_gate(own_sim.paths, own_sim.admin_settings, "BTC-USD", "ajar")
    admin.deposit(own_sim.paths, own_sim.admin_settings, "2", "BTC")
    balances = {a.currency: a.available_balance["value"] for a in own_sim.sdk().get_accounts().accounts}
    assert balances == {"BTC": "2", "USD": "10000"}


def test_connections_and_requests_have_their_limits(own_sim: Sim) -> None:
    """All at once, so that it takes the server no time that would let a limit recover, however busy the machine is."""
    own_sim.settings["SIM_PLAIN_PORT"] = str(free_port())
    own_sim.start()
    upgrade = (
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    plain = [socket.create_connection(("127.0.0.1", own_sim.plain_port), 15) for _ in range(60)]
    for connection in plain:
        connection.sendall(upgrade)
    answers = [connection.recv(12) for connection in plain]
    assert answers[0] == b"HTTP/1.1 101" and b"HTTP/1.1 429" in answers
    for connection in plain:
        connection.close()
    with socket.create_connection(("127.0.0.1", own_sim.plain_port), 15) as connection:
        connection.sendall(f"GET {PREFIX}/time HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 60)
        found = b""
        while found.count(b"HTTP/1.1 ") < 60:
            found += connection.recv(65_536)
    assert found.startswith(b"HTTP/1.1 200") and found.count(b"HTTP/1.1 429") > 0


def test_eight_streams_a_second_may_be_opened_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = LocalExchange().exchange
    clock = [exchange.now_us]
    monkeypatch.setattr(app, "wall_us", lambda: clock[0])
    server = app.SimServer(exchange, {}, Faults(1), 1)

    def refused(client: str, count: int) -> list[bool]:
        opened = [server.connect(lambda: None, client) for _ in range(count)]
        return [isinstance(one, Response) and one.status == 429 for one in opened]

    assert refused("127.0.0.1", 12) == [False] * 8 + [True] * 4
    assert refused("127.0.0.2", 1) == [False], "another address has its own"
    clock[0] += 1_000_000
    assert refused("127.0.0.1", 9) == [False] * 8 + [True]
    server.api.enforce_limits = False
    assert refused("127.0.0.1", 20) == [False] * 20


def test_admin_is_light_to_import() -> None:
    heavy = "('numpy', 'websockets', 'simulator.server.app', 'simulator.core.book')"
    code = f"import sys, simulator.admin; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]", done.stderr
