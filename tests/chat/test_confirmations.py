"""Every pair of states, and every receipt in every state."""

from dataclasses import replace
from typing import Any

import pytest

from chat.confirm_texts import content_of
from chat.confirmations import (
    FOLLOWED,
    FOLLOWED_MS,
    NEXT,
    OPEN,
    UNSEEN_MS,
    ChatConfirmation,
    ConfirmState,
    new_token,
    overdue,
    with_receipt,
)
from shared.documents.control import ReceiptDoc, ReceiptState
from tests.chat.talk import OPERATOR, T0

S, R = ConfirmState, ReceiptState
ONE = ChatConfirmation(
    token="t", word="kill", bot="main", person=OPERATOR, chat="111", asked_ms=T0, command_id="c", taken_ms=T0,
    sent_ms=T0,
)  # fmt: skip


def receipt(state: ReceiptState, **more: Any) -> ReceiptDoc:
    return ReceiptDoc(id="c", cmd="kill", state=state, by="x", sent_ms=T0, seen_ms=T0 + 7, **more)


@pytest.mark.parametrize("to", ConfirmState)
@pytest.mark.parametrize("state", ConfirmState)
def test_every_pair(state: ConfirmState, to: ConfirmState) -> None:
    one = replace(ONE, state=state)
    if to in NEXT[state]:
        assert one.moved(to).state is to
    else:
        with pytest.raises(ValueError, match=f"{state} → {to}"):
            one.moved(to)


def test_nothing_leads_back_to_a_question_and_every_end_is_an_end() -> None:
    assert set(NEXT) == set(ConfirmState)
    assert all(S.ASKED not in after for after in NEXT.values())
    assert all(S.TAKEN not in after for state, after in NEXT.items() if state is not S.ASKED)
    assert set(ConfirmState) - OPEN == {S.DECLINED, S.LAPSED, S.NOT_SENT, S.DONE, S.FAILED, S.UNANSWERED, S.UNKNOWN}


ENDS = {R.SEEN: S.SEEN, R.DONE: S.DONE, R.FAILED: S.FAILED, R.EXPIRED: S.FAILED, R.REJECTED: S.FAILED}


@pytest.mark.parametrize("said", ReceiptState)
@pytest.mark.parametrize("state", ConfirmState)
def test_every_receipt_in_every_state(state: ConfirmState, said: ReceiptState) -> None:
    one = replace(ONE, state=state)
    after = with_receipt(one, receipt(said), T0 + 100)
    if state in FOLLOWED | {S.TAKEN}:
        assert after.state is ENDS[said]
        assert after.seen_ms == (T0 + 7 if state is not S.SEEN else None)
        assert after.done_ms == (None if said is R.SEEN else T0 + 100)
    else:
        assert after == one


@pytest.mark.parametrize("state", ConfirmState)
def test_time_alone_ends_only_what_is_followed(state: ConfirmState) -> None:
    one = replace(ONE, state=state)
    followed = state in FOLLOWED
    assert overdue(one, T0 + UNSEEN_MS - 1) == one
    assert overdue(one, T0 + UNSEEN_MS).told_unseen == (state is S.SENT)
    assert overdue(one, T0 + FOLLOWED_MS).state is (S.UNANSWERED if followed else state)
    assert overdue(one, T0 - 1).state is (S.UNANSWERED if followed else state)


@pytest.mark.parametrize("state", ConfirmState)
def test_only_a_question_has_buttons_and_every_state_is_said_in_its_own_words(state: ConfirmState) -> None:
    content = content_of(replace(ONE, state=state))
    assert bool(content.buttons) == (state is S.ASKED)
    others = [content_of(replace(ONE, state=other)).head for other in ConfirmState if other is not state]
    assert content.head not in others


def test_a_token_is_short_enough_for_every_platform_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(200)}
    assert len(tokens) == 200 and all(len(f"{token}:y".encode()) <= 64 and ":" not in token for token in tokens)
