"""Closed bars (candles)."""

from typing import NamedTuple


class Bar(NamedTuple):
    """One closed bar; floats, since only indicators and charts read it."""

    start_s: int
    open: float
    high: float
    low: float
    close: float
    volume: float
