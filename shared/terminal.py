"""What is printed for people: tables that fit the terminal, and colour where somebody sees it.

A number is never cut nor wrapped, whatever the width: hashes shorten first, then titles and texts wrap, then hashes go
and texts move below their row, and where even that is not enough each row becomes a block of lines. What is piped keeps
its full width, and no colour.
"""

import os
import re
import sys
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TextIO

GAP = 2
HASH_LEAST = 7
TEXT_LEAST = 24  # a longer word is broken
_STYLES = {"green": "32", "yellow": "33", "red": "31", "cyan": "36", "dim": "2", "bold": "1"}


class CellKind(StrEnum):
    """What a column holds, by which it gives way."""

    NUMBER = "#"  # right, never cut
    NAME = "n"  # left, never cut: it is typed again
    TEXT = "t"  # left, wraps
    HASH = "h"  # left, shortened or left out


# What a terminal would obey, our own colours apart: control characters, and those that turn the direction of writing.
_OBEYED = re.compile(
    r"(\x1b\[(?:0|(?:[12]|3[1236])(?:;(?:[12]|3[1236]))*)m)"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)


def harmless(text: str) -> str:
    """`text` with what a terminal would obey written out (`\\u001b`): names, logs and files may be anybody's."""
    return _OBEYED.sub(lambda found: found[1] or f"\\u{ord(found[0]):04x}", text)


@dataclass(frozen=True, slots=True)
class TextColumn:
    """A title and what stands under it."""

    title: str
    kind: CellKind = CellKind.NUMBER


def columns(titles: Sequence[str], kinds: str) -> list[TextColumn]:
    """One column for each title, its kind by the letter at its place."""
    return [TextColumn(title, CellKind(letter)) for title, letter in zip(titles, kinds, strict=True)]


def width() -> int | None:
    """Characters in a line: COLUMNS, else the terminal's; None = nobody looks, and nothing needs to fit."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return (os.get_terminal_size(sys.stdout.fileno()).columns or 80) if sys.stdout.isatty() else None
    except (OSError, ValueError):
        return None


def in_colour(stream: TextIO | None = None) -> bool:
    """True where somebody sees colours: a terminal, and neither NO_COLOR nor TERM=dumb."""
    seen = (stream or sys.stdout).isatty()
    return seen and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, *styles: str, stream: TextIO | None = None) -> str:
    """`text` in green, yellow, red, cyan, dim or bold, where colours are seen; else as it is."""
    if not styles or not text or not in_colour(stream):
        return text
    return f"\x1b[{';'.join(_STYLES[style] for style in styles)}m{text}\x1b[0m"


def table(
    of: Sequence[TextColumn], rows: Iterable[Sequence[str]], room: int | None = None, indent: int = 2
) -> list[str]:
    """The lines of a table in `room` characters; None = as wide as it is."""
    cells = [[harmless(str(cell)).replace("\n", "\\n") for cell in row] for row in rows]
    inside = None if room is None else max(room - indent, 1)
    beside, below = list(range(len(of))), list[int]()
    widths = _widths(of, cells, inside)
    while widths is None and inside is not None:
        given = _gives_way(of, cells, beside)
        if given is None:
            return [" " * indent + line if line else "" for line in _blocks(of, cells, inside)]
        beside.remove(given)
        below += [given] if of[given].kind is CellKind.TEXT else []
        widths = _widths([of[i] for i in beside], [[row[i] for i in beside] for row in cells], inside)
    assert widths is not None
    shown = [of[i] for i in beside]
    head = _row([column.title for column in shown], shown, widths, title=True)
    body = []
    for row in cells:
        body += _row([row[i] for i in beside], shown, widths)
        body += [line for i in sorted(below) for line in _under(row[i], of[i].title, inside or 1)]
    pad = " " * indent
    return [*(paint((pad + line).rstrip(), "dim") for line in head), *((pad + line).rstrip() for line in body)]


def _gives_way(of: Sequence[TextColumn], cells: Sequence[Sequence[str]], beside: Sequence[int]) -> int | None:
    """The column that leaves the row: a hash, which goes, else the widest text, which stands below. None = neither."""
    hashes = [i for i in beside if of[i].kind is CellKind.HASH]
    texts = [i for i in beside if of[i].kind is CellKind.TEXT and i != beside[0]]
    if hashes:
        return hashes[0]
    return max(texts, key=lambda i: max((len(row[i]) for row in cells), default=0), default=None)


def _under(text: str, title: str, room: int) -> list[str]:
    """A text below its row."""
    lead = f"    {title}: "
    wrap = textwrap.TextWrapper(max(room, len(lead) + 10), initial_indent=lead, subsequent_indent=" " * len(lead),
                                break_on_hyphens=False)  # fmt: skip
    return wrap.wrap(text) if text else []


def _widths(of: Sequence[TextColumn], cells: Sequence[Sequence[str]], room: int | None) -> list[int] | None:
    """Each column's width so that all fit; None = they can't."""
    longest = [max((len(row[i]) for row in cells), default=0) for i in range(len(of))]
    full = [max(found, len(column.title)) for found, column in zip(longest, of, strict=True)]
    if room is None:
        return full
    least_title = [max((len(word) for word in _words(column.title)), default=0) for column in of]
    wrapped = [max(found, word) for found, word in zip(longest, least_title, strict=True)]
    least = [
        max(min(wrapped[i], HASH_LEAST), least_title[i]) if column.kind is CellKind.HASH
        else max(min(wrapped[i], TEXT_LEAST, _longest_word(cells, i)), least_title[i]) if column.kind is CellKind.TEXT
        else wrapped[i]
        for i, column in enumerate(of)
    ]  # fmt: skip
    widths = full
    gaps = GAP * (len(of) - 1)
    for kinds, towards in (
        ((CellKind.HASH,), least), ((CellKind.NUMBER, CellKind.NAME), wrapped), ((CellKind.TEXT,), least),
    ):  # fmt: skip
        widths = _shrunk(widths, towards, [i for i, column in enumerate(of) if column.kind in kinds], room - gaps)
    return widths if sum(widths) + gaps <= room else None


def _longest_word(cells: Sequence[Sequence[str]], i: int) -> int:
    return max((len(word) for row in cells for word in row[i].split()), default=0)


def _shrunk(widths: list[int], least: list[int], which: list[int], room: int) -> list[int]:
    """The widest of `which` give way, one character after the other, until all fit or can't."""
    widths = list(widths)
    while sum(widths) > room:
        able = [i for i in which if widths[i] > least[i]]
        if not able:
            break
        widths[max(able, key=lambda i: widths[i])] -= 1
    return widths


