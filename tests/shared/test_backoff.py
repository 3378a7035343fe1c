"""Waits grow to a bound, are drawn as asked, and begin anew after a success."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.backoff import Backoff
from shared.errors import first_line


class Draws:
    """Randomness that keeps the ranges it was asked for."""

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)
        self.asked: list[tuple[float, float]] = []

    def uuid4(self):  # type: ignore[no-untyped-def]
        raise AssertionError("no id is drawn")

    def uniform(self, low: float, high: float) -> float:
        self.asked.append((low, high))
        return self._random.uniform(low, high)


def test_each_bound_is_twice_the_one_before_up_to_the_last() -> None:
    draws = Draws()
    backoff = Backoff(0.1, 0.5, draws)
    for _ in range(5):
        backoff.next_s()
    assert draws.asked == [(0.05, 0.1), (0.1, 0.2), (0.2, 0.4), (0.25, 0.5), (0.25, 0.5)]
    backoff.reset()
    backoff.next_s()
    assert draws.asked[-1] == (0.05, 0.1)


def test_full_jitter_draws_from_the_least_up() -> None:
    draws = Draws()
    backoff = Backoff(0.25, 15.0, draws, least_s=0.05)
    for _ in range(9):
        backoff.next_s()
    assert {low for low, _ in draws.asked} == {0.05} and draws.asked[-1][1] == 15.0


def test_without_randomness_it_is_the_bound() -> None:
    backoff = Backoff(5.0, 30.0, None)
    assert [backoff.next_s() for _ in range(4)] == [5.0, 10.0, 20.0, 30.0]


@given(st.floats(0.001, 10.0), st.floats(1.0, 1000.0), st.integers(0, 2**32), st.integers(1, 30))
def test_no_wait_leaves_its_bounds(first_s: float, times: float, seed: int, tries: int) -> None:
    backoff = Backoff(first_s, first_s * times, Draws(seed))
    waits = [backoff.next_s() for _ in range(tries)]
    assert all(first_s / 2 <= wait <= first_s * times for wait in waits)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("one\ntwo"), "one"),
        (ValueError(""), "ValueError"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("\n late"), "late"),
        (ValueError("abcdef"), "abcd"),
    ],
)
def test_an_error_in_one_line(error: Exception, text: str) -> None:
    assert first_line(error, 4 if text == "abcd" else None) == text
