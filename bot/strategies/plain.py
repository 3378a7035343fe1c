"""Strategies whose signal is a little arithmetic on the newest closes: given in plain Python beside `compute`.

Research computes years with `compute`; the bot asks `at` about one bar, and needs no numpy for it. Both say the same to
the bit, which a test compares. Where a derived class changes `compute`, `latest` or the window
alone, `at` is out of date and not asked.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from bot.strategies.base import CALLS, Call, Signal, Strategy

CLOSE = 4  # of a row (start_s, open, high, low, close, volume)


class Said(NamedTuple):
    """Of one bar: 1 BUY, -1 SELL or 0 FLAT; the strategy's own measure; what else to show. NaN = not known."""

    signal: int
    strength: float
    values: Mapping[str, float]


class PlainStrategy(Strategy):
    """`warmup_bars` closes decide a signal, no bar before them."""

    @abstractmethod
    def at(self, closes: Sequence[float], price_increment: float) -> Said:
        """Of the newest of exactly `warmup_bars` closes, oldest first."""

    @property
    def memory_bars(self) -> int:
        return self.warmup_bars

    def latest_of(self, rows: Sequence[Sequence[float]], price_increment: float, granularity_s: int) -> Signal:
        if not self._plain:
            return super().latest_of(rows, price_increment, granularity_s)
        start_s = int(rows[-1][0]) if rows else None
        if len(rows) < self.warmup_bars:
            return Signal(Call.FLAT, bar_start_s=start_s)
        said = self.at([row[CLOSE] for row in rows[-self.warmup_bars :]], price_increment)
        strength = said.strength if math.isfinite(said.strength) else None
        return Signal(CALLS[said.signal], strength, _known(said.values), start_s)

    def lines_of(
        self, rows: Sequence[Sequence[float]], price_increment: float, granularity_s: int
    ) -> list[Mapping[str, float]]:
        if not self._plain:
            return super().lines_of(rows, price_increment, granularity_s)
        closes, count = [row[CLOSE] for row in rows], self.warmup_bars
        windows = (closes[end - count : end] for end in range(count, len(closes) + 1))
        unknown: list[Mapping[str, float]] = [{} for _ in range(min(count - 1, len(closes)))]
        return [*unknown, *(_known(self.at(window, price_increment).values) for window in windows)]

    @property
    def _plain(self) -> bool:
        """Whether `at` still belongs to `compute` and its window, and nobody has another `latest` or `lines`."""
        return (
            all(self._maker(name) is self._maker("at") for name in ("compute", "warmup_bars"))
            and self._maker("memory_bars") is PlainStrategy
            and all(self._maker(name) is Strategy for name in ("latest", "lines", "signals"))
        )

    def _maker(self, name: str) -> type:
        return next(kind for kind in type(self).__mro__ if name in vars(kind))


def _known(values: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in values.items() if math.isfinite(value)}
