"""`./coin evidence`: every family on a recording at two tiers beside holding, honest about what does not fit."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from research.data.candles import CandleSet
from research.errors import ResearchError
from research.evidence import COMPARING, FAMILIES, TIERS, as_document, gather
from research.evidence_tables import markdown
from shared import strategy_evidence
from shared.files import Unreadable
from shared.strategy_evidence import encoded


def days(count: int, length_s: int = 86_400, seed: int = 9) -> CandleSet:
    """A random walk with a drift."""
    g = np.random.default_rng(seed)
    close = np.rint(20_000 * np.exp(np.cumsum(g.normal(0.001, 0.03, count))) * 100) / 100
    open_ = np.concatenate([close[:1], close[:-1]])
    start = 1_600_041_600 + length_s * np.arange(count)
    top, bottom = np.maximum(open_, close), np.minimum(open_, close)
    return CandleSet("BTC-USD", length_s, start, open_, top, bottom, close, np.full(count, 5.0), source="drawn.csv")


def test_every_family_runs_at_both_tiers_from_one_start() -> None:
    found = gather([days(600)])
    assert {(row.family, row.tier) for row in found.rows} == {
        (f, tier) for f in FAMILIES for tier in TIERS if f not in COMPARING
    }
    assert not found.left_out and found.judged_from > "2021-03-03", "170 days of warm-up"
    by = {(row.family, row.tier): row for row in found.rows}
    for family in FAMILIES.keys() - COMPARING:
        first, middle = by[family, "first"], by[family, "middle"]
        assert first.trades and first.fees > middle.fees > 0, family
        assert -1.0 < first.worst <= 0.0
    assert found.held["first"].gained < found.held["middle"].gained, "holding pays the tier's fees, too"
    bars = days(600)
    held = bars.close[-1] / bars.open[176:179]
    assert held.min() * 0.97 < 1 + found.held["middle"].gained < held.max() * 1.03


def test_the_page_names_the_recording_and_counts_losers_with_winners() -> None:
    found = gather([days(600)])
    text = "\n".join(markdown((found,)))
    assert (
        "`drawn.csv`" in text
        and found.sha256 == days(600).digest
        and found.sha256 in text
        and "2020-09-14 to 2022-05-06" in text
    )
    assert all(f"| {row.family} | {row.tier} |" in text for row in found.rows)
    assert "| buy and hold | first |" in text and text.count("| trend | first | 1 |") == 1


def test_several_recordings_are_one_account_for_the_time_they_share() -> None:
    one, other = days(600), replace(days(600, seed=4), product_id="ETH-USD")
    found = gather([one.rows(0, 590), other.rows(20, 600)])
    assert found.product_id == "BTC-USD + ETH-USD" and found.bars == 2 * 570
    assert (found.begins, found.ends) == ("2020-10-04", "2022-04-26")
    assert {(row.family, row.tier) for row in found.rows} == {(f, tier) for f in FAMILIES for tier in TIERS}
    row = next(row for row in found.rows if (row.family, row.tier) == ("relative", "first"))
    assert row.trades > 4 and row.fees > 0
    with pytest.raises(ResearchError, match="no time in common"):
        gather([one.rows(0, 100), other.rows(200, 600)])
    with pytest.raises(ResearchError, match="of products of their own"):
        gather([one, one])


def test_what_does_not_fit_is_left_out_by_name() -> None:
    found = gather([days(200)])
    assert {"breakout", "dca", "trend"} <= set(found.left_out) and "steady" in {row.family for row in found.rows}
    assert "| dca | – | not run: its warm-up of 172 bars does not fit |" in "\n".join(markdown((found,)))
    with pytest.raises(ResearchError, match="the bot has no bars of 6h"):
        gather([days(600, 21_600)])
    with pytest.raises(ResearchError, match="too few for any family"):
        gather([days(20)])


def test_the_document_of_the_cards_says_who_made_it_and_survives_a_round_trip(tmp_path: Path) -> None:
    made = as_document([gather([days(200)])], ["drawn"])
    assert made.command == "./coin evidence drawn" and made.tiers["first"].taker_pct == 0.9 and made.build
    path = tmp_path / "evidence.json"
    assert strategy_evidence.read(path) is None
    path.write_bytes(encoded(made))
    found = strategy_evidence.read(path)
    assert found is not None and encoded(found) == path.read_bytes()
    path.write_bytes(encoded(made).replace(b'"version": 1', b'"version": 9'))
    with pytest.raises(Unreadable, match="version 9"):
        strategy_evidence.read(path)
