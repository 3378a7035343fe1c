"""The closed vocabularies of orders and lots. Their values are what the ledger and the documents hold."""

from enum import StrEnum


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


class OrderKind(StrEnum):
    """How an order trades."""

    MARKET = "market"
    LIMIT = "limit"


class Purpose(StrEnum):
    """Why an order exists."""

    ENTRY = "entry"
    EXIT = "exit"  # market order after a stop, a trail, or a take that is not resting
    TAKE_PROFIT = "take"  # resting take profit
    FLATTEN = "flatten"  # by command; passes a shut gate


class LotKind(StrEnum):
    RUNNER = "runner"
    SCALP = "scalp"


class ExitReason(StrEnum):
    TAKE_PROFIT = "take"
    STOP = "stop"
    TRAIL = "trail"
    COMMAND = "command"  # a person closed this lot or this product
    FLATTEN = "flatten"  # everything had to go


ORDERED = frozenset({ExitReason.COMMAND, ExitReason.FLATTEN})  # a person's: they lapse with their command alone
