"""Whether a folder's disk takes nothing any more: then every document there grows old, and no process is to blame."""

import os
from pathlib import Path

LEAST_BYTES = 65_536  # less than the smallest document needs beside its old self


def disk_full(folder: Path) -> bool:
    """False as well where it cannot be told."""
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    no_names = found.f_files > 0 and found.f_favail == 0
    return found.f_bavail * found.f_frsize < LEAST_BYTES or no_names
