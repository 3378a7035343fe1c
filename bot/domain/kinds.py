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
    EXIT = "exit"  # after a stop, a trail, or a take that is not resting: at market; for a target weight also post-only
    TAKE_PROFIT = "take"  # resting take profit
    FLATTEN = "flatten"  # by command; passes a shut gate


class LotKind(StrEnum):
    RUNNER = "runner"
    SCALP = "scalp"
    HOLDING = "holding"  # of a product at a target weight: no take profit, no stop, no trail


class LotSide(StrEnum):
    """Whether a lot earns when the price rises or when it falls. Short lots are refused by the policy `long_only`."""

    LONG = "long"
    SHORT = "short"

    @classmethod
    def opened_by(cls, side: Side) -> "LotSide":
        """The side of the lot that an entry of this side opens."""
        return cls.LONG if side is Side.BUY else cls.SHORT

    @property
    def closed_by(self) -> Side:
        """The side of its exit."""
        return Side.SELL if self is LotSide.LONG else Side.BUY

    @property
    def sign(self) -> int:
        """1 where a rising price earns, -1 where a falling one does."""
        return 1 if self is LotSide.LONG else -1


class ExitReason(StrEnum):
    TAKE_PROFIT = "take"
    STOP = "stop"
    TRAIL = "trail"
    SIGNAL = "signal"  # the strategy said SELL (SIGNAL_EXITS)
    TARGET = "target"  # the target weight asked for less
    COMMAND = "command"  # a person closed this lot or this product
    FLATTEN = "flatten"  # everything had to go


ORDERED = frozenset({ExitReason.COMMAND, ExitReason.FLATTEN})  # a person's: they lapse with their command alone
