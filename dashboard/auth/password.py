"""The password's hash as `.env` has it now: a new one is taken while the dashboard runs."""

import hashlib
import logging
from pathlib import Path

from shared.files import stat_key
from shared.settings import Loaded, secret_in_file

log = logging.getLogger(__name__)
KEY = "DASHBOARD_PASSWORD_HASH"


def fingerprint(stored: str) -> str:
    """Tells one password hash from another, and no more: it stands beside the sessions that began under it."""
    return hashlib.sha256(b"password:" + stored.encode()).hexdigest()[:32]


class Password:
    """The argon2 hash that passwords are checked against; empty = no password signs in."""

    def __init__(self, loaded: Loaded) -> None:
        self.stored: str = loaded.settings.dashboard_password_hash.reveal()
        self._file: Path = loaded.env_file
        self._seen = stat_key(self._file)
        self._taken = self._seen

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.stored)

    def look(self) -> bool:
        """Read `.env` where it changed; True = the password is another one now.

        A file that changed since the last look may be half written: it is read when it is the same at two looks.
        """
        seen = stat_key(self._file)
        steady, self._seen = seen == self._seen, seen
        if not steady or seen == self._taken:
            return False
        self._taken = seen
        try:
            found = secret_in_file(self._file, KEY)
        except (OSError, ValueError) as error:
            log.warning("password.read_failed error=%s", error)
            return False
        if found == self.stored:
            return False
        if found and not found.startswith("$argon2"):
            log.error(
                "password.invalid_hash key=%s hint=./coin password creates one; password sign-in is disabled", KEY
            )
        self.stored = found
        return True
