"""Every signal that the bot recorded, made anew from the bars that it recorded (market.db)."""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bot.strategies import registry
from bot.strategies.base import CALLS, Bars
from research.parity.findings import Findings, What
from shared.settings import GRANULARITY_S, Settings


def compare_signals(db: sqlite3.Connection, settings: Settings, begin_s: int, findings: Findings) -> None:
    """Signals of every product since then. Raises sqlite3.Error."""
    for product_id in settings.products:
        said = dict(
            db.execute(
                "SELECT start_s, signal FROM signals WHERE product_id=? AND start_s>=? ORDER BY start_s",
                (product_id, begin_s),
            ).fetchall()
        )
        rows = db.execute(
            "SELECT start_s, open, high, low, close, volume FROM candles WHERE product_id=? AND granularity=? "
            "ORDER BY start_s",
            (product_id, settings.granularity),
        ).fetchall()
        if not said or not rows:
            findings.notes.append(f"{product_id}: no signal was recorded since then")
            continue
        _of_product(settings, product_id, said, rows, findings)


def _of_product(
    settings: Settings, product_id: str, said: Mapping[int, str], rows: Sequence[Any], findings: Findings
) -> None:
    strategy = registry.make(settings.strategy, settings)
    seconds = GRANULARITY_S[settings.granularity]
    # The increment only makes whole ticks of closes; recorded bars carry the exchange's own decimals.
    bars = Bars.from_rows(rows, _tick(rows), seconds)
    arrays = strategy.signals(bars)
    place = {int(start): i for i, start in enumerate(bars.start_s.tolist())}
    need = max(strategy.memory_bars, strategy.warmup_bars)
    missing = early = 0
    for start_s, word in said.items():
        i = place.get(start_s)
        if i is None:
            missing += 1
        elif CALLS[int(arrays.signal[i])].value == word:
            findings.same(What.SIGNAL)
        elif i + 1 < need:
            early += 1
        else:
            text = f"{product_id}: the bot said {word}, research says {CALLS[int(arrays.signal[i])].value}"
            findings.differ(What.SIGNAL, start_s * 1000, text)
    if missing:
        findings.notes.append(f"{product_id}: {missing:,} signals were of bars that are no longer recorded")
    if early:
        words = f"{early:,} signals differ where fewer than {need:,} bars before them are recorded: not compared"
        findings.notes.append(f"{product_id}: {words}")


def _tick(rows: Sequence[Any]) -> float:
    """The coarsest power of ten that the closes are multiples of."""
    closes = np.array([row[4] for row in rows])
    for decimals in range(9):
        scaled = closes * 10**decimals
        if np.all(np.abs(scaled - np.rint(scaled)) < 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-6)):
            return float(10.0**-decimals)
    return 1e-8
