"""`./coin incident`: one archive with everything about the last hours, without secrets."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from cli import ui
from cli.context import from_callers_folder
from incident.bundle import FOLDER, file_name, loaded_anyway, make
from incident.span import read_span
from shared.exits import Exit


def incident(
    target: Annotated[Path | None, typer.Argument(help="File or folder; data/incidents without it.")] = None,
    since: Annotated[str, typer.Option(help="How far back: 90m, 2h, 3d.")] = "2h",
) -> None:
    """Write the bundle, 0600, while everything runs or nothing does. It starts and changes nothing."""
    try:
        span = read_span(since)
    except ValueError as error:
        ui.give_up(f"--since {error}", code=Exit.USAGE)
    loaded, now = loaded_anyway(), datetime.now(UTC)
    name = file_name(now)
    out = from_callers_folder(target) if target is not None else loaded.settings.paths.root / FOLDER / name
    if out.is_dir():
        out = out / name
    try:
        made = make(loaded, span, "asked for by ./coin incident", now, out)
    except OSError as error:
        ui.give_up(f"The bundle could not be written to {out}: {error.strerror or error}")
    ui.line(ui.GOOD, f"{made.path} ({made.size / 1000:,.0f} kB, {made.files} files): open timeline.html first")
    for name, why in made.failed.items():
        ui.line(ui.WARN, f"without {name}: {why}")
    ui.line(ui.DOT, "Keys, passwords and tokens are taken out; amounts, orders and lots are in it.")
