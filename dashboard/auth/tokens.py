"""Bearer tokens for machines: a file for each, named by the token's hash, so that a revocation is an unlink.

When a token was last used stands apart, in a file that only the dashboard writes: a use that is written down late can't
bring back a token that was revoked meanwhile.
"""

import logging
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from dashboard.auth import secrets_store
from dashboard.auth.roles import Principal, Role
from shared.files import stat_key, write_whole

log = logging.getLogger(__name__)
FOLDER = "tokens"
USES = "token_use.json"
ID_CHARS = 8
ALL = ("all", "--all")
_SAVE_EVERY_S = 60.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}")
_SPAN = re.compile(r"(\d{1,5})([mhdw])")
_UNIT_S = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token. Times are seconds of the wall clock; None = never, or not known."""

    key: str  # the token's hash, which names its file
    role: Role
    name: str
    made_s: float | None
    expires_s: float | None
    used_s: float | None = None
    address: str = ""

    @property
    def id(self) -> str:
        return self.key[:ID_CHARS]

    @property
    def expired(self) -> bool:
        return self.expires_s is not None and self.expires_s <= time.time()


def span_s(text: str) -> float:
    """Seconds of `90d`, `12h`, `30m` or `8w`. Raises ValueError."""
    found = _SPAN.fullmatch(text.strip().lower())
    if found is None or int(found[1]) == 0:
        raise ValueError(f"{text}: written like 90d, 12h, 30m or 8w")
    return float(int(found[1]) * _UNIT_S[found[2]])


def make(folder: Path, role: str, name: str = "", lasts_s: float | None = None) -> str:
    """A new token, which is shown this once; only its hash is kept. Raises OSError, ValueError."""
    if name and (not _NAME.fullmatch(name) or name in ALL):
        raise ValueError(f"{name}: a name has up to 40 letters, digits, spaces, dots, dashes or underscores")
    if name and any(one.name == name and not one.expired for one in listing(folder)):
        raise ValueError(f"there is a token {name} already: revoke it first, or choose another name")
    secret, now = "coin_" + secrets_store.new_secret(), time.time()
    record: dict[str, Any] = {"role": Role(role).value, "made_s": now, "name": name}
    if lasts_s is not None:
        record["expires_s"] = now + lasts_s
    secrets_store.put(folder / FOLDER, secret, record)
    return secret


def listing(folder: Path) -> list[Token]:
    """All tokens with their last uses, newest first; files that hold none are left out."""
    uses = _uses(folder)
    found = [_token(path.stem, secrets_store.read(path), uses) for path in (folder / FOLDER).glob("*.json")]
    return sorted((one for one in found if one), key=lambda one: -(one.made_s or 0))


def revoke(folder: Path, wanted: str) -> list[Token]:
    """Remove the token with this name or id (four of its characters or more), or all of them. Raises OSError."""
    ended = [one for one in listing(folder) if _means(wanted, one)]
    for one in ended:
        (folder / FOLDER / f"{one.key}.json").unlink(missing_ok=True)
    return ended


def _means(wanted: str, one: Token) -> bool:
    by_id = len(wanted) >= 4 and one.key.startswith(wanted.lower())
    return wanted in ALL or (bool(one.name) and wanted == one.name) or by_id


def _token(key: str, record: dict[str, Any] | None, uses: dict[str, tuple[float, str]]) -> Token | None:
    try:
        if record is None:
            return None
        made, expires = record.get("made_s"), record.get("expires_s")
        used, address = uses.get(key, (None, ""))
        return Token(
            key, Role(record["role"]), str(record.get("name", ""))[:40], None if made is None else float(made),
            None if expires is None else float(expires), used, address,
        )  # fmt: skip
    except (ValueError, TypeError, KeyError):
        return None


def _uses(folder: Path) -> dict[str, tuple[float, str]]:
    try:
        raw = orjson.loads((folder / USES).read_bytes())
        return {str(key): (float(at), str(address)[:80]) for key, (at, address) in raw.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


class Tokens:
    """The tokens of a running dashboard."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._used = _uses(folder)
        self._saved_s = time.time()
        self._dirty = False
        self._key = stat_key(folder / FOLDER)

    def find(self, secret: str, address: str = "") -> Principal | None:
        """The holder of this token; None = unknown, expired or revoked."""
        found = self._read(secrets_store.digest(secret))
        if found is None or found.expired:
            return None
        self._used[found.key] = (time.time(), address)
        self._dirty = True
        return Principal(found.role, "token", found.key, name=found.name)

    def alive(self, key: str) -> bool:
        """Does the token of this hash still hold? Asked by open streams, which do not count as use."""
        found = self._read(key)
        return found is not None and not found.expired

    def _read(self, key: str) -> Token | None:
        return _token(key, secrets_store.read(self._folder / FOLDER / f"{key}.json"), {})

    def listing(self) -> list[Token]:
        """All tokens, with uses that are not on the disk yet."""
        self.flush(at_once=True)
        return listing(self._folder)

    def look(self) -> bool:
        """True where tokens came or went since the last look."""
        key = stat_key(self._folder / FOLDER)
        changed, self._key = key != self._key, key
        return changed

    def flush(self, *, at_once: bool = False) -> None:
        """Write last uses down, once a minute."""
        if not self._dirty or (not at_once and time.time() - self._saved_s < _SAVE_EVERY_S):
            return
        self._saved_s = time.time()
        kept = {key: use for key, use in self._used.items() if (self._folder / FOLDER / f"{key}.json").exists()}
        try:
            write_whole(self._folder / USES, orjson.dumps(kept), durable=False)
        except OSError as error:
            log.warning("tokens.save_failed error=%s", error.strerror)
            return
        self._used, self._dirty = kept, False
