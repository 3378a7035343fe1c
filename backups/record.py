"""`backups/record.json`: what became of the last backup and of the last drill. Times in ms since 1970."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from shared import files
from shared.files import Unreadable, parse_object

NAME = "record.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupRecord:
    """`…_ms`: when it last went well; `…tried_ms`: when it was last tried. A problem stands until it goes well."""

    made_ms: int | None = None
    archive: str | None = None  # file name of the newest one
    size: int | None = None  # bytes
    tried_ms: int | None = None
    problem: str | None = None  # why the last try made none
    drilled_ms: int | None = None
    drill_tried_ms: int | None = None
    drill_archive: str | None = None
    drill_orders: int | None = None
    drill_s: float | None = None
    drill_problem: str | None = None  # what the last drill found


def read_record(folder: Path) -> BackupRecord:
    """Of this folder of backups; an empty one where nothing, or nothing readable, is there."""
    try:
        return msgspec.convert(parse_object(files.read_bytes(folder / NAME)), BackupRecord)
    except (Unreadable, OSError, msgspec.ValidationError):
        return BackupRecord()


def write_record(folder: Path, record: BackupRecord) -> None:
    """Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    files.write_whole(folder / NAME, msgspec.json.encode(record) + b"\n", durable=True)
