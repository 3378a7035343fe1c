"""`./coin report`: the daily or weekly report, as it was told or as it is now."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cli import ui
from cli.options import Json
from incident.bundle import loaded_anyway
from reports.document import ReportDoc
from reports.make import made
from reports.period import ReportKind, ReportPeriod, ReportTimes, last_whole, period_of
from reports.store import file_of, kept, read
from reports.text import body, head
from shared.exits import Exit
from shared.files import Unreadable
from shared.setting_table import Settings
from shared.times import from_epoch_ms, iso_seconds


def report(
    period: Annotated[str, typer.Argument(help="A day, 2026-11-29, or a week, 2026-W48; the last whole one.")] = "",
    week: Annotated[bool, typer.Option("--week", help="The last whole week instead of the last whole day.")] = False,
    list_kept: Annotated[bool, typer.Option("--list", help="Only list which reports are kept.")] = False,
    json: Json = False,
) -> None:
    """Print the report of that UTC day or ISO week: as it was kept, else made now and not kept."""
    settings = loaded_anyway().settings
    folder = settings.paths.reports
    if list_kept:
        _list(folder, json=json)
        return
    now_ms = round(time.time() * 1000)
    try:
        asked = period_of(period) if period else last_whole(ReportKind.WEEK if week else ReportKind.DAY, now_ms)
    except ValueError as error:
        ui.give_up(str(error), code=Exit.USAGE)
    if asked.start_ms > now_ms:
        ui.give_up(f"{asked.title} has not begun.", code=Exit.USAGE)
    found, was_kept = _kept_or_made(settings, asked, now_ms)
    if json:
        ui.say_json(found)
        return
    ui.plain(f"  {ui.paint(head(found), 'bold')}")
    for line in body(found, ReportTimes.of(settings).zone).splitlines():
        ui.plain(f"  {line}")
    if was_kept:
        picture = f"; its picture: {file_of(folder, asked, 'png')}" if found.picture else ""
        ui.line(ui.DOT, f"As it was made {iso_seconds(from_epoch_ms(found.made_ms))}{picture}")
    else:
        over = "" if asked.end_ms <= now_ms else "; the period is not over"
        ui.line(ui.DOT, f"Made now, and not kept{over}. Days are UTC days.")


def _kept_or_made(settings: Settings, asked: ReportPeriod, now_ms: int) -> tuple[ReportDoc, bool]:
    try:
        found = read(settings.paths.reports, asked)
    except (Unreadable, OSError) as error:
        ui.line(ui.WARN, f"The kept report cannot be read ({error}); this one is made now.")
        found = None
    return (found, True) if found is not None else (made(settings, asked, now_ms)[0], False)


def _list(folder: Path, *, json: bool) -> None:
    found = [one.key for kind in ReportKind for one in kept(folder, kind)]
    if json:
        ui.say_json(found)
        return
    for key in found:
        ui.plain(f"  {key}")
    if not found:
        ui.line(ui.DOT, "No report is kept yet: COIN-WATCH makes one at REPORT_AT.")
