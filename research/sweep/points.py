"""Which points a sweep visits."""

import itertools
import math
import random
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation

from research.errors import Misused

MAX_VALUES = 10_000
MAX_POINTS = 1_000_000
Point = Mapping[str, str]
Grid = Mapping[str, tuple[str, ...]]


def parse(texts: Sequence[str]) -> Grid:
    """Axes from KEY=a,b,c or KEY=first:last:step (last included). Raises Misused."""
    grid: dict[str, tuple[str, ...]] = {}
    for text in texts:
        key, mark, spec = text.partition("=")
        key = key.strip().upper()
        if not mark or not spec.strip():
            raise Misused(f"--grid {text}: write KEY=1.0:3.0:0.1 or KEY=0.2,0.4,0.8")
        if key in grid:
            raise Misused(f"--grid names {key} twice")
        grid[key] = _range(text, spec) if ":" in spec else tuple(v.strip() for v in spec.split(",") if v.strip())
    if not grid:
        raise Misused("a sweep needs at least one --grid KEY=…")
    return grid


def _range(text: str, spec: str) -> tuple[str, ...]:
    """Exact steps: 1.0:3.0:0.1 ends at 3.0, where floats would end a hair before or beyond."""
    try:
        first, last, step = (Decimal(part) for part in spec.split(":"))
    except (InvalidOperation, ValueError) as error:
        raise Misused(f"--grid {text}: write a range as first:last:step") from error
    if not (first.is_finite() and last.is_finite() and step.is_finite()) or step <= 0 or last < first:
        raise Misused(f"--grid {text}: the step must be above zero and lead from first to last")
    count = int((last - first) / step) + 1
    if count > MAX_VALUES:
        raise Misused(f"--grid {text}: {count:,} values are too many")
    return tuple(f"{first + i * step:f}" for i in range(count))


def size(grid: Grid) -> int:
    return math.prod(len(values) for values in grid.values())


def all_points(grid: Grid) -> list[Point]:
    """Every point, the last axis moving fastest. Raises Misused for too many."""
    if size(grid) > MAX_POINTS:
        raise Misused(f"{size(grid):,} points are too many; --random N samples some of them")
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def at(grid: Grid, index: int) -> Point:
    """The point with this number, as `all_points` counts."""
    out = {}
    for key in reversed(list(grid)):
        index, place = divmod(index, len(grid[key]))
        out[key] = grid[key][place]
    return {key: out[key] for key in grid}


def random_points(grid: Grid, count: int, seed: int) -> list[Point]:
    """`count` different points of the grid. Equal seeds, equal points."""
    total = size(grid)
    if count >= total:
        return all_points(grid)
    numbers = random.Random(seed).sample(range(total), count)  # noqa: S311 - not a secret
    return [at(grid, number) for number in numbers]


def key_of(point: Point) -> str:
    return " ".join(f"{key}={point[key]}" for key in sorted(point))
