"""Pieces of a drawing whose x is time in percent of the width: made wider, its words are not stretched."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

ROW = 18  # height of a row of bars, in px
BASE_PX = 780  # of the narrowest drawing: words are given room for it
LETTER_PX = 6.2


@dataclass(frozen=True, slots=True)
class Axis:
    """From microseconds of the run to percent of the width."""

    end_us: int

    def x(self, us: float) -> str:
        return f"{min(max(us, 0), self.end_us) / self.end_us * 100:.3f}%"

    def width(self, begin_us: float, end_us: float) -> str:
        """At least a hair, so that what took no time is seen."""
        return f"{max((min(end_us, self.end_us) - max(begin_us, 0)) / self.end_us * 100, 0.08):.3f}%"

    def room_us(self, px: float) -> float:
        """How long so many px are where the drawing is as wide as it is at least."""
        return px / BASE_PX * self.end_us


@dataclass(frozen=True, slots=True)
class LaneBar:
    """Something that lasted."""

    begin_us: float
    end_us: float
    label: str
    title: str  # what a reader sees who points at it
    kind: str = ""  # CSS classes
    href: str = ""


def packed(axis: Axis, bars: Iterable[LaneBar]) -> list[list[LaneBar]]:
    """The bars in as few rows as keep them, and their labels, apart."""
    rows: list[tuple[float, list[LaneBar]]] = []
    for bar in sorted(bars, key=lambda bar: _extent(axis, bar)[0]):
        begin_us, end_us = _extent(axis, bar)
        for number, (until_us, row) in enumerate(rows):
            if until_us <= begin_us:
                row.append(bar)
                rows[number] = (end_us, row)
                break
        else:
            rows.append((end_us, [bar]))
    return [row for _, row in rows]


def fits(axis: Axis, label: str, begin_us: float, end_us: float) -> bool:
    """Whether a label has room between the two."""
    return axis.room_us(LETTER_PX * len(label)) < end_us - begin_us


def drawn(axis: Axis, rows: Sequence[Sequence[LaneBar]], height: int = ROW) -> str:
    """Rows of bars, one below the other, each with its label inside or beside it."""
    return "".join(_bar(axis, bar, number * height + 2, height - 4) for number, row in enumerate(rows) for bar in row)


def _extent(axis: Axis, bar: LaneBar) -> tuple[float, float]:
    """Where the bar and its label begin and end."""
    room_us = axis.room_us(8 + LETTER_PX * len(bar.label))
    if _to_the_left(axis, bar):
        return bar.begin_us - room_us, bar.end_us
    return bar.begin_us, max(bar.end_us, bar.begin_us + room_us)


def _to_the_left(axis: Axis, bar: LaneBar) -> bool:
    """Whether the label stands before the bar: after it, it would be cut off by the end of the drawing."""
    return bar.begin_us + axis.room_us(8 + LETTER_PX * len(bar.label)) > axis.end_us >= bar.begin_us


def _bar(axis: Axis, bar: LaneBar, y: int, height: int) -> str:
    shape = (
        f'<rect x="{axis.x(bar.begin_us)}" y="{y}" width="{axis.width(bar.begin_us, bar.end_us)}" height="{height}" '
        f'rx="2"/>'
    )
    if bar.label:
        side = 'dx="-4" text-anchor="end"' if _to_the_left(axis, bar) else 'dx="4"'
        shape += f'<text x="{axis.x(bar.begin_us)}" {side} y="{y + height - 3.5:g}">{escape(bar.label)}</text>'
    return marked(shape, bar.title, f"b {bar.kind}".strip(), bar.href)


def marked(shape: str, title: str, kind: str, href: str = "") -> str:
    """A shape with what it says to who points at it; `href`: where a click leads."""
    inner = f'<g class="{kind}"><title>{escape(title)}</title>{shape}</g>'
    return f'<a href="{escape(href)}">{inner}</a>' if href else inner


def clock(us: float) -> str:
    """Minutes, seconds and thousandths of the run."""
    ms = round(us / 1000)
    return f"{ms // 60_000}:{ms // 1000 % 60:02d}.{ms % 1000:03d}"
