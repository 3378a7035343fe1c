"""`data/monitoring`: configurations and secrets of the three programs, all 0600 in a folder of 0700."""

import ctypes
import ctypes.util
import secrets
from pathlib import Path

from monitoring.configuration import USER
from monitoring.yaml_text import yaml_text
from shared.data_folder import private
from shared.files import write_whole
from shared.paths import DataPaths

_COST = 4  # of bcrypt; a random password of 32 characters needs no slow hash


class NoHash(Exception):
    """This machine's libcrypt makes no hash that Prometheus could check; the text says so."""


class MonitoringFolder:
    """The files. Makes the folder; raises FolderRefused and OSError."""

    def __init__(self, paths: DataPaths) -> None:
        self.root = private(paths.monitoring)
        self.token = self.root / "dashboard_token"
        self.password = self.root / "password"
        self.web = self.root / "web.yml"
        self.slack_url = self.root / "slack_url"

    def write(self, name: str, text: str) -> bool:
        """Write one file; whether it differs from what was there."""
        path = self.root / name
        data = text.encode()
        if path.exists() and path.read_bytes() == data:
            return False
        write_whole(path, data, durable=False)
        return True

    def keep_password(self) -> None:
        """Make the password of Prometheus' and Alertmanager's pages once, with the file that they check it by.

        Other users of the machine reach loopback, too: without it they could read the account and silence alerts.
        Raises NoHash.
        """
        if self.password.exists() and self.web.exists():
            return
        password = secrets.token_urlsafe(24)
        text = yaml_text({"basic_auth_users": {USER: bcrypt(password)}})
        write_whole(self.password, password.encode(), durable=False)
        write_whole(self.web, text.encode(), durable=False)

    def log(self, path: Path) -> None:
        """An empty log, or the one that is there, for this user alone: PM2 would make it by its daemon's umask."""
        path.touch(mode=0o600)
        path.chmod(0o600)


def bcrypt(password: str) -> str:
    """Its bcrypt hash, by the system's libcrypt. Raises NoHash."""
    name = ctypes.util.find_library("crypt")
    if name is None:
        raise NoHash("there is no libcrypt on this machine")
    library = ctypes.CDLL(name)
    library.crypt_gensalt.restype = library.crypt.restype = ctypes.c_char_p
    random = secrets.token_bytes(16)
    salt = library.crypt_gensalt(b"$2b$", ctypes.c_ulong(_COST), random, len(random))
    made = library.crypt(password.encode(), salt) if salt else None
    if made is None or not made.startswith(b"$2b$"):
        raise NoHash("this machine's libcrypt knows no bcrypt")
    found: str = made.decode()
    return found
