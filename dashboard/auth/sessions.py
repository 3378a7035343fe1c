"""Browser sessions: a random cookie, its hash and what is known of it at rest, so that sessions survive a restart.

The file can only take sessions away from a dashboard that runs: what another process removed from it is over at the
next look, and without the file all are. Both write under one lock, and read what the other took away before they write.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson
from filelock import FileLock

from dashboard.auth.roles import Principal, Role
from dashboard.auth.secrets_store import digest, new_secret, private_folder
from shared.files import stat_key, write_whole

log = logging.getLogger(__name__)
IDLE_S = 12 * 3600.0
LIFE_S = 7 * 86400.0
MOST = 200
FILE = "sessions.json"
ID_CHARS = 8
_SAVE_EVERY_S = 60.0
_RETRY_S = 5.0
_LOCK_WAIT_S = 0.5


@dataclass(slots=True)
class LoginSession:
    """Times are seconds of the wall clock: they must survive a restart."""

    role: Role
    user: str  # the peer that signed in (`Peer.user`): nobody else uses the session
    began_s: float
    used_s: float
    how: str = ""  # link, password or passkey
    address: str = ""
    agent: str = ""
    fresh_s: float = 0.0  # when the person last showed who they are: at the sign-in, or confirmed since
    passkey: str = ""  # id of the passkey that it began with

    def over(self, now: float) -> bool:
        return now - self.used_s > IDLE_S or now - self.began_s > LIFE_S


class OtherUser(Exception):
    """The cookie is good, and in the hands of another user than the one who signed in."""

    def __init__(self, key: str, user: str) -> None:
        super().__init__(f"the session belongs to {user}")
        self.key = key
        self.user = user


def csrf_of(cookie: str) -> str:
    """The token that every POST of this session carries: derived, so nothing more is kept."""
    return hashlib.sha256(b"csrf:" + cookie.encode()).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Alone with the file. Raises OSError, also where the other holds it for too long."""
    with FileLock(folder / "sessions.lock", timeout=_LOCK_WAIT_S, mode=0o600):
        yield


def _read(path: Path) -> tuple[str | None, dict[str, LoginSession]]:
    """(fingerprint of the password, sessions by hash) of the file; damaged or missing = none. None = not told.

    Those of a version that bound sessions to nobody are over.
    """
    try:
        raw = orjson.loads(path.read_bytes())
        rows = raw.get("sessions", raw)  # older versions wrote the rows alone
        password = raw.get("password") if rows is not raw else None
        return password, {str(key): _session(row) for key, row in rows.items() if "user" in row}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None, {}


def _session(row: dict[str, Any]) -> LoginSession:
    texts = {name: str(row.get(name, ""))[:80] for name in ("how", "address", "agent", "passkey")}
    began = float(row["began_s"])
    user = str(row["user"])
    return LoginSession(
        Role(row["role"]), user, began, float(row["used_s"]), fresh_s=float(row.get("fresh_s", began)), **texts
    )


def _write(path: Path, password: str | None, sessions: dict[str, LoginSession]) -> None:
    rows = {key: {**asdict(one), "role": one.role.value} for key, one in sessions.items()}
    write_whole(path, orjson.dumps({"password": password, "sessions": rows}), durable=False)


def stored(folder: Path) -> dict[str, LoginSession]:
    """The sessions that hold, as the file has them. For the command line."""
    now = time.time()
    return {key: one for key, one in _read(folder / FILE)[1].items() if not one.over(now)}


def revoke(folder: Path, wanted: Callable[[str, LoginSession], bool]) -> dict[str, LoginSession]:
    """End sessions from outside the dashboard, which takes it at its next look. Raises OSError."""
    private_folder(folder)
    with _locked(folder):
        password, rows = _read(folder / FILE)
        ended = {key: one for key, one in rows.items() if wanted(key, one)}
        if ended:
            _write(folder / FILE, password, {key: one for key, one in rows.items() if key not in ended})
    return ended


