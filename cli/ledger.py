"""`./coin ledger …`: check the ledger, copy it out, rebuild it from its journal. Reading only, with the bot running."""

import tempfile
import time
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli import ui
from cli.context import from_callers_folder, loaded
from shared.errors import first_line
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import Database, LedgerError
from shared.ledger.dump import digest
from shared.ledger.events import UnreadableEvent
from shared.ledger.export import Format, export
from shared.ledger.key_values import read_key_values
from shared.ledger.location import LedgerLocation, ledger_location
from shared.ledger.open import DamagedLedger, open_writer
from shared.ledger.replay import first_difference, replay
from shared.ledger.restore_mark import RestoreNotice, restore_notice
from shared.ledger.verify import counts
from shared.ledger.verify import verify as run_checks

SHOWN = 5
# What says that rows themselves are lost or were changed; the other checks compare what they come to.
DAMAGE = frozenset({"file", "schema", "keys", "amounts", "chain"})
PARTIAL = ".partial"


def verify() -> None:
    """Every check, one line each; code 1 where any of them found something."""
    location = _place()
    began = time.monotonic()
    engine = connect_reader(location)
    verdicts = run_checks(engine)
    for verdict in verdicts:
        ui.line(ui.BAD if verdict.findings else ui.GOOD, f"{verdict.name:9} {verdict.about}")
        for finding in verdict.findings[:SHOWN]:
            ui.plain(f"      {finding}")
        if len(verdict.findings) > SHOWN:
            ui.plain(f"      … and {len(verdict.findings) - SHOWN} more")
    failed = [verdict.name for verdict in verdicts if verdict.findings]
    missing = None if "file" in failed or "schema" in failed else _not_in_it(engine)
    if missing is not None:
        ui.line(ui.WARN if missing.waits else ui.DOT, missing.text)
    if failed:
        damaged = not DAMAGE.isdisjoint(failed)
        ui.give_up(
            f"{location} failed the checks: {', '.join(failed)}.", _way_out(damaged, restored=missing is not None)
        )
    rows = ", ".join(f"{number:,} {name}" for name, number in counts(engine).items() if number)
    ui.line(ui.GOOD, f"{location} is intact: {rows} ({time.monotonic() - began:.1f} s)")


def _not_in_it(engine: Database) -> RestoreNotice | None:
    """What a restored ledger lacks, or lacked until it was fetched."""
    with engine.connect() as db:
        return restore_notice(read_key_values(db))


def _way_out(damaged: bool, *, restored: bool) -> str:
    if damaged and not restored:
        return "./coin restore puts a backup in place; ./coin ledger replay --to FILE rebuilds what the journal holds"
    return (
        "./coin ledger replay --to FILE rebuilds what the journal holds; ./coin doctor says what the bot's audit found"
    )


def replay_journal(
    to: Annotated[Path | None, typer.Option("--to", help="Keep the rebuilt ledger as this new file.")] = None,
) -> None:
    """Rebuild a fresh ledger from the journal and compare the two; code 1 where they differ."""
    location = _place()
    with tempfile.TemporaryDirectory(prefix="coin-replay-") as folder:
        path = from_callers_folder(to) if to is not None else Path(folder) / "ledger.db"
        if path.exists():
            ui.give_up(f"{path} already exists. Nothing was changed.")
        partial = path.with_name(path.name + PARTIAL)
        partial.unlink(missing_ok=True)
        before, after, transactions = _replayed(location, partial)
        partial.replace(path)
    ui.line(ui.DOT, f"{digest(before)}  {location}, {len(before):,} bytes as text")
    ui.line(ui.DOT, f"{digest(after)}  rebuilt from {transactions:,} transactions of its journal")
    if to is not None:
        ui.line(ui.DOT, f"the rebuilt ledger is {path}")
    difference = first_difference(before, after)
    if difference is not None:
        ui.give_up(f"They differ. {difference}", "./coin ledger verify lists every finding")
    ui.line(ui.GOOD, "Identical, byte for byte.")


def _replayed(location: LedgerLocation, path: Path) -> tuple[bytes, bytes, int]:
    try:
        made = open_writer(path)
        try:
            return replay(connect_reader(location), made)
        finally:
            made.dispose()
    except UnreadableEvent as error:
        path.unlink(missing_ok=True)
        ui.give_up(f"The journal of {location} cannot be read: {error}", "./coin ledger verify names the row")
    except (LedgerError, OSError) as error:
        path.unlink(missing_ok=True)
        _cannot(location, error)


def export_tables(
    folder: Path,
    form: Annotated[Format, typer.Option("--format", help="csv for spreadsheets; jsonl keeps the types.")] = Format.CSV,
) -> None:
    """Every table as a file, amounts as exact text."""
    location, out = _place(), from_callers_folder(folder)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        ui.give_up(f"{out} already exists and is not empty. Nothing was changed.")
    try:
        rows = export(connect_reader(location), out, form)
    except (LedgerError, OSError) as error:
        _cannot(location, error)
    ui.line(ui.GOOD, f"{out}: {', '.join(f'{number:,} {name}' for name, number in rows.items())}")


def _place() -> LedgerLocation:
    location = ledger_location(loaded().settings)
    try:
        there = ledger_exists(location)
    except (DamagedLedger, LedgerError) as error:
        _cannot(location, error)
    if not there:
        ui.give_up(f"There is no ledger yet: {location if location.on_server else location.path}.")
    return location


def _cannot(location: LedgerLocation, error: Exception) -> NoReturn:
    why = first_line(error)
    ui.give_up(f"{location} can't be read: {why}", "./coin doctor says more")
