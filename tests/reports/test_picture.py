"""The picture of equity: a PNG that another program decodes, with the line where the figures are."""

import struct
import zlib
from pathlib import Path

import pytest

from reports.picture import BOTTOM, HEIGHT, LINE, RIGHT, TOP, WIDTH, equity_picture

HOUR = 3600.0


def decoded(png: bytes) -> list[list[tuple[int, int, int]]]:
    """Rows of pixels, after a check of each chunk's sum."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, packed, size = 8, b"", (0, 0)
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + data)
        size = struct.unpack(">II", data[:8]) if name == b"IHDR" else size
        packed += data if name == b"IDAT" else b""
        at += 12 + length
    width, height = size
    raw = zlib.decompress(packed)
    assert len(raw) == height * (1 + 3 * width)
    rows = [raw[y * (1 + 3 * width) : (y + 1) * (1 + 3 * width)] for y in range(height)]
    assert all(row[0] == 0 for row in rows)
    return [[(row[1 + 3 * x], row[2 + 3 * x], row[3 + 3 * x]) for x in range(width)] for row in rows]


def line_at(rows: list[list[tuple[int, int, int]]], x: int) -> list[int]:
    return [y for y, row in enumerate(rows) if row[x] == LINE]


def test_a_step_upwards_is_low_on_the_left_and_high_on_the_right() -> None:
    points = [(n * HOUR, 10_000.0 if n < 50 else 10_100.0) for n in range(101)]
    png = equity_picture(points, [(0.0, "11-23"), (50 * HOUR, "11-25")])
    assert png is not None and len(png) < 40_000
    rows = decoded(png)
    assert (len(rows[0]), len(rows)) == (WIDTH, HEIGHT)
    right = line_at(rows, WIDTH - RIGHT - 5)
    left = line_at(rows, 200)
    assert right and left and max(right) < min(left), "up is up"
    assert abs(right[0] - TOP) <= 3 and abs(left[0] - (HEIGHT - BOTTOM)) <= 3, "the axis ends where the figures do"


def test_what_was_not_recorded_is_left_open() -> None:
    points = [(n * HOUR, 100.0 + n % 3) for n in range(400) if not 100 <= n < 200]
    png = equity_picture(points, [])
    assert png is not None
    rows = decoded(png)
    drawn = [bool(line_at(rows, x)) for x in range(130, WIDTH - RIGHT - 2)]
    gap = [i for i, there in enumerate(drawn) if not there]
    assert 0.2 < len(gap) / len(drawn) < 0.3 and gap[-1] - gap[0] + 1 == len(gap)


@pytest.mark.parametrize("points", [[], [(0.0, 1.0)], [(5.0, 1.0), (5.0, 2.0)]])
def test_too_little_is_no_picture(points: list[tuple[float, float]]) -> None:
    assert equity_picture(points, []) is None


@pytest.mark.parametrize("value", [0.0, 1e-6, 1e9, -50.0])
def test_a_flat_line_of_any_size_is_drawn(value: float, tmp_path: Path) -> None:
    png = equity_picture([(n * HOUR, value) for n in range(30)], [])
    assert png is not None and any(LINE in row for row in decoded(png))
