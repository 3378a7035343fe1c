"""`./coin events to-csv`: an event log of JSON lines, flattened into a table."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from cli import ui
from cli.context import from_callers_folder
from shared.exits import Exit
from shared.files import write_whole

FIELDS = "event_type,timestamp,product_id,side,size,price"


def to_csv(
    source: Annotated[Path, typer.Option("--input", help="The log: one JSON object per line.")],
    target: Annotated[Path, typer.Option("--output", help="The table to write.")],
    fields: Annotated[str, typer.Option(help="Columns; a.b means the field b inside a.")] = FIELDS,
) -> None:
    """Write the chosen fields of each event as a row; what an event lacks is blank."""
    names = [name.strip() for name in fields.split(",") if name.strip()]
    if not names:
        ui.give_up("--fields names no field.", f"Such as --fields {FIELDS}", code=Exit.USAGE)
    path, out = from_callers_folder(source), from_callers_folder(target)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    count = 0
    try:
        for event in _events(path):
            flat = dict(_flat(event))
            writer.writerow([_cell(_value(flat, name)) for name in names])
            count += 1
        write_whole(out, text.getvalue().encode(), durable=False)
    except OSError as error:
        ui.give_up(f"{error.filename or path}: {error.strerror or error}")
    ui.line(ui.GOOD, f"{count:,} events: {out}")


def _events(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                event = json.loads(line)
            except ValueError:
                event = None
            if not isinstance(event, dict):
                ui.give_up(f"{path.name}: line {number} is not a JSON object. Nothing was written.")
            yield event


def _flat(event: dict[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """(dotted path, value) of everything in it."""
    for key, value in event.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _value(flat: dict[str, Any], name: str) -> Any:
    """The field by its whole path; else the one that ends so, where there is but one."""
    if name in flat:
        return flat[name]
    ends = [value for path, value in flat.items() if path.endswith(f".{name}")]
    return ends[0] if len(ends) == 1 else None


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
