"""Where the dashboard listens. On loopback that is both 127.0.0.1 and [::1]: whoever held the other one would be given
what a browser sends to `localhost`."""

import errno
import logging
import socket

from dashboard.door import BACKLOG, Door, Listener

log = logging.getLogger(__name__)
_LOOPBACK = ("127.0.0.1", "::1")
# What binding says where the machine has no such address.
NOT_THERE = (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT, errno.EINVAL)


class Taken(Exception):
    """An address that cannot be bound."""

    def __init__(self, host: str, port: int, why: str) -> None:
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        super().__init__(f"cannot listen on {name}: {why}")
        self.name = name


def addresses(host: str) -> tuple[str, ...]:
    """What is bound for DASHBOARD_HOST; the first must be had, another only where its family is there."""
    if host == "::1":
        return ("::1", "127.0.0.1")
    return _LOOPBACK if host in ("127.0.0.1", "localhost") else (host,)


def listen(host: str, port: int, door: Door) -> list[socket.socket]:
    """The listening sockets, in the order of `addresses`. Raises Taken: half of loopback is none."""
    found: list[socket.socket] = []
    for i, address in enumerate(addresses(host)):
        try:
            found.append(_one(address, port, door))
        except OSError as error:
            if i and error.errno in NOT_THERE:
                log.info("listen.address_missing address=%s error=%s", address, error.strerror)
                continue
            for made in found:
                made.close()
            raise Taken(address, port, error.strerror or str(error)) from error
    return found


def _one(address: str, port: int, door: Door) -> Listener:
    made = Listener(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    made.door = door
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if address == "::1":
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((address, port))
        made.listen(BACKLOG)
    except OSError:
        made.close()
        raise
    return made
