"""`./coin logs`: the processes' own rotating logs, which lose no line (PM2's can)."""

import os
import time
from pathlib import Path

from cli import ui
from cli.context import data_paths
from cli.text import tail

ALIASES = {"COIN": "dashboard", "COIN-BOT": "bot", "COIN-SIM": "simulator", "sim": "simulator", "coin": "dashboard"}
FOLLOW_EVERY_S = 0.2


def logs(name: str | None, lines: int, *, follow: bool) -> None:
    """Print the last `lines` of one log or of all, and go on with `follow` until Ctrl-C."""
    folder = data_paths().logs
    wanted = ALIASES.get(name, name) if name else None
    files = sorted(p for p in folder.glob("*.log") if wanted is None or p.stem == wanted)
    if not files:
        there = ", ".join(sorted(p.stem for p in folder.glob("*.log"))) or "none yet: ./coin start"
        ui.give_up(f"No log{f' of {name}' if name else ''} in {folder}.", f"There are: {there}")
    for path in files:
        if len(files) > 1:
            ui.plain(f"==> {path.name} <==")
        for text in tail(path, lines):
            ui.plain(text)
    if follow:
        _follow(files)


def _follow(files: list[Path]) -> None:
    places = {path: (_inode(path), path.stat().st_size) for path in files}
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
