"""What the columns of a foreign table mean: which is which, and the unit of time. Never guessed silently."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from research.errors import ResearchError
from shared.figures import plainly

_NAMES: Mapping[str, tuple[str, ...]] = {
    "time": (
        "unix", "unixtimestamp", "time", "timestamp", "datetime", "date", "opentime",   "start", "starts", "startsat",
        "opentimems", "ts", "epoch", "begin", "datetimeutc", "timeutc", "dateutc", "startms", "timestampms",
    ),
    "open": ("open", "o", "openprice", "first"),
    "high": ("high", "h", "highprice", "max"),
    "low": ("low", "l", "lowprice", "min"),
    "close": ("close", "c", "closeprice", "last", "price"),
    "volume": ("volume", "v", "vol", "basevolume", "volumebase", "volumebtc", "volumefrom", "amount"),
}  # fmt: skip
# Without a header: the orders that are known, the usual one first; the second is Coinbase Exchange's.
_ORDERS = (("open", "high", "low", "close"), ("low", "high", "open", "close"))
_SCALES = ((1e8, 1e11, 1, "seconds"), (1e11, 1e14, 10**3, "milliseconds"), (1e14, 1e17, 10**6, "microseconds"),
           (1e17, 1e20, 10**9, "nanoseconds"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Columns:
    """Index of each of our columns in the table, and what was understood, in words."""

    at: Mapping[str, int]
    said: tuple[str, ...]


def plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_header(fields: Sequence[str]) -> bool:
    """A line of names: nothing in it but the first field may be a number, and the first is none either."""

    def number(text: str) -> bool:
        try:
            float(text)
        except ValueError:
            return False
        return True

    return not any(number(field) for field in fields)


def by_names(names: Sequence[str], product_id: str) -> Columns:
    """The columns by their names. Raises ResearchError that lists what is there and what is missing."""
    base = product_id.partition("-")[0].lower()
    known = [plain(name) for name in names]
    at: dict[str, int] = {}
    for word, aliases in _NAMES.items():
        wanted = (f"volume{base}", f"volume{base}base", *aliases) if word == "volume" else aliases
        found = [known.index(alias) for alias in wanted if alias in known]
        if found:
            at[word] = found[0]
    missing = [word for word in _NAMES if word not in at]
    if missing:
        raise ResearchError(f"no column for {', '.join(missing)} among {', '.join(names)}")
    pairs = ", ".join(f"{word} = {names[i]}" for word, i in at.items())
    return Columns(at, (f"columns by name: {pairs}",))


def by_position(columns: Sequence[NDArray[np.float64] | None]) -> Columns:
    """Columns of a table without a header: time first, then prices in an order that their sizes bear out."""
    if len(columns) < 6:
        raise ResearchError(f"a table without a header needs six columns (time, four prices, volume); {len(columns)}")
    for order in _ORDERS:
        prices = dict(zip(order, columns[1:5], strict=False))
        o, h, lo, c = (prices[word] for word in ("open", "high", "low", "close"))
        if o is None or h is None or lo is None or c is None:
            break
        fits = float(np.mean((h >= np.maximum(o, c)) & (lo <= np.minimum(o, c))))
        if fits > 0.99:
            at = {"time": 0, **{word: i + 1 for i, word in enumerate(order)}, "volume": 5}
            return Columns(at, (f"no header; columns by their values: time, {', '.join(order)}, volume",))
    raise ResearchError("no header, and the prices fit no known order: give the file a line of names")


def seconds_of_numbers(values: NDArray[np.float64]) -> tuple[NDArray[np.int64], str]:
    """Whole seconds since 1970 from numbers of any unit, and the unit in words. Raises ResearchError."""
    finite = values[np.isfinite(values)]
    size = float(np.median(finite)) if len(finite) else 0.0
    for low, high, scale, word in _SCALES:
        if low <= size < high:
            return np.floor(values / scale).astype(np.int64), f"time in {word} since 1970, UTC"
    raise ResearchError(f"times around {plainly(size)} are not times since 1970 in s, ms, µs or ns")
