"""Bars small enough for a page: differences in planes of bytes, compressed, as base64 text."""

import base64
import zlib
from typing import Any

import numpy as np

from research.data.candles import Ints
from research.engine import Prepared

MAX_BYTES = 2_900_000  # of all bars of a page, compressed; base64 adds a third


def coarser(columns: tuple[Ints, ...], bars: int) -> tuple[Ints, ...]:
    """Start, open, high, low, close with every `bars` bars made one; its start is its first bar's."""
    if bars == 1:
        return columns
    start, o, h, lo, c = columns
    first = np.arange(0, len(start), bars)
    last = np.minimum(first + bars, len(start)) - 1
    return start[first], o[first], np.maximum.reduceat(h, first), np.minimum.reduceat(lo, first), c[last]


def pack(columns: tuple[Ints, ...], granularity_s: int) -> dict[str, Any]:
    """Start, open, high, low, close as the page's script unpacks them (report.js, unpack)."""
    start, o, h, lo, c = columns
    before = np.concatenate([c[:1], c[:-1]])
    top, bottom = np.maximum(o, c), np.minimum(o, c)
    parts = [np.diff(start, prepend=start[0]) // granularity_s, o - before, c - o, h - top, bottom - lo]
    fields = []
    for part in parts:
        wide = len(part) and (int(part.min()) < -32_768 or int(part.max()) > 32_767)
        kind = np.dtype("<i4" if wide else "<i2")
        planes = np.ascontiguousarray(part.astype(kind)).view(np.uint8).reshape(len(part), kind.itemsize).T
        packed = zlib.compress(np.ascontiguousarray(planes).tobytes(), 1)
        fields.append({"w": kind.itemsize, "z": base64.b64encode(packed).decode()})
    return {
        "n": len(start),
        "t0": int(start[0]) if len(start) else 0,
        "c0": int(c[0]) if len(c) else 0,
        "step": granularity_s,
        "fields": fields,
    }


def size(packed: dict[str, Any]) -> int:
    return sum(len(field["z"]) for field in packed["fields"]) * 3 // 4


def products(prepared: Prepared) -> list[dict[str, Any]]:
    """Every product's bars: as they are, or several in one where the page would grow too large."""
    room, out = MAX_BYTES // len(prepared.candles), []
    for one, first, end in zip(prepared.candles, prepared.first.tolist(), prepared.end.tolist(), strict=True):
        cut = slice(first, end)
        columns = (prepared.start_s[cut], *(column[cut] for column in prepared.ticks))
        bars = 1
        packed = pack(columns, prepared.granularity_s)
        while size(packed) > room:
            bars *= 2
            packed = pack(coarser(columns, bars), prepared.granularity_s)
        tick = one.price_increment
        decimals = len(tick.partition(".")[2]) if "." in tick else 0
        out.append({**packed, "id": one.product_id, "tick": float(tick), "decimals": decimals, "bars": bars})
    return out
