"""Times as the documents write them."""

from shared.times import from_epoch_ms, iso_seconds


def iso(at_ms: int) -> str:
    """Epoch milliseconds as ISO 8601 in UTC, to the second."""
    return iso_seconds(from_epoch_ms(at_ms))
