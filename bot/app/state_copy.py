"""STATE_FILE of older set-ups: a copy of the state is kept there as well, whole-file, as often as the state itself.

The file of another bot that lies there is set aside once, never overwritten: its lots are nobody else's to delete.
"""

from pathlib import Path

import orjson

from shared.files import Unreadable
from shared.ports import Fs

OURS = ("boot_id", "interval_ms")  # fields that only our state file has


class StateCopy:
    """Owns the copy at `path`."""

    def __init__(self, path: Path, fs: Fs) -> None:
        self.path, self._fs = path, fs
        self._looked = False

    @classmethod
    def of(cls, path: Path | None, fs: Fs) -> "StateCopy | None":
        return cls(path, fs) if path is not None else None

    def write(self, state: bytes) -> str | None:
        """Replace the copy; why it could not be is the answer, for a person. Never raises OSError."""
        try:
            if not self._looked:
                self._set_aside()
                self._looked = True
            self._fs.write_whole(self.path, state, durable=False)
        except OSError as error:
            return f"STATE_FILE {self.path}: {error.strerror or error}"
        except Unreadable as error:
            return f"STATE_FILE {self.path}: the file there is not touched ({error}): choose another file name"
        return None

    def _set_aside(self) -> None:
        if not self._fs.exists(self.path):
            return
        there = self._fs.read_bytes(self.path)
        if _is_ours(there):
            return
        aside = self.path.with_name(f"{self.path.name}.older")
        number = 1
        while self._fs.exists(aside):
            number += 1
            aside = self.path.with_name(f"{self.path.name}.older-{number}")
        self._fs.write_whole(aside, there, durable=True)


def _is_ours(data: bytes) -> bool:
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        return False
    return isinstance(document, dict) and all(name in document for name in OURS)
