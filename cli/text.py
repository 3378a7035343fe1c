"""Text files read from their end."""

import os
from pathlib import Path


def tail(path: Path, lines: int, end: int | None = None) -> list[str]:
    """The last lines of a text file, or of what lies before the byte `end`; none where it can't be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END) if end is None else end
            start = file.seek(max(0, size - 256 * 1024))
            return file.read(size - start).decode(errors="replace").splitlines()[-lines:] if lines > 0 else []
    except OSError:
        return []
