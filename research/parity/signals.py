"""Every signal that the bot recorded, made anew from the bars that it recorded (market.db)."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bot.strategies import registry
from bot.strategies.base import CALLS, Bars
from research.data.candles import counted
from research.parity.findings import Findings, What
from shared.settings import GRANULARITY_S, Settings

EDGE_BARS = 2  # before a change of settings


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time between two changes of settings: signals of bars that closed in [begin_s, end_s) were made by these."""

    settings: Settings
    begin_s: int
    end_s: int = 1 << 60


def compare_signals(db: sqlite3.Connection, stretches: Sequence[Stretch], findings: Findings) -> None:
    """Signals of every product, each by the settings that were in force. Raises sqlite3.Error."""
    for place, stretch in enumerate(stretches):
        after = stretches[place + 1].settings if place + 1 < len(stretches) else None
        for product_id in stretch.settings.products:
            _in_stretch(db, product_id, stretch, after, findings)
    if len(stretches) > 1:
        findings.notes.append(
            f"settings changed {counted(len(stretches) - 1, 'time')}: each signal is compared with those then in force"
        )


def _in_stretch(
    db: sqlite3.Connection, product_id: str, stretch: Stretch, after: Settings | None, findings: Findings
) -> None:
    """A bar that closed just before a change may have been judged once more after it: either answer is right."""
    settings, seconds = stretch.settings, GRANULARITY_S[stretch.settings.granularity]
    said = dict(
        db.execute(
            "SELECT start_s, signal FROM signals WHERE product_id=? AND start_s>=? AND start_s<? ORDER BY start_s",
            (product_id, stretch.begin_s - seconds, stretch.end_s - seconds),
        ).fetchall()
    )
    rows = _bars_of(db, product_id, settings)
    if not said or not rows:
        if not said and stretch.end_s - stretch.begin_s < 2 * seconds:
            return  # the settings were in force for less than two bars
        findings.notes.append(f"{product_id}: no signal was recorded between the changes of settings or since then")
        return
    late = {start for start in said if start + seconds > stretch.end_s - EDGE_BARS * seconds}
    if after is not None and late and after.granularity == settings.granularity and product_id in after.products:
        again = _words(after, rows)
        mine = _words(settings, rows)
        for start in late:
            if start in again and said[start] == again[start][0] != mine[start][0]:
                findings.same(What.SIGNAL)
                del said[start]
    _of_product(settings, product_id, said, rows, findings)


def _words(settings: Settings, rows: Sequence[Any]) -> dict[int, tuple[str, int]]:
    """What the strategy says of each bar, and the bar's place."""
    bars = Bars.from_rows(rows, _tick(rows), GRANULARITY_S[settings.granularity])
    signal = registry.chosen(settings).signals(bars).signal.tolist()
    return {start: (CALLS[signal[i]].value, i) for i, start in enumerate(bars.start_s.tolist())}


def _bars_of(db: sqlite3.Connection, product_id: str, settings: Settings) -> Sequence[Any]:
    return db.execute(
        "SELECT start_s, open, high, low, close, volume FROM candles WHERE product_id=? AND granularity=? "
        "ORDER BY start_s",
        (product_id, settings.granularity),
    ).fetchall()


def _of_product(
    settings: Settings, product_id: str, said: Mapping[int, str], rows: Sequence[Any], findings: Findings
) -> None:
    strategy = registry.chosen(settings)
    known = _words(settings, rows)
    need = max(strategy.memory_bars, strategy.warmup_bars)
    missing = early = 0
    for start_s, word in said.items():
        if start_s not in known:
            missing += 1
            continue
        mine, i = known[start_s]
        if mine == word:
            findings.same(What.SIGNAL)
        elif i + 1 < need:
            early += 1
        else:
            text = f"{product_id}: the bot said {word}, research says {mine}"
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
