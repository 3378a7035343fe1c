"""Where BACKUP_URL leads: a folder, a bucket that speaks S3, or a folder on another machine over SFTP.

    /mnt/backup                                             a disk of its own, a network drive
    s3://bucket/prefix?region=eu-central-1                  Amazon S3
    s3://bucket/prefix?endpoint=https://s3.example.com      another service of that kind
    sftp://user@host:22/absolute/path                       with a key, to a host whose own key is known

Each bot has a folder of its own in it. The URL holds no secret: S3's two keys come from a 0600 .env and reach
Litestream's process by its environment alone; SFTP's key is a 0600 file that Litestream reads.
"""

import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from shared.settings import Settings

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_KEY = re.compile(r"(?:\S+\s+)?((?:ssh|ecdsa)-[a-z0-9@.-]+ [A-Za-z0-9+/=]{40,})(?:\s.*)?")
_OWN_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
WAYS = "BACKUP_URL is a folder (/mnt/backup), s3://bucket/prefix or sftp://user@host/path"


class ReplicaError(Exception):
    """It cannot be used, or it brought nothing back; the text says why, for a person."""


@dataclass(frozen=True, slots=True)
class ReplicaPlace:
    """One ledger's copy. `shown`: for a person; `told`: as Litestream's configuration names it; `environ`: its keys."""

    name: str
    shown: str
    told: Mapping[str, str | bool]
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    folder: Path | None = None  # where it is one of this machine


def place_of(settings: Settings) -> ReplicaPlace:
    """The bot's own copy at BACKUP_URL. Raises ReplicaError, which names no secret."""
    url = settings.backup_url
    name = f"cointrader-{settings.bot_name.lower()}{settings.paths.flavour}"
    parts = _split(url)
    if parts.scheme == "s3":
        return _bucket(parts, settings, name)
    if parts.scheme == "sftp":
        return _other_machine(parts, settings, name)
    path = Path(unquote(parts.path)) if parts.scheme == "file" and not parts.netloc else Path(url)
    if parts.scheme not in ("", "file") or not path.is_absolute():
        raise ReplicaError(WAYS)
    folder = path / name
    return ReplicaPlace(name, str(folder), {"type": "file", "path": str(folder)}, folder=folder)


def _split(url: str) -> SplitResult:
    """Raises ReplicaError; what is in front of the host may be a secret that was put there, and is not repeated."""
    try:
        parts = urlsplit(url)
        has_password, _ = parts.password is not None, parts.port
    except ValueError:
        raise ReplicaError(WAYS) from None
    if not url.isprintable():
        raise ReplicaError(WAYS)
    if has_password:
        raise ReplicaError("BACKUP_URL may hold no password: S3's keys and SFTP's key file are settings of their own")
    return parts


def _bucket(parts: SplitResult, s: Settings, name: str) -> ReplicaPlace:
    bucket, asked = parts.netloc, dict(parse_qsl(parts.query, keep_blank_values=True))
    if not _BUCKET.fullmatch(bucket) or asked.keys() - {"endpoint", "region"}:
        raise ReplicaError("BACKUP_URL for S3 is s3://bucket/prefix, with ?endpoint=https://…&region=… where needed")
    path = "/".join((*(part for part in unquote(parts.path).split("/") if part), name))
    told: dict[str, str | bool] = {"type": "s3", "bucket": bucket, "path": path}
    if "endpoint" in asked:
        told |= {"endpoint": _endpoint(asked["endpoint"]), "force-path-style": True}
    told["region"] = asked.get("region") or "us-east-1"
    key_id, key = s.backup_s3_access_key_id.reveal(), s.backup_s3_secret_access_key.reveal()
    if not key_id or not key:
        raise ReplicaError("S3 needs BACKUP_S3_ACCESS_KEY_ID and BACKUP_S3_SECRET_ACCESS_KEY in a 0600 .env")
    environ = {"LITESTREAM_ACCESS_KEY_ID": key_id, "LITESTREAM_SECRET_ACCESS_KEY": key}
    return ReplicaPlace(name, f"s3://{bucket}/{path}", told, environ)


def _endpoint(url: str) -> str:
    parts = _split(url)
    plain = parts.scheme == "http" and parts.hostname in _OWN_HOSTS
    if not (parts.scheme == "https" or plain) or not parts.hostname or parts.path.strip("/") or parts.username:
        raise ReplicaError("the endpoint in BACKUP_URL is https://host; http:// is taken to this machine only")
    return f"{parts.scheme}://{parts.netloc}"


def _other_machine(parts: SplitResult, s: Settings, name: str) -> ReplicaPlace:
    folder = unquote(parts.path).rstrip("/")
    if not parts.hostname or not parts.username or not folder or parts.query:
        raise ReplicaError("BACKUP_URL for SFTP is sftp://user@host/absolute/path")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # Without it any host that answers at this address would be believed.
    known = _KEY.fullmatch(s.backup_sftp_host_key.strip())
    if known is None:
        raise ReplicaError(
            "SFTP needs BACKUP_SFTP_HOST_KEY, the host's own public key (ssh-ed25519 AAAA…): "
            f"ssh-keyscan -t ed25519 {parts.hostname}, compared with the host's"
        )
    told: dict[str, str | bool] = {
        "type": "sftp", "host": f"{host}:{parts.port or 22}", "user": unquote(parts.username),
        "key-path": str(_key_file(s)), "host-key": known[1], "path": f"{folder}/{name}",
    }  # fmt: skip
    return ReplicaPlace(name, f"sftp://{parts.username}@{host}{folder}/{name}", told)


def _key_file(s: Settings) -> Path:
    path = Path(s.backup_sftp_key_file).expanduser()
    if not s.backup_sftp_key_file or not path.is_absolute():
        raise ReplicaError("SFTP needs BACKUP_SFTP_KEY_FILE, the absolute path of a private key without a passphrase")
    try:
        mode = path.stat().st_mode
    except OSError as error:
        raise ReplicaError(f"BACKUP_SFTP_KEY_FILE {path}: {error.strerror}") from error
    if stat.S_IMODE(mode) & 0o077:
        raise ReplicaError(f"BACKUP_SFTP_KEY_FILE {path} can be read by others: chmod 600 {path}")
    return path
