"""Who is at the other end of a connection: the unix user on this machine, the address beyond it.

A browser sends a cookie to every port of a name, so another user's server on 127.0.0.1 is given our cookies. What
the kernel knows and no page can forge is the user who holds the other end.
"""

import contextlib
import ipaddress
import socket
from dataclasses import dataclass

from dashboard.auth.socket_owner import SocketOwners, plain

HERE = "uid "
NETWORK = "network"
ANYBODY = "anybody"
_V6_SITE_BITS = 64  # what one household or server is usually given


@dataclass(frozen=True, slots=True)
class RemotePeer:
    """The other end of one connection."""

    address: str
    uid: int | None = None
    here: bool = False  # on this machine
    told_apart: bool = True  # this machine can say which user holds a connection

    @property
    def user(self) -> str | None:
        """What a session is bound to: a user of this machine, or the network beyond it. None = cannot be named: such
        a peer has no session and gets none."""
        if not self.here:
            return NETWORK
        if not self.told_apart:
            return ANYBODY
        return None if self.uid is None else f"{HERE}{self.uid}"

    @property
    def key(self) -> str:
        """What limits are counted by: the user here; elsewhere the address, of IPv6 its network."""
        if self.here:
            return self.user or "unknown user"
        with contextlib.suppress(ValueError):
            address = plain(self.address)
            if isinstance(address, ipaddress.IPv6Address):
                return str(ipaddress.ip_network((address, _V6_SITE_BITS), strict=False))
            return str(address)
        return self.address

    @property
    def label(self) -> str:
        """For logs and the audit trail."""
        if not self.here or not self.told_apart:
            return self.address
        return f"{self.address} ({self.user or 'unknown user'})"


# Where a server did not say who asks: nobody's session.
UNKNOWN = RemotePeer("?", here=True)


class Peers:
    """Names the peers of accepted connections."""

    def __init__(self, owners: SocketOwners | None = None) -> None:
        self._owners = owners if owners is not None else SocketOwners()

    @property
    def way(self) -> str:
        """How users are told apart: netlink or procfs; empty = they cannot be."""
        return self._owners.way

    def of(self, connection: socket.socket) -> RemotePeer:
        """The peer of an accepted connection. It is asked once, when the connection is new."""
        told_apart = bool(self.way)
        try:
            address = str(connection.getpeername()[0])
        except OSError:
            return RemotePeer("?", here=True, told_apart=told_apart)
        uid = self._owners.uid(connection)
        return RemotePeer(address, uid, uid is not None or _is_here(address), told_apart)


def _is_here(address: str) -> bool:
    """Is it an address of this machine? The kernel binds no other."""
    try:
        found = plain(address)
        if found.is_loopback:
            return True
        family = socket.AF_INET if found.version == 4 else socket.AF_INET6
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((str(found), 0))
    except (OSError, ValueError):
        return False
    return True
