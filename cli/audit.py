"""The shell's part of the audit trail: what was typed is written there, and `./coin audit` shows and checks it."""

import contextlib
import getpass
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import ui
from cli.context import data_paths
from cli.options import Json
from shared import settings
from shared.audit_log import LOCK_S, AuditLog, ChainCheck, tail, verify
from shared.data_folder import is_foreign, refusal
from shared.errors import first_line
from shared.exits import Exit
from shared.ledger.connect import connect_reader, ledger_exists
from shared.ledger.db import LedgerError
from shared.ledger.key_values import read_key_value
from shared.ledger.location import LedgerLocation, ledger_location
from shared.ledger.open import DamagedLedger
from shared.paths import DataPaths

ANCHOR = "audit_head"  # the ledger's fact


def written(
    what: str, facts: Mapping[str, Any], paths: DataPaths | None = None, wait_s: float = LOCK_S
) -> dict[str, Any]:
    """Write one line, and give its facts; where that can't be done, say so and go on. Never raises.

    In a folder that isn't ours nothing is made; root writes into another user's log where there is one.
    """
    found = dict(facts)
    paths = data_paths() if paths is None else paths
    if not ours(paths):
        return found
    sudo = os.environ.get("SUDO_USER", "")
    row = {**found, "sudo_user": sudo} if sudo and os.geteuid() == 0 else found
    try:
        AuditLog(paths.audit, "shell").write(
            what, by=_user(), role="operator", address="shell", facts=row, source="shell", wait_s=wait_s
        )
    except OSError as error:
        why = error.strerror or error
        typer.echo(f"  {ui.marked(ui.WARN)} this command was not written to audit.jsonl: {why}", err=True)
    return found


def ours(paths: DataPaths) -> bool:
    """True where a line can be written without making a file in a folder that isn't ours."""
    if is_foreign(paths.root):
        return paths.audit.is_file() and os.geteuid() == 0
    return paths.root.is_dir() and refusal(paths.root) is None


def _user() -> str:
    with contextlib.suppress(KeyError, OSError):
        return getpass.getuser()
    return f"uid {os.getuid()}"


def show(
    context: typer.Context,
    last: Annotated[int, typer.Option("--last", min=1, max=10_000, help="How many lines.")] = 30,
    json: Json = False,
) -> None:
    """The newest lines, newest first; nothing where a command below `audit` was called."""
    if context.invoked_subcommand is not None:
        return
    rows = tail(data_paths().audit, last)
    if json:
        ui.say_json(rows)
        return
    if not rows:
        ui.line(ui.DOT, "No entries yet.")
        return
    ui.table(
        ("at", "source", "by", "what", "detail"), "ntttt",
        [(str(row.get("at", "?")), str(row.get("source", "")), _clean(row.get("by", "?")), _clean(row.get("what", "?")),
          _detail(row)) for row in rows],
    )  # fmt: skip


def _detail(row: Mapping[str, Any]) -> str:
    args = row.get("args")
    parts = [str(row.get("cmd", ""))]
    parts += [f"{key}={value}" for key, value in args.items()] if isinstance(args, dict) else []
    parts += [f"{key}={row[key]}" for key in ("name", "why", "code", "missed") if row.get(key) not in (None, "")]
    return _clean(" ".join(filter(None, parts)))


def _clean(value: object) -> str:
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value))[:160]


def check() -> int:
    """Check the chain, against the ledger's memory of it as well. The exit code: 1 = it is not as it was written."""
    paths = data_paths()
    anchor, unasked = _anchor()
    try:
        found = verify(paths.audit, anchor)
    except OSError as error:
        ui.give_up(f"{paths.audit} can't be read: {error.strerror or error}")
    _say(paths.audit, found, anchor, unasked)
    return Exit.DONE if found.whole else Exit.FAILED


def _say(path: Path, found: ChainCheck, anchor: str | None, unasked: str) -> None:
    for finding in found.findings:
        ui.line(ui.BAD, finding)
    for note in found.notes:
        ui.line(ui.DOT, note)
    if found.before:
        ui.line(ui.DOT, f"{found.before} lines are older than the hash chain and unchanged since it began")
    if unasked:
        ui.line(ui.WARN, f"the ledger can't be read ({unasked}): removed entries at the end can't be detected")
    elif anchor is None:
        ui.line(ui.DOT, "the ledger has recorded no entry yet: removed entries at the end can't be detected")
    else:
        ui.line(
            ui.DOT,
            f"the ledger has recorded entry {anchor.partition(' ')[0]}: removed later ones can't be detected yet",
        )
    if found.head is None:
        ui.line(ui.DOT, f"{path.name}: no entry yet")
    elif found.whole:
        head, word = found.head, "entry" if found.entries == 1 else "entries"
        ui.line(ui.GOOD, f"{found.entries} {word} intact, the newest no. {head.seq} of {head.at}, hash {head.hash}")


def _anchor() -> tuple[str | None, str]:
    """(what the ledger remembers of the log, why it can't be asked)."""
    try:
        location = ledger_location(settings.load().settings)
    except settings.SettingsError:
        location = LedgerLocation(data_paths().ledger)
    try:
        if not ledger_exists(location):
            return None, ""
        with connect_reader(location).connect() as db:
            return read_key_value(db, ANCHOR), ""
    except (LedgerError, DamagedLedger, OSError) as error:
        return None, first_line(error)
