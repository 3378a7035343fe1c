"""Which addresses an URL that came by the browser may lead to: public ones alone, whatever its name says.

A name is resolved once, every address of it must be public, and the connection goes to one of exactly these: a name
that answers otherwise a moment later changes nothing. Redirects are followed nowhere.
"""

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

Resolver = Callable[[str, int], list[str]]
# IPv6 ranges that carry an IPv4 address within: what that one is decides.
_NAT64 = ip_network("64:ff9b::/96")


class NotPublic(Exception):
    """The name leads to no public address, or to none at all; the text says which, for a person.

    `unknown`: nobody could say where it leads; a name server that is back may know.
    """

    def __init__(self, text: str, *, unknown: bool = False) -> None:
        super().__init__(text)
        self.unknown = unknown


def resolved(host: str, port: int) -> list[str]:
    """Every address of the name. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def public_addresses(host: str, port: int, resolver: Resolver = resolved) -> list[str]:
    """The addresses of the name, all of them public. Raises NotPublic."""
    try:
        found = resolver(host, port)
    except (OSError, UnicodeError) as error:
        raise NotPublic("its name cannot be resolved", unknown=True) from error
    if not found:
        raise NotPublic("its name cannot be resolved", unknown=True)
    for text in found:
        if not is_public(text):
            raise NotPublic("its name leads to this machine or to a private network")
    return found


def is_public(text: str) -> bool:
    """Whether the address is one that the whole Internet means by it."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return False
    inner = _inner(address)
    if inner is not None:
        return _plain_public(inner)
    return _plain_public(address)


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 one carries."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None


def _plain_public(address: IPv4Address | IPv6Address) -> bool:
    site_local = isinstance(address, IPv6Address) and address.is_site_local
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
        or address.is_link_local or address.is_private or site_local
    )  # fmt: skip
