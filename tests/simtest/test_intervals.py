"""When a fault or an act excuses: the judge's intervals against a plain look at every moment."""

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from simtest.judge import intervals
from simtest.judge.case import Case, index
from simtest.judge.intervals import ASLEEP, LASTS_S, US
from simtest.plan import FAULTS

KINDS = ("refused", "ws_twice", "ws_price")
SECONDS = st.integers(0, 400)
SPANS = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(("GET /accounts", "POST /orders")), SECONDS, SECONDS)
)


def case_of(
    struck: list[tuple[str, str, int, int]] | None = None,
    acts: list[dict[str, Any]] | None = None,
    lives: list[tuple[int, int]] | None = None,
    swaps: list[tuple[int, int]] | None = None,
) -> Case:
    """A case with nothing but this; times in seconds."""
    truth = {
        "struck": [[kind, where, a * US, (a + n) * US] for kind, where, a, n in struck or ()],
        "acts": acts or [],
        "lives": [{"life": i, "from_us": a * US, "to_us": b * US} for i, (a, b) in enumerate(lives or [(0, 1000)])],
        "swaps": [{"us": (a + n) * US, "copy_us": a * US, "how": "old"} for a, n in swaps or ()],
        "start_us": 1_700_000_000 * US,
    }
    case = Case(Path("nowhere"), truth, {})
    index(case)
    return case


@given(SPANS, SECONDS, st.integers(0, 60), st.sampled_from([(), ("GET",), ("POST", "accounts")]))
def test_clear_is_clear_at_every_moment(
    struck: list[tuple[str, str, int, int]], begin: int, length: int, where: tuple[str, ...]
) -> None:
    def felt(second: float) -> bool:
        return any(
            at <= second <= at + n + LASTS_S[kind] and (not where or any(word in place for word in where))
            for kind, place, at, n in struck
        )

    # All ends are whole or half seconds, so that a look at each quarter misses none.
    every = [begin + quarter / 4 for quarter in range(4 * length + 1)]
    found = intervals.clear(case_of(struck), KINDS, begin * US, (begin + length) * US, where)
    assert found == (not any(map(felt, every)))


@given(SPANS, st.lists(st.tuples(SECONDS, st.integers(1, 90)), max_size=3), SECONDS, st.integers(1, 60))
def test_what_is_first_clear_is_clear_and_none_is_earlier(
    struck: list[tuple[str, str, int, int]], slept: list[tuple[int, int]], begin: int, length: int
) -> None:
    acts = [{"us": at * US, "kind": "suspend", "until_us": (at + n) * US} for at, n in slept]
    case = case_of(struck, acts, [(0, 200), (230, 600)])

    def holds(second: float) -> bool:
        span = second * US, (second + length) * US
        return intervals.runs(case, *span) and intervals.clear(case, KINDS, *span)

    found = intervals.first_clear(case, KINDS, begin * US, length * US)
    seconds = [second for second in range(begin, 601 - length) if holds(second)]
    if found is None:
        assert not seconds
    else:
        assert holds(found / US - length)
        assert not seconds or found / US - length <= seconds[0]


@given(st.lists(st.tuples(SECONDS, st.integers(0, 90)), max_size=3), SECONDS, st.integers(0, 60))
def test_a_ledger_knows_what_lies_in_no_gap(swaps: list[tuple[int, int]], begin: int, length: int) -> None:
    case = case_of(swaps=swaps)
    lost = {second for at, n in swaps for second in range(at, at + n + 1)}
    assert intervals.kept(case, begin * US, (begin + length) * US) == lost.isdisjoint(range(begin, begin + length + 1))
    ends = {at + n for at, n in swaps}
    assert intervals.swapped(case, begin * US, (begin + length) * US) != ends.isdisjoint(
        range(begin, begin + length + 1)
    )


def test_the_end_of_the_faults_ends_what_an_act_began() -> None:
    acts = [
        {"us": 10 * US, "kind": "suspend_long", "until_us": 900 * US},
        {"us": 100 * US, "kind": "calm"},
    ]
    case = case_of(acts=acts)
    assert not intervals.clear(case, ASLEEP, 90 * US, 95 * US)
    assert intervals.clear(case, ASLEEP, 120 * US, 130 * US)
    assert intervals.runs(case, 120 * US, 130 * US) and not intervals.runs(case, 50 * US, 130 * US)


def test_a_time_of_the_ledger_is_used_only_where_the_wall_clock_was_right() -> None:
    act = {"us": 100 * US, "kind": "clock_jump", "until_us": 160 * US, "off_us": 3600 * US}
    case = case_of(acts=[act])
    start_ms = case.truth["start_us"] // 1000
    assert intervals.us_of_ms(case, start_ms + 50_000) == 50 * US
    assert intervals.us_of_ms(case, start_ms + 130_000) is None, "written then, or an hour before"
    assert intervals.us_of_ms(case, start_ms + 130_000 + 3_600_000) is None, "written then, by the wrong clock"


def test_one_process_runs_only_between_its_start_and_its_end() -> None:
    case = case_of(lives=[(10, 20), (30, 40)])
    assert [intervals.life_at(case, s * US) is not None for s in (5, 10, 20, 25, 30, 41)] == [
        False, True, True, False, True, False,
    ]  # fmt: skip
    assert not intervals.runs(case, 15 * US, 35 * US)


def test_every_fault_says_how_long_it_lasts() -> None:
    assert set(FAULTS) <= set(LASTS_S)
