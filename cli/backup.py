"""`./coin backup` and `./coin restore`: the ledger by SQLite's own online copy, the documents beside it."""

import os
import shutil
import sqlite3
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from cli import ui
from cli.context import data_paths, from_callers_folder
from cli.witness import lock_holder
from shared.paths import DataPaths

DOCUMENTS = ("positions.json", "control.json", "audit.jsonl", "KILL")


def backup(target: Path | None) -> None:
    """Write one archive, 0600, while the bot runs. Login secrets, keys and .env are not in it."""
    paths = data_paths()
    name = f"cointrader-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    out = from_callers_folder(target) if target is not None else paths.root / "backups" / name
    if out.is_dir():
        out = out / name
    if not paths.ledger.exists():
        ui.give_up(f"There is no ledger in {paths.root}: nothing to keep.")
    try:
        out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup-") as folder:
            kept = _collect(paths, Path(folder))
            partial = Path(folder) / "archive"
            with tarfile.open(partial, "w:gz") as archive:
                for file in kept:
                    archive.add(file, arcname=file.name)
            os.chmod(partial, 0o600)
            os.replace(partial, out)
    except OSError as error:
        ui.give_up(f"The backup could not be written to {out.parent}: {error.strerror or error}")
    except sqlite3.Error as error:
        ui.give_up(f"The ledger could not be copied: {error}", "./coin doctor checks it")
    ui.line(ui.GOOD, f"{out} ({out.stat().st_size / 1000:.0f} kB): {', '.join(file.name for file in kept)}")


def _collect(paths: DataPaths, folder: Path) -> list[Path]:
    kept = [folder / paths.ledger.name]
    source = sqlite3.connect(f"{paths.ledger.resolve().as_uri()}?mode=ro", uri=True, timeout=10)
    copy = sqlite3.connect(kept[0])
    try:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        (answer,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    finally:
        copy.close()
        source.close()
    if answer != "ok":
        raise sqlite3.DatabaseError(f"the copy is damaged: {answer}")
    for name in DOCUMENTS:
        original = paths.root / name
        if original.is_file() and not original.is_symlink():
            shutil.copyfile(original, folder / name)
            kept.append(folder / name)
    return kept


def restore(archive: Path) -> None:
    """Put a backup in place of the files that are there, which are kept aside. The bot must be stopped."""
    paths = data_paths()
    source = from_callers_folder(archive)
    holder = lock_holder(paths.bot_lock)
    if holder is not None:
        ui.give_up(f"The bot runs (pid {holder}).", "./coin stop, then again")
    paths.prepare()
    aside = paths.root / f"before-restore-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    with tempfile.TemporaryDirectory(dir=paths.root, prefix=".restore-") as temporary:
        folder = Path(temporary)
        found = _unpack(source, folder, paths.ledger.name)
        aside.mkdir(mode=0o700)
        for name in (*(paths.ledger.name + ending for ending in ("", "-wal", "-shm")), *DOCUMENTS):
            # An old WAL beside another ledger would be played into it: it goes with its own.
            if (paths.root / name).exists():
                os.replace(paths.root / name, aside / name)
        for name in found:
            os.chmod(folder / name, 0o600)
            os.replace(folder / name, paths.root / name)
    ui.line(ui.GOOD, f"restored: {', '.join(found)}")
    ui.line(ui.DOT, f"what was there before is in {aside}")
    ui.line(ui.DOT, "Orders and fills since the backup come from the exchange when the bot syncs: ./coin start")


def _unpack(source: Path, folder: Path, ledger: str) -> list[str]:
    """The archive's own files, no other name and no link; the ledger must be this mode's, and whole."""
    found = []
    try:
        with tarfile.open(source, "r:gz") as archive:
            for member in archive.getmembers():
                if member.name not in (ledger, *DOCUMENTS) or not member.isfile():
                    ui.give_up(f"{source} holds {member.name!r}, which is not part of a backup. Nothing was changed.")
                content = archive.extractfile(member)
                assert content is not None
                with content, (folder / member.name).open("wb") as out:
                    shutil.copyfileobj(content, out)
                found.append(member.name)
    except (OSError, tarfile.TarError, EOFError) as error:
        ui.give_up(f"{source} can't be read as a backup: {error}. Nothing was changed.")
    if ledger not in found:
        ui.give_up(f"{source} holds no {ledger}, the ledger of this mode. Nothing was changed.")
    try:
        db = sqlite3.connect(folder / ledger)
        try:
            (answer,) = db.execute("PRAGMA integrity_check(1)").fetchone()
        finally:
            db.close()
    except sqlite3.Error as error:
        answer = str(error)
    if answer != "ok":
        ui.give_up(f"The ledger in {source} is damaged ({answer}). Nothing was changed.")
    return found
