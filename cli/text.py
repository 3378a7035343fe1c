"""Text files read from their end."""

import os
from pathlib import Path


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a text file; none where it can't be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 64 * 1024))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []
