"""The data folder's identity from the command line: whether it is adopted, and `./coin adopt-folder`."""

import getpass
import time
import uuid

import typer

from cli import ui
from cli.context import loaded
from cli.doctor.check import DiagnosticRow, bad, good, note, warn
from shared import folder_identity
from shared.audit_log import AuditLog
from shared.errors import first_line
from shared.folder_identity import Seen, short
from shared.ledger.db import LedgerError
from shared.ledger.folder import LedgerBinding, bind, ledger_binding
from shared.ledger.location import ledger_location
from shared.ledger.open import DamagedLedger
from shared.ledger.put_back import BotRuns, no_bot
from shared.liveness import bot_pid
from shared.settings import Mode, Settings
from shared.times import from_epoch_ms, iso_seconds

ADOPT = "./coin adopt-folder"
FAILURES = (LedgerError, DamagedLedger, OSError)


def judge(settings: Settings) -> tuple[Seen, LedgerBinding, str | None]:
    """(what the folder says, what its ledger says, why the two do not belong together). Raises one of FAILURES."""
    seen, ledger = folder_identity.look(settings.paths), ledger_binding(ledger_location(settings))
    why = folder_identity.problem(seen, ledger.folder_for(seen), has_orders=ledger.has_orders, restored=ledger.restored)
    return seen, ledger, why


def check(settings: Settings) -> DiagnosticRow:
    """For doctor and the checklist."""
    try:
        seen, _, why = judge(settings)
    except FAILURES as error:
        return bad("folder id", f"the ledger cannot be read: {first_line(error)}", "./coin doctor")
    live = settings.coin_mode is Mode.LIVE
    if why is not None and live:
        return bad("folder id", f"not adopted: {why}. No orders are sent, not even exits", ADOPT)
    if why is not None:
        return warn("folder id", f"not adopted: {why}", "The next start gives it a new id, since it is play money")
    if seen.folder is None:
        return note("folder id", "none yet: the first start creates it")
    return good("folder id", f"{short(seen.folder)}, the same as in the ledger")


def adopt() -> None:
    """Say what is wrong, ask for a typed word, and make this the ledger's own folder, with a new id."""
    settings = loaded().settings
    paths = settings.paths
    holder = bot_pid(paths)
    if holder is not None:
        ui.give_up(f"The bot is running (pid {holder}).", "./coin stop, then try again")
    try:
        seen, ledger, why = judge(settings)
    except FAILURES as error:
        ui.give_up(f"The ledger cannot be read: {first_line(error)}", "./coin doctor")
    if why is None:
        ui.line(ui.GOOD, "The data folder belongs to its ledger: there is nothing to adopt.")
        return
    ui.line(ui.BAD, f"{paths.root} is not adopted: {why}.")
    lots = {0: "no open lots", 1: "1 open lot"}.get(ledger.open_lots, f"{ledger.open_lots} open lots")
    ui.plain(f"      Its ledger holds {lots}. If a bot still runs on the original folder, both would trade the same")
    ui.plain("      lots: stop that bot first, for good.")
    word = f"adopt {settings.bot_name}"
    if typer.prompt(f'  Type "{word}" to make it this bot\'s own', default="", show_default=False).strip() != word:
        ui.give_up("The confirmation does not match: nothing was changed.")
    try:
        with no_bot(paths):  # PM2 may have started one while the word was typed
            _adopt(settings, seen, why)
    except BotRuns as error:
        ui.give_up(f"The bot is running (pid {error}): nothing was changed.", "./coin stop, then try again")


def _adopt(settings: Settings, seen: Seen, why: str) -> None:
    paths, folder, now_ms = settings.paths, uuid.uuid4().hex, round(time.time() * 1000)
    by, at = getpass.getuser(), iso_seconds(from_epoch_ms(now_ms))
    facts = {"folder": folder, "before": seen.folder, "why": why}
    text = f"the data folder was adopted by {by} ({why}); its new id is {short(folder)}"
    try:
        AuditLog(paths.audit, "shell").write("adopt_folder", by=by, role="operator", address="shell", facts=facts)
        folder_identity.make(paths, folder, at)
        bind(ledger_location(settings), folder, text, now_ms)
        paths.live_permission.unlink(missing_ok=True)
    except FAILURES as error:
        ui.give_up(f"Not adopted: {first_line(error)}", f"{ADOPT} once more")
    ui.line(ui.GOOD, f"Adopted: the folder has the id {short(folder)}. Exits continue with the next start.")
    if settings.coin_mode is Mode.LIVE:
        ui.line(ui.DOT, "The old permission is void: entries are blocked until ./coin enable-live")
