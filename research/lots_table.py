"""The lots of a run as rows for people: prices, results, reasons, how far the price went for and against each."""

import csv
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from bot.rules.codes import EXIT_SIGNAL, EXIT_STOP, EXIT_TAKE, EXIT_TARGET, EXIT_TRAIL
from research.data.candles import Floats
from research.engine import RawResult, Style
from research.loops import types as t
from research.metrics.open_lots import marked_results
from shared.money import plain
from shared.times import from_epoch_ms, iso_seconds

REASONS: Mapping[int, str] = {
    EXIT_STOP: "stop",
    EXIT_TRAIL: "trail",
    EXIT_TAKE: "take",
    EXIT_SIGNAL: "signal",
    EXIT_TARGET: "target",
    t.EXIT_END: "open",
}
COLUMNS = (
    "product_id", "kind", "opened", "closed", "base_size", "entry_price", "exit_price", "exit_reason", "take_price",
    "entry_fee", "exit_fee", "pnl", "mae_pct", "mfe_pct", "marked_pnl",
)  # fmt: skip


def excursions(result: RawResult) -> tuple[Floats, Floats]:
    """(MAE, MFE) of each lot in percent of its entry, <= 0 and >= 0 (Sweeney 1996).

    Over the bars that the lot was open from begin to end and its exit price: what the closing bar did after the exit
    is not counted, nor what it did before, as bars don't tell the order.
    """
    p, ints = result.prepared, result.ints
    high, low = p.ticks[1], p.ticks[2]
    against, favour = np.zeros(len(ints)), np.zeros(len(ints))
    for k, row in enumerate(ints.tolist()):
        first, last, entry = row[t.T_OPEN_BAR], row[t.T_CLOSE_BAR], row[t.T_OPEN_TICKS]
        is_open = row[t.T_REASON] == t.EXIT_END
        worst = best = entry if is_open else row[t.T_EXIT_TICKS]
        end = last + 1 if is_open else last
        if end > first:
            worst, best = min(worst, int(low[first:end].min())), max(best, int(high[first:end].max()))
        against[k] = min(worst / entry - 1.0, 0.0) * 100.0
        favour[k] = max(best / entry - 1.0, 0.0) * 100.0
    return against, favour


def rows(result: RawResult) -> list[dict[str, Any]]:
    """One row per lot in the order of closing, open ones last. Prices and sizes as exact text.

    `pnl` is what was booked, empty while a lot is open; `marked_pnl` has every lot, open ones as if sold now.
    """
    against, favour = excursions(result)
    out: list[dict[str, Any]] = []
    held = result.style is Style.EXPOSURE
    increments = [(Decimal(c.price_increment), Decimal(c.base_increment)) for c in result.prepared.candles]
    marked = marked_results(result).tolist()
    for row, real, mae, mfe, now in zip(
        result.ints.tolist(), result.floats.tolist(), against.tolist(), favour.tolist(), marked, strict=True
    ):
        tick, step = increments[row[t.T_PRODUCT]]
        is_open = row[t.T_REASON] == t.EXIT_END
        out.append(
            {
                "product_id": result.prepared.candles[row[t.T_PRODUCT]].product_id,
                "kind": "holding" if held else "runner" if row[t.T_RUNNER] else "scalp",
                "opened": iso_seconds(from_epoch_ms(row[t.T_OPENED_MS])),
                "closed": "" if is_open else iso_seconds(from_epoch_ms(row[t.T_CLOSED_MS])),
                "base_size": plain(row[t.T_STEPS] * step),
                "entry_price": plain(row[t.T_OPEN_TICKS] * tick),
                "exit_price": "" if is_open else plain(row[t.T_EXIT_TICKS] * tick),
                "exit_reason": REASONS[row[t.T_REASON]],
                "take_price": "" if held else plain(row[t.T_TAKE_TICKS] * tick),
                "entry_fee": round(real[t.T_ENTRY_FEE], 10),
                "exit_fee": round(real[t.T_EXIT_FEE], 10),
                "pnl": "" if is_open else round(real[t.T_PNL], 10),
                "mae_pct": round(mae, 4),
                "mfe_pct": round(mfe, 4),
                "marked_pnl": round(now, 10),
            }
        )
    return out


def write_csv(path: Path, table: list[dict[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(table)
