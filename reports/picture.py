"""Equity as a PNG, drawn with the standard library alone: one antialiased line and the figures of its axes.

Everything is made of straight strokes, the digits too. A pixel's share of ink is how much of a stroke of that width
covers it, taken from its distance to the stroke's middle.
"""

import math
import struct
import zlib
from collections.abc import Sequence
from itertools import pairwise

Point = tuple[float, float]
Colour = tuple[int, int, int]
WIDTH, HEIGHT = 960, 400
RIGHT, TOP, BOTTOM = 20, 20, 44
PAPER: Colour = (255, 255, 255)
INK: Colour = (70, 78, 90)
GRID: Colour = (226, 230, 235)
LINE: Colour = (32, 99, 155)
DIGIT_W, DIGIT_H, DIGIT_STEP = 9.0, 15.0, 13.0
# Strokes of each sign on a grid of 2 x 4, from the upper left corner; a sign that is not here stays blank.
_STROKES: dict[str, tuple[tuple[Point, ...], ...]] = {
    "0": (((0, 1), (0.6, 0), (1.4, 0), (2, 1), (2, 3), (1.4, 4), (0.6, 4), (0, 3), (0, 1)),),
    "1": (((0.3, 0.9), (1.2, 0), (1.2, 4)), ((0.3, 4), (2, 4))),
    "2": (((0, 0.9), (0.6, 0), (1.4, 0), (2, 0.9), (2, 1.5), (0, 4), (2, 4)),),
    "3": (((0, 0), (2, 0), (0.9, 1.6), (1.5, 1.7), (2, 2.5), (2, 3.2), (1.4, 4), (0.6, 4), (0, 3.4)),),
    "4": (((1.5, 4), (1.5, 0), (0, 2.8), (2, 2.8)),),
    "5": (((1.9, 0), (0.2, 0), (0, 1.8), (1.3, 1.5), (2, 2.3), (2, 3.1), (1.3, 4), (0.5, 4), (0, 3.5)),),
    "6": (((1.8, 0.3), (1.2, 0), (0.6, 0.2), (0, 1.6), (0, 3), (0.6, 4), (1.4, 4), (2, 3.1), (2, 2.5), (1.4, 1.7),
           (0.6, 1.7), (0, 2.4)),),
    "7": (((0, 0), (2, 0), (0.7, 4)),),
    "8": (((0.6, 1.8), (0, 1.2), (0, 0.6), (0.6, 0), (1.4, 0), (2, 0.6), (2, 1.2), (1.4, 1.8), (0.6, 1.8), (0, 2.5),
           (0, 3.3), (0.6, 4), (1.4, 4), (2, 3.3), (2, 2.5), (1.4, 1.8)),),
    "9": (((2, 1.6), (1.4, 2.3), (0.6, 2.3), (0, 1.5), (0, 0.9), (0.6, 0), (1.4, 0), (2, 1), (2, 2.4), (1.4, 3.8),
           (0.8, 4), (0.2, 3.7)),),
    "-": (((0.2, 2.1), (1.8, 2.1)),),
    ".": (((0.9, 3.9), (1.1, 3.9)),),
    ",": (((1.1, 3.7), (0.8, 4.7)),),
}  # fmt: skip


