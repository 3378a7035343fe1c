"""A recorded book in a table: one change of a level a row, as CSV or Parquet.

Columns: `time` (or `event_time`), `side` (bid; ask or offer), `price` (or `price_level`), `quantity` (or
`new_quantity`: what stands there now, 0 for nothing), in order of time. The rows of the first time are the whole
book; later rows of one time are one message. Tables of trades have a `size` instead of a quantity.
"""

import contextlib
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from shared.times import from_epoch_ms, iso_ms
from simulator.core.replay import BadRecording
from simulator.server.recordings import parse_us, product_in_name, table

_NAMES = {
    "time": ("time", "event_time", "timestamp", "ts"),
    "side": ("side",),
    "price": ("price", "price_level"),
    "quantity": ("quantity", "new_quantity"),
}
_SIDES = {"bid": "bid", "buy": "bid", "b": "bid", "ask": "offer", "offer": "offer", "sell": "offer", "a": "offer"}


class LevelChange(NamedTuple):
    """A level's new quantity, texts as the stream writes them."""

    time_us: int
    side: str
    price: str
    quantity: str


def _columns(header: list[str]) -> dict[str, int] | None:
    names = [name.strip().lower() for name in header]
    found = {}
    for wanted, spellings in _NAMES.items():
        at = next((names.index(name) for name in spellings if name in names), None)
        if at is None:
            return None
        found[wanted] = at
    return found


def holds_book(path: Path) -> bool:
    """Whether a table's header is that of a book. Raises BadRecording, OSError."""
    with contextlib.closing(table(path)) as rows:
        return _columns(next(rows, [])) is not None


def _changes(path: Path) -> Iterator[LevelChange]:
    with contextlib.closing(table(path)) as rows:
        at = _columns(next(rows, []))
        if at is None:
            raise BadRecording(f"{path.name}: a book has the columns time, side, price and quantity")
        before = 0
        for line, row in enumerate(rows, start=2):
            where = f"{path.name} line {line}"
            try:
                price, quantity = Decimal(row[at["price"]]), Decimal(row[at["quantity"]])
                side = _SIDES[row[at["side"]].strip().lower()]
                time_us = parse_us(row[at["time"]], where)
            except (InvalidOperation, IndexError, KeyError):
                raise BadRecording(f"{where}: {','.join(row)[:100]!r} is not a book change") from None
            if not (price.is_finite() and quantity.is_finite()) or price <= 0 or quantity < 0:
                raise BadRecording(f"{where}: a level has a positive price, and a quantity of 0 or more")
            if time_us < before:
                raise BadRecording(f"{where}: is earlier than the row before")
            before = time_us
            yield LevelChange(time_us, side, f"{price.normalize():f}", f"{quantity.normalize():f}")


def book_frames(path: Path, product_if_unnamed: str) -> Iterator[tuple[float, dict[str, Any]]]:
    """(seconds, level2 frame) of every time in the table, the snapshot first. Raises BadRecording, OSError."""
    product_id, kind = product_in_name(path, product_if_unnamed), "snapshot"
    for time_us, changes in groupby(_changes(path), key=lambda change: change.time_us):
        stamp = iso_ms(from_epoch_ms(time_us // 1000))
        updates = [
            {"side": change.side, "event_time": stamp, "price_level": change.price, "new_quantity": change.quantity}
            for change in changes
        ]
        event = {"type": kind, "product_id": product_id, "updates": updates}
        yield time_us / 1e6, {"channel": "l2_data", "events": [event], "timestamp": stamp}
        kind = "update"
