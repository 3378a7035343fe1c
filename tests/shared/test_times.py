"""Times as text and as whole milliseconds: the same as the calendar says, before 1970, too."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from shared.times import EPOCH, epoch_ms, from_epoch_ms, iso_ms, iso_seconds, parse_time

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=ZONES)


@given(MOMENTS)
def test_milliseconds_are_floored(at: datetime) -> None:
    ms = epoch_ms(at)
    assert ms == (at - EPOCH) // timedelta(milliseconds=1)
    assert from_epoch_ms(ms) <= at < from_epoch_ms(ms + 1)


@given(MOMENTS)
def test_seconds_are_cut_and_in_utc(at: datetime) -> None:
    text = iso_seconds(at)
    assert text == at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert parse_time(text) == at.astimezone(UTC).replace(microsecond=0)
    assert iso_ms(at)[:19] + "Z" == text
