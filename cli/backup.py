"""`./coin backup` and `./coin restore`: the ledger by SQLite's own online copy, the documents beside it.

A ledger on a server is kept as the same ledger.db, so that an archive of either kind can be restored into the other.
"""

import getpass
import os
import shutil
import sqlite3
import tarfile
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli import ui
from cli.context import data_paths, from_callers_folder, own_folder, refuse_foreign
from shared import settings
from shared.audit_log import AuditLog
from shared.errors import first_line
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.export import copy_ledger
from shared.ledger.location import LedgerLocation, ledger_location
from shared.ledger.open import DamagedLedger, open_writer
from shared.ledger.put_back import BotRuns, RestoreReport, no_bot, put_back
from shared.ledger.summary import UnreadableLedger
from shared.liveness import bot_pid
from shared.paths import DataPaths

DOCUMENTS = ("positions.json", "control.json", "audit.jsonl", "KILL")


def backup(
    target: Annotated[Path | None, typer.Argument(help="File or folder; data/backups without it.")] = None,
) -> None:
    """Write one archive, 0600, while the bot runs. Login secrets, keys and .env are not in it."""
    paths, location = data_paths(), _place()
    if target is None:
        refuse_foreign(paths)
    name = f"cointrader-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    out = from_callers_folder(target) if target is not None else paths.root / "backups" / name
    if out.is_dir():
        out = out / name
    try:
        if not ledger_exists(location):
            ui.give_up(f"There is no ledger in {location if location.on_server else paths.root}: nothing to back up.")
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
        ui.give_up(f"The backup could not be written to {out.parent}: {error.strerror or error}")
    except (sqlite3.Error, LedgerError, DamagedLedger) as error:
        ui.give_up(f"The ledger could not be copied: {first_line(error)}", "./coin doctor checks it")
    ui.line(ui.GOOD, f"{out} ({out.stat().st_size / 1000:.0f} kB): {', '.join(file.name for file in kept)}")


def _place() -> LedgerLocation:
    """Where the ledger is; where other settings do not hold, the file."""
    try:
        return ledger_location(settings.load().settings)
    except settings.SettingsError:
        return LedgerLocation(data_paths().ledger)


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


def restore(archive: Path) -> None:
    """Put a backup in place of what is there, which is kept aside. The bot must be stopped.

    No brake gets looser by it (`shared.ledger.put_back`), and the ledger says of itself that it was restored: the next
    run makes no entry until a person pressed Start, fetches the orders and fills since the backup from the exchange,
    and audits everything.
    """
    paths, location = data_paths(), _place()
    refuse_foreign(paths)
    source = from_callers_folder(archive)
    own_folder(paths)
    pid = bot_pid(paths)
    if pid is not None:  # also one whose lock file was removed
        ui.give_up(f"The bot is running (pid {pid}).", "./coin stop, then try again")
    try:
        with no_bot(paths), tempfile.TemporaryDirectory(dir=paths.root, prefix=".restore-") as temporary:
            _put_back(paths, location, source, Path(temporary))
    except BotRuns as error:
        holder = bot_pid(paths) or str(error) or "not known"
        ui.give_up(f"The bot is running (pid {holder}).", "./coin stop, then try again")


def _put_back(paths: DataPaths, location: LedgerLocation, source: Path, folder: Path) -> None:
    now = datetime.now(UTC)
    aside = paths.root / f"before-restore-{now:%Y%m%dT%H%M%SZ}"
    found = _unpack(source, folder, paths.ledger.name)
    try:
        report = put_back(paths, location, folder, source.name, now, aside)
    except (DamagedLedger, UnreadableLedger) as error:
        why = first_line(error).partition(";")[0]
        ui.give_up(f"The ledger in {source} cannot be used: {why}. Nothing was changed.")
    except (LedgerError, OSError, TimeoutError, ValueError) as error:
        ui.give_up(
            f"The ledger was not replaced: {first_line(error)}",
            "./coin doctor says more; the previous ledger is still in place",
        )
    AuditLog(paths.audit, "shell").note("restore", by=getpass.getuser(), role="operator", address="shell",
                            facts={"archive": source.name, "kept": report.kept})  # fmt: skip
    ui.line(ui.GOOD, f"restored: {', '.join(found)}" + (f" (the ledger into {location})" if location.on_server else ""))
    for line in report.kept:
        ui.line(ui.WARN, f"kept: {line}")
    kept = f" and in the schema {report.schema}" if report.schema else ""
    ui.line(ui.DOT, f"the previous files are in {aside}{kept}; audit.jsonl is unchanged")
    _say_what_is_missing(report)
    ui.line(ui.DOT, "Entries stay blocked until you have checked the positions and pressed Start.")


def _say_what_is_missing(report: RestoreReport) -> None:
    if report.missing:
        orders = "1 order" if report.missing == 1 else f"{report.missing} orders"
        ui.line(ui.WARN, f"{orders} made after the backup: fetched from the exchange at the next ./coin start")
    elif report.missing == 0:
        ui.line(ui.DOT, "No order was made after the backup; the next ./coin start still checks the exchange.")
    else:
        ui.line(ui.WARN, "Orders since the backup are fetched from the exchange at the next ./coin start.")


def _is_ledger(source: Path) -> bool:
    """Whether it is a ledger by itself (one that the bot rescued or kept aside), not an archive."""
    try:
        with source.open("rb") as file:
            return file.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def _unpack(source: Path, folder: Path, ledger: str) -> list[str]:
    """The archive's own files, no other name and no link; the ledger must be this mode's, and whole."""
    if _is_ledger(source):
        shutil.copyfile(source, folder / ledger)
        return _whole(source, folder / ledger, [ledger])
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
    return _whole(source, folder / ledger, found)


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
        ui.give_up(f"The ledger in {source} is damaged ({answer}). Nothing was changed.")
    return found
