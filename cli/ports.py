"""Who listens on a TCP port of this machine, read from /proc."""

import ipaddress
import os
import re
import socket
from pathlib import Path

from dashboard.listen import NOT_THERE, addresses


def is_free(host: str, port: int) -> bool:
    """True where `host`:`port` could be bound now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        probe = socket.socket(family, socket.SOCK_STREAM)
    except OSError as error:
        return host == "::1" and error.errno in NOT_THERE  # no IPv6 here
    with probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return host == "::1" and error.errno in NOT_THERE
    return True


def dashboard_is_free(host: str, port: int) -> bool:
    """True where the dashboard could listen: on loopback it needs both addresses."""
    return all(is_free(one, port) for one in addresses(host))


def listener(port: int) -> str | None:
    """ "name (pid N)" of who listens on `port`; None = nobody, or it can't be seen."""
    pid = listener_pid(port)
    if pid is None:
        return None
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        name = " ".join(word.decode(errors="replace") for word in words if word)[:80]
    except OSError:
        name = "another user's program"
    return f"{name or 'a program'} (pid {pid})"


def listener_pid(port: int) -> int | None:
    """The pid that listens on `port`; None = nobody, or it can't be seen."""
    inodes = _listening_inodes(port)
    if not inodes:
        return None
    for folder in Path("/proc").glob("[0-9]*/fd"):
        try:
            for entry in os.scandir(folder):
                match = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(entry.path))
                if match and match[1] in inodes:
                    return int(folder.parent.name)
        except OSError:
            continue  # another user's process, or one that just ended
    return None


def listening_beyond_loopback(port: int) -> bool:
    """Whether a program listens on `port` of an address that other machines may reach."""
    return any(not _is_loopback(address) for address, _ in _listening(port))


def _is_loopback(address: str) -> bool:
    """`address` as /proc writes it: little-endian words, in hexadecimal."""
    raw = b"".join(bytes.fromhex(address[i : i + 8])[::-1] for i in range(0, len(address), 8))
    found = ipaddress.ip_address(raw)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (mapped or found).is_loopback


def _listening_inodes(port: int) -> set[str]:
    return {inode for _, inode in _listening(port)}


def _listening(port: int) -> set[tuple[str, str]]:
    """(address, inode) of each socket that listens on the port."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for row in rows:
            parts = row.split()
            address, _, number = parts[1].rpartition(":")
            if parts[3] == "0A" and int(number, 16) == port:
                found.add((address, parts[9]))
    return found
