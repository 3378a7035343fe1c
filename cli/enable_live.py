"""`./coin enable-live`: a checklist, a typed word, and a permission for live entries that expires; and its end."""

import getpass
import time
import uuid
from pathlib import Path
from typing import Annotated

import typer

from bot.venues import registry
from cli import data_folder, ui
from cli.context import data_paths, from_callers_folder, loaded, own_folder
from cli.doctor.check import DiagnosticRow, bad, good, note, warn
from cli.live_checks import Checklist, run
from shared import files, folder_identity, lab_verdicts, live_permission
from shared.bots import DEFAULT_FOLDER
from shared.exits import Exit
from shared.figures import plainly
from shared.files import Unreadable
from shared.lab_verdicts import LabStanding
from shared.liveness import bot_alive, read_state
from shared.paths import ROOT, DataPaths
from shared.settings import Mode, Profile, Settings
from shared.times import from_epoch_ms, iso_seconds
from shared.unwatched import unwatched

LEAST_REASON, MOST_REASON = 10, 300


def enable(
    trial: Annotated[
        Path | None, typer.Option(help="Data folder of the trial on the simulator or on paper; data without it.")
    ] = None,
) -> None:
    """Walk through the checklist; write the permission only after the typed word. Code 1 where something is bad."""
    settings = loaded().settings
    folder = from_callers_folder(trial) if trial is not None else ROOT / DEFAULT_FOLDER
    permit(settings, registry.load().where(settings), folder)


def permit(settings: Settings, where: object, trial: Path) -> None:
    """The same for given settings and addresses."""
    found = run(settings, where, trial)
    found.rows.append(_folder(settings))
    lab = lab_verdicts.standing((trial, settings.paths.root), settings)
    found.rows.append(lab_row(lab, settings))
    show(found)
    if found.key is None or any(row.mark == ui.BAD for row in found.rows):
        ui.give_up("Live orders stay locked: fix what is marked, then run this again.")
    folder = folder_identity.look(settings.paths).folder or uuid.uuid4().hex
    terms = live_permission.terms(settings, folder)
    _say_what_is_agreed(settings, terms)
    reason = _reason(lab, settings)
    word = f"live {settings.bot_name} {terms.digest[:4]}"
    days = settings.live_permission_days
    ui.plain()
    ui.plain(f"  This lets the bot trade with real money for {plainly(days)} days, with these settings and this key.")
    if typer.prompt(f'  Type "{word}" to allow it', default="", show_default=False).strip() != word:
        ui.give_up("The confirmation does not match: live orders stay locked.")
    now_ms = round(time.time() * 1000)
    data = live_permission.grant(
        terms, days, found.key.name, found.key.secret, now_ms, getpass.getuser(), lab, reason
    )  # fmt: skip
    own_folder(settings.paths)
    if not settings.paths.folder_id.exists():
        folder_identity.make(settings.paths, folder, iso_seconds(from_epoch_ms(now_ms)))
    files.write_whole(settings.paths.live_permission, data, durable=True)
    ends = iso_seconds(from_epoch_ms(live_permission.read(data).expires_ms))
    ui.line(ui.GOOD, f"Live orders are allowed until {ends}. After that, entries are blocked and exits continue.")
    ui.plain("      The same happens if a setting, the strategy's file or the key changes, or after:")
    ui.plain("      ./coin disable-live")
    if settings.dry_run:
        ui.line(ui.WARN, "DRY_RUN=true still locks them: DRY_RUN=false in .env, then ./coin restart")


def lab_row(lab: LabStanding, settings: Settings) -> DiagnosticRow:
    """What the lab says of the strategy with these settings. Never bad: in prod a person may say why nonetheless."""
    text = f"{lab.answer} for {settings.strategy} ({lab.digest}): {lab.text}"
    if lab.is_go:
        return good("lab", text)
    way = "./coin backtest or sweep with these settings, then ./coin lab last"
    prod = "; PROFILE=prod asks why it trades without a GO" if settings.profile is Profile.PROD else ""
    return warn("lab", text, way + prod)


def _reason(lab: LabStanding, settings: Settings) -> str:
    """Why it trades without a GO, as a person typed it; "" where nothing needs to be said. Ends without one."""
    if lab.is_go or settings.profile is not Profile.PROD:
        return ""
    ui.plain()
    ui.plain(f"  PROFILE=prod needs a GO of the lab, and there is none ({lab.answer}). What you type is kept in the")
    ui.plain("  permission and shown by ./coin status and on the page Strategy.")
    typed = " ".join(typer.prompt("  Why shall it trade nonetheless?", default="", show_default=False).split())
    if not LEAST_REASON <= len(typed) <= MOST_REASON or not typed.isprintable():
        ui.give_up(f"A reason has {LEAST_REASON} to {MOST_REASON} characters: live orders stay locked.")
    return str(typed)


