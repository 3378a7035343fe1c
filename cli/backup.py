"""`./coin backup` and `./coin restore`: the ledger by SQLite's own online copy, the documents beside it.

A ledger on a server is kept as the same ledger.db, so that an archive of either kind can be restored into the other.
"""

import getpass
import os
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from backups.archive import NOTES, BackupFailed, make, unpack
from backups.drill import drill
from backups.moment import ledger_at
from backups.place import ReplicaError, place_of
from cli import ui
from cli.context import data_paths, from_callers_folder, loaded, own_folder, refuse_foreign
from shared import settings
from shared.audit_log import AuditLog
from shared.errors import first_line
from shared.exits import Exit
from shared.ledger.db import LedgerError
from shared.ledger.location import LedgerLocation, ledger_location
from shared.ledger.open import DamagedLedger
from shared.ledger.put_back import BotRuns, RestoreReport, no_bot, put_back
from shared.ledger.summary import UnreadableLedger
from shared.liveness import bot_pid
from shared.paths import DataPaths
from shared.times import epoch_ms, from_epoch_ms, iso_seconds, parse_time


def backup(
    target: Annotated[Path | None, typer.Argument(help="File or folder; data/backups without it.")] = None,
) -> None:
    """Write one archive, 0600, while the bot runs. Login secrets, keys and .env are not in it."""
    paths, location = data_paths(), _place()
    if target is None:
        refuse_foreign(paths)
    name = f"cointrader-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    out = from_callers_folder(target) if target is not None else paths.backups / name
    if out.is_dir():
        out = out / name
    try:
        kept = make(paths, location, out)
    except BackupFailed as error:
        ui.give_up(str(error), *error.ways)
    ui.line(ui.GOOD, f"{out} ({out.stat().st_size / 1000:.0f} kB): {', '.join(kept)}")


def restore_drill(
    archive: Annotated[Path | None, typer.Argument(help="An archive; the newest in data/backups without it.")] = None,
) -> int:
    """Restore an archive into a scratch folder and check every row of its ledger. Nothing in place is touched."""
    paths = data_paths()
    source = from_callers_folder(archive) if archive is not None else _newest(paths)
    try:
        with tempfile.TemporaryDirectory(prefix="coin-drill-") as scratch:
            found = drill(source, paths.ledger.name, Path(scratch))
    except OSError as error:
        ui.give_up(f"{source.name} could not be restored: {error.strerror or error}")
    for one in found.findings:
        ui.line(ui.BAD, one)
    if found.findings:
        ui.plain(f"{source} can't be restored as it is.")
        return Exit.FAILED
    ui.line(ui.GOOD, f"{source}: restored, {found.orders:,} orders, every row holds ({found.took_s:.1f} s)")
    return Exit.DONE


def _newest(paths: DataPaths) -> Path:
    found = sorted(paths.backups.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    if not found:
        ui.give_up(f"There is no archive in {paths.backups}.", "./coin backup makes one")
    return found[-1]


def _place() -> LedgerLocation:
    """Where the ledger is; where other settings do not hold, the file."""
    try:
        return ledger_location(settings.load().settings)
    except settings.SettingsError:
        return LedgerLocation(data_paths().ledger)


def restore(
    archive: Annotated[Path | None, typer.Argument(help="An archive, or a ledger that was rescued.")] = None,
    at: Annotated[
        str, typer.Option(help="From BACKUP_URL instead: the ledger of that moment, 2026-11-30T09:15:00Z, or now.")
    ] = "",
) -> None:
    """Put a backup in place of what is there, which is kept aside. The bot must be stopped.

    No brake gets looser by it (`shared.ledger.put_back`), and the ledger says of itself that it was restored: the next
    run makes no entry until a person pressed Start, fetches the orders and fills since the backup from the exchange,
    and audits everything.
    """
    if (archive is None) == (not at):
        ui.give_up("Name one archive, or --at with a moment.", "ls data/backups", code=Exit.USAGE)
    paths, location = data_paths(), _place()
    refuse_foreign(paths)
    source = from_callers_folder(archive) if archive is not None else None
    own_folder(paths)
    pid = bot_pid(paths)
    if pid is not None:  # also one whose lock file was removed
        ui.give_up(f"The bot is running (pid {pid}).", "./coin stop, then try again")
    try:
        with no_bot(paths), tempfile.TemporaryDirectory(dir=paths.root, prefix=".restore-") as temporary:
            _put_back(paths, location, source or _fetched(at, Path(temporary)), Path(temporary) / "restored")
    except BotRuns as error:
        holder = bot_pid(paths) or str(error) or "not known"
        ui.give_up(f"The bot is running (pid {holder}).", "./coin stop, then try again")


def _fetched(at: str, folder: Path) -> Path:
    """The ledger of that moment, made from what lies at BACKUP_URL."""
    held = loaded().settings
    if not held.backup_url:
        ui.give_up("BACKUP_URL is not set: there is no continuous copy.", "./coin restore ARCHIVE")
    try:
        at_ms = None if at == "now" else epoch_ms(parse_time(at))
        place = place_of(held)
        out = folder / f"{place.name}-{at.replace(':', '')}.db"
        found = ledger_at(place, at_ms, out, folder)
    except (ReplicaError, ValueError) as error:
        ui.give_up(str(error), "./coin settings BACKUP")
    last = iso_seconds(from_epoch_ms(found.last_ms))
    after = f"; {found.left_out:,} later ones are left out" if found.left_out else ""
    ui.line(ui.GOOD, f"{place.shown}: {found.rows:,} transactions, the last one {last}{after}")
    return out


def _put_back(paths: DataPaths, location: LedgerLocation, source: Path, folder: Path) -> None:
    folder.mkdir(mode=0o700)
    now, aside = _unused_moment(paths)
    try:
        found = unpack(source, folder, paths.ledger.name)
    except BackupFailed as error:
        ui.give_up(str(error), *error.ways)
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
    if NOTES in found and not paths.notes.exists():  # what was written since stays
        os.replace(folder / NOTES, paths.notes)
        paths.notes.chmod(0o600)
    elif NOTES in found:
        found.remove(NOTES)
        report.kept.append(f"the notes about lots in {NOTES}, as they are now")
    ui.line(ui.GOOD, f"restored: {', '.join(found)}" + (f" (the ledger into {location})" if location.on_server else ""))
    for line in report.kept:
        ui.line(ui.WARN, f"kept: {line}")
    kept = f" and in the schema {report.schema}" if report.schema else ""
    ui.line(ui.DOT, f"the previous files are in {aside}{kept}; audit.jsonl is unchanged")
    _say_what_is_missing(report)
    ui.line(ui.DOT, "Entries stay blocked until you have checked the positions and pressed Start.")


def _unused_moment(paths: DataPaths) -> tuple[datetime, Path]:
    """The time that names what is kept, and its folder: a second restore within one second gets the next second."""
    now = datetime.now(UTC)
    while (aside := paths.root / f"before-restore-{now:%Y%m%dT%H%M%SZ}").exists():
        now += timedelta(seconds=1)
    return now, aside


def _say_what_is_missing(report: RestoreReport) -> None:
    if report.missing:
        orders = "1 order" if report.missing == 1 else f"{report.missing} orders"
        ui.line(ui.WARN, f"{orders} made after the backup: fetched from the exchange at the next ./coin start")
    elif report.missing == 0:
        ui.line(ui.DOT, "No order was made after the backup; the next ./coin start still checks the exchange.")
    else:
        ui.line(ui.WARN, "Orders since the backup are fetched from the exchange at the next ./coin start.")
