"""The life of an order: every (state, input) pair in one table, and nowhere else.

    new ──send──▶ sent ──accepted──▶ open ──▶ filled | cancelled | expired | failed
     │             ├──refused──▶ refused            (the exchange said no: final)
     └─denied      └──no_answer──▶ unknown ──▶ open/… when seen, absent after a complete search
                                 open ──▶ lost after complete searches ──▶ absent at a person's word

`denied` is our own no (risk, gate, ledger), before anything was sent. A request without an answer is `unknown`:
it holds its capital and blocks its product until positive evidence ends it; it is looked up, never sent again.
`lost` is an order that the exchange had and shows no more, in no list: it blocks its lot until it is seen again, or a
person who looked says that it is gone.
Nothing leaves a final state, with one exception: an order that was held to be absent and shows up after all.
Fills are counted in every state, whatever the table says: money that moved has moved.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum

from bot.domain.orders import OrderSpec, OrderStatus
from shared.money import ZERO


class OrderState(StrEnum):
    NEW = "new"
    SENT = "sent"
    UNKNOWN = "unknown"
    OPEN = "open"
    CANCELLING = "cancelling"
    LOST = "lost"
    FILLED = "filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    FAILED = "failed"
    REFUSED = "refused"
    DENIED = "denied"
    ABSENT = "absent"


class OrderInput(StrEnum):
    SEND = "send"
    DENY = "deny"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    NO_ANSWER = "no_answer"
    CANCEL = "cancel"  # we asked for it
    ABSENT = "absent"  # complete searches found nothing
    GIVE_UP = "give_up"  # a person says that it is gone
    SEEN_WORKING = "seen_working"
    SEEN_FILLED = "seen_filled"
    SEEN_CANCELLED = "seen_cancelled"
    SEEN_EXPIRED = "seen_expired"
    SEEN_FAILED = "seen_failed"


ROUNDING = Decimal("1e-9")  # of a size: less is no fill that is missing
_S, _I = OrderState, OrderInput
DONE = frozenset({_S.FILLED, _S.CANCELLED, _S.EXPIRED, _S.FAILED, _S.REFUSED, _S.DENIED, _S.ABSENT})
_SEEN_DONE: dict[OrderInput, OrderState] = {
    _I.SEEN_FILLED: _S.FILLED,
    _I.SEEN_CANCELLED: _S.CANCELLED,
    _I.SEEN_EXPIRED: _S.EXPIRED,
    _I.SEEN_FAILED: _S.FAILED,
}
SEEN_INPUT: dict[OrderStatus, OrderInput] = {
    OrderStatus.WORKING: _I.SEEN_WORKING,
    OrderStatus.UNKNOWN: _I.SEEN_WORKING,  # fail closed: it may live
    OrderStatus.FILLED: _I.SEEN_FILLED,
    OrderStatus.CANCELLED: _I.SEEN_CANCELLED,
    OrderStatus.EXPIRED: _I.SEEN_EXPIRED,
    OrderStatus.FAILED: _I.SEEN_FAILED,
}


def _table() -> dict[tuple[OrderState, OrderInput], OrderState]:
    table: dict[tuple[OrderState, OrderInput], OrderState] = {
        (_S.NEW, _I.SEND): _S.SENT,
        (_S.NEW, _I.DENY): _S.DENIED,
        # A crash between commit and answer: what is new in the ledger may have been sent.
        (_S.NEW, _I.NO_ANSWER): _S.UNKNOWN,
        (_S.SENT, _I.DENY): _S.DENIED,  # the gate shut after the commit, before the socket
        (_S.SENT, _I.ACCEPTED): _S.OPEN,
        (_S.SENT, _I.REFUSED): _S.REFUSED,
        (_S.SENT, _I.NO_ANSWER): _S.UNKNOWN,
        (_S.SENT, _I.CANCEL): _S.SENT,  # nothing to name yet; the kill path cancels by discovery
        (_S.SENT, _I.SEEN_WORKING): _S.OPEN,  # the stream may be ahead of the answer
        (_S.UNKNOWN, _I.ACCEPTED): _S.OPEN,
        (_S.UNKNOWN, _I.REFUSED): _S.REFUSED,
        (_S.UNKNOWN, _I.NO_ANSWER): _S.UNKNOWN,
        (_S.UNKNOWN, _I.CANCEL): _S.UNKNOWN,
        (_S.UNKNOWN, _I.ABSENT): _S.ABSENT,
        (_S.UNKNOWN, _I.SEEN_WORKING): _S.OPEN,
        (_S.OPEN, _I.ACCEPTED): _S.OPEN,
        (_S.OPEN, _I.NO_ANSWER): _S.OPEN,  # the stream already proved that it lives
        (_S.OPEN, _I.CANCEL): _S.CANCELLING,
        (_S.OPEN, _I.SEEN_WORKING): _S.OPEN,
        (_S.CANCELLING, _I.ACCEPTED): _S.CANCELLING,
        (_S.CANCELLING, _I.NO_ANSWER): _S.CANCELLING,
        (_S.CANCELLING, _I.CANCEL): _S.CANCELLING,
        (_S.CANCELLING, _I.SEEN_WORKING): _S.CANCELLING,
        # It was there, and no complete search finds it.
        (_S.OPEN, _I.ABSENT): _S.LOST,
        (_S.CANCELLING, _I.ABSENT): _S.LOST,
        (_S.LOST, _I.ABSENT): _S.LOST,
        (_S.LOST, _I.ACCEPTED): _S.OPEN,
        (_S.LOST, _I.NO_ANSWER): _S.LOST,
        (_S.LOST, _I.CANCEL): _S.LOST,
        (_S.LOST, _I.SEEN_WORKING): _S.OPEN,
        (_S.LOST, _I.GIVE_UP): _S.ABSENT,
        # Held to be absent, and there it is.
        (_S.ABSENT, _I.ACCEPTED): _S.OPEN,
        (_S.ABSENT, _I.SEEN_WORKING): _S.OPEN,
    }
    for state in (_S.SENT, _S.UNKNOWN, _S.OPEN, _S.CANCELLING, _S.LOST, _S.ABSENT, _S.NEW):
        for seen, after in _SEEN_DONE.items():
            table[state, seen] = after
    late = (_I.ACCEPTED, _I.NO_ANSWER, _I.CANCEL, _I.SEEN_WORKING, *_SEEN_DONE)
    for state in DONE - {_S.ABSENT, _S.DENIED}:
        for event in late:
            table[state, event] = state  # late news of something that is over
    table[_S.REFUSED, _I.REFUSED] = _S.REFUSED
    table[_S.ABSENT, _I.NO_ANSWER] = _S.ABSENT
    table[_S.ABSENT, _I.ABSENT] = _S.ABSENT
    table[_S.ABSENT, _I.CANCEL] = _S.ABSENT
    table[_S.DENIED, _I.CANCEL] = _S.DENIED
    table[_S.NEW, _I.CANCEL] = _S.NEW
    table[_S.NEW, _I.SEEN_WORKING] = _S.OPEN
    table[_S.NEW, _I.ABSENT] = _S.ABSENT
    return table


TABLE = _table()


class IllegalTransition(AssertionError):
    """The program is wrong, not the world: nothing may continue on it."""


def step(state: OrderState, event: OrderInput, client_order_id: str) -> OrderState:
    """The state after `event`. Raises IllegalTransition for a pair that the table does not have."""
    try:
        return TABLE[state, event]
    except KeyError:
        raise IllegalTransition(f"order {client_order_id}: {event} while {state}") from None


@dataclass(frozen=True, slots=True)
class Order:
    """An own order and what is known of it."""

    spec: OrderSpec
    state: OrderState
    created_ms: int
    updated_ms: int
    order_id: str | None = None
    filled_size: Decimal = ZERO  # cumulative, as the exchange says
    counted_size: Decimal = ZERO  # what the counted fills make
    counted_quote: Decimal = ZERO
    reason: str | None = None
    absences: int = 0  # complete searches that did not find it
    first_absence_ms: int | None = None
    next_look_ms: int = 0
    looks: int = 0

    def told(self, filled_size: Decimal) -> Decimal:
        """What the exchange says is filled, or what is counted, where only a rounding lies between.

        An order by quote size is not filled in whole increments, its fills are told in quote units, and their sum
        in base units ends up a hair off.
        """
        filled = max(self.filled_size, filled_size, self.counted_size)
        by_quote = self.spec.quote_size is not None
        return self.counted_size if by_quote and filled - self.counted_size <= filled * ROUNDING else filled

    @property
    def done(self) -> bool:
        return self.state in DONE

    @property
    def settled(self) -> bool:
        """Over, and every fill that the exchange told of is counted; "filled" without a fill is news yet to come."""
        if self.state not in DONE or self.counted_size < self.filled_size:
            return False
        return self.state is not OrderState.FILLED or self.counted_size > 0

    @property
    def average_fill_price(self) -> Decimal | None:
        return self.counted_quote / self.counted_size if self.counted_size else None

    def after(self, event: OrderInput, now_ms: int, *, reason: str | None = None) -> "Order":
        """The order after `event`."""
        state = step(self.state, event, self.spec.client_order_id)
        return replace(self, state=state, updated_ms=now_ms, reason=reason if reason is not None else self.reason)
