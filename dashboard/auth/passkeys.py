"""The passkeys that may sign in: public keys with a name, a role and the count of their last use, in one 0600 file.

The file is read again wherever it is asked, so that one which is removed is gone at once. It holds no secret: private
keys never leave their authenticators.
"""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock

from dashboard.auth.roles import Role
from dashboard.auth.secrets_store import new_secret, private_folder
from shared.files import write_whole

log = logging.getLogger(__name__)
FILE = "passkeys.json"
ID_CHARS = 8
MOST = 20
MOST_NAME_CHARS = 40
_LOCK_WAIT_S = 2.0


class CountWentBack(Exception):
    """The authenticator's count of uses is not above that of its last use: there is a copy of it."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """Times are seconds of the wall clock; None = never."""

    credential: str  # its id at the authenticator, base64url
    public: str  # the attested credential with its public key, base64url
    role: Role
    name: str
    rp_id: str  # the host name that it belongs to
    made_s: float
    count: int  # the authenticator's own count of uses; 0 for ever where it keeps none
    used_s: float | None = None
    address: str = ""
    locked_s: float | None = None  # its count went back then: it signs nobody in any more

    @property
    def id(self) -> str:
        """What it is called in forms, the audit trail and sessions."""
        return hashlib.sha256(self.credential.encode()).hexdigest()[:ID_CHARS]


def clean_name(text: str) -> str:
    """A name of printable characters, not too long. Raises ValueError."""
    name = " ".join(text.split())[:MOST_NAME_CHARS].strip()
    if not name or not name.isprintable():
        raise ValueError("Give the passkey a name, such as the device that keeps it.")
    return name


class Passkeys:
    """The file of one data folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE

    def listing(self) -> list[Passkey]:
        """All of them, newest first; a damaged file holds none."""
        return sorted(self._read()[1].values(), key=lambda one: -one.made_s)

    def known_at(self, rp_id: str) -> list[Passkey]:
        return [one for one in self.listing() if one.rp_id == rp_id]

    def handle(self, role: Role) -> str:
        """What authenticators file this role's passkeys under: made once, random, and told to nobody else.

        Raises OSError where it cannot be kept.
        """
        with self._changed() as (handles, _):
            return handles.setdefault(role.value, new_secret())

    def add(self, made: Passkey) -> None:
        """Raises OSError, ValueError (too many, or known already)."""
        with self._changed() as (_, keys):
            if made.credential in keys:
                raise ValueError("This passkey is registered already.")
            if len(keys) >= MOST:
                raise ValueError(f"There are {MOST} passkeys already: remove one first.")
            keys[made.credential] = made

    def remove(self, wanted: str) -> Passkey | None:
        """Take one away by its short id; None = there is none. Raises OSError."""
        with self._changed() as (_, keys):
            found = next((one for one in keys.values() if one.id == wanted), None)
            if found is not None:
                del keys[found.credential]
            return found

    def used(self, credential: str, count: int, address: str) -> Passkey:
        """Note a use. Raises CountWentBack (it is locked then), KeyError (removed meanwhile), OSError."""
        with self._changed() as (_, keys):
            one = keys[credential]
            if (count or one.count) and count <= one.count:
                keys[credential] = replace(one, locked_s=time.time())
                back = True
            else:
                keys[credential] = replace(one, count=count, used_s=time.time(), address=address)
                back = False
        if back:
            raise CountWentBack(f"{count} after {one.count}")
        return one

    def _read(self) -> tuple[dict[str, str], dict[str, Passkey]]:
        try:
            raw = orjson.loads(self._path.read_bytes())
            keys = [_passkey(row) for row in raw["passkeys"]]
            return dict(raw["handles"]), {one.credential: one for one in keys}
        except FileNotFoundError:
            return {}, {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            log.error("passkeys.read_failed error=%s", error)
            return {}, {}

    @contextmanager
    def _changed(self) -> Iterator[tuple[dict[str, str], dict[str, Passkey]]]:
        """What the file holds, written back where it is changed inside. Raises OSError."""
        private_folder(self._folder)
        with FileLock(self._folder / "passkeys.lock", timeout=_LOCK_WAIT_S, mode=0o600):
            handles, keys = self._read()
            before = dict(handles), dict(keys)
            yield handles, keys
            if (handles, keys) != before:
                rows = [{**asdict(one), "role": one.role.value} for one in keys.values()]
                data = orjson.dumps({"handles": handles, "passkeys": rows})
                write_whole(self._path, data, durable=True)


def _passkey(row: dict[str, Any]) -> Passkey:
    used, locked = row.get("used_s"), row.get("locked_s")
    return Passkey(
        str(row["credential"]), str(row["public"]), Role(row["role"]), str(row["name"]), str(row["rp_id"]),
        float(row["made_s"]), int(row["count"]), None if used is None else float(used), str(row.get("address", "")),
        None if locked is None else float(locked),
    )  # fmt: skip
