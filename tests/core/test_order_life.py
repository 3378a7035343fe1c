"""The life of an order: every (state, input) pair against a table that was written down apart from the code."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.kinds import OrderKind, Purpose, Side
from bot.domain.order_life import DONE, SEEN_INPUT, IllegalTransition, Order, OrderInput, OrderState, step
from bot.domain.orders import OrderSpec, OrderStatus
from shared.money import ZERO
from tests.core.harness import D

# One row for each state, one word for each input; "!" = the program is wrong, it raises.
# Written from the rules in words: what is over stays over; UNKNOWN ends by evidence alone (a look, an answer that
# came late, or a complete search), never by time; a refusal counts only while nothing was seen of the order; what
# was held to be absent may turn up; what was denied was never sent, so the exchange cannot speak of it.
INPUTS = (
    "send", "deny", "accepted", "refused", "no_answer", "cancel", "absent",
    "working", "filled", "cancelled", "expired", "failed", "give_up",
)  # fmt: skip
TABLE = """
new        sent denied ! ! unknown new absent open filled cancelled expired failed !
sent       ! denied open refused unknown sent ! open filled cancelled expired failed !
unknown    ! ! open refused unknown unknown absent open filled cancelled expired failed !
open       ! ! open ! open cancelling lost open filled cancelled expired failed !
cancelling ! ! cancelling ! cancelling cancelling lost cancelling filled cancelled expired failed !
lost       ! ! open ! lost lost lost open filled cancelled expired failed absent
filled     ! ! filled ! filled filled ! filled filled filled filled filled !
cancelled  ! ! cancelled ! cancelled cancelled ! cancelled cancelled cancelled cancelled cancelled !
expired    ! ! expired ! expired expired ! expired expired expired expired expired !
failed     ! ! failed ! failed failed ! failed failed failed failed failed !
refused    ! ! refused refused refused refused ! refused refused refused refused refused !
denied     ! ! ! ! ! denied ! ! ! ! ! ! !
absent     ! ! open ! absent absent absent open filled cancelled expired failed !
"""
WORDS = {"working": "seen_working", "filled": "seen_filled", "cancelled": "seen_cancelled",
         "expired": "seen_expired", "failed": "seen_failed"}  # fmt: skip


def expected() -> dict[tuple[OrderState, OrderInput], OrderState | None]:
    found: dict[tuple[OrderState, OrderInput], OrderState | None] = {}
    for line in TABLE.strip().splitlines():
        state, *cells = line.split()
        assert len(cells) == len(INPUTS), line
        for word, cell in zip(INPUTS, cells, strict=True):
            found[OrderState(state), OrderInput(WORDS.get(word, word))] = None if cell == "!" else OrderState(cell)
    return found


EXPECTED = expected()


def test_the_table_names_every_pair() -> None:
    assert set(EXPECTED) == {(state, event) for state in OrderState for event in OrderInput}


@pytest.mark.parametrize(("state", "event"), sorted(EXPECTED))
def test_pair(state: OrderState, event: OrderInput) -> None:
    wanted = EXPECTED[state, event]
    if wanted is None:
        with pytest.raises(IllegalTransition, match=f"ct-x.*{event}.*{state}"):
            step(state, event, "ct-x")
    else:
        assert step(state, event, "ct-x") is wanted


def test_nothing_leaves_a_final_state_but_what_was_held_to_be_absent() -> None:
    for (state, event), after in EXPECTED.items():
        if state in DONE and after is not None and state is not OrderState.ABSENT:
            assert after is state, (state, event)


def test_unknown_ends_by_evidence_only() -> None:
    evidence = {OrderInput.ACCEPTED, OrderInput.REFUSED, OrderInput.ABSENT, *SEEN_INPUT.values()}
    for event in OrderInput:
        after = EXPECTED[OrderState.UNKNOWN, event]
        assert event in evidence or after in (OrderState.UNKNOWN, None), event


def test_every_word_of_the_exchange_is_an_input_and_an_unknown_one_may_mean_a_living_order() -> None:
    assert set(SEEN_INPUT) == set(OrderStatus)
    assert SEEN_INPUT[OrderStatus.UNKNOWN] is OrderInput.SEEN_WORKING


SPEC = OrderSpec(
    "ct-main-0", "BTC-USD", Side.BUY, OrderKind.MARKET, Purpose.ENTRY, None, D(10), None, False, None, D(100)
)


@given(st.lists(st.sampled_from(list(OrderInput)), max_size=12))
@settings(max_examples=500, deadline=None)
def test_any_sequence_is_legal_or_raises_and_changes_nothing(sequence: list[OrderInput]) -> None:
    order = Order(SPEC, OrderState.NEW, created_ms=0, updated_ms=0)
    over: OrderState | None = None
    for at_ms, event in enumerate(sequence, 1):
        before = order
        try:
            order = order.after(event, at_ms)
        except IllegalTransition as error:
            assert EXPECTED[before.state, event] is None
            assert order is before
            assert before.spec.client_order_id in str(error)
            continue
        assert order.state is EXPECTED[before.state, event]
        assert before == Order(SPEC, before.state, 0, before.updated_ms)  # orders are values
        if over is not None and over is not OrderState.ABSENT:
            assert order.state is over
        over = order.state if order.done else None


@pytest.mark.parametrize("state", sorted(DONE))
def test_settled_means_over_and_counted(state: OrderState) -> None:
    order = Order(SPEC, state, 0, 0, filled_size=D(2), counted_size=D(1))
    assert not order.settled
    assert Order(SPEC, state, 0, 0, filled_size=D(2), counted_size=D(2)).settled
    # "Filled" of nothing is news whose fills have yet to come.
    assert Order(SPEC, state, 0, 0).settled is (state is not OrderState.FILLED)


@pytest.mark.parametrize("state", sorted(set(OrderState) - DONE))
def test_what_is_in_flight_is_not_settled(state: OrderState) -> None:
    assert not Order(SPEC, state, 0, 0, filled_size=ZERO, counted_size=ZERO).settled
