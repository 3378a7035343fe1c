"""The ids of orders: old ledgers hold their form, so it never changes; a venue with shorter ids gets shorter ones."""

import pytest

from bot.domain.order_ids import FACTS_LENGTH, FACTS_LENGTH_MIN, NO_EPOCH, OrderIdCodec, OwnIds

KEPT = "ct-main-1a2b3c4d28e4f96a4d6dd1f7f63b8f5e"


def test_the_form_is_the_one_that_ledgers_hold() -> None:
    ids = OrderIdCodec("main")
    made = ids.make("1a2b3c4d", "exit", "lot-1", 2)
    assert made == "ct-main-1a2b3c4d" + ids.facts("exit", "lot-1", 2)
    assert len(made) == ids.length == len(KEPT) == 40
    assert ids.is_ours(KEPT) and ids.epoch_of(KEPT) == "1a2b3c4d" and ids.facts_of(KEPT) == KEPT[-24:]


@pytest.mark.parametrize("other", [KEPT[:-1], KEPT + "0", KEPT[:-1] + "g", "ct-man2-" + KEPT[8:], "", KEPT.upper()])
def test_what_is_not_ours(other: str) -> None:
    assert not OrderIdCodec("main").is_ours(other)


@pytest.mark.parametrize(
    ("most", "facts"),
    [(128, FACTS_LENGTH), (40, FACTS_LENGTH), (36, 20), (32, FACTS_LENGTH_MIN), (10, FACTS_LENGTH_MIN)],
)
def test_a_venue_with_shorter_ids_gets_shorter_ones(most: int, facts: int) -> None:
    ids = OrderIdCodec.fitting("main", most)
    assert ids.facts_length == facts
    made = ids.make("1a2b3c4d", "entry", 7)
    assert len(made) == ids.length and (len(made) <= most or facts == FACTS_LENGTH_MIN)
    assert ids.is_ours(made) and ids.epoch_of(made) == "1a2b3c4d"


@pytest.mark.parametrize("facts", [FACTS_LENGTH, FACTS_LENGTH_MIN])
def test_the_same_facts_keep_the_id_of_whichever_run_made_it(facts: int) -> None:
    ids = OrderIdCodec("main", facts)
    earlier = ids.make("0000aaaa", "exit", 1)
    own = OwnIds([earlier], ids)
    assert own.known_for(ids.make(NO_EPOCH, "exit", 1)) == earlier
    assert own.known_for(ids.make(NO_EPOCH, "exit", 2)) is None
