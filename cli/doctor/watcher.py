"""Whether somebody would be told of trouble: COIN-WATCH, its sinks, its settings."""

import time

from backups.continuous_record import read_continuous
from backups.place import ReplicaError, place_of
from backups.replica import program
from cli.doctor.check import DiagnosticRow, bad, good, note, warn
from shared.bots import bots_in
from shared.disk_room import disk_full
from shared.documents.alerts import WATCHER_GONE_S, decode_alerts
from shared.figures import ago
from shared.files import Unreadable, read_bytes
from shared.paths import DataPaths
from shared.settings import Settings


def copies(paths: DataPaths, settings: Settings) -> list[DiagnosticRow]:
    """Where BACKUP_URL is set: whether it can be used, and what the process that follows the ledgers says of each."""
    if not settings.backup_url:
        return []
    others = [
        (ref, read_continuous(ref.paths(paths.root).backups)) for ref in bots_in(paths.root) if not ref.is_default
    ]
    return [
        *_own_copy(paths, settings),
        *(
            warn("copy", f"{ref.name}: {found.problem}", f"jq . data/bots/{ref.name}/backups/continuous.json")
            for ref, found in others
            if found is not None and found.problem is not None
        ),
    ]


def _own_copy(paths: DataPaths, settings: Settings) -> list[DiagnosticRow]:
    name = "copy"
    try:
        place, found = place_of(settings), read_continuous(paths.backups)
        program()
    except ReplicaError as error:
        return [bad(name, str(error), "Fix .env (docs/ledger.md), then ./coin restart")]
    if found is None:
        return [note(name, f"{place.shown}: nothing was copied yet; COIN-WATCH keeps it going")]
    age_s = max(0.0, time.time() - found.at_ms / 1000)
    if found.problem is not None:
        return [warn(name, f"{found.problem} ({ago(age_s)} ago)", "jq . data/backups/continuous.json")]
    if found.proven_ms is None:
        return [note(name, f"{place.shown}: no restore of it was proven yet")]
    proven = ago(max(0.0, time.time() - found.proven_ms / 1000))
    return [good(name, f"{place.shown}: a restore brought {found.proven_head or 0:,} transactions, {proven} ago")]


def alerts(paths: DataPaths, settings: Settings) -> list[DiagnosticRow]:
    """One row for each thing that keeps an alert from a person."""
    name, way = "alerts", "./coin start; ./coin logs watch"
    if not settings.watch:
        return [note(name, "WATCH=false: nobody is told of trouble")]
    try:
        found = decode_alerts(read_bytes(paths.alerts))
    except FileNotFoundError:
        return [note(name, f"COIN-WATCH never ran here: {way}")]
    except (Unreadable, OSError) as error:
        return [bad(name, f"alerts.json cannot be read: {error}", way)]
    age_s = time.time() - found.ts_ms / 1000
    rows = [warn(name, problem, "Fix .env, then ./coin restart") for problem in found.problems]
    if age_s > WATCHER_GONE_S:
        if disk_full(paths.root):
            return [*rows, bad(name, f"the disk is full: COIN-WATCH has written nothing for {ago(age_s)}", "df -h")]
        return [*rows, warn(name, f"COIN-WATCH has not looked for {ago(age_s)}", way)]
    if found.store_error is not None:
        rows.append(bad(name, found.store_error, "df -h; ./coin logs watch"))
    rows += [bad(name, f"{s.name}: {s.last_answer}", "./coin alerts test") for s in found.sinks if s.failures]
    if not found.sinks:
        return [*rows, note(name, "no sink is set: alerts are shown, nobody is sent one (docs/operations.md)")]
    return [*rows, good(name, f"{len(found.firing)} firing, {len(found.sinks)} sinks, {len(found.rules)} rules")]
