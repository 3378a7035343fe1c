"""Every command to the bot, once: what it takes, when it is allowed, what it asks of a person, what it says at last.

The control file, the dashboard's API and dialogs, `./coin` and the bot read this table. It loads next to nothing, since
the list of `./coin` commands must not wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from shared.documents.status import Status


class Cmd(StrEnum):
    START = "start"
    PAUSE = "pause"
    STOP = "stop"
    KILL = "kill"
    FLATTEN = "flatten"
    CLOSE_LOT = "close_lot"
    CLOSE_PRODUCT = "close_product"
    CANCEL = "cancel"
    RESET_KILL = "reset_kill"
    DRILL = "drill"
    RELOAD = "reload"
    ADOPT = "adopt"
    MOVE_TAKE = "move_take"
    MOVE_STOP = "move_stop"
    SELL_PART = "sell_part"

    @classmethod
    def _missing_(cls, value: object) -> "Cmd | None":
        """`run` is another word for start, wherever a command is named."""
        return cls.START if value == RUN else None


RUN = "run"
_ALIVE = frozenset(Status) - {Status.ERROR}
_READY = _ALIVE - {Status.STARTING}
_TRADING = frozenset({Status.RUNNING, Status.PAUSED})


@dataclass(frozen=True, slots=True)
class CommandRule:
    """What one command takes, when it is allowed, how long it may wait, and why twice is harmless."""

    help: str  # one sentence: the help of ./coin, and the dialog where the command has none of its own
    args: tuple[str, ...]
    allowed: frozenset[Status]
    ttl_s: float | None  # None = never expires
    twice: str
    sends: bool = False  # it sells or cancels: refused at once where nothing may be sent
    resumes: bool = False  # trading may go on by it: with real money it wants a recent sign-in
    typed: str = ""  # the word that a person types to confirm it
    typed_for: str = ""  # what that word allows, where a browser must send it; without it the dialog alone asks
    done: str = "Done."  # what its receipt says
    optional: Mapping[str, str] = field(default_factory=dict)  # arguments that may be left out, each with its help

    @property
    def takes(self) -> tuple[str, ...]:
        """Every argument that it knows, those that it needs first."""
        return (*self.args, *self.optional)


COMMANDS: Mapping[Cmd, CommandRule] = {
    Cmd.START: CommandRule(
        "Let the bot trade.", (), _ALIVE - {Status.KILLED}, None, "the level is set, not counted",
        resumes=True, done="Running.",
    ),
    Cmd.PAUSE: CommandRule(
        "No new entries; exits continue.", (), _ALIVE, None, "the level is set, not counted",
        done="No entries; exits stay active.",
    ),
    Cmd.STOP: CommandRule(
        "Cancel entry orders and make no trading decisions.", (), _ALIVE, None, "the level is set, not counted",
        done="Entry orders cancelled. Take-profit orders stay.",
    ),
    Cmd.KILL: CommandRule(
        "Block all order sending and cancel every order of the bot.", (), frozenset(Status), None,
        "the latch is already shut", typed="KILL", done="Order gate shut, the bot's orders cancelled.",
    ),
    Cmd.FLATTEN: CommandRule(
        "Cancel the bot's orders and sell every lot at market.", (), _READY, 30.0,
        "its orders' ids derive from the command's id", sends=True, typed="FLATTEN", typed_for="sell everything",
        done="Flat.",
    ),
    Cmd.CLOSE_LOT: CommandRule(
        "Sell one lot.", ("lot_id",), _TRADING | {Status.STOPPED}, 30.0,
        "the exit's id derives from the command's id", sends=True,
    ),
    Cmd.CLOSE_PRODUCT: CommandRule(
        "Sell every lot of one product, such as BTC-USD.", ("product_id",), _TRADING | {Status.STOPPED}, 30.0,
        "as close_lot, for each lot", sends=True,
    ),
    Cmd.CANCEL: CommandRule(
        "Cancel one of the bot's orders.", ("client_order_id",), _READY, 30.0, "cancelled stays cancelled", sends=True,
    ),
    Cmd.RESET_KILL: CommandRule(
        "Release the kill latch. The bot stays stopped.", ("latch_id",), frozenset({Status.KILLED}), 30.0,
        "one latch is lifted once", resumes=True, done="Kill reset. The bot is stopped.",
    ),
    Cmd.DRILL: CommandRule(
        "Test the kill path without trading.", (), _READY, 30.0, "reads only", done="Kill path verified."
    ),
    Cmd.RELOAD: CommandRule(
        "Read .env again and take up its limits, sizes and pauses; what needs a restart is named.", (), _ALIVE, 30.0,
        "the second time nothing differs", done="In force.",
    ),
    Cmd.ADOPT: CommandRule(
        "Book the balance that the bot's own trades do not explain (a deposit, a manual trade) as a transfer.",
        ("differences",), _READY, 30.0, "what was adopted does not differ any more",
        resumes=True, typed="ADOPT", typed_for="book the difference as a transfer", done="Booked as a transfer.",
    ),
    Cmd.MOVE_TAKE: CommandRule(
        "Move a lot's take profit to a price.", ("lot_id", "price"),
        _TRADING, 30.0, "the level is set, not counted", sends=True, done="The take profit is moved.",
        optional={"at_a_loss": "yes: also below its break-even."},
    ),
    Cmd.MOVE_STOP: CommandRule(
        "Move a lot's stop loss to a price, or turn it off: none.", ("lot_id", "price"), _TRADING, 30.0,
        "the level is set, not counted", done="The stop loss is moved.",
    ),
    Cmd.SELL_PART: CommandRule(
        "Sell a part of a lot, or of a product's lots, at market; the size is in base units.", ("base_size",), _TRADING,
        30.0, "what stays of each lot is recorded first, and only what is above it is sold", sends=True,
        done="The part is sold.",
        optional={"lot_id": "The lot.", "product_id": "Or the product, such as BTC-USD: its oldest lots first."},
    ),
}  # fmt: skip