def _words(text: str) -> list[str]:
    """Where a title may break: between words and after an underscore."""
    return re.findall(r"[^\s_]*_|[^\s_]+", text)


def _row(row: Sequence[str], of: Sequence[TextColumn], widths: Sequence[int], *, title: bool = False) -> list[str]:
    """One row as lines; texts in it may take several."""
    parts = []
    for text, column, space in zip(row, of, widths, strict=True):
        parts.append(_title(text, space) if title else _cell(text, column.kind, space))
    high = max((len(lines) for lines in parts), default=1)
    out = []
    for n in range(high):
        shown = []
        for lines, column, space in zip(parts, of, widths, strict=True):
            # A title stands just above its column.
            at = n - (high - len(lines)) if title else n
            text = lines[at] if 0 <= at < len(lines) else ""
            shown.append(text.rjust(space) if column.kind is CellKind.NUMBER else text.ljust(space))
        out.append((" " * GAP).join(shown))
    return out


def _title(text: str, space: int) -> list[str]:
    if len(text) <= space:
        return [text]
    lines = [""]
    for word in _words(text):
        glue = "" if not lines[-1] or lines[-1].endswith("_") else " "
        if len(lines[-1] + glue + word) <= space:
            lines[-1] += glue + word
        else:
            lines.append(word)
    return [line for line in lines if line]


def _cell(text: str, kind: CellKind, space: int) -> list[str]:
    if len(text) <= space:
        return [text]
    if kind is CellKind.HASH:
        return [text[:space]]
    return textwrap.wrap(text, space, break_on_hyphens=False) or [""]


def _blocks(of: Sequence[TextColumn], cells: Sequence[Sequence[str]], room: int) -> list[str]:
    """Rows as blocks of lines, title beside value."""
    left = min(max((len(column.title) for column in of), default=0), max(room // 2, 1))
    out: list[str] = []
    for row in cells:
        if out:
            out.append("")
        for column, text in zip(of, row, strict=True):
            space = max(room - left - GAP, 1)
            fixed = column.kind is not CellKind.TEXT or len(text) <= space
            lines = [text] if fixed else textwrap.wrap(text, space, break_on_hyphens=False)
            for n, line in enumerate(lines or [""]):
                out.append(f"{column.title[:left] if not n else '':{left}}{' ' * GAP}{line}".rstrip())
    return out
