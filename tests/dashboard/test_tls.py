"""TLS by the dashboard itself, on a real socket: who connects, what the cookies say, and what a wrong file leads to."""

import http.client
import socket
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from dashboard.links import create_login_link, create_token
from shared.paths import DataPaths
from shared.settings import load
from simulator.server.files import SimFiles, make_certificates
from tests.dashboard.test_process import command


@dataclass(frozen=True, slots=True)
class Served:
    paths: DataPaths
    port: int
    trust: ssl.SSLContext
    env: dict[str, str]

    @property
    def base(self) -> str:
        return f"https://127.0.0.1:{self.port}"


def certificates(folder: Path) -> SimFiles:
    """A certificate authority of its own, and one file with a server's chain and key."""
    folder.mkdir()
    files = SimFiles(folder)
    make_certificates(files)
    return files


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("tls")
    files = certificates(folder / "tls")
    env = {"DASHBOARD_TLS_CERT": str(files.server), "DASHBOARD_TLS_KEY": str(files.server)}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = command(folder / "data", port, **env)
    trust = ssl.create_default_context(cafile=str(files.ca))
    made = Served(DataPaths(folder / "data"), port, trust, env)
    for _ in range(300):
        try:
            httpx.get(f"{made.base}/healthz", verify=trust)
        except httpx.TransportError:
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.05)
        else:
            break
    yield made
    process.terminate()
    assert process.wait(10) == 0
    process.communicate()


def test_it_is_reached_by_its_certificate_and_says_to_stay_with_tls(served: Served) -> None:
    answer = httpx.get(f"{served.base}/healthz", verify=served.trust)
    assert answer.status_code == 200
    assert answer.headers["strict-transport-security"].startswith("max-age=")


def test_whoever_does_not_know_the_certificate_gets_nothing(served: Served) -> None:
    with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
        httpx.get(f"{served.base}/healthz")


def test_no_plain_http_on_the_same_port(served: Served) -> None:
    plain = http.client.HTTPConnection("127.0.0.1", served.port, timeout=5)
    with pytest.raises((http.client.HTTPException, OSError)):
        plain.request("GET", "/healthz")
        plain.getresponse()


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_no_old_protocol(served: Served, version: ssl.TLSVersion) -> None:
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = old.maximum_version = version
    with socket.create_connection(("127.0.0.1", served.port), 5) as raw, pytest.raises((ssl.SSLError, OSError)):
        old.wrap_socket(raw).close()


def test_a_link_signs_in_with_a_cookie_that_never_leaves_tls(served: Served) -> None:
    settings = load(served.paths.root / "no.env", {"DASHBOARD_PORT": str(served.port), **served.env}).settings
    link = create_login_link(served.paths, settings, "operator")
    assert link.startswith(served.base)
    with httpx.Client(verify=served.trust) as client:
        answer = client.get(link)
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-coin-") and "; Secure" in cookie and "HttpOnly" in cookie
        assert "SameSite=strict" in cookie.replace("Strict", "strict") and "Domain" not in cookie
        assert client.get(f"{served.base}/").status_code == 200
        # A browser's POST names the https origin; the same name without TLS is another site.
        for origin, status in ((served.base, 403), (served.base.replace("https", "http"), 403)):
            refused = client.post(f"{served.base}/commands", data={"cmd": "pause"}, headers={"Origin": origin})
            assert refused.status_code == status
        assert "older than your sign-in" in client.post(
            f"{served.base}/commands", data={"cmd": "pause"}, headers={"Origin": served.base}
        ).text  # fmt: skip


def test_the_stream_runs_over_tls_as_well(served: Served) -> None:
    head = {"authorization": f"Bearer {create_token(served.paths, 'viewer')}"}
    with (
        httpx.Client(verify=served.trust, timeout=10) as client,
        client.stream("GET", f"{served.base}/api/stream?page=overview", headers=head) as stream,
    ):
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert next(stream.iter_lines()).startswith("data: <hx-partial")


@pytest.mark.parametrize("which", ["missing", "not a certificate", "another key"])
def test_a_wrong_file_ends_with_78_and_is_named(
    tmp_path: Path, free_port: Callable[[], int], served: Served, which: str
) -> None:
    env = dict(served.env)
    if which == "missing":
        env["DASHBOARD_TLS_CERT"] = str(tmp_path / "none.pem")
    elif which == "not a certificate":
        (tmp_path / "text.pem").write_text("hello")
        env["DASHBOARD_TLS_CERT"] = str(tmp_path / "text.pem")
    else:
        env["DASHBOARD_TLS_KEY"] = str(certificates(tmp_path / "tls").server)
    process: subprocess.Popen[str] = command(tmp_path / "data", free_port(), **env)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 78
    assert "DASHBOARD_TLS" in error and "Traceback" not in error
