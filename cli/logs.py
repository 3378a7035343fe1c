"""`./coin logs`: the processes' own rotating logs, which lose no line (PM2's can)."""

import os
import time
from pathlib import Path
from typing import Annotated

import typer

from cli import ui
from cli.context import data_paths
from cli.text import tail
from shared.bots import CHAT, DASHBOARD, DEFAULT_BOT, SIMULATOR, WATCHER

ALIASES = {
    "dashboard": DASHBOARD, "bot": DEFAULT_BOT.process, "sim": SIMULATOR, "simulator": SIMULATOR, "watch": WATCHER,
    "chat": CHAT,
}  # fmt: skip
FOLLOW_EVERY_S = 0.2


def logs(
    name: Annotated[str | None, typer.Argument(help="bot, dashboard, sim, watch or chat; all without it.")] = None,
    lines: Annotated[int, typer.Option("-n", "--lines", help="How many lines.")] = 30,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Keep printing new lines until Ctrl-C.")] = False,
) -> None:
    """Print the last `lines` of one log or of all, and go on with `follow` until Ctrl-C."""
    folder = data_paths().logs
    wanted = ALIASES.get(name, name.upper()) if name else None
    files = sorted(p for p in folder.glob("*.log") if wanted is None or p.stem == wanted)
    if not files:
        there = ", ".join(sorted(p.stem for p in folder.glob("*.log"))) or "none yet: ./coin start"
        ui.give_up(f"No log{f' of {name}' if name else ''} in {folder}.", f"There are: {there}")
    places = {}
    for path in files:
        # Taken before the lines are read, so that none between the two is lost; at a line's end, so that none is cut.
        places[path] = (_inode(path), _last_line_end(path))
        if len(files) > 1:
            ui.plain(f"==> {path.name} <==")
        for text in tail(path, lines, end=places[path][1]):
            ui.plain(text)
    if follow:
        _follow(files, places)


def _last_line_end(path: Path) -> int:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        start = file.seek(max(0, size - 64 * 1024))
        return start + file.read(size - start).rfind(b"\n") + 1


def _follow(files: list[Path], places: dict[Path, tuple[int | None, int]]) -> None:
    last: Path | None = None
    while True:
        time.sleep(FOLLOW_EVERY_S)
        for path in files:
            inode, offset = places[path]
            now = _inode(path)
            if now is None:
                continue
            offset = offset if now == inode else 0  # rotated: a new file began
            with path.open("rb") as file:
                file.seek(0, os.SEEK_END)
                offset = min(offset, file.tell())
                file.seek(offset)
                new = file.read()
            whole = new.rpartition(b"\n")[0]
            if whole:
                if len(files) > 1 and last != path:
                    ui.plain(f"==> {path.name} <==")
                last = path
                ui.plain(whole.decode(errors="replace"))
                offset += len(whole) + 1
            places[path] = (now, offset)


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except FileNotFoundError:
        return None
