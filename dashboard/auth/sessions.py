"""Browser sessions: a random cookie, its hash and role at rest, so that a restart signs nobody out."""

import hashlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path

import orjson

from dashboard.auth.roles import Principal, Role
from dashboard.auth.secrets_store import digest, new_secret, private_folder
from shared.files import write_whole

log = logging.getLogger(__name__)
IDLE_S = 12 * 3600.0
LIFE_S = 7 * 86400.0
MOST = 200
_SAVE_EVERY_S = 60.0


@dataclass(slots=True)
class Session:
    role: Role
    began_s: float  # wall clock: it must survive a restart
    used_s: float


def csrf_of(cookie: str) -> str:
    """The token that every POST of this session carries: derived, so nothing more is kept."""
    return hashlib.sha256(b"csrf:" + cookie.encode()).hexdigest()


class Sessions:
    """Sessions by the hash of their cookie. Time is the wall clock, since they outlive the process."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "sessions.json"
        self._folder = folder
        self._by_hash: dict[str, Session] = {}
        self._saved_s = 0.0
        self._load()

    def _load(self) -> None:
        try:
            raw = orjson.loads(self._path.read_bytes())
            self._by_hash = {
                key: Session(Role(v["role"]), float(v["began_s"]), float(v["used_s"])) for key, v in raw.items()
            }
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self._by_hash = {}
        self._expire()

    def _expire(self) -> None:
        now = time.time()
        self._by_hash = {
            k: s for k, s in self._by_hash.items() if now - s.used_s <= IDLE_S and now - s.began_s <= LIFE_S
        }

    def _save(self) -> None:
        data = {k: {"role": s.role.value, "began_s": s.began_s, "used_s": s.used_s} for k, s in self._by_hash.items()}
        try:
            private_folder(self._folder)
            write_whole(self._path, orjson.dumps(data), durable=False)
            self._saved_s = time.time()
        except OSError as error:
            log.warning("sessions.not_saved error=%s", error.strerror)

    def begin(self, role: Role, before: str | None = None) -> str:
        """A new session's cookie; `before`, the cookie that the browser sent, ends with it."""
        self._expire()
        if before:
            self._by_hash.pop(digest(before), None)
        while len(self._by_hash) >= MOST:
            del self._by_hash[min(self._by_hash, key=lambda k: self._by_hash[k].used_s)]
        cookie, now = new_secret(), time.time()
        self._by_hash[digest(cookie)] = Session(role, now, now)
        self._save()
        return cookie

    def end(self, cookie: str) -> None:
        """Sign out: the cookie is worthless from now on."""
        if self._by_hash.pop(digest(cookie), None) is not None:
            self._save()

    def alive(self, key: str) -> bool:
        """Does the session of this hash still hold? Asked by open streams, which do not count as use."""
        session = self._by_hash.get(key)
        now = time.time()
        return session is not None and now - session.used_s <= IDLE_S and now - session.began_s <= LIFE_S

    def find(self, cookie: str) -> Principal | None:
        """Who has this cookie; None = nobody, or for too long."""
        key = digest(cookie)
        session = self._by_hash.get(key)
        if session is None:
            return None
        now = time.time()
        if now - session.used_s > IDLE_S or now - session.began_s > LIFE_S:
            del self._by_hash[key]
            return None
        session.used_s = now
        if now - self._saved_s > _SAVE_EVERY_S:
            self._save()
        return Principal(session.role, "session", key, csrf_of(cookie), now - session.began_s)
