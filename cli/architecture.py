"""`python -m cli.architecture`: the rooms and who imports whom, as docs/architecture.svg; --check only compares.

Drawn from the imports themselves. An arrow that follows from two others is left out.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Mapping
from html import escape
from itertools import pairwise
from textwrap import wrap
from typing import NamedTuple

import grimp

from shared.paths import ROOT

PICTURE = ROOT / "docs" / "architecture.svg"
SPLIT = ("bot", "shared.ledger")  # packages whose parts are rooms of their own, and parts that are
WIDE, HIGH, GAP, STEP, LANE, LETTERS = 236, 104, 24, 60, 8, 33
STYLE = """
  svg { --line: #57606a; --box: #f6f8fa; --edge: #d0d7de; --text: #1f2328; --soft: #57606a; }
  @media (prefers-color-scheme: dark) {
    svg { --line: #8b949e; --box: #161b22; --edge: #30363d; --text: #e6edf3; --soft: #9da7b1; }
  }
  rect { fill: var(--box); stroke: var(--edge); }
  path { fill: none; stroke: var(--line); stroke-width: 1.2; }
  marker path { fill: var(--line); stroke: none; }
  .name { font: 600 14px ui-monospace, monospace; fill: var(--text); }
  .what { font: 12px system-ui, sans-serif; fill: var(--soft); }
"""


class Room(NamedTuple):
    """`name`: its dotted path."""

    name: str
    purpose: str


def rooms() -> dict[str, Room]:
    """Every room by its name; its purpose is the first sentence of its package."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    names = list[str]()
    for package in contract["root_packages"]:
        if package in SPLIT:
            names += sorted(f"{package}.{path.parent.name}" for path in (ROOT / package).glob("*/__init__.py"))
        else:
            names.append(package)
    names += [name for name in SPLIT if "." in name]
    return {name: Room(name, _purpose(name)) for name in names}


def _purpose(name: str) -> str:
    source = ROOT.joinpath(*name.split("."), "__init__.py").read_text()
    text = " ".join((ast.get_docstring(ast.parse(source)) or "").split())
    return re.sub(r" \(docs/[^)]*\)|`", "", text.split(". ")[0]).rstrip(".")


def imports(named: Mapping[str, Room]) -> dict[str, set[str]]:
    """The rooms that each room imports straight."""
    packages = sorted({name.split(".")[0] for name in named})
    graph = grimp.build_graph(*packages, include_external_packages=False)
    found: dict[str, set[str]] = {name: set() for name in named}
    for module in graph.modules:
        room = room_of(module, named)
        for other in graph.find_modules_directly_imported_by(module):
            there = room_of(other, named)
            if room and there and room != there:
                found[room].add(there)
    return found


def room_of(module: str, named: Mapping[str, Room]) -> str | None:
    """The room that a module belongs to: the longest name that it begins with."""
    fits = [name for name in named if module == name or module.startswith(f"{name}.")]
    return max(fits, key=len) if fits else None


def needed(found: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """Without the arrows that follow from others."""
    below = {name: reach(name, found) for name in found}
    return {
        name: {one for one in straight if not any(one in below[other] for other in straight if other != one)}
        for name, straight in found.items()
    }


def reach(name: str, found: Mapping[str, set[str]]) -> set[str]:
    """All rooms that `name` stands on."""
    seen, todo = set[str](), [*found[name]]
    while todo:
        one = todo.pop()
        if one not in seen:
            seen.add(one)
            todo += found[one]
    return seen


def floors(found: Mapping[str, set[str]]) -> list[list[str]]:
    """Rooms by height, the ground first: a room stands above all that it imports. Raises ValueError for a circle."""
    height: dict[str, int] = {}
    while len(height) < len(found):
        ready = [n for n, below in found.items() if n not in height and all(one in height for one in below)]
        if not ready:
            raise ValueError(f"a circle among {', '.join(sorted(set(found) - set(height)))}")
        height |= {name: 1 + max((height[one] for one in found[name]), default=-1) for name in ready}
    return [sorted(n for n in height if height[n] == level) for level in range(max(height.values()) + 1)]


def lanes(levels: list[list[str]], arrows: Mapping[str, set[str]]) -> tuple[list[list[str]], list[list[str]]]:
    """(what stands on each floor, the stations of each arrow): an arrow past a floor gets a place of its own there."""
    height = {name: number for number, level in enumerate(levels) for name in level}
    rows, ways = [list(level) for level in levels], list[list[str]]()
    for name, below in sorted(arrows.items()):
        for one in sorted(below):
            way = [f"{name}>{one}@{floor}" for floor in range(height[name] - 1, height[one], -1)]
            for station in way:
                rows[int(station.rpartition("@")[2])].append(station)
            ways.append([name, *way, one])
    return rows, ways


def ordered(rows: list[list[str]], ways: list[list[str]]) -> list[list[str]]:
    """Each floor's order, so that few arrows cross: sorted again and again by the mean place of the neighbours."""
    near: dict[str, list[str]] = {}
    for way in ways:
        for upper, lower in pairwise(way):
            near.setdefault(upper, []).append(lower)
            near.setdefault(lower, []).append(upper)
    for _ in range(24):
        at = {name: (n + 0.5) / len(row) for row in rows for n, name in enumerate(row)}
        rows = [sorted(row, key=lambda name: (_mean(name, near, at), name)) for row in rows]
    return rows


def _mean(name: str, near: Mapping[str, list[str]], at: Mapping[str, float]) -> float:
    return sum(at[one] for one in near[name]) / len(near[name]) if near.get(name) else at[name]


def draw() -> str:
    """The picture."""
    named = rooms()
    found = imports(named)
    rows, ways = lanes(floors(found), needed(found))
    rows = ordered(rows, ways)
    wide = {name: WIDE if name in named else LANE for row in rows for name in row}
    width = max(sum(wide[name] + GAP for name in row) for row in rows) + GAP
    height = len(rows) * (HIGH + STEP) - STEP + 2 * GAP
    place: dict[str, tuple[float, float]] = {}
    for number, row in enumerate(rows):
        left = (width - sum(wide[name] + GAP for name in row) + GAP) / 2
        for name in row:
            place[name] = (left, height - GAP - HIGH - number * (HIGH + STEP))
            left += wide[name] + GAP
    middle = {name: x + wide[name] / 2 for name, (x, _) in place.items()}
    lines = [_arrow([(middle[name], place[name][1]) for name in way]) for way in ways]
    boxes = [_box(named[name], *place[name]) for name in sorted(named)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
            "<title>CoinTrader's rooms; an arrow points to what is imported</title>",
            f"<style>{STYLE}</style>",
            '<defs><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" '
            'orient="auto"><path d="M0 0 8 4 0 8z"/></marker></defs>',
            *lines,
            *boxes,
            "</svg>\n",
        ]
    )


def _arrow(stations: list[tuple[float, float]]) -> str:
    """From the foot of the first box, straight past the floors between, to the head of the last one."""
    x, y = stations[0][0], stations[0][1] + HIGH
    path = [f"M{x:g} {y:g}"]
    for number, (to_x, top) in enumerate(stations[1:], 2):
        last = number == len(stations)
        to_y = top - 1 if last else top
        path.append(f"C{x:g} {y + STEP / 2:g} {to_x:g} {to_y - STEP / 2:g} {to_x:g} {to_y:g}")
        if not last:
            path.append(f"V{top + HIGH:g}")
        x, y = to_x, top + HIGH
    return f'<path d="{"".join(path)}" marker-end="url(#head)"/>'


def _box(room: Room, x: float, y: float) -> str:
    text = wrap(room.purpose, LETTERS)
    if len(text) > 4:
        text = [*text[:3], f"{text[3][: LETTERS - 2]} …"]
    rows = "".join(
        f'<text class="what" x="{x + 12:g}" y="{y + 44 + 15 * n:g}">{escape(row)}</text>' for n, row in enumerate(text)
    )
    name = f'<text class="name" x="{x + 12:g}" y="{y + 24:g}">{room.name.replace(".", "/")}</text>'
    return f'<rect x="{x:g}" y="{y:g}" width="{WIDE}" height="{HIGH}" rx="8"/>{name}{rows}'


def main(arguments: list[str]) -> int:
    """0 = written, or as it should be."""
    picture = draw().encode()
    if "--check" in arguments:
        if PICTURE.exists() and PICTURE.read_bytes() == picture:
            return 0
        sys.stderr.write("docs/architecture.svg is not what the imports are: python -m cli.architecture\n")
        return 1
    PICTURE.write_bytes(picture)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
