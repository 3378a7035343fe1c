"""Flocks: take one, and who holds one, as the kernel's own table says, which disturbs nobody who wants it."""

import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_TABLE = Path("/proc/locks")
_STEP_S = 0.1


def take(path: Path, wait_s: float) -> int | None:
    """The open file whose lock is ours until it is closed; None = another held it for so long. Raises OSError."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    until_s = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return handle
        except BlockingIOError:
            if time.monotonic() >= until_s:
                os.close(handle)
                return None
            time.sleep(_STEP_S)
        except BaseException:
            os.close(handle)
            raise


def told() -> bool:
    """Whether this system shows its locks."""
    return _TABLE.exists()


def holder(path: Path) -> int | None:
    """The pid that holds the flock on the file at `path`; None = nobody, or it can't be told."""
    try:
        found = path.stat()
    except OSError:
        return None
    wanted = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    return next((pid for pid, file in _held() if file == wanted), None)


def holds_one(pid: int) -> bool:
    """Whether process `pid` holds a flock on any file, also on one that was removed or replaced since."""
    return any(one == pid for one, _ in _held())


def _held() -> Iterator[tuple[int, str]]:
    """(pid, device and inode) of every flock; those who wait for one hold none."""
    try:
        rows = _TABLE.read_text().splitlines()
    except OSError:
        return
    for row in rows:
        parts = row.split()
        if len(parts) >= 6 and parts[1] == "FLOCK":
            yield int(parts[4]), parts[5]
