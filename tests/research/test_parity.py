"""Recorded signals against research's: agreement is counted, a signal that nothing explains is named."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from research.errors import ResearchError
from research.parity import compare_in, since_s
from research.signals import strategy_of
from shared.market_data import CandleRow, open_market_writer, put_candles
from tests.research.paths import path, settings


def recorded(folder: Path, words: dict[int, str]) -> object:
    s = settings(PRODUCTS="BTC-USD", STRATEGY="sma_cross", MA_FAST="5", MA_SLOW="15", MAX_HISTORY_CANDLES="60")
    candles = path(np.random.default_rng(8), 600)
    db = open_market_writer(folder / "market.db")
    bars = candles.bars()
    rows = zip(*(column.tolist() for column in (bars.start_s, bars.open, bars.high, bars.low, bars.close, bars.volume)),
               strict=True)  # fmt: skip
    put_candles(db, "BTC-USD", "ONE_MINUTE", [CandleRow(*row) for row in rows])
    said = strategy_of(s).signals(bars).signal.tolist()
    names = {1: "buy", -1: "sell", 0: "flat"}
    for i, start in enumerate(bars.start_s.tolist()):
        word = words.get(i, names[said[i]])
        db.execute("INSERT INTO signals VALUES (?,?,?,?,?)", ("BTC-USD", start, word, None, "{}"))
    return compare_in(db, s, int(bars.start_s[0]))


def test_agreement(tmp_path: Path) -> None:
    report = recorded(tmp_path, {})
    assert report.compared == report.agreed > 400 and report.differences == 0  # type: ignore[attr-defined]
    assert any("Parity 100.00 %" in line for line in report.lines)  # type: ignore[attr-defined]


def test_a_wrong_signal_is_named(tmp_path: Path) -> None:
    report = recorded(tmp_path, {300: "nothing"})
    assert report.differences == 1 and report.agreed == report.compared - 1  # type: ignore[attr-defined]
    assert any("the bot said nothing" in line for line in report.lines)  # type: ignore[attr-defined]


def test_days() -> None:
    now = datetime(2024, 3, 1, 15, tzinfo=UTC)
    assert since_s("yesterday", now) == int(datetime(2024, 2, 29, tzinfo=UTC).timestamp())
    with pytest.raises(ResearchError):
        since_s("soon", now)
