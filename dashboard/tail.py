"""The newest lines of the processes' own logs. Reads from the end, whatever the file's size. Blocks: for a thread."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from dashboard.views.format import clean

TAIL_BYTES = 512 * 1024
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "WARN": 30, "ERROR": 40, "CRITICAL": 50}
_LINE = re.compile(
    r"(?P<at>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?)\s+(?P<level>DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL)\s+"
    r"(?P<text>.*)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Line:
    source: str
    at: str
    level: str
    text: str


def sources(folder: Path) -> list[str]:
    """Names of the logs that are there, such as COIN-BOT."""
    try:
        return sorted(p.stem for p in folder.glob("*.log") if p.is_file() and not p.is_symlink())
    except OSError:
        return []


def read(folder: Path, source: str = "", level: str = "", q: str = "", limit: int = 200) -> list[Line]:
    """Lines of `source` (empty: of all) at or above `level` that hold `q`, newest first."""
    wanted = [name for name in sources(folder) if source in ("", name)]
    least = _LEVELS.get(level, 0)
    needle = q.casefold()
    found = [
        line
        for name in wanted
        for line in _lines(folder / f"{name}.log", name)
        if _LEVELS.get(line.level, 20) >= least and (not needle or needle in line.text.casefold())
    ]
    found.sort(key=lambda line: line.at)  # stable: lines of one moment keep their order
    return found[::-1][:limit]


def _lines(path: Path, name: str) -> list[Line]:
    try:
        with path.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            begin = max(0, end - TAIL_BYTES)
            file.seek(begin)
            data = file.read()
    except OSError:
        return []
    raw = data.decode("utf-8", "replace").split("\n")
    if begin:
        raw = raw[1:]
    out: list[Line] = []
    for text in raw:
        if not text.strip():
            continue
        match = _LINE.match(text)
        if match:
            level = "WARNING" if match["level"] == "WARN" else match["level"]
            out.append(Line(name, match["at"].replace(" ", "T").replace(",", "."), level, clean(match["text"][:2000])))
        elif out:
            out.append(Line(name, out[-1].at, out[-1].level, clean(text[:2000])))  # a traceback's line
        else:
            out.append(Line(name, "", "INFO", clean(text[:2000])))
    return out
