"""Who holds the other end of a connection, as the kernel says it, and that a session is that user's alone."""

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dashboard.auth.peer import NETWORK, Peers, RemotePeer
from dashboard.auth.roles import Role
from dashboard.auth.sessions import OtherUser, Sessions
from dashboard.auth.socket_owner import Ends, Netlink, SocketOwners, Unanswered, from_tables
from dashboard.links import create_login_link, create_token
from tests.dashboard.conftest import BASE, OWNER, Dash
from tests.dashboard.other_user import STRANGER, sockets_of

Ask = Callable[[Ends], int | None]
THIEF = RemotePeer("127.0.0.1", uid=1001, here=True)
NOBODY = RemotePeer("127.0.0.1", here=True)
WAYS: dict[str, Callable[[], Ask]] = {"netlink": Netlink, "procfs": lambda: from_tables}


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Ask:
    return WAYS[request.param]()


def listening(host: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if host == "::":
        made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    made.bind((host, 0))
    made.listen()
    return made


@pytest.fixture(params=["127.0.0.1", "::1", "v4 to a socket of both", "v4 written as v6"])
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """(the client's socket, the accepted one)."""
    host = {"::1": "::1", "127.0.0.1": "127.0.0.1"}.get(request.param, "::")
    client = "127.0.0.1" if host == "::" else host
    if request.param == "v4 written as v6":
        client = "::ffff:127.0.0.1"
    with listening(host) as listener, socket.create_connection((client, listener.getsockname()[1])) as ours:
        held, _ = listener.accept()
        with held:
            yield ours, held


def test_the_kernel_names_the_user_at_the_other_end(ask: Ask, pair: tuple[socket.socket, socket.socket]) -> None:
    _, held = pair
    assert ask(Ends.of(held.getpeername()[:2], held.getsockname()[:2])) == os.geteuid()


@pytest.mark.needs("root")
def test_it_names_another_user_and_not_ours(ask: Ask) -> None:
    with listening("127.0.0.1") as listener:
        [theirs] = sockets_of(STRANGER, listener.getsockname())
        held, _ = listener.accept()
        with theirs, held:
            assert ask(Ends.of(held.getpeername(), held.getsockname())) == STRANGER


def test_a_connection_that_its_holder_closed_is_nobodys(ask: Ask, pair: tuple[socket.socket, socket.socket]) -> None:
    """The kernel shows user 0 for sockets that nobody holds any more; that is no word for root."""
    ours, held = pair
    ends = Ends.of(held.getpeername()[:2], held.getsockname()[:2])
    ours.close()
    assert ask(ends) is None
    held.close()
    assert ask(ends) is None


def test_a_listener_on_the_peers_port_is_not_taken_for_the_peer(ask: Ask) -> None:
    with listening("127.0.0.1") as listener, listening("127.0.0.1") as other:
        gone = Ends.of(other.getsockname(), listener.getsockname())
        assert ask(gone) is None


def after_the_trial(then: Ask) -> Ask:
    """A way that names the right user for the connection it is tried with, and answers by `then` from there on."""
    ways = iter((Netlink(),))

    def ask(ends: Ends) -> int | None:
        return next(ways, then)(ends)

    return ask


def test_what_ended_before_the_answer_came_names_nobody() -> None:
    with listening("127.0.0.1") as listener:
        ours = socket.create_connection(listener.getsockname())
        held, _ = listener.accept()

        def late(_ends: Ends) -> int:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            ours.close()  # reset: whoever has these numbers from here on is another
            return 0

        owners = SocketOwners((("netlink", lambda: after_the_trial(late)),))
        with held:
            assert owners.uid(held) is None
            assert Peers(owners).of(held).user is None


def test_where_netlink_fails_later_the_table_answers(pair: tuple[socket.socket, socket.socket]) -> None:
    def broken(_ends: Ends) -> int:
        raise Unanswered("gone")

    owners = SocketOwners((("netlink", lambda: after_the_trial(broken)),))
    assert owners.way == "netlink"
    assert owners.uid(pair[1]) == os.geteuid()


def test_where_no_way_works_users_are_not_told_apart_and_it_says_so(
    pair: tuple[socket.socket, socket.socket], tmp_path: Path
) -> None:
    peers = Peers(SocketOwners((("procfs", lambda: lambda ends: from_tables(ends, (tmp_path / "none",))),)))
    assert peers.way == ""
    found = peers.of(pair[1])
    assert (found.user, found.told_apart) == ("anybody", False)


def test_this_machine_can_tell_users_apart() -> None:
    assert Peers().way == "netlink"


@pytest.mark.parametrize(
    ("peer", "user", "key"),
    [
        (OWNER, "uid 1000", "uid 1000"),
        (NOBODY, None, "unknown user"),
        (RemotePeer("127.0.0.1", uid=0, here=True), "uid 0", "uid 0"),
        (RemotePeer("192.0.2.7"), NETWORK, "192.0.2.7"),
        (RemotePeer("::ffff:192.0.2.7"), NETWORK, "192.0.2.7"),
        (RemotePeer("2001:db8:1:2:3:4:5:6"), NETWORK, "2001:db8:1:2::/64"),
    ],
)
def test_what_a_session_and_a_limit_go_by(peer: RemotePeer, user: str | None, key: str) -> None:
    assert (peer.user, peer.key) == (user, key)


async def test_a_cookie_is_worth_nothing_in_another_users_hands(dash: Dash, caplog: pytest.LogCaptureFixture) -> None:
    async with await dash.browser() as owner:
        cookie, csrf = owner.cookies[dash.hub.site.cookie], owner.headers["x-csrf-token"]
        for thief in (THIEF, NOBODY, RemotePeer("192.0.2.7"), RemotePeer("127.0.0.1", here=True, told_apart=False)):
            async with dash.anonymous(thief, origin=BASE, **{"x-csrf-token": csrf}) as client:
                client.cookies.set(dash.hub.site.cookie, cookie)
                assert (await client.get("/api/state")).status_code == 401
                assert (await client.post("/api/commands", json={"cmd": "kill"})).status_code == 401
                assert (await client.post("/logout")).status_code == 401
        assert not dash.paths.kill.exists()
        assert (await owner.get("/api/state")).status_code == 200  # the owner stays signed in
        assert "coin_sessions_foreign_total 12.0" in (await owner.get("/metrics")).text
        assert "sent the cookie of uid 1000" in (await owner.get("/health")).text
    told = [r for r in caplog.records if "session.foreign_user" in r.message]
    assert [r.levelname for r in told] == ["WARNING"] * 4  # once a minute for each of them
    assert "owner=uid 1000 sent_by=uid 1001" in told[0].getMessage()
    assert sum(row["what"] == "session_foreign_user" for row in dash.hub.audit.tail()) == 4


async def test_cookies_put_beside_ours_by_another_port_change_nothing(dash: Dash) -> None:
    """A server on another port can set cookies of our name with a longer path, which browsers then send first."""
    async with await dash.browser() as owner:
        name, cookie = dash.hub.site.cookie, owner.cookies[dash.hub.site.cookie]
    planted = dash.hub.sessions.begin(Role.OPERATOR, "uid 1001")
    async with dash.anonymous(cookie=f"{name}={planted}; {name}=x; a; {name}={cookie}") as client:
        assert (await client.get("/api/state")).status_code == 200
    async with dash.anonymous(cookie=f"{name}={planted}") as client:
        assert (await client.get("/api/state")).status_code == 401


async def test_a_link_is_bound_to_whoever_redeems_it(dash: Dash) -> None:
    """`./coin login` may run as the bot's user; the browser belongs to the person."""
    link = create_login_link(dash.paths, dash.loaded.settings).removeprefix(BASE)
    async with dash.anonymous(NOBODY) as unnamed, dash.anonymous(THIEF) as first:
        assert (await unnamed.get(link)).status_code == 403  # and the link is not used up by it
        assert (await first.get(link)).status_code == 200
        assert (await first.get("/api/state")).status_code == 200
        cookie = first.cookies[dash.hub.site.cookie]
    with pytest.raises(OtherUser):
        Sessions(dash.paths.dashboard).find(cookie, OWNER.user)  # over a restart as well


async def test_a_token_is_good_from_anywhere(dash: Dash) -> None:
    token = create_token(dash.paths, "viewer")
    for peer in (OWNER, THIEF, NOBODY, RemotePeer("192.0.2.7")):
        async with dash.anonymous(peer, authorization=f"Bearer {token}") as client:
            assert (await client.get("/api/state")).status_code == 200


async def test_a_server_that_names_no_peer_gets_no_session(dash: Dash) -> None:
    async with await dash.browser() as owner:
        cookie = owner.cookies[dash.hub.site.cookie]
    scope = {"type": "http", "method": "GET", "path": "/api/state", "query_string": b"", "client": ("127.0.0.1", 1),
             "headers": [(b"host", b"127.0.0.1:8080"), (b"cookie", f"{dash.hub.site.cookie}={cookie}".encode())],
             }  # fmt: skip
    sent: list[int] = []

    async def send(message: dict[str, int]) -> None:
        sent.append(message.get("status", 0))

    await dash.app(scope, None, send)  # type: ignore[arg-type]
    assert sent[0] == 401
