"""Devices that asked for alerts by Web Push: `watch/push.json`, changed by dashboard and watcher under one lock.

A subscription is an address at the browser's push service and two values by which a message is encrypted for that
browser alone. Who has them can send to the device, and no more; they are kept 0600 all the same.
"""

import contextlib
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from shared import files, flocks
from shared.files import Unreadable, parse_object
from shared.paths import DataPaths

VERSION = 1
MOST_DEVICES = 20
LONGEST_ENDPOINT = 2_000
LOCK_S = 2.0
# Where browsers let their push messages be delivered to: Chrome and its kin, Firefox, Safari, Edge.
PUSH_HOSTS = ("fcm.googleapis.com", ".push.services.mozilla.com", ".push.apple.com", ".notify.windows.com")
_POINT = re.compile(r"[A-Za-z0-9_-]{87}")  # 65 bytes
_AUTH = re.compile(r"[A-Za-z0-9_-]{22}")  # 16 bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PushDevice:
    """One browser on one device. `origin`: the address under which it knows this dashboard. Values as base64url."""

    id: str
    name: str
    endpoint: str
    p256dh: str
    auth: str
    origin: str
    by: str  # role of who added it
    added_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _PushDoc:
    version: int = VERSION
    devices: list[PushDevice]


def push_file(paths: DataPaths) -> Path:
    return paths.watch / "push.json"


def vapid_file(paths: DataPaths) -> Path:
    """The private key by which push services know this dashboard; PEM, made at the first use."""
    return paths.watch / "vapid.pem"


def problem(endpoint: str, p256dh: str, auth: str, more_hosts: Iterable[str] = ()) -> str | None:
    """Why this is no subscription that may be used; None = it is one. `more_hosts`: ALERT_PUSH_HOSTS."""
    if not _POINT.fullmatch(p256dh) or not _AUTH.fullmatch(auth):
        return "these are not the keys of a subscription"
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "its address is no URL"
    if len(endpoint) > LONGEST_ENDPOINT or not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        return "its address is no URL"
    if by_hand(host, more_hosts):
        return None
    if parts.scheme != "https" or port not in (None, 443) or parts.username or parts.password:
        return "its address must be https:// at a push service"
    if not any(host.endswith(one) if one[0] == "." else host == one for one in PUSH_HOSTS):
        return "its address is none of a push service that is known; ALERT_PUSH_HOSTS in .env names another"
    return None


def by_hand(host: str, more_hosts: Iterable[str]) -> bool:
    """Whether `.env` names this host: then it may be anywhere, this machine included."""
    return host in more_hosts


def read(paths: DataPaths) -> list[PushDevice]:
    """Those that are kept; none where there is no file. Raises Unreadable, OSError."""
    try:
        raw = parse_object(files.read_bytes(push_file(paths), trusted=True))
    except FileNotFoundError:
        return []
    if raw.get("version") != VERSION:
        raise Unreadable(f"push.json: its version is {raw.get('version')!r}, this program knows {VERSION}")
    try:
        return msgspec.convert(raw, _PushDoc).devices
    except msgspec.ValidationError as error:
        raise Unreadable(f"push.json: {error}") from error


def add(paths: DataPaths, device: PushDevice) -> None:
    """Keep it; another one with the same address gives way. Raises ValueError (too many), Unreadable, OSError."""
    with _locked(paths):
        kept = [one for one in read(paths) if one.endpoint != device.endpoint]
        if len(kept) >= MOST_DEVICES:
            raise ValueError(f"{MOST_DEVICES} devices are the most: remove one first")
        _write(paths, [*kept, device])


def remove(paths: DataPaths, device_id: str) -> PushDevice | None:
    """The one that was taken out; None = there was none of this id. Raises Unreadable, OSError."""
    with _locked(paths):
        found = read(paths)
        gone = next((one for one in found if one.id == device_id), None)
        if gone is not None:
            _write(paths, [one for one in found if one is not gone])
        return gone


def _write(paths: DataPaths, devices: list[PushDevice]) -> None:
    files.write_whole(push_file(paths), msgspec.json.encode(_PushDoc(devices=devices)), durable=True)


@contextlib.contextmanager
def _locked(paths: DataPaths) -> Iterator[None]:
    paths.watch.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = flocks.take(paths.watch / "push.lock", LOCK_S)
    if handle is None:
        raise OSError("another program holds push.lock")
    try:
        yield
    finally:
        os.close(handle)
