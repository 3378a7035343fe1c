"""The data folder's identity: a random id in `folder_id.json`, in the ledger and in the live permission.

The file also records what a copy cannot carry: its own inode and birth time, and a hash of this machine's id. So
`cp -a`, `rsync` and an image of the files on another machine are told from the folder itself; `mv` on one file system
is not a copy. What cannot be told from the original: a clone of the whole machine, and a folder mounted twice on it.
"""

import ctypes
import hashlib
import os
import struct
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import orjson

from shared.files import Unreadable, parse_object, read_bytes, sync_folder
from shared.paths import DataPaths

VERSION = 1
FACT = "folder"  # key of the id in the ledger
COMING = "folder_coming"  # the id that the folder is about to be given: whoever is interrupted in between goes on
MACHINE_ID = Path("/etc/machine-id")
_SAID = {
    "inode": "it is a copy: its folder_id.json was made in another folder",
    "born": "it is a copy: its folder_id.json was made in another folder",
    "machine": "it comes from another machine",
}


@dataclass(frozen=True, slots=True)
class FolderIdentity:
    """`folder_id.json`. `marks`: what a copy cannot carry, by name; what this system does not tell is absent."""

    version: int
    folder: str
    made_at: str
    marks: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the folder says of itself; `problem`: why it cannot be its own. Neither = it has no id yet."""

    folder: str | None = None
    problem: str | None = None


def look(paths: DataPaths) -> Seen:
    """Never raises: what cannot be read is a problem."""
    path = paths.folder_id
    try:
        found = _read(path)
        marks = _marks(path)
    except FileNotFoundError:
        return Seen()
    except (Unreadable, OSError) as error:
        return Seen(problem=f"{path.name} cannot be read: {getattr(error, 'strerror', None) or error}")
    for name, said in _SAID.items():
        if name in found.marks and name in marks and found.marks[name] != marks[name]:
            return Seen(found.folder, said)
    return Seen(found.folder)


def problem(seen: Seen, in_ledger: str | None, *, has_orders: bool, restored: bool = False) -> str | None:
    """Why the folder is not the one that its ledger was written in; None = it is, or it may become it.

    `has_orders`: the ledger has a past. `restored`: it was put in place from a backup. A folder and a ledger that both
    name none are of a version before there were ids, and are taken as they are.
    """
    if seen.problem is not None:
        return seen.problem
    if seen.folder is None and in_ledger is not None:
        return f"folder_id.json is missing, and the ledger belongs to the folder {short(in_ledger)}"
    if in_ledger is None:
        strange = has_orders and (seen.folder is not None or restored)
        return "the ledger comes from elsewhere: it names no folder" if strange else None
    if seen.folder != in_ledger:
        return f"the ledger belongs to the folder {short(in_ledger)}, and this folder is {short(seen.folder or '')}"
    return None


def of_ledger(facts: Mapping[str, str], seen: Seen) -> str | None:
    """The folder that a ledger with these facts belongs to; None = it names none."""
    coming = facts.get(COMING)
    return facts.get(FACT) or (coming if coming and coming == seen.folder else None)


def make(paths: DataPaths, folder: str, made_at: str) -> None:
    """Give the folder this id, on the disk before this returns. Raises OSError and leaves the old file."""
    path = paths.folder_id
    partial = path.with_name(f"{path.name}.{folder[:8]}.tmp")
    handle = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    try:
        try:
            # A rename keeps the inode and the birth time, so the marks are those of the file to come.
            document = asdict(FolderIdentity(VERSION, folder, made_at, _marks(partial)))
            data = orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
            os.write(handle, data)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def short(folder: str) -> str:
    """An id as people compare it."""
    return folder[:8]


def _read(path: Path) -> FolderIdentity:
    try:
        found = msgspec.convert(parse_object(read_bytes(path, trusted=True)), FolderIdentity)
    except msgspec.ValidationError as error:
        raise Unreadable(str(error)) from error
    if found.version != VERSION or not found.folder:
        raise Unreadable(f"version {found.version}")
    return found


def _marks(path: Path) -> dict[str, str]:
    """Device numbers are left out: they may change with a reboot."""
    found = {"inode": str(os.stat(path).st_ino)}
    born = _born_ns(path)
    if born is not None:
        found["born"] = str(born)
    machine = _machine()
    if machine is not None:
        found["machine"] = machine
    return found


def _machine() -> str | None:
    """A hash, since the id itself is said to be confidential; None = there is none (containers, other systems)."""
    try:
        text = MACHINE_ID.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None
    if len(text) != 32:  # "uninitialized", or an image's empty file
        return None
    return hashlib.sha256(f"cointrader folder {text}".encode()).hexdigest()[:32]


def _born_ns(path: Path) -> int | None:
    """When the file was made, epoch nanoseconds; None = this system does not tell.

    Python's `os.stat` tells it on macOS and BSD only; Linux has it in statx(2).
    """
    there = getattr(os.stat(path), "st_birthtime", None)
    if there is not None:
        return round(float(there) * 1e9)
    if sys.platform != "linux":
        return None
    try:
        statx = ctypes.CDLL(None, use_errno=True).statx
    except (OSError, AttributeError):
        return None
    answer = ctypes.create_string_buffer(256)
    at_cwd, no_follow, btime = -100, 0x100, 0x800
    if statx(at_cwd, os.fsencode(path), no_follow, btime, answer) != 0:
        return None
    (told,) = struct.unpack_from("=I", answer, 0)
    seconds, nanoseconds = struct.unpack_from("=qI", answer, 80)
    return int(seconds) * 1_000_000_000 + int(nanoseconds) if told & btime else None
