"""The bar that is not closed yet, for the chart: closed minutes of the exchange, then last prices that the bot heard.

Nothing decides on it. Its close is the last price; its open is the first price that is known within it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.market_data import CandleRow

HEARD_LATE_MS = 5_000  # a bar's first price may come so long after its start without a word about it


@dataclass(frozen=True, slots=True)
class Forming:
    """The newest bar that is not closed yet, and the ones before it that the exchange's own bars do not cover yet."""

    bars: list[list[float]]  # [start_s, open, high, low, close], oldest first
    live: bool  # it is of now, and the bot hears prices
    began: datetime | None
    age: str  # since its start
    shuts: str  # until its end; "" where it is not of now
    since: datetime | None  # the first price known, where that is well after its start

    @property
    def newest(self) -> list[float]:
        return self.bars[-1]


def forming(
    s: Snapshot, product_id: str, length_s: int, closed_s: int | None, minutes: Sequence[CandleRow]
) -> Forming | None:
    """`closed_s`: start of the newest closed bar; `minutes`: closed minutes after that bar. None = nothing is known."""
    quote = s.quotes.get(product_id)
    covered_s = minutes[-1].start_s if minutes else -1
    pieces = [(m.start_s, m.open, m.high, m.low, m.close, m.start_s * 1000) for m in minutes]
    pieces += [
        (m.start_s, m.open, m.high, m.low, m.close, m.since_ms)
        for m in (quote.minutes if quote else ())
        if m.start_s > covered_s
    ]
    bars: list[list[float]] = []
    since_ms = 0
    for start_s, first, high, low, close, heard_ms in pieces:
        bar_s = start_s // length_s * length_s
        if closed_s is not None and bar_s <= closed_s:
            continue
        if bars and bars[-1][0] == bar_s:
            bar = bars[-1]
            bar[2], bar[3], bar[4] = max(bar[2], high), min(bar[3], low), close
        else:
            bars.append([bar_s, first, high, low, close])
            since_ms = heard_ms
    return _told(s, bars, length_s, since_ms) if bars else None


def _told(s: Snapshot, bars: list[list[float]], length_s: int, since_ms: int) -> Forming:
    feeds = s.state.feeds if s.state else None
    offset_ms = (feeds.clock_offset_ms if feeds else None) or 0
    now_s = s.now.timestamp() + offset_ms / 1000
    start_s = bars[-1][0]
    live = s.fresh and not s.verdict.blind and now_s < start_s + length_s
    return Forming(
        bars,
        live,
        f.of_ms(int(start_s) * 1000),
        _span(now_s - start_s),
        _span(start_s + length_s - now_s) if live else "",
        f.of_ms(since_ms) if since_ms > start_s * 1000 + HEARD_LATE_MS else None,
    )


def _span(seconds: float) -> str:
    """Whole seconds: a countdown that shows tenths would never stand still."""
    whole = max(math.ceil(seconds), 0)
    return f"{whole}{f.NBSP}s" if whole < 60 else f.duration(whole)
