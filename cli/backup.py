"""`./coin backup` and `./coin restore`: the ledger by SQLite's own online copy, the documents beside it.

A ledger on a server is kept as the same ledger.db, so that an archive of either kind can be restored into the other.
"""

import os
import shutil
import sqlite3
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from cli import ui
from cli.context import data_paths, from_callers_folder
from cli.witness import lock_holder
from shared import settings
from shared.ledger.at import exists, reader_at, writer_at
from shared.ledger.export import copy_ledger
from shared.ledger.open import DamagedLedger, open_reader, open_writer
from shared.ledger.place import Place, place_of
from shared.ledger.restored import mark
from shared.paths import DataPaths
from shared.times import epoch_ms, iso_seconds

DOCUMENTS = ("positions.json", "control.json", "audit.jsonl", "KILL")


def backup(target: Path | None) -> None:
    """Write one archive, 0600, while the bot runs. Login secrets, keys and .env are not in it."""
    paths, place = data_paths(), _place()
    name = f"cointrader-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    out = from_callers_folder(target) if target is not None else paths.root / "backups" / name
    if out.is_dir():
        out = out / name
    try:
        if not exists(place):
            ui.give_up(f"There is no ledger in {place if place.on_server else paths.root}: nothing to keep.")
        out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent, prefix=".backup-") as folder:
            kept = _collect(paths, place, Path(folder))
            partial = Path(folder) / "archive"
            with tarfile.open(partial, "w:gz") as archive:
                for file in kept:
                    archive.add(file, arcname=file.name)
            os.chmod(partial, 0o600)
            os.replace(partial, out)
    except OSError as error:
        ui.give_up(f"The backup could not be written to {out.parent}: {error.strerror or error}")
    except (sqlite3.Error, SQLAlchemyError, DamagedLedger) as error:
        ui.give_up(f"The ledger could not be copied: {_why(error)}", "./coin doctor checks it")
    ui.line(ui.GOOD, f"{out} ({out.stat().st_size / 1000:.0f} kB): {', '.join(file.name for file in kept)}")


def _place() -> Place:
    """Where the ledger is; where other settings do not hold, the file."""
    try:
        return place_of(settings.load().settings)
    except settings.SettingsError:
        return Place(data_paths().ledger)


def _why(error: Exception) -> str:
    return str(getattr(error, "orig", None) or error).splitlines()[0]


def _collect(paths: DataPaths, place: Place, folder: Path) -> list[Path]:
    kept = [folder / paths.ledger.name]
    if place.on_server:
        _copy_of_server(place, kept[0])
    else:
        _copy_of_file(paths.ledger, kept[0])
    for name in DOCUMENTS:
        original = paths.root / name
        if original.is_file() and not original.is_symlink():
            shutil.copyfile(original, folder / name)
            kept.append(folder / name)
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


def _copy_of_server(place: Place, target: Path) -> None:
    made = open_writer(target)
    try:
        copy_ledger(reader_at(place), made)
    finally:
        made.dispose()


def restore(archive: Path) -> None:
    """Put a backup in place of what is there, which is kept aside. The bot must be stopped.

    The ledger says of itself that it was restored: the next run makes no entry until a person pressed Start, asks the
    exchange for orders of ours that it lacks, and audits everything.
    """
    paths, place = data_paths(), _place()
    source = from_callers_folder(archive)
    holder = lock_holder(paths.bot_lock)
    if holder is not None:
        ui.give_up(f"The bot runs (pid {holder}).", "./coin stop, then again")
    paths.prepare()
    now = datetime.now(UTC)
    aside = paths.root / f"before-restore-{now:%Y%m%dT%H%M%SZ}"
    with tempfile.TemporaryDirectory(dir=paths.root, prefix=".restore-") as temporary:
        folder = Path(temporary)
        found = _unpack(source, folder, paths.ledger.name)
        ledger = folder / paths.ledger.name
        _mark(ledger, source, now)
        kept_schema = _onto_server(place, ledger, now) if place.on_server else None
        aside.mkdir(mode=0o700)
        names = DOCUMENTS if place.on_server else (*_with_wal(paths.ledger.name), *DOCUMENTS)
        for name in names:
            if (paths.root / name).exists():
                os.replace(paths.root / name, aside / name)
        for name in found:
            if name in names:
                os.chmod(folder / name, 0o600)
                os.replace(folder / name, paths.root / name)
    ui.line(ui.GOOD, f"restored: {', '.join(found)}" + (f" (the ledger into {place})" if place.on_server else ""))
    kept = f" and in the schema {kept_schema}" if kept_schema else ""
    ui.line(ui.DOT, f"what was there before is in {aside}{kept}")
    ui.line(ui.DOT, "Orders and fills since the backup come from the exchange when the bot syncs: ./coin start")
    ui.line(ui.DOT, "No entry is made until you have looked at the positions and pressed Start.")


def _with_wal(ledger: str) -> tuple[str, ...]:
    """An old WAL beside another ledger would be played into it: it goes with its own."""
    return tuple(ledger + ending for ending in ("", "-wal", "-shm"))


def _mark(ledger: Path, source: Path, now: datetime) -> None:
    text = f"the ledger was restored from {source.name} on {iso_seconds(now)}: what happened since is not in it"
    try:
        mark(ledger, text, epoch_ms(now))
    except (DamagedLedger, SQLAlchemyError) as error:
        ui.give_up(f"The ledger in {source} cannot be used: {_why(error).partition(';')[0]}. Nothing was changed.")


def _onto_server(place: Place, ledger: Path, now: datetime) -> str | None:
    """A fresh schema with the ledger's rows; the name of the one before, kept under another name."""
    from shared.ledger.postgres import set_aside  # noqa: PLC0415  its driver is there only where it is asked for

    try:
        kept = set_aside(place, f"before_{now:%Y%m%dt%H%M%S}")
        made = writer_at(place)
        try:
            copy_ledger(open_reader(ledger), made)
        finally:
            made.dispose()
    except (DamagedLedger, SQLAlchemyError, ValueError) as error:
        ui.give_up(f"The server's ledger was not replaced: {_why(error)}")
    return kept


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
    if ledger not in found or not (folder / ledger).stat().st_size:
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
