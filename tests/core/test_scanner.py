"""The scanner's ranking: what is left out and why, what comes first, and that it is a function of what it saw."""

import itertools
import math
import random
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.scanner import Candidate, Terms, edge_pct, hour_volatility_pct, pick, rank, why_not

TERMS = Terms(min_volume_quote=1e6, max_spread_pct=1.0, entry_fee_pct=0.9, exit_fee_pct=0.5)


def seen(name: str = "A-USD", **changes: Any) -> Candidate:
    terms = {"volume_quote": 5e6, "spread_pct": 0.1, "hour_volatility_pct": 1.0, "halted": False}
    return Candidate(name, **(terms | changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"halted": True}, "not online"),
        ({"volume_quote": 999_999.0}, "999,999 traded in a day, needs 1,000,000"),
        ({"volume_quote": math.nan}, "nan traded"),
        ({"spread_pct": None}, "no spread known"),
        ({"spread_pct": 1.01}, "spread 1.01 %, at most 1 %"),
        ({"spread_pct": 1.0}, None),
        ({"hour_volatility_pct": None}, "no volatility known"),
        ({"hour_volatility_pct": 0.2}, "a day's swing leaves"),  # 0.98 % in a day does not pay 1.4 %
    ],
)
def test_what_cannot_be_picked(changes: dict[str, Any], reason: str | None) -> None:
    found = why_not(seen(**changes), TERMS)
    assert found is None if reason is None else found is not None and found.startswith(reason)


def test_the_edge_is_a_days_swing_less_fees_and_spread() -> None:
    swing = 1.0 * math.sqrt(24)
    assert edge_pct(seen(), TERMS) == pytest.approx(swing - (0.9 + 0.5 * (1 + swing / 100)) - 0.1)


def test_better_in_everything_comes_first() -> None:
    better = seen("B-USD", volume_quote=9e6, spread_pct=0.05, hour_volatility_pct=2.0)
    assert [r.product_id for r in rank([seen(), better], TERMS)] == ["B-USD", "A-USD"]


def test_ties_go_by_name_and_the_most_is_kept() -> None:
    ranked = rank([seen("C-USD"), seen("A-USD"), seen("B-USD")], TERMS)
    assert pick(ranked, 2) == ("A-USD", "B-USD")
    assert pick(ranked, 9) == ("A-USD", "B-USD", "C-USD")
    assert pick(rank([seen(halted=True)], TERMS), 3) == ()


CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.sampled_from([f"P{n}-USD" for n in range(40)]),
        st.floats(0, 1e9),
        st.one_of(st.none(), st.floats(0, 5)),
        st.one_of(st.none(), st.floats(0, 10)),
        st.booleans(),
    ),
    unique_by=lambda c: c.product_id,
    max_size=30,
)


@given(CANDIDATES, st.integers(0, 2**32))
def test_the_order_of_what_was_seen_does_not_matter(candidates: list[Candidate], seed: int) -> None:
    mixed = list(candidates)
    random.Random(seed).shuffle(mixed)
    assert rank(mixed, TERMS) == rank(candidates, TERMS)


@given(CANDIDATES)
def test_only_what_fits_is_ranked_and_nothing_beaten_in_all_comes_before_its_better(found: list[Candidate]) -> None:
    ranked = rank(found, TERMS)
    by_name = {c.product_id: c for c in found}
    assert {r.product_id for r in ranked} == {c.product_id for c in found if why_not(c, TERMS) is None}
    assert all(0 < r.score <= 1 and r.edge_pct > 0 for r in ranked)
    place = {r.product_id: index for index, r in enumerate(ranked)}
    for a in place:
        for b in place:
            x, y = by_name[a], by_name[b]
            assert x.spread_pct is not None and y.spread_pct is not None
            assert x.hour_volatility_pct is not None and y.hour_volatility_pct is not None
            if (
                x.volume_quote > y.volume_quote
                and x.spread_pct < y.spread_pct
                and x.hour_volatility_pct > y.hour_volatility_pct
                and edge_pct(x, TERMS) > edge_pct(y, TERMS)
            ):
                assert place[a] < place[b]


def test_hourly_volatility() -> None:
    closes = [100.0 * 1.01 ** (i % 3) for i in range(25)]
    returns = [math.log(b / a) for a, b in itertools.pairwise(closes)]
    assert hour_volatility_pct(closes) == pytest.approx(100 * statistics.stdev(returns))
    assert hour_volatility_pct(closes[:12]) is None
    assert hour_volatility_pct([*closes, 0.0]) is None
