"""Which unix user holds the other end of a TCP connection on this machine: one row of the kernel's socket table.

Linux only. `sock_diag` over netlink answers in microseconds; `/proc/net/tcp` and `tcp6` say the same where that is
not to be had. A row counts only if it is exactly the connection asked for and a process still holds its socket: the
kernel shows user 0 for sockets that were closed already.
"""

import contextlib
import ipaddress
import logging
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h, net/tcp_states.h
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_TCP_TIME_WAIT, _TCP_CLOSE, _TCP_LISTEN = 6, 7, 10
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI")
_ID = struct.Struct("!HH16s16s")
_ID_REST = struct.Struct("=I8s")
_ROW = struct.Struct("=BBBB48s5I")
_NO_COOKIE = b"\xff" * 8
_WAIT_S = 0.2
_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_WHOLE_RANGE = ["0", "0", "4294967295"]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Unanswered(Exception):
    """The kernel was not to be asked this way."""


@dataclass(frozen=True, slots=True)
class Ends:
    """One connection, seen from the end that is looked for."""

    address: Address
    port: int
    to_address: Address
    to_port: int

    @classmethod
    def of(cls, theirs: tuple[str, int], ours: tuple[str, int]) -> "Ends":
        """From two socket addresses. Raises ValueError."""
        return cls(plain(theirs[0]), theirs[1], plain(ours[0]), ours[1])


def plain(text: str) -> Address:
    """An address without its zone; an IPv4 address that is written as IPv6 becomes what it is. Raises ValueError."""
    found = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


class Netlink:
    """One row of the kernel's table for each question. Raises OSError where the family is not to be had."""

    def __init__(self) -> None:
        self._number = 0
        self._socket = self._open()

    @staticmethod
    def _open() -> socket.socket:
        family: int | None = getattr(socket, "AF_NETLINK", None)
        if family is None:
            raise OSError("no netlink on this system")
        made = socket.socket(family, socket.SOCK_DGRAM, _NETLINK_SOCK_DIAG)
        made.settimeout(_WAIT_S)
        return made

    def __call__(self, ends: Ends) -> int | None:
        """The uid that holds `ends`; None = no process does. Raises Unanswered."""
        self._number = (self._number + 1) % 2**31
        family = socket.AF_INET if ends.address.version == 4 else socket.AF_INET6
        asked = _ID.pack(ends.port, ends.to_port, ends.address.packed, ends.to_address.packed)
        body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + asked + _ID_REST.pack(0, _NO_COOKIE)
        head = _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, self._number, 0)
        try:
            self._socket.sendto(head + body, (0, 0))
            while True:
                answer = self._socket.recv(8192)
                _, kind, _, number, _ = _HEADER.unpack_from(answer)
                if number == self._number:  # a late answer to an earlier question is not ours
                    break
        except (OSError, struct.error) as error:
            self._renew()
            raise Unanswered(str(error)) from error
        return _row(answer[_HEADER.size :], ends) if kind == _SOCK_DIAG_BY_FAMILY else None

    def _renew(self) -> None:
        self._socket.close()
        with contextlib.suppress(OSError):
            self._socket = self._open()

    def close(self) -> None:
        self._socket.close()


def _row(data: bytes, ends: Ends) -> int | None:
    """The uid in one `inet_diag_msg`, where it is the connection asked for: the kernel may hand out a listener."""
    if len(data) < _ROW.size:
        return None
    family, state, _, _, found, _, _, _, uid, inode = _ROW.unpack_from(data)
    port, to_port, address, to_address = _ID.unpack_from(found)
    size = 4 if family == socket.AF_INET else 16
    shown = Ends(_address(address[:size]), port, _address(to_address[:size]), to_port)
    held = inode != 0 and state not in (_TCP_TIME_WAIT, _TCP_CLOSE, _TCP_LISTEN)
    return int(uid) if held and shown == ends else None


def _address(packed: bytes) -> Address:
    return plain(str(ipaddress.ip_address(packed)))


def from_tables(ends: Ends, tables: tuple[Path, ...] = _TABLES) -> int | None:
    """The same from `/proc/net`: a pass over every connection of the machine. Raises Unanswered."""
    read = 0
    for table in tables:
        try:
            rows = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        read += 1
        for row in rows:
            fields = row.split()
            state, uid, inode = int(fields[3], 16), int(fields[7]), int(fields[9])
            if inode == 0 or state in (_TCP_TIME_WAIT, _TCP_CLOSE, _TCP_LISTEN):
                continue
            if not fields[1].endswith(f":{ends.port:04X}"):
                continue
            if Ends(*_hex(fields[1]), *_hex(fields[2])) == ends:
                return uid
    if not read:
        raise Unanswered("/proc/net/tcp cannot be read")
    return None


def _hex(field: str) -> tuple[Address, int]:
    """`0100007F:1F90`: an address in the machine's own byte order, word by word, and a port."""
    words, _, port = field.rpartition(":")
    packed = b"".join(struct.pack("=I", int(words[i : i + 8], 16)) for i in range(0, len(words), 8))
    return _address(packed), int(port, 16)


class SocketOwners:
    """Asks whichever way works on this machine; `way` names it, empty where none does."""

    def __init__(self, ways: tuple[tuple[str, Callable[[], Callable[[Ends], int | None]]], ...] | None = None) -> None:
        self.way = ""
        self._ask: Callable[[Ends], int | None] | None = None
        self._unmapped = _unmapped_uid()
        for name, make in ways if ways is not None else (("netlink", Netlink), ("procfs", lambda: from_tables)):
            try:
                ask = make()
                if _finds_itself(ask):
                    self.way, self._ask = name, ask
                    return
            except (OSError, Unanswered, ValueError) as error:
                log.debug("peer.lookup_unavailable way=%s error=%s", name, error)

    def uid(self, connection: socket.socket) -> int | None:
        """The user at the other end of `connection`; None = nobody on this machine, or nobody who can be named.

        The connection must still stand when the answer is there: what came later with the same numbers is not it.
        """
        if self._ask is None:
            return None
        try:
            ends = Ends.of(connection.getpeername()[:2], connection.getsockname()[:2])
            try:
                found = self._ask(ends)
            except Unanswered:
                found = from_tables(ends)
            connection.getpeername()
        except (OSError, ValueError, Unanswered):
            return None
        return None if found == self._unmapped else found


def _finds_itself(ask: Callable[[Ends], int | None]) -> bool:
    """Does it name our own user for a connection that we hold both ends of?"""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        with socket.create_connection(listener.getsockname(), _WAIT_S) as ours:
            held, _ = listener.accept()
            with held:
                return ask(Ends.of(ours.getsockname(), held.getsockname())) == os.geteuid()


def _unmapped_uid() -> int | None:
    """In a user namespace that lacks some users, the kernel shows all of those as one: that one names nobody."""
    try:
        if Path("/proc/self/uid_map").read_text(encoding="ascii").split() == _WHOLE_RANGE:
            return None
        return int(Path("/proc/sys/kernel/overflowuid").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
