"""Lengths of bars. The values are the public words of GRANULARITY and of the market file; adapters have their own."""

from enum import StrEnum

from shared.settings import GRANULARITY_S


class Timeframe(StrEnum):
    """How long a bar is."""

    MINUTE = "ONE_MINUTE"
    FIVE_MINUTES = "FIVE_MINUTE"
    QUARTER_HOUR = "FIFTEEN_MINUTE"
    HOUR = "ONE_HOUR"
    DAY = "ONE_DAY"

    @property
    def seconds(self) -> int:
        return GRANULARITY_S[self.value]

    @property
    def text(self) -> str:
        """For a person: "one minute"."""
        return self.value.replace("_", " ").lower()
