"""Age, size and mode of the files between the processes. Blocks: for a thread."""

import os
import stat
import time

from dashboard.rows import DiskLook, FileLook
from shared.paths import DataPaths


def look(paths: DataPaths, *, ledger_on_server: bool = False) -> DiskLook:
    """One look at every file of the contract; a ledger on a server is none of them."""
    ledger = () if ledger_on_server else (paths.ledger.name,)
    names = ("bot_state.json", "positions.json", *ledger, paths.market_db.name, "market.json",
             "control.json", "KILL", "audit.jsonl")  # fmt: skip
    found = []
    for name in names:
        try:
            st = os.stat(paths.root / name)
        except OSError:
            found.append(FileLook(name, False, None, None, None))
            continue
        private = not st.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
        # A database in WAL mode is written beside itself.
        newest = max([st.st_mtime, *_mtimes(paths, name)])
        found.append(FileLook(name, True, max(0.0, time.time() - newest), st.st_size, private))
    try:
        vfs = os.statvfs(paths.root)
        free: int | None = vfs.f_bavail * vfs.f_frsize
        folder: bool | None = not os.stat(paths.root).st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    except OSError:
        free, folder = None, None
    return DiskLook(tuple(found), free, folder)


def _mtimes(paths: DataPaths, name: str) -> list[float]:
    if not name.endswith(".db"):
        return []
    try:
        return [os.stat(paths.root / f"{name}-wal").st_mtime]
    except OSError:
        return []
