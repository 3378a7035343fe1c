"""Connections at once, by peer: in virtual time with real sockets, which only the door sees."""

import asyncio
import socket
from typing import Any

import pytest

from dashboard.auth.peer import RemotePeer
from dashboard.door import OLD_S, AcceptedSocket, ClientConnection, ConnectionLimits, Door, connections

OWNER = RemotePeer("127.0.0.1", uid=1000, here=True)
LIMITS = ConnectionLimits(most=20, kept=5, per_peer=8, waiting_per_peer=4)


class Told:
    """Says who connects, as the test has it."""

    def __init__(self) -> None:
        self.next = OWNER

    def of(self, _sock: Any) -> RemotePeer:
        return self.next


class Rig:
    def __init__(self) -> None:
        self.now = 0.0
        self.told = Told()
        self.door = Door(self.told, LIMITS, lambda: self.now)  # type: ignore[arg-type]
        self.sockets: list[socket.socket] = []
        self.admitted: list[ClientConnection] = []

    def connect(self, peer: RemotePeer, *, busy: bool = False) -> ClientConnection | None:
        ours, theirs = socket.socketpair()
        self.told.next = peer
        accepted = AcceptedSocket(fileno=ours.detach())
        self.sockets += [accepted, theirs]
        if not self.door.admit(accepted):
            return None
        made = accepted.connection
        assert made is not None
        self.admitted.append(made)
        if busy:
            made.begin()
        return made


@pytest.fixture
async def rig() -> Any:
    before, made = connections(), Rig()
    yield made
    for one in made.sockets:
        one.close()
    assert connections() == before
    assert (made.door._all, made.door._held, made.door._waiting) == (0, {}, {}), "nothing is left behind"


def stranger(i: int) -> RemotePeer:
    return RemotePeer(f"192.0.2.{i}")


async def test_who_takes_too_many_loses_their_own_oldest_waiting_one(rig: Rig) -> None:
    first, *others = [rig.connect(stranger(1)) for _ in range(LIMITS.waiting_per_peer)]
    owner = rig.connect(OWNER)
    assert rig.connect(stranger(1)) is None, "a burst is refused"
    rig.now += OLD_S
    newest = rig.connect(stranger(1))
    assert first and first.gone
    assert newest and not newest.gone
    assert owner and not owner.gone
    assert not any(one.gone for one in others if one)


async def test_busy_ones_are_never_dropped_and_fill_a_peers_share(rig: Rig) -> None:
    held = [rig.connect(stranger(1), busy=True) for _ in range(LIMITS.per_peer)]
    assert all(held)
    assert rig.connect(stranger(1)) is None
    assert not any(one.gone for one in held if one)
    assert rig.connect(stranger(2)) is not None


async def test_strangers_cannot_fill_the_share_of_those_who_signed_in(rig: Rig) -> None:
    rig.door.know(OWNER.key)
    held = [one for i in range(10) for _ in range(8) if (one := rig.connect(stranger(i), busy=True))]
    assert len(held) == LIMITS.most - LIMITS.kept
    assert rig.connect(stranger(99)) is None
    assert all(rig.connect(OWNER, busy=True) for _ in range(LIMITS.kept))
    assert not any(one.gone for one in held)


async def test_waiting_strangers_make_room_for_new_ones_and_the_greediest_first(rig: Rig) -> None:
    for i in range(7):
        rig.connect(stranger(i))
    greedy = [rig.connect(stranger(50)) for _ in range(4)] + [rig.connect(stranger(51)) for _ in range(4)]
    assert sum(not one.gone for one in rig.admitted) == LIMITS.most - LIMITS.kept
    new = rig.connect(stranger(60))
    assert new and not new.gone
    assert sum(one.gone for one in greedy if one) == 1


async def test_the_one_who_signed_in_gets_in_when_all_is_full(rig: Rig) -> None:
    rig.door.know(OWNER.key)
    other = RemotePeer("127.0.0.1", uid=1001, here=True)
    rig.door.know(other.key)
    for i in range(10):
        rig.connect(stranger(i))
    for _ in range(LIMITS.per_peer):
        rig.connect(other, busy=True)
    mine = [rig.connect(OWNER, busy=True) for _ in range(LIMITS.kept)]
    assert all(mine) and not any(one.gone for one in mine if one)


async def test_a_share_lasts_half_a_day_after_the_last_request(rig: Rig) -> None:
    made = rig.connect(OWNER)
    assert made
    made.signed_in()
    rig.now = 12 * 3600 - 1
    assert rig.door.knows(OWNER.key)
    rig.now += 2
    assert not rig.door.knows(OWNER.key)


async def test_what_is_remembered_of_peers_is_bounded(rig: Rig) -> None:
    for i in range(5000):
        rig.door.know(f"uid {i}")
    assert [i for i in range(5000) if rig.door.knows(f"uid {i}")] == list(range(4000, 5000)), "the newest"


async def test_a_number_of_a_file_that_is_used_again_is_another_connection(rig: Rig) -> None:
    first = rig.connect(OWNER)
    assert first
    number = first.sock.fileno()
    first.sock.close()
    assert first.gone
    again = rig.connect(RemotePeer("127.0.0.1", uid=1001, here=True))
    assert again and again.sock.fileno() == number
    assert again.peer.uid == 1001


async def test_a_late_one_is_dropped_and_one_that_began_is_not(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.door.HEADER_TIMEOUT_S", 0.01)
    late, busy = rig.connect(OWNER), rig.connect(OWNER, busy=True)
    await asyncio.sleep(0.05)
    assert late and late.gone
    assert busy and not busy.gone
    busy.rest()
    busy.expect()
    await asyncio.sleep(0.05)
    assert busy.gone
