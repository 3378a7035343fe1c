"""Does research say what the bot said? Every signal that the bot recorded, made anew from the bars that it recorded.

The bot keeps closed bars and its signals (market.db), not the prices that its exits were judged at. So signals are
compared here, to the bar; that lots follow from signals and bars alike in both engines is what the tests of
`research.full` show.
"""

import os
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from bot.strategies import registry
from bot.strategies.base import CALLS, Bars
from research.errors import ResearchError
from shared.market_data import open_market_reader
from shared.settings import GRANULARITY_S, Settings, SettingsError, load
from shared.times import from_epoch_ms, iso_seconds

SHOWN = 10


@dataclass(frozen=True, slots=True)
class Report:
    """What was found, in words; `differences` counts signals that nothing explains."""

    compared: int
    agreed: int
    differences: int
    lines: tuple[str, ...]


def since_s(text: str, now: datetime) -> int:
    """Seconds since 1970 of "yesterday", "today" or a day."""
    days = {"today": 0, "yesterday": 1}
    if text in days:
        at = datetime(now.year, now.month, now.day, tzinfo=UTC) - timedelta(days=days[text])
        return int(at.timestamp())
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())
    except ValueError as error:
        raise ResearchError(f"{text} is no day; written like 2024-01-31, or yesterday") from error


def compare(since: str) -> Report:
    """Compare by the bot's own settings. Raises ResearchError where nothing was recorded."""
    try:
        settings = load().settings
    except SettingsError as error:
        raise ResearchError("; ".join(error.problems)) from error
    path = settings.paths.market_db
    if not path.exists():
        raise ResearchError(f"the bot has recorded nothing yet: there is no {os.path.relpath(path)}")
    db = open_market_reader(path)
    try:
        return compare_in(db, settings, since_s(since, datetime.now(UTC)))
    except sqlite3.Error as error:
        raise ResearchError(f"{path.name} can't be read: {error}") from error
    finally:
        db.close()


def compare_in(db: sqlite3.Connection, settings: Settings, begin_s: int) -> Report:
    """The same on an open market.db."""
    compared = agreed = differences = 0
    lines: list[str] = []
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
            lines.append(f"· {product_id}: nothing was recorded since then")
            continue
        found = _of_product(settings, said, rows)
        compared += found[0]
        agreed += found[1]
        differences += len(found[2])
        lines += [f"✗ {product_id} {text}" for text in found[2][:SHOWN]]
        lines += [f"· {product_id}: {text}" for text in found[3]]
    if not compared:
        return Report(0, 0, 0, (*lines, "· There is nothing to compare"))
    mark = "✓" if not differences else "✗"
    score = 100 * agreed / compared
    lines.append(f"{mark} {agreed:,} of {compared:,} signals agree ({score:.2f} %), strategy {settings.strategy}")
    lines.append("· The prices that exits were judged at are not recorded: lots are not compared")
    return Report(compared, agreed, differences, tuple(lines))


def _of_product(
    settings: Settings, said: Mapping[int, str], rows: Sequence[Any]
) -> tuple[int, int, list[str], list[str]]:
    """(compared, agreed, differences, what could not be compared)."""
    strategy = registry.make(settings.strategy, settings)
    seconds = GRANULARITY_S[settings.granularity]
    # The increment only makes whole ticks of closes; recorded bars carry the exchange's own decimals.
    bars = Bars.from_rows(rows, _tick(rows), seconds)
    arrays = strategy.signals(bars)
    place = {int(start): i for i, start in enumerate(bars.start_s.tolist())}
    need = max(strategy.memory_bars, strategy.warmup_bars)
    compared = agreed = missing = early = 0
    differences = []
    for start_s, word in said.items():
        i = place.get(start_s)
        if i is None:
            missing += 1
        elif CALLS[int(arrays.signal[i])].value == word:
            compared += 1
            agreed += 1
        elif i + 1 < need:
            early += 1
        else:
            compared += 1
            at = iso_seconds(from_epoch_ms(start_s * 1000))
            differences.append(f"{at}: the bot said {word}, research says {CALLS[int(arrays.signal[i])].value}")
    notes = []
    if missing:
        notes.append(f"{missing:,} signals were of bars that are no longer recorded")
    if early:
        notes.append(f"{early:,} signals differ where fewer than {need:,} bars before them are recorded: not compared")
    return compared, agreed, differences, notes


def _tick(rows: Sequence[Any]) -> float:
    """The coarsest power of ten that the closes are multiples of."""
    closes = np.array([row[4] for row in rows])
    for decimals in range(9):
        scaled = closes * 10**decimals
        if np.all(np.abs(scaled - np.rint(scaled)) < 1e-6 * np.maximum(1.0, np.abs(scaled) * 1e-6)):
            return float(10.0**-decimals)
    return 1e-8
