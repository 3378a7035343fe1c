"""One archive: the ledger and the notes by SQLite's own online copy, the documents beside them. No key, password or
.env is in it.

A ledger on a server is kept as the same ledger.db, so that an archive of either kind can be restored into the other.
"""

import contextlib
import os
import shutil
import sqlite3
import tarfile
import tempfile
from pathlib import Path

from shared.errors import first_line
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.export import copy_ledger
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger, open_writer
from shared.paths import DataPaths

DOCUMENTS = ("positions.json", "control.json", "audit.jsonl", "KILL")
NOTES = "notes.db"  # what people wrote about lots; the dashboard writes it


class BackupFailed(Exception):
    """No backup was made, or one cannot be used; nothing was changed. `ways`: what a person may do."""

    def __init__(self, problem: str, *ways: str) -> None:
        super().__init__(problem)
        self.ways = ways


def make(paths: DataPaths, location: LedgerLocation, out: Path) -> list[str]:
    """Write the archive `out`, 0600, while the bot runs; the answer is what is in it. Raises BackupFailed."""
    try:
        if not ledger_exists(location):
            raise BackupFailed(
                f"There is no ledger in {location if location.on_server else paths.root}: nothing to back up."
            )
        out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup-") as folder:
            kept = _collect(paths, location, Path(folder))
            partial = Path(folder) / "archive"
            with tarfile.open(partial, "w:gz") as archive:
                for file in kept:
                    archive.add(file, arcname=file.name)
            os.chmod(partial, 0o600)
            os.replace(partial, out)
    except OSError as error:
        raise BackupFailed(f"The backup could not be written to {out.parent}: {error.strerror or error}") from error
    except (sqlite3.Error, LedgerError, DamagedLedger) as error:
        raise BackupFailed(f"The ledger could not be copied: {first_line(error)}", "./coin doctor checks it") from error
    return [file.name for file in kept]


def _collect(paths: DataPaths, location: LedgerLocation, folder: Path) -> list[Path]:
    kept = [folder / paths.ledger.name]
    if location.on_server:
        _copy_of_server(location, kept[0])
    else:
        _copy_of_file(paths.ledger, kept[0])
    for name in DOCUMENTS:
        original = paths.root / name
        if original.is_file() and not original.is_symlink():
            shutil.copyfile(original, folder / name)
            kept.append(folder / name)
    if paths.notes.is_file() and not paths.notes.is_symlink():
        with contextlib.suppress(sqlite3.Error):  # damaged notes must not keep the ledger from being backed up
            _copy_of_file(paths.notes, folder / NOTES)
            kept.append(folder / NOTES)
    return kept


def _copy_of_file(ledger: Path, target: Path) -> None:
    source = sqlite3.connect(f"{ledger.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
    copy = sqlite3.connect(target)
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        (answer,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    finally:
        copy.close()
        source.close()
    if answer != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {answer}")


def _copy_of_server(location: LedgerLocation, target: Path) -> None:
    made = open_writer(target)
    try:
        copy_ledger(connect_reader(location), made)
    finally:
        made.dispose()


def unpack(source: Path, folder: Path, ledger: str) -> list[str]:
    """The archive's own files, no other name and no link; the ledger must be this mode's, and whole.

    `source` may be a ledger by itself, too: one that the bot rescued or kept aside. Raises BackupFailed.
    """
    if _is_ledger(source):
        shutil.copyfile(source, folder / ledger)
        return _whole(source, folder / ledger, [ledger])
    found = []
    try:
        with tarfile.open(source, "r:gz") as archive:
            for member in archive.getmembers():
                if member.name not in (ledger, *DOCUMENTS, NOTES) or not member.isfile():
                    raise BackupFailed(
                        f"{source} holds {member.name!r}, which is not part of a backup. Nothing was changed."
                    )
                content = archive.extractfile(member)
                assert content is not None
                with content, (folder / member.name).open("wb") as out:
                    shutil.copyfileobj(content, out)
                found.append(member.name)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise BackupFailed(f"{source} can't be read as a backup: {error}. Nothing was changed.") from error
    if ledger not in found or not (folder / ledger).stat().st_size:
        raise BackupFailed(f"{source} holds no {ledger}, the ledger of this mode. Nothing was changed.")
    return _whole(source, folder / ledger, found)


def _is_ledger(source: Path) -> bool:
    try:
        with source.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def _whole(source: Path, ledger: Path, found: list[str]) -> list[str]:
    """`found`, where the ledger holds SQLite's own check."""
    try:
        db = sqlite3.connect(ledger)
        try:
            (answer,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        finally:
            db.close()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        raise BackupFailed(f"The ledger in {source} is damaged ({answer}). Nothing was changed.")
    return found
