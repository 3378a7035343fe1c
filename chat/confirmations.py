"""A command's way from the question to its receipt: a pure machine, one row of the store for each.

    ASKED ──yes──▶ TAKEN ──control.json written──▶ SENT ──the bot saw it──▶ SEEN ──▶ DONE
      │              │                               │                        └────▶ FAILED   (the bot's own reason)
      ├─no─▶ DECLINED├─not written─▶ NOT_SENT        └─no receipt in time─▶ UNANSWERED
      └─60 s─▶ LAPSED└─the process ended here─▶ UNKNOWN

TAKEN is on the disk, with the id that the command will have, before control.json is written. So a process that ends in
between finds it again and looks that id up; it never sends it a second time.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from chat.messages import ChatPerson, MessageRef
from shared.documents.control import ReceiptDoc, ReceiptState

LIVES_MS = 60_000  # of a question
UNSEEN_MS = 2_000  # after which it is told, loudly, that the bot has not taken it up
FOLLOWED_MS = 600_000


class ConfirmState(StrEnum):
    ASKED = "asked"
    DECLINED = "declined"
    LAPSED = "lapsed"
    TAKEN = "taken"
    NOT_SENT = "not_sent"
    SENT = "sent"
    SEEN = "seen"
    DONE = "done"
    FAILED = "failed"
    UNANSWERED = "unanswered"
    UNKNOWN = "unknown"


S = ConfirmState
NEXT: Mapping[ConfirmState, frozenset[ConfirmState]] = {
    S.ASKED: frozenset({S.TAKEN, S.DECLINED, S.LAPSED}),
    S.TAKEN: frozenset({S.SENT, S.SEEN, S.DONE, S.FAILED, S.NOT_SENT, S.UNKNOWN}),
    S.SENT: frozenset({S.SEEN, S.DONE, S.FAILED, S.UNANSWERED}),
    S.SEEN: frozenset({S.DONE, S.FAILED, S.UNANSWERED}),
    S.DECLINED: frozenset(),
    S.LAPSED: frozenset(),
    S.NOT_SENT: frozenset(),
    S.DONE: frozenset(),
    S.FAILED: frozenset(),
    S.UNANSWERED: frozenset(),
    S.UNKNOWN: frozenset(),
}
OPEN = frozenset(state for state, after in NEXT.items() if after)
FOLLOWED = frozenset({S.SENT, S.SEEN})


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatConfirmation:
    """One. Times in ms since 1970 by this machine's clock; None = not so far."""

    token: str
    word: str  # the chat command
    bot: str
    person: ChatPerson
    chat: str
    asked_ms: int
    state: ConfirmState = ConfirmState.ASKED
    ref: MessageRef | None = None  # None = the platform has not taken the question yet
    command_id: str | None = None
    taken_ms: int | None = None
    sent_ms: int | None = None
    seen_ms: int | None = None
    done_ms: int | None = None
    told_unseen: bool = False
    text: str = ""  # what came of it, for a person

    def moved(self, to: ConfirmState, **changes: Any) -> "ChatConfirmation":
        """In its next state. Raises ValueError where that is none of the next ones."""
        if to not in NEXT[self.state]:
            raise ValueError(f"confirmation {self.word} of {self.person.key}: {self.state} → {to}")
        return replace(self, state=to, **changes)

    def lapses(self, now_ms: int) -> bool:
        """Whether its time is over; a clock that was set back ends it as well."""
        return self.state is S.ASKED and not 0 <= now_ms - self.asked_ms < LIVES_MS


def new_token() -> str:
    """128 bits: nobody guesses one, and it fits into a button of every platform."""
    return secrets.token_urlsafe(16)


def with_receipt(one: ChatConfirmation, receipt: ReceiptDoc, now_ms: int) -> ChatConfirmation:
    """Moved on by what the bot says of it; the same where that is nothing new."""
    if one.state not in FOLLOWED | {S.TAKEN}:
        return one
    seen = one if one.state is S.SEEN else one.moved(S.SEEN, seen_ms=receipt.seen_ms)
    if receipt.state is ReceiptState.SEEN:
        return one if one.state is S.SEEN else seen
    to = S.DONE if receipt.state is ReceiptState.DONE else S.FAILED
    detail = ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in (receipt.result or {}).items())
    word = receipt.reason or "" if to is S.DONE else f"{receipt.state}: {receipt.reason or 'no reason given'}"
    return seen.moved(to, done_ms=receipt.done_ms or now_ms, text=". ".join(filter(None, (word, detail))))


def overdue(one: ChatConfirmation, now_ms: int) -> ChatConfirmation:
    """With what the time alone makes of it."""
    if one.state in FOLLOWED and one.sent_ms is not None:
        waited_ms = now_ms - one.sent_ms
        if not 0 <= waited_ms < FOLLOWED_MS:
            return one.moved(S.UNANSWERED)
        if one.state is S.SENT and waited_ms >= UNSEEN_MS and not one.told_unseen:
            return replace(one, told_unseen=True)
    return one
