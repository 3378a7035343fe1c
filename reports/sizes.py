"""`reports/sizes.json`: what the data folder took at each report, so that its growth can be told."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared import files
from shared.files import Unreadable

NAME, KEPT = "sizes.json", 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """Bytes: of all files in the data folder, and free on its file system."""

    at_ms: int
    total: int
    free: int


def measured(root: Path, now_ms: int) -> Sizes | None:
    """As it is now; None where it cannot be told."""
    total = 0
    try:
        for folder, _, names in os.walk(root):
            for name in names:
                try:
                    total += (Path(folder) / name).lstat().st_size
                except OSError:
                    continue  # it went away meanwhile
        return Sizes(at_ms=now_ms, total=total, free=shutil.disk_usage(root).free)
    except OSError:
        return None


def read_sizes(folder: Path) -> list[Sizes]:
    """Oldest first; empty where nothing, or nothing readable, is there."""
    try:
        return msgspec.json.decode(files.read_bytes(folder / NAME), type=list[Sizes])
    except (Unreadable, OSError, msgspec.MsgspecError):
        return []


def note_sizes(folder: Path, now: Sizes) -> Sequence[Sizes]:
    """Add it to the list. Raises OSError."""
    found = [*[one for one in read_sizes(folder) if one.at_ms < now.at_ms], now][-KEPT:]
    files.write_whole(folder / NAME, msgspec.json.encode(found), durable=False)
    return found