class Canvas:
    """Pixels in RGB, paper at first."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._rows = [bytearray(bytes(PAPER) * width) for _ in range(height)]

    def stroke(self, points: Sequence[Point], colour: Colour, width: float) -> None:
        """A line through the points, with round ends."""
        ink: dict[tuple[int, int], float] = {}  # the darkest of all its parts, so that joints are not twice as dark
        reach = width / 2 + 1
        for (ax, ay), (bx, by) in pairwise(points):
            length = math.hypot(bx - ax, by - ay)
            for y in range(max(0, math.floor(min(ay, by) - reach)), min(self.height, math.ceil(max(ay, by) + reach))):
                for x in range(
                    max(0, math.floor(min(ax, bx) - reach)), min(self.width, math.ceil(max(ax, bx) + reach))
                ):
                    px, py = x + 0.5 - ax, y + 0.5 - ay
                    along = max(0.0, min(length, (px * (bx - ax) + py * (by - ay)) / length)) if length else 0.0
                    share = along / length if length else 0.0
                    away = math.hypot(px - share * (bx - ax), py - share * (by - ay))
                    covered = min(1.0, max(0.0, width / 2 + 0.5 - away))
                    if covered > ink.get((x, y), 0.0):
                        ink[x, y] = covered
        for (x, y), covered in ink.items():
            self._mix(x, y, colour, covered)

    def _mix(self, x: int, y: int, colour: Colour, covered: float) -> None:
        row = self._rows[y]
        for i, part in enumerate(colour):
            row[3 * x + i] = round(row[3 * x + i] * (1 - covered) + part * covered)

    def text(self, x: float, y: float, text: str) -> None:
        """`x`: of its left edge, `y`: of its upper one."""
        for place, sign in enumerate(text):
            left = x + place * DIGIT_STEP
            for strokes in _STROKES.get(sign, ()):
                points = [(left + px * DIGIT_W / 2, y + py * DIGIT_H / 4) for px, py in strokes]
                self.stroke(points, INK, 1.7)

    def png(self) -> bytes:
        """The picture's file: 8 bits for each colour, no filter, one compressed block."""
        raw = b"".join(b"\0" + bytes(row) for row in self._rows)
        size = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        parts = (b"IHDR", size), (b"IDAT", zlib.compress(raw, 9)), (b"IEND", b"")
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in parts)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def equity_picture(points: Sequence[tuple[float, float]], marks: Sequence[tuple[float, str]]) -> bytes | None:
    """A PNG of (seconds, equity), oldest first; `marks`: (seconds, label of digits) below. None below two points.

    A gap of more than a hundredth of the whole, and of some usual steps, is left open: nobody knows what was there.
    """
    if len(points) < 2 or points[-1][0] <= points[0][0]:
        return None
    canvas = Canvas(WIDTH, HEIGHT)
    ticks = _ticks(min(value for _, value in points), max(value for _, value in points))
    digits = max(0, -math.floor(math.log10(ticks[1] - ticks[0])))
    labels = [f"{tick:,.{digits}f}" for tick in ticks]
    left = 24 + DIGIT_STEP * max(map(len, labels))
    begin, end = points[0][0], points[-1][0]

    def x_of(at: float) -> float:
        return left + (WIDTH - left - RIGHT) * (at - begin) / (end - begin)

    def y_of(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - ticks[0]) / (ticks[-1] - ticks[0])

    for tick, label in zip(ticks, labels, strict=True):
        canvas.stroke([(left, y_of(tick)), (WIDTH - RIGHT, y_of(tick))], GRID, 1)
        canvas.text(left - 12 - DIGIT_STEP * len(label), y_of(tick) - DIGIT_H / 2, label)
    for at, label in marks:
        if begin <= at <= end:
            canvas.text(min(x_of(at), WIDTH - RIGHT - DIGIT_STEP * len(label)), HEIGHT - 28, label)
    steps = sorted(after[0] - before[0] for before, after in pairwise(points))
    widest_s = max((end - begin) / 100, 2.5 * steps[len(steps) // 2])
    part = [points[0]]
    for before, point in pairwise(points):
        if point[0] - before[0] > widest_s:
            canvas.stroke([(x_of(at), y_of(value)) for at, value in part], LINE, 2.4)
            part = []
        part.append(point)
    canvas.stroke([(x_of(at), y_of(value)) for at, value in part], LINE, 2.4)
    return canvas.png()


def _ticks(low: float, high: float) -> list[float]:
    """Three to seven round values around what is shown."""
    spread = max(high - low, abs(high) * 1e-4, 0.01)
    rough = spread / 4
    unit = 10.0 ** math.floor(math.log10(rough))
    step = next(unit * factor for factor in (1, 2, 5, 10) if unit * factor >= rough)
    first = math.floor(low / step)
    last = math.ceil(high / step)
    return [step * n for n in range(first, max(last, first + 2) + 1)]
