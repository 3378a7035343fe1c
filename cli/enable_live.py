"""`./coin enable-live`: a checklist, a typed word, and a permission for live orders that expires; and its end."""

import getpass
import time
from pathlib import Path

import typer

from bot.coinbase.endpoints import Endpoints, endpoints
from cli import ui
from cli.context import data_paths, from_callers_folder, loaded
from cli.live_checks import Checklist, run
from shared import files, live_permission
from shared.figures import plainly
from shared.paths import ROOT
from shared.settings import Settings
from shared.times import from_epoch_ms, iso_seconds


def enable(trial: Path | None) -> None:
    """Walk through the checklist; write the permission only after the typed word. Code 1 where something is bad."""
    settings = loaded().settings
    folder = from_callers_folder(trial) if trial is not None else ROOT / "data"
    permit(settings, endpoints(settings), folder)


def permit(settings: Settings, where: Endpoints, trial: Path) -> None:
    """The same for given settings and addresses."""
    found = run(settings, where, trial)
    show(found)
    if found.key is None or any(row.mark == ui.BAD for row in found.rows):
        ui.give_up("Live orders stay locked: mend what is marked, then run this again.")
    word = f"live {settings.bot_name} {live_permission.limits_hash(settings)[:4]}"
    days = settings.live_permission_days
    ui.plain()
    ui.plain(f"  This lets the bot trade with real money for {plainly(days)} days, with the limits above and this key.")
    if typer.prompt(f'  Type "{word}" to allow it', default="", show_default=False).strip() != word:
        ui.give_up("That is not the word: live orders stay locked.")
    now_ms = round(time.time() * 1000)
    data = live_permission.grant(settings, found.key.name, found.key.secret, now_ms, getpass.getuser())
    settings.paths.prepare()
    files.write_whole(settings.paths.live_permission, data, durable=True)
    ends = iso_seconds(from_epoch_ms(live_permission.read(data).expires_ms))
    ui.line(ui.GOOD, f"Live orders are allowed until {ends}. A changed limit or another key ends it; so does:")
    ui.plain("      ./coin disable-live")
    if settings.dry_run:
        ui.line(ui.WARN, "DRY_RUN=true still locks them: DRY_RUN=false in .env, then ./coin restart")


def show(found: Checklist) -> None:
    """The checklist's rows."""
    for row in found.rows:
        ui.line(row.mark, f"{row.name}: {row.found}")
        if row.way_out and row.mark != ui.GOOD:
            ui.plain(f"      {row.way_out}")


def disable() -> None:
    """Remove the permission; the bot looks for it before every live order."""
    path = data_paths().live_permission
    if not path.exists():
        ui.line(ui.DOT, "There is no permission for live orders.")
        return
    path.unlink()
    ui.line(ui.GOOD, "Live orders are locked.")
