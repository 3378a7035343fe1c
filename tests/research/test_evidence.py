"""`./coin evidence`: every family on a recording at two tiers beside holding, honest about what does not fit."""

import numpy as np
import pytest

from research.data.candles import CandleSet
from research.errors import ResearchError
from research.evidence import FAMILIES, TIERS, gather, markdown


def days(count: int, length_s: int = 86_400) -> CandleSet:
    """A random walk with a drift."""
    g = np.random.default_rng(9)
    close = np.rint(20_000 * np.exp(np.cumsum(g.normal(0.001, 0.03, count))) * 100) / 100
    open_ = np.concatenate([close[:1], close[:-1]])
    start = 1_600_041_600 + length_s * np.arange(count)
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    return CandleSet("BTC-USD", length_s, start, open_, top, bottom, close, np.full(count, 5.0), source="drawn.csv")


def test_every_family_runs_at_both_tiers_from_one_start() -> None:
    found = gather(days(600))
    assert {(row.family, row.tier) for row in found.rows} == {(f, tier) for f in FAMILIES for tier in TIERS}
    assert not found.left_out and found.begin_s > int(found.candles.start_s[170])
    by = {(row.family, row.tier): row for row in found.rows}
    for family in FAMILIES:
        first, middle = by[family, "first"], by[family, "middle"]
        assert first.trades and first.fees > middle.fees > 0, family
        assert -1.0 < first.worst <= 0.0
    assert found.held["first"][0] < found.held["middle"][0], "holding pays the tier's fees, too"
    held = found.candles.close[-1] / found.candles.open[176:179]
    assert held.min() * 0.97 < 1 + found.held["middle"][0] < held.max() * 1.03


def test_the_page_names_the_recording_and_counts_losers_with_winners() -> None:
    found = gather(days(600))
    text = "\n".join(markdown([found]))
    assert "`drawn.csv`" in text and found.candles.digest in text and "2020-09-14 to 2022-05-06" in text
    assert all(f"| {row.family} | {row.tier} |" in text for row in found.rows)
    assert "| buy and hold | first |" in text and text.count("| trend | first | 1 |") == 1


def test_what_does_not_fit_is_left_out_by_name() -> None:
    found = gather(days(200))
    assert {"breakout", "dca", "trend"} <= set(found.left_out) and "steady" in {row.family for row in found.rows}
    assert "| dca | – | not run: its warm-up of 172 bars does not fit |" in "\n".join(markdown([found]))
    with pytest.raises(ResearchError, match="the bot has no bars of 6h"):
        gather(days(600, 21_600))
    with pytest.raises(ResearchError, match="too few for any family"):
        gather(days(20))
