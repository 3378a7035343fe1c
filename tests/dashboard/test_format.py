"""Numbers, ages and words."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.views import format as f

NOW = datetime(2026, 11, 20, 13, 47, 26, tzinfo=UTC)
N = "\u00a0"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (12437.04, "12,437.04"),
        (-27.174, "−27.17"),
        (0.0, "0.00"),
        (-0.001, "0.00"),
        (-0.0, "0.00"),
        (0.005, "0.00"),  # half to even
        (0.015, "0.02"),
        (None, "—"),
        (float("nan"), "—"),
        (float("inf"), "—"),
        (Decimal("1234567.895"), "1,234,567.90"),
    ],
)
def test_money(value: float | None, text: str) -> None:
    assert f.money(value) == text


@pytest.mark.parametrize(
    ("value", "text", "tone"),
    [
        (118.72, "+118.72", "ok"),
        (-27.17, "−27.17", "bad"),
        (0.0, "0.00", ""),
        (-0.004, "0.00", ""),
        (0.004, "0.00", ""),
    ],
)
def test_sign_and_colour_turn_together(value: float, text: str, tone: str) -> None:
    assert (f.signed(value), f.tone(value)) == (text, tone)


@given(st.floats(-1e12, 1e12))
def test_zero_never_has_a_sign_and_minus_is_a_minus(value: float) -> None:
    text = f.signed(value)
    assert "-" not in text
    assert (text.lstrip("+−") == "0.00") == (text == "0.00")
    assert ("ok" if text[0] == "+" else "bad" if text[0] == "−" else "") == f.tone(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.038, f"38{N}ms"),
        (0.0006, f"0.6{N}ms"),
        (0.4, f"0.4{N}s"),
        (14.2, f"14.2{N}s"),
        (59.94, f"59.9{N}s"),
        (59.96, f"1{N}min"),
        (252, f"4{N}min{N}12{N}s"),
        (3600, f"1{N}h"),
        (273_600, f"3{N}d{N}4{N}h"),
        (-5, f"−5.0{N}s"),
        (None, "—"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert f.duration(seconds) == text


@given(st.floats(0, 1e9))
def test_duration_has_two_units_at_most(seconds: float) -> None:
    assert 1 <= len(f.duration(seconds).split(N)) // 2 <= 2


@pytest.mark.parametrize(("seconds", "state"), [(0, "fresh"), (1.5, "fresh"), (1.51, "late"), (5.0, "late"),
                                                (5.01, "stale"), (60.0, "stale"), (60.01, "dead")])  # fmt: skip
def test_age_state(seconds: float, state: str) -> None:
    assert f.age_state(seconds) == state


@pytest.mark.parametrize(
    ("value", "increment", "html"),
    [
        ("114386.00", "0.01", '114,386<i class="z">.00</i>'),
        ("113092.40", "0.01", '113,092.4<i class="z">0</i>'),
        ("195.52", "0.01", "195.52"),
        ("0.81", "0.0001", '0.81<i class="z">00</i>'),
        ("8000", "1", "8,000"),
        (None, "0.01", "—"),
        ("<b>", "0.01", "—"),
    ],
)
def test_price_mutes_its_trailing_zeros(value: str | None, increment: str, html: str) -> None:
    assert f.price(value, increment) == html


def test_clock_shows_the_day_only_where_it_is_another() -> None:
    assert f.clock(datetime(2026, 11, 20, 9, 41, tzinfo=UTC), NOW) == "09:41:00"
    assert f.clock(datetime(2026, 11, 18, 22, 40, tzinfo=UTC), NOW) == "18 Nov 22:40"
    assert f.clock(datetime(2025, 11, 18, 22, 40, tzinfo=UTC), NOW) == "18 Nov 2025 22:40"


@given(st.text())
def test_clean_leaves_no_control_and_no_direction_character(text: str) -> None:
    cleaned = f.clean(text)
    assert all(c.isprintable() for c in cleaned)
    assert not any("\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069" for c in cleaned)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the disk is full", "The disk is full"),
        ("ledger.db was removed", "ledger.db was removed"),
        ("give one another BOT_NAME", "Give one another BOT_NAME"),
        ("", ""),
    ],
)
def test_a_sentence_begins_with_a_capital_and_leaves_names_as_they_are(text: str, shown: str) -> None:
    assert f.sentence(text) == shown
