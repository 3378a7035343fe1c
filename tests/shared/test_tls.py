"""A real server whose authority only the shell's SSL_CERT_FILE names: nothing that speaks to an exchange trusts it."""

import asyncio
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from websockets.exceptions import InvalidStatus

from bot.venues.coinbase.endpoints import Endpoints
from bot.venues.coinbase.rest import CoinbaseRestClient
from bot.venues.errors import Unreachable
from bot.venues.limiter import Limiter
from bot.venues.net import SystemNet
from bot.venues.port import ApiKey
from cli import pm2_process
from research.data import download
from research.errors import ResearchError
from shared.ports import SystemClock
from shared.settings import Mode, Secret, Settings
from simulator.inprocess import LocalExchange
from simulator.server.relay import Relay
from tests.coinbase.https_server import Answer, HttpsServer
from tests.coinbase.test_keys import NAME, pem

NAMES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
OPEN = b'{"epochSeconds": "1700000000", "accounts": [], "has_next": false}'


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpsServer]:
    """Serves with an authority that the shell's variables name, and nobody else."""
    made = HttpsServer(tmp_path / "server")
    made.answers = [Answer(body=OPEN)]
    for name in NAMES:
        monkeypatch.setenv(name, str(made.ca))
    monkeypatch.setenv("SSL_CERT_DIR", str(made.folder))
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    yield made
    made.close()


@pytest.fixture
def net() -> Iterator[SystemNet]:
    made = SystemNet()
    yield made
    made.close()


def test_the_variables_do_widen_the_trust_of_a_plain_client(server: HttpsServer) -> None:
    """Else the tests below would prove nothing."""
    with urllib.request.urlopen(f"https://127.0.0.1:{server.port}/", timeout=5) as answer:
        assert answer.status == 200
    assert requests.get(f"https://127.0.0.1:{server.port}/", timeout=5).status_code == 200


def rest(server: HttpsServer, net: SystemNet, ca: Path | None) -> CoinbaseRestClient:
    clock = SystemClock()
    where = Endpoints(f"127.0.0.1:{server.port}", "", "", ca, None)
    return CoinbaseRestClient(where, ApiKey(NAME, Secret(pem())), net, clock, Limiter(clock, 1000, 1000))


async def test_rest(server: HttpsServer, net: SystemNet) -> None:
    with pytest.raises(Unreachable, match="certificate is not trusted"):
        await rest(server, net, None).balances()
    assert server.requests == []
    assert await rest(server, net, server.ca).balances() == (), "the settings' own file is trusted"


async def test_stream(server: HttpsServer, net: SystemNet) -> None:
    url = f"wss://127.0.0.1:{server.port}"
    with pytest.raises(ssl.SSLCertVerificationError):
        async with net.connect(url, None):
            pass
    assert server.requests == []
    with pytest.raises(InvalidStatus):  # trusted; it answers, and is no stream
        async with net.connect(url, server.ca):
            pass
    assert not Path(os.environ["SSLKEYLOGFILE"]).exists(), "the session's keys are written nowhere"


def test_research_download(server: HttpsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "TRIES_S", ())
    url = f"https://127.0.0.1:{server.port}"
    with pytest.raises(ResearchError, match="CERTIFICATE_VERIFY_FAILED"):
        download.DownloadClient(url).now_s()
    assert server.requests == []
    assert download.DownloadClient(url, server.ca).now_s() == 1_700_000_000


def _relay(server: HttpsServer, ca: str, monkeypatch: pytest.MonkeyPatch, *, upstream: bool) -> Any:
    host = f"127.0.0.1:{server.port}"
    monkeypatch.setattr("simulator.server.relay.REST", f"https://{host}")
    settings = Settings(coin_mode=Mode.PAPER, sim_upstream=host if upstream else "", sim_upstream_ca=ca)
    return Relay(settings)


async def _waits(relay: Relay, caplog: pytest.LogCaptureFixture) -> str:
    """Why it waits for its venue."""
    stopping = asyncio.Event()
    task = asyncio.ensure_future(relay.prepare(stopping))
    why = await _said("relay.waiting", caplog)
    stopping.set()
    assert await task is None
    return why


async def _breaks_off(relay: Relay, caplog: pytest.LogCaptureFixture) -> str:
    """Why it has no stream."""
    task = asyncio.ensure_future(relay.follow(LocalExchange().exchange))
    why = await _said("relay.disconnected", caplog)
    task.cancel()
    return why


async def _said(what: str, caplog: pytest.LogCaptureFixture) -> str:
    caplog.clear()
    async with asyncio.timeout(10):
        while not (lines := [line for line in caplog.messages if line.startswith(what)]):
            await asyncio.sleep(0.01)
    return lines[0]


@pytest.mark.parametrize("upstream", [False, True])
async def test_relay(
    server: HttpsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, upstream: bool
) -> None:
    relay = _relay(server, "", monkeypatch, upstream=upstream)
    assert "SSLCertVerificationError" in await _waits(relay, caplog)
    assert server.requests == []
    trusting = _relay(server, str(server.ca), monkeypatch, upstream=upstream)
    assert "can be relayed" in await _waits(trusting, caplog)
    assert server.requests != [], "it is trusted, and asked"


async def test_the_relays_stream(
    server: HttpsServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    relay = _relay(server, "", monkeypatch, upstream=True)
    assert "CERTIFICATE_VERIFY_FAILED" in await _breaks_off(relay, caplog)
    trusting = _relay(server, str(server.ca), monkeypatch, upstream=True)
    assert "rejected WebSocket" in await _breaks_off(trusting, caplog)


def test_pm2_is_not_given_them(server: HttpsServer) -> None:
    assert not {*NAMES, "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "SSLKEYLOGFILE"} & set(pm2_process.environment())
