"""What `./coin doctor` and `./coin start` say of the dashboard's addresses and of whose its sessions are."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import ports
from cli.doctor import machine
from cli.doctor.check import DiagnosticRow
from dashboard import listen
from dashboard.auth import socket_owner
from dashboard.auth.peer import Peers
from dashboard.door import Door
from shared.settings import load


@pytest.mark.parametrize("held", ["127.0.0.1", "::1"])
def test_a_port_is_free_only_where_both_loopback_addresses_are(free_port: Callable[[], int], held: str) -> None:
    port = free_port()
    assert ports.dashboard_is_free("127.0.0.1", port)
    with socket.socket(socket.AF_INET6 if ":" in held else socket.AF_INET) as holder:
        holder.bind((held, port))
        holder.listen()
        for host in ("127.0.0.1", "::1", "localhost"):
            assert not ports.dashboard_is_free(host, port)


def test_a_machine_without_ipv6_listens_on_the_one_address(
    free_port: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listen, "_LOOPBACK", ("127.0.0.1", "2001:db8::1"))  # no address of this machine
    [only] = listen.listen("127.0.0.1", free_port(), Door(Peers()))
    with only:
        assert only.getsockname()[0] == "127.0.0.1"


def sign_ins(folder: Path, **env: str) -> DiagnosticRow:
    return machine.sign_ins(load(folder / "none", env).settings)


def test_doctor_says_whose_a_session_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "only for the unix user who signed in (netlink)" in sign_ins(tmp_path).found
    proxied = {"DASHBOARD_BEHIND_PROXY": "true", "DASHBOARD_HOSTS": "coin.example"}
    assert "through the proxy" in sign_ins(tmp_path, **proxied).found

    def none(_ends: object) -> None:
        raise socket_owner.Unanswered

    monkeypatch.setattr(socket_owner, "Netlink", lambda: none)
    monkeypatch.setattr(socket_owner, "from_tables", none)
    blind = sign_ins(tmp_path)
    assert "can't tell who connects" in blind.found and "other people" in (blind.way_out or "")