def _folder(settings: Settings) -> DiagnosticRow:
    """The permission is for one folder: that of the ledger, or of a ledger that is still to come."""
    found = data_folder.check(settings)
    if found.mark == ui.DOT and data_folder.judge(settings)[1].has_orders:
        return bad("folder id", "none yet, although the ledger has orders", "./coin start once, then this again")
    return found


def _say_what_is_agreed(settings: Settings, terms: live_permission.PermissionTerms) -> None:
    changed = live_permission.voided_by(_data(settings.paths), settings)
    if changed:
        ui.line(ui.WARN, f"Changed since the previous permission: {', '.join(changed)}")
    files_ = f" and {len(terms.artifacts)} strategy files" if terms.artifacts else ""
    ui.line(ui.DOT, f"{len(terms.settings)} settings{files_} are covered: changing any of them ends the permission")


def say_voided(settings: Settings) -> None:
    """Before a start with these settings: what of them the permission does not cover."""
    if settings.coin_mode is not Mode.LIVE:
        return
    changed = live_permission.voided_by(_data(settings.paths), settings)
    if changed:
        ui.line(ui.WARN, f"These settings end the live permission: {', '.join(changed)}")
        ui.plain(
            "      Exits continue; entries are blocked until ./coin enable-live, or until the old settings are back."
        )


def refuse_naked_lots(settings: Settings) -> None:
    """Before a bot that guards live lots is replaced by one that would send nothing: code 78, and it runs on."""
    if not settings.dry_run:
        return
    try:
        _, ledger, why = data_folder.judge(settings)
    except data_folder.FAILURES:
        return  # the bot's own start says what is wrong with the ledger
    if ledger.open_lots and why is None:
        ui.give_up(
            f"DRY_RUN=true sends nothing, and {ledger.open_lots} live lots are open: nothing was started or stopped.",
            "To stop entries but keep exits, use REDUCE_ONLY=true with DRY_RUN=false.",
            code=Exit.SETTINGS,
        )


def permission_checks(settings: Settings) -> list[DiagnosticRow]:
    """For doctor: whether a start with these settings would end the permission. None outside live."""
    if settings.coin_mode is not Mode.LIVE:
        return []
    data = _data(settings.paths)
    changed = live_permission.voided_by(data, settings)
    if changed:
        return [
            warn("live permission", f"ended by: {', '.join(changed)}", "Entries are blocked until ./coin enable-live")
        ]
    if data is None:
        return [note("live permission", "none: entries are blocked, exits are not")]
    try:
        ends = iso_seconds(from_epoch_ms(live_permission.read(data).expires_ms))
    except Unreadable as error:
        return [warn("live permission", str(error), "Entries are blocked until ./coin enable-live")]
    return [good("live permission", f"for these settings, until {ends}")]


def _data(paths: DataPaths) -> bytes | None:
    try:
        return files.read_bytes(paths.live_permission, trusted=True)
    except (OSError, Unreadable):
        return None


def show(found: Checklist) -> None:
    """The checklist's rows."""
    for row in found.rows:
        ui.line(row.mark, f"{row.name}: {row.found}")
        if row.way_out and row.mark != ui.GOOD:
            ui.plain(f"      {row.way_out}")


def disable() -> None:
    """Remove the permission; the bot looks for it before every live entry. Says what stays open and who guards it."""
    paths = data_paths()
    if not paths.live_permission.exists():
        ui.line(ui.DOT, "There is no permission for live orders.")
    else:
        paths.live_permission.unlink()
        ui.line(ui.GOOD, "Live entries are locked.")
    _say_what_stays(paths)


def _say_what_stays(paths: DataPaths) -> None:
    state, _, _ = read_state(paths)
    left = unwatched(state)
    if state is None or state.mode != Mode.LIVE.value or left is None or not left.lots:
        return
    for position in state.positions or []:
        ui.plain(f"      {position.product_id}: {position.base_size_text} in {len(position.lots)} lots stay open")
    if not bot_alive(paths, state):
        ui.line(
            ui.BAD, f"The bot isn't running: {left.sentence()}. ./coin start manages them; that needs no permission"
        )
    elif state.dry_run or any(alert.code == "folder_not_own" for alert in state.alerts):
        ui.line(ui.BAD, f"The bot sends nothing ({state.live_lock}): {left.sentence()}")
    else:
        ui.line(
            ui.DOT,
            f"Their stops, trailing stops and take profits stay active, and ./coin flatten works; {left.resting()}.",
        )
