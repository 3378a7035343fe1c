"""`backups/continuous.json`: how far the continuous copy is, and what a restore of the replica last proved."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared import files
from shared.files import Unreadable

NAME = "continuous.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuousRecord:
    """Times in ms since 1970. `proven_…`: what a restore of the replica last had; `problem`: why it does not go on."""

    at_ms: int
    head: int = 0  # newest row of the journal in the copy
    behind: int = 0  # rows that the ledger has more
    followed_ms: int | None = None  # when the copy was last level with the ledger
    shipped_ms: int | None = None  # when a look at BACKUP_URL last found it level with what had to be there
    proven_ms: int | None = None
    proven_head: int | None = None
    problem: str | None = None


def read_continuous(folder: Path) -> ContinuousRecord | None:
    """Of this folder of backups; None where nothing, or nothing readable, is there."""
    try:
        return msgspec.json.decode(files.read_bytes(folder / NAME), type=ContinuousRecord)
    except (Unreadable, OSError, msgspec.MsgspecError):
        return None


def write_continuous(folder: Path, record: ContinuousRecord) -> None:
    """Raises OSError."""
    files.write_whole(folder / NAME, msgspec.json.encode(record) + b"\n", durable=False)
