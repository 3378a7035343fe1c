"""What a person chooses where a table does not settle it. (Light: the command line reads it at every start.)"""

from enum import StrEnum


class DateOrder(StrEnum):
    """Which number comes first in a date such as 03/04/2024."""

    DAY = "dmy"
    MONTH = "mdy"


class OutlierChoice(StrEnum):
    """What becomes of bars that a market cannot have made."""

    KEEP = "keep"
    DROP = "drop"
