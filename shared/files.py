"""Whole-file replace and tolerant read: the only ways a document is written and read.

Writers replace: a reader sees the old document or the new one, never half of one, and needs no lock. Readers
keep the last good document and say what is wrong with the new one.
"""

import itertools
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

import orjson

T = TypeVar("T")
MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
_NUMBERS = itertools.count()


class Unreadable(Exception):
    """A document that exists but does not hold; the text says why, for a person."""


def write_whole(path: Path, data: bytes, *, durable: bool) -> None:
    """Replace `path` by `data`, 0600; with `durable`, on the disk before this returns.

    The temporary file lies beside the target under a name of its own, since two writers of one name tear it.
    Raises OSError and leaves the old file whole and no temporary one.
    """
    handle, name = _temporary(path)
    try:
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(handle, view) :]
            if durable:
                os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    if durable:
        sync_folder(path.parent)


def _temporary(path: Path) -> tuple[int, str]:
    """A new file beside `path`, 0600, by a number: a random name costs twice as much as writing the file."""
    while True:
        name = f"{path}.{os.getpid()}-{next(_NUMBERS)}.tmp"
        try:
            return os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), name
        except FileExistsError:  # of a process that was killed while it wrote, and had the same id
            continue


def sync_folder(folder: Path) -> None:
    """Put the folder's entries on the disk, so that a rename outlives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep_temporaries(folder: Path, names: tuple[str, ...]) -> int:
    """Remove what a killed writer left of the named documents; call it only while holding their lock."""
    swept = 0
    for name in names:
        for path in folder.glob(f"{name}.*.tmp"):
            path.unlink(missing_ok=True)
            swept += 1
    return swept


def stat_key(path: Path) -> tuple[int, int, int] | None:
    """(inode, mtime in ns, size): changes with every replace. None = no such file."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def read_bytes(path: Path, *, trusted: bool = False) -> bytes:
    """The regular file's bytes, through no symbolic link. Raises OSError, or Unreadable (too large, or no file).

    `trusted`: only a file that nobody but this user or root can have written: theirs, and with no second name.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise Unreadable("not a regular file")
        if found.st_size > MAX_DOCUMENT_BYTES:
            raise Unreadable(f"{found.st_size} bytes is larger than any of our documents")
        if trusted and found.st_uid not in (os.geteuid(), 0):
            raise Unreadable(f"it belongs to another user (uid {found.st_uid})")
        if trusted and found.st_nlink > 1:
            raise Unreadable("it has a second name (a hard link)")
        if trusted and found.st_mode & stat.S_IWOTH:
            raise Unreadable("everybody may write it: chmod 600")
        parts = []
        while part := os.read(handle, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(handle)


def parse_object(data: bytes) -> dict[str, object]:
    """The JSON object in `data`; raises Unreadable with a sentence for a person."""
    if not data.strip():
        raise Unreadable("the file is empty")
    try:
        value = orjson.loads(data)
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise Unreadable(f"a JSON {type(value).__name__} instead of an object")
    return value


@dataclass(frozen=True, slots=True)
class FileReading(Generic[T]):
    """What one look at a document found."""

    value: T | None  # the last good document, whatever is on disk now; None = never one
    error: str | None  # what is wrong with the file now; None = it is good
    missing: bool  # no such file now
    changed: bool  # a new good document since the look before


class TolerantReader(Generic[T]):
    """Reads one document again and again, keeping the last good one."""

    def __init__(self, path: Path, decode: Callable[[bytes], T]) -> None:
        self.path = path
        self._decode = decode
        self._key: tuple[int, int, int] | None = None
        self._good: T | None = None
        self._error: str | None = None

    def look(self) -> FileReading[T]:
        """Look once: a stat when nothing changed (3 microseconds), else a read and a decode. Never raises."""
        try:
            key = stat_key(self.path)
            if key is None:
                self._key, self._error = None, None
                return FileReading(self._good, None, missing=True, changed=False)
            if key == self._key:
                return FileReading(self._good, self._error, missing=False, changed=False)
            self._good = self._decode(read_bytes(self.path))
            self._key, self._error = key, None
            return FileReading(self._good, None, missing=False, changed=True)
        except Unreadable as error:
            self._key, self._error = key, str(error)
        except OSError as error:
            self._error = f"{error.strerror or error}"
        return FileReading(self._good, self._error, missing=False, changed=False)
