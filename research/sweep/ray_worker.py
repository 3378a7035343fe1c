"""What a Ray worker runs; in a module of its own, so that a remote machine needs no more than the project's folder."""

from collections.abc import Sequence
from typing import Any

from research.backtest import Request
from research.data.candles import Candles
from research.sweep.evaluate import Bench, Row, evaluate
from research.sweep.points import Point

_benches: dict[str, Bench] = {}


def stretch(shared: tuple[Sequence[Candles], Request], points: Sequence[Point]) -> list[Row]:
    """Rows of `points`. The prepared data is kept for the next stretch."""
    candles, request = shared
    key: Any = (tuple(one.digest for one in candles), repr(request))
    if key not in _benches:
        _benches.clear()
        _benches[key] = Bench.of(candles, request)
    return [evaluate(_benches[key], point) for point in points]
