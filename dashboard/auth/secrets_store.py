"""Secrets at rest: only their hashes, one 0600 file each, so that two processes need no lock between them.

A login link and a bearer token are files named by the hash of the secret. Using up a link is an unlink, which
exactly one of two racing requests wins.
"""

import hashlib
import secrets
import time
from pathlib import Path
from typing import Any

import orjson

from shared.data_folder import private
from shared.files import write_whole

LINK_TTL_S = 300.0


def new_secret() -> str:
    """256 random bits, safe in a URL."""
    return secrets.token_urlsafe(32)


def digest(secret: str) -> str:
    """The name under which a secret is kept. It has 256 random bits itself, so one round of a fast hash is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def private_folder(path: Path) -> Path:
    """`path`, made 0700. Raises OSError."""
    return private(path)


def put(folder: Path, secret: str, record: dict[str, Any]) -> None:
    """Keep `record` under the hash of `secret`. Raises OSError."""
    private_folder(folder)
    write_whole(folder / f"{digest(secret)}.json", orjson.dumps(record), durable=True)


def take(folder: Path, secret: str) -> dict[str, Any] | None:
    """The record of `secret`, which is used up by this; None = none such, used already, or expired."""
    path = folder / f"{digest(secret)}.json"
    record = read(path)
    try:
        path.unlink()
    except OSError:
        return None
    if record is None or float(record.get("expires_s", 0)) < time.time():
        return None
    return record


def sweep(folder: Path) -> None:
    """Remove what has expired."""
    if not folder.is_dir():
        return
    for path in folder.glob("*.json"):
        record = read(path)
        if record is not None and "expires_s" in record and float(record["expires_s"]) < time.time():
            path.unlink(missing_ok=True)


def read(path: Path) -> dict[str, Any] | None:
    """The record that a file holds; None = none."""
    try:
        value = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return None
    return value if isinstance(value, dict) else None
