"""Candles of one product in columns, as research holds them."""

import hashlib
import re
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bot.strategies.base import Bars
from research.errors import Misused

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# Seconds of a bar -> its short name on the command line and in file names.
SHORT_NAMES = {
    60: "1m",
    300: "5m",
    900: "15m",
    1800: "30m",
    3600: "1h",
    7200: "2h",
    14_400: "4h",
    21_600: "6h",
    86_400: "1d",
}
# Coinbase's names of them; those of `shared.settings.GRANULARITIES` among them.
WIRE_NAMES = {
    60: "ONE_MINUTE",
    300: "FIVE_MINUTE",
    900: "FIFTEEN_MINUTE",
    1800: "THIRTY_MINUTE",
    3600: "ONE_HOUR",
    7200: "TWO_HOUR",
    14_400: "FOUR_HOUR",
    21_600: "SIX_HOUR",
    86_400: "ONE_DAY",
}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def counted(count: int, word: str) -> str:
    """1 gap, 2 gaps."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def granularity_text(seconds: int) -> str:
    """60 -> 1m; a length without a name of its own in seconds: 90 -> 90s."""
    return SHORT_NAMES.get(seconds, f"{seconds}s")


def granularity_s(text: str) -> int:
    """1m -> 60, 4h -> 14400, ONE_HOUR -> 3600. Raises Misused."""
    for seconds, wire in WIRE_NAMES.items():
        if text.upper() == wire:
            return seconds
    match = re.fullmatch(r"(\d{1,5})([smhdw])", text.strip().lower())
    if match is None or int(match[1]) == 0:
        raise Misused(f"{text} is not a bar length; choose one of {', '.join(SHORT_NAMES.values())}")
    return int(match[1]) * _UNITS[match[2]]


@dataclass(frozen=True, slots=True)
class CandleSet:
    """Bars of one product, oldest first, one entry per bar that exists: missing ones stay missing.

    `start_s`: the bar's open time. Prices in quote currency, volume in base units. The increments are texts, since
    they are exact: the product's tick and the step of a size.
    """

    product_id: str
    granularity_s: int
    start_s: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    price_increment: str = "0.01"
    base_increment: str = "0.00000001"
    source: str = ""
    notes: tuple[str, ...] = ()
    digest: str = field(default="")
    base_min_size: str = ""  # the smallest order, in base units and in money; "" = not known
    quote_min_size: str = ""

    def __post_init__(self) -> None:
        if not self.digest:
            object.__setattr__(self, "digest", digest(self))

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def name(self) -> str:
        return f"{self.product_id} {granularity_text(self.granularity_s)}"

    def bars(self) -> Bars:
        """As a strategy sees them, without copying."""
        return Bars(
            self.start_s,
            self.open,
            self.high,
            self.low,
            self.close,
            self.volume,
            float(self.price_increment),
            self.granularity_s,
        )

    def between(self, first_s: int | None, end_s: int | None) -> "CandleSet":
        """The bars that open at or after `first_s` and before `end_s`, without copying."""
        low = 0 if first_s is None else int(np.searchsorted(self.start_s, first_s))
        high = len(self) if end_s is None else int(np.searchsorted(self.start_s, end_s))
        if (low, high) == (0, len(self)):
            return self
        return self.rows(low, high)

    def rows(self, first: int, end: int) -> "CandleSet":
        """Bars first..end-1, without copying."""
        cut = slice(first, end)
        return CandleSet(
            self.product_id,
            self.granularity_s,
            self.start_s[cut],
            self.open[cut],
            self.high[cut],
            self.low[cut],
            self.close[cut],
            self.volume[cut],
            self.price_increment,
            self.base_increment,
            self.source,
            self.notes,
            digest=f"{self.digest}[{first}:{end}]",
            base_min_size=self.base_min_size,
            quote_min_size=self.quote_min_size,
        )


def digest(candles: CandleSet) -> str:
    """SHA-256 over product, bar length and every column: equal digests are equal data."""
    sha = hashlib.sha256(f"{candles.product_id} {candles.granularity_s}".encode())
    for column in (candles.start_s, candles.open, candles.high, candles.low, candles.close, candles.volume):
        kind = "<f8" if column.dtype.kind == "f" else "<i8"
        sha.update(np.ascontiguousarray(column).astype(kind, copy=False).data)
    return sha.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Gaps:
    """Bars that the data lacks between its first and its last one. `start_s[i]`: the first of `bars[i]` missing."""

    start_s: Ints
    bars: Ints

    @property
    def total(self) -> int:
        return int(self.bars.sum())

    def longest(self, count: int) -> list[tuple[int, int]]:
        """(first missing bar's start, how many), the longest first."""
        order = np.argsort(-self.bars, kind="stable")[:count]
        return [(int(self.start_s[i]), int(self.bars[i])) for i in order]


def gaps(candles: CandleSet) -> Gaps:
    """Where bars are missing. Nothing is put in their place."""
    step = np.diff(candles.start_s) // candles.granularity_s
    at = np.flatnonzero(step > 1)
    return Gaps(candles.start_s[at] + candles.granularity_s, step[at] - 1)
