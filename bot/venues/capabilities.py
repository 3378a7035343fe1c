"""What a venue can do, and what the bot cannot do without: a venue that lacks it is refused at boot, by name."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from bot.domain.kinds import OrderKind
from bot.domain.timeframe import Timeframe
from shared.settings import Settings


class Repeat(StrEnum):
    """What a venue answers to a second order with a client order id that it knows."""

    REFUSED = "refused"
    SAME_ORDER = "same order"  # the first order's id comes back, nothing is made
    SECOND_ORDER = "second order"  # a retry would trade twice


@dataclass(frozen=True, slots=True)
class ClientIds:
    """The order ids that a client may choose."""

    max_length: int  # characters
    alphabet: str  # every character that an id may hold
    repeat: Repeat
    listed: bool  # every list of orders shows them, so an order without an answer can be looked up by its id


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a venue can do. The adapter states it; the bot never tries what is not stated."""

    timeframes: frozenset[Timeframe]  # of the bars that it lists
    order_kinds: frozenset[OrderKind]
    client_ids: ClientIds | None  # None = the venue takes no id of ours
    post_only: bool
    reduce_only: bool  # it enforces the flag itself; the bot keeps to it in any case
    market_by_quote: bool  # a market order may name the money instead of the size
    good_till: bool  # a limit order may end at a stated time
    quote_fees: bool  # every fee is taken in the quote currency
    fills_since: bool  # every fill of the account since a time can be listed
    cancel_batch: int  # orders that one request may cancel
    cancel_all: bool  # one request ends every order of the account, whoever made it
    book: bool  # a stream of price levels
    bars_page: int  # most bars of one answer


# Without these no order is safe: name of the capability, and what it is needed for.
_ALWAYS = (
    ("client order ids", "an order is recorded under our id before it is sent"),
    ("look-up by client order id", "an order without an answer is found again only by our id"),
    ("no second order for one id", "a request that arrives twice must not trade twice"),
    ("fills since a time", "the account's fills are read from a cursor on"),
    ("fees in the quote currency", "a fee in kind takes from what a lot holds"),
    ("market orders", "exits after a stop are market orders"),
)


def _has(venue: Capabilities, name: str) -> bool:
    ids = venue.client_ids
    return {
        "client order ids": ids is not None,
        "look-up by client order id": ids is not None and ids.listed,
        "no second order for one id": ids is not None and ids.repeat is not Repeat.SECOND_ORDER,
        "fills since a time": venue.fills_since,
        "fees in the quote currency": venue.quote_fees,
        "market orders": OrderKind.MARKET in venue.order_kinds,
    }[name]


def lacking(venue: Capabilities, settings: Settings, id_length: int) -> Iterator[str]:
    """Each capability that a bot with these settings cannot do without, and what it needs it for; none = it may trade.

    `id_length`: characters of the client order ids that this bot makes.
    """
    for name, reason in _ALWAYS:
        if not _has(venue, name):
            yield f"{name} ({reason})"
    ids = venue.client_ids
    if ids is not None and id_length > ids.max_length:
        yield f"client order ids of {id_length} characters ({ids.max_length} at most: a shorter BOT_NAME may fit)"
    if Timeframe(settings.granularity) not in venue.timeframes:
        yield f"bars of {settings.granularity} (GRANULARITY)"
    if Timeframe.MINUTE not in venue.timeframes:
        yield f"bars of {Timeframe.MINUTE} (volatility is measured on them)"
    rests = settings.entry_order == "maker" or settings.take_profit_order == "limit"
    if rests and not (OrderKind.LIMIT in venue.order_kinds and venue.post_only and venue.good_till):
        yield "post-only limit orders that end by themselves (ENTRY_ORDER=maker, TAKE_PROFIT_ORDER=limit)"
    if settings.max_impact_bp and not venue.book:
        yield "a stream of the order book (MAX_IMPACT_BP)"
