"""Carries out what is due, and writes down what became of it."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from backups.archive import BackupFailed, make
from backups.drill import drill
from backups.record import BackupRecord, read_record, write_record
from backups.schedule import AUTO, Schedule, forget
from shared.ledger.location import ledger_location
from shared.settings import Settings
from shared.times import epoch_ms


def run_due(settings: Settings, now: datetime) -> BackupRecord:
    """Make the backup and the drill that are due. Raises OSError where not even the record can be written."""
    folder, schedule = settings.paths.backups, Schedule.of(settings)
    record, now_ms = read_record(folder), epoch_ms(now)
    if schedule.backup_due(record, now_ms):
        record = backed_up(settings, record, now)
        write_record(folder, record)
        if record.problem is None:
            forget(folder, schedule.keep)
    if schedule.drill_due(record, now_ms):
        record = drilled(settings, record, now)
        write_record(folder, record)
    return record


def backed_up(settings: Settings, record: BackupRecord, now: datetime) -> BackupRecord:
    """The record after one more backup."""
    out = settings.paths.backups / f"{AUTO}{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.tar.gz"
    now_ms = epoch_ms(now)
    try:
        make(settings.paths, ledger_location(settings), out)
    except BackupFailed as error:
        return replace(record, tried_ms=now_ms, problem=str(error))
    return replace(record, made_ms=now_ms, tried_ms=now_ms, archive=out.name, size=out.stat().st_size, problem=None)


def drilled(settings: Settings, record: BackupRecord, now: datetime) -> BackupRecord:
    """The record after a drill of the newest archive."""
    folder, now_ms = settings.paths.backups, epoch_ms(now)
    tried = replace(record, drill_tried_ms=now_ms, drill_archive=record.archive)
    archive = folder / Path(record.archive or "none").name
    try:
        found = drill(archive, settings.paths.ledger.name, folder)
    except OSError as error:
        return replace(tried, drill_problem=f"it could not be restored: {error.strerror or error}")
    if found.findings:
        more = f" and {len(found.findings) - 1} more" if len(found.findings) > 1 else ""
        return replace(tried, drill_problem=f"{found.findings[0]}{more}")
    return replace(
        tried, drilled_ms=now_ms, drill_orders=found.orders, drill_s=round(found.took_s, 2), drill_problem=None
    )