class Sessions:
    """Sessions by the hash of their cookie."""

    def __init__(self, folder: Path, password: str | None = None) -> None:
        """`password`: fingerprint of the password; sessions that began under another one are over."""
        self._path = folder / FILE
        self._folder = folder
        self._password = password
        self._by_hash: dict[str, LoginSession] = {}
        self._on_disk: set[str] = set()
        self._key = stat_key(self._path)
        self._saved_s = self._tried_s = 0.0
        self._dirty = False
        self._taken = 0  # ended by the file since the last look
        self.outdated = 0  # not taken over at the start, since the password is another one
        self._load()

    def _load(self) -> None:
        before, rows = _read(self._path)
        self._on_disk = set(rows)
        if before is not None and self._password is not None and before != self._password:
            self.outdated, rows, self._dirty = len(rows), {}, True
        self._by_hash = rows
        self._expire()

    def _expire(self) -> int:
        now = time.time()
        over = [key for key, one in self._by_hash.items() if one.over(now)]
        for key in over:
            del self._by_hash[key]
        return len(over)

    def _take_away(self) -> None:
        """End what the file has no more; all of them where the file itself is gone."""
        key = stat_key(self._path)
        if key == self._key:
            return
        self._key = key
        kept = _read(self._path)[1] if key is not None else {}
        gone = [one for one in self._by_hash if key is None or (one in self._on_disk and one not in kept)]
        for one in gone:
            del self._by_hash[one]
        self._on_disk = set(kept)
        self._taken += len(gone)

    def _save(self) -> None:
        self._tried_s = time.time()
        try:
            private_folder(self._folder)
            with _locked(self._folder):
                self._take_away()
                _write(self._path, self._password, self._by_hash)
                self._key, self._on_disk = stat_key(self._path), set(self._by_hash)
        except OSError as error:
            self._dirty = True
            log.warning("sessions.save_failed error=%s", error)
            return
        self._saved_s, self._dirty = time.time(), False

    def look(self) -> int:
        """How many sessions are over since the last look that did not end here: by the file, or by their age."""
        self._take_away()
        ended = self._taken + self._expire()
        self._taken = 0
        return ended

    @property
    def file_gone(self) -> bool:
        return self._key is None

    def flush(self) -> None:
        """Try again to save what could not be saved."""
        if self._dirty and time.time() - self._tried_s > _RETRY_S:
            self._save()

    def begin(
        self,
        role: Role,
        user: str,
        before: str | None = None,
        *,
        how: str = "",
        address: str = "",
        agent: str = "",
        passkey: str = "",
    ) -> str:
        """A new session's cookie, good for `user` alone; `before`, the session that the browser had, ends with it."""
        self._expire()
        if before and (old := self._by_hash.get(digest(before))) is not None and old.user == user:
            del self._by_hash[digest(before)]
        while len(self._by_hash) >= MOST:
            del self._by_hash[min(self._by_hash, key=lambda k: self._by_hash[k].used_s)]
        cookie, now = new_secret(), time.time()
        self._by_hash[digest(cookie)] = LoginSession(role, user, now, now, how, address, agent, now, passkey)
        self._save()
        return cookie

    def end(self, cookie: str) -> None:
        """Sign out: the cookie is worthless from now on."""
        self.end_where(lambda key, _one: key == digest(cookie))

    def end_where(self, wanted: Callable[[str, LoginSession], bool]) -> int:
        """End those that `wanted` names by their hash and what is known of them; returns how many."""
        ended = [key for key, one in self._by_hash.items() if wanted(key, one)]
        for key in ended:
            del self._by_hash[key]
        if ended:
            self._save()
        return len(ended)

    def password_changed(self, password: str) -> int:
        """End all: whoever learned the old password is out. Returns how many."""
        ended, self._password = len(self._by_hash), password
        self._by_hash.clear()
        self._save()
        return ended

    def confirm(self, key: str) -> None:
        """The person of this session has shown again who they are."""
        session = self._by_hash.get(key)
        if session is not None:
            session.fresh_s = time.time()
            self._save()

    def listing(self) -> dict[str, LoginSession]:
        """Those that hold, newest use first."""
        self._take_away()
        self._expire()
        return dict(sorted(self._by_hash.items(), key=lambda item: -item[1].used_s))

    def alive(self, key: str) -> bool:
        """Does the session of this hash still hold? Asked by open streams, which do not count as use."""
        self._take_away()
        session = self._by_hash.get(key)
        return session is not None and not session.over(time.time())

    def users(self) -> frozenset[str]:
        """Who has a session that still holds."""
        self._expire()
        return frozenset(s.user for s in self._by_hash.values())

    def find(self, cookie: str, user: str | None) -> Principal | None:
        """The holder of this cookie; None = unknown or expired. Raises OtherUser where it is not `user`'s."""
        self._take_away()
        key = digest(cookie)
        session = self._by_hash.get(key)
        if session is None:
            return None
        now = time.time()
        if session.over(now):
            del self._by_hash[key]
            return None
        if session.user != user:
            raise OtherUser(key, session.user)
        session.used_s = now
        if now - self._saved_s > _SAVE_EVERY_S:
            self._save()
        return Principal(session.role, "session", key, csrf_of(cookie), now - session.fresh_s)
