"""Gathers what checklists are judged by, read-only, from the data folder of the default bot."""

from pathlib import Path

from backups.continuous_record import read_continuous
from backups.record import read_record
from reports.alert_history import alert_past, sinks_past
from reports.checklist import DAY_MS, ChecklistFacts
from reports.sizes import measured, read_sizes
from shared import live_permission
from shared.build import build_id
from shared.documents.alerts import AlertsDoc, decode_alerts
from shared.files import Unreadable, read_bytes
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.location import LedgerLocation, ledger_location
from shared.ledger.open import DamagedLedger
from shared.liveness import read_state
from shared.paths import DataPaths
from shared.setting_table import Mode, Settings

REBOOT_FILE, DEBIAN = Path("/run/reboot-required"), Path("/var/lib/dpkg")


def gathered(settings: Settings, now_ms: int, days: int) -> ChecklistFacts:
    """Of the `days` before `now_ms`. Never raises: what cannot be read is None."""
    paths, start_ms = settings.paths, now_ms - days * DAY_MS
    unclean, drilled_ms = _of_ledger(ledger_location(settings), start_ms)
    live, now = settings.coin_mode is Mode.LIVE, measured(paths.root, now_ms)
    alerts = paths.watch / "alerts.db"
    return ChecklistFacts(
        settings=settings,
        now_ms=now_ms,
        state=read_state(paths)[0],
        watcher=_watcher(paths),
        backups=read_record(paths.backups),
        copies=read_continuous(paths.backups),
        alerts=alert_past(alerts, start_ms, now_ms),
        sinks=sinks_past(alerts),
        sizes=[*read_sizes(paths.reports), now] if now is not None else [],
        days=days,
        unclean_starts=unclean,
        kill_drill_ms=drilled_ms,
        key_written_ms=_written_ms(paths.root / settings.coinbase_key_file) if live else None,
        permission_ends_ms=_permission(paths) if live else None,
        checkout=build_id(),
        reboot_needed=REBOOT_FILE.exists() if DEBIAN.exists() else None,
    )


def _watcher(paths: DataPaths) -> AlertsDoc | None:
    try:
        return decode_alerts(read_bytes(paths.alerts))
    except (Unreadable, OSError):
        return None


def _of_ledger(location: LedgerLocation, start_ms: int) -> tuple[int | None, int | None]:
    """(starts after a run that did not end by itself, when the kill was last drilled); None = not known, or never."""
    try:
        if not ledger_exists(location):
            return None, None
        with connect_reader(location).snapshot() as db:
            drilled = db.value("SELECT max(done_ms) FROM commands WHERE cmd = 'drill' AND state = 'done'")
            # The run that goes on now has no end either; one that has a next one, and no end, did not end by itself.
            unclean = db.value(
                "SELECT count(*) FROM boots WHERE ended_ms IS NULL AND at_ms >= :start "
                "AND at_ms < (SELECT max(at_ms) FROM boots)",
                {"start": start_ms},
            )
    except (LedgerError, DamagedLedger):
        return None, None
    return int(unclean or 0), int(drilled) if drilled is not None else None


def _written_ms(path: Path) -> int | None:
    try:
        return round(path.stat().st_mtime * 1000)
    except OSError:
        return None


def _permission(paths: DataPaths) -> int | None:
    try:
        return live_permission.read(read_bytes(paths.live_permission)).expires_ms
    except (Unreadable, OSError):
        return None
