"""A strategy that compares products is asked once the bars of all are there, and never shown a later one."""

import pytest

from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy, Intent
from bot.engine.execution.questions import PEER_WAIT_S
from tests.core.harness import Rig, Said, of

BTC, ETH, SOL = "BTC-USD", "ETH-USD", "SOL-USD"


class Comparing(Rig):
    """Three products, and a strategy that compares them."""

    def __init__(self, *, ready: bool = True) -> None:
        super().__init__(products=(BTC, ETH, SOL), ready=ready)
        self.first_s = self.now_ms // 60_000 * 60 - 600

    def says(self) -> Said:
        return Said(memory_bars=3, needs_peers=True)

    def closes(self, product_id: str, *minutes: int, after_ms: int = 0) -> list[AskStrategy]:
        """Bars of these minutes close; the questions that come of it."""
        bars = tuple(Bar(self.first_s + 60 * n, 100.0, 100.0, 100.0, 100.0 + n, 1.0) for n in minutes)
        return questions(self.send(ev.BarsClosed(product_id, "ONE_MINUTE", bars), after_ms))


def questions(found: list[Intent]) -> list[AskStrategy]:
    return of(found, AskStrategy)


def shown(question: AskStrategy) -> dict[str, list[float]]:
    """The closes that the question carries, as minutes since the first."""
    return {one.instrument.product_id: [bar.close - 100 for bar in one.bars] for one in question.peers}


def test_all_are_asked_when_the_last_bar_of_a_time_came() -> None:
    rig = Comparing()
    assert rig.closes(BTC, 0, 1) == [] and rig.closes(ETH, 0, 1, after_ms=300) == []
    asked = rig.closes(SOL, 0, 1, after_ms=300)
    assert [one.instrument.product_id for one in asked] == [BTC, ETH, SOL]
    assert shown(asked[0]) == {ETH: [0, 1], SOL: [0, 1]} and shown(asked[2]) == {BTC: [0, 1], ETH: [0, 1]}
    assert rig.closes(SOL, 1) == [] and questions(rig.tick(2)) == [], "once for each bar"


def test_no_bar_that_opens_later_than_the_own_one_is_shown() -> None:
    rig = Comparing()
    rig.closes(BTC, 0, 1)
    rig.closes(ETH, 0, 1, 2, 3)
    asked = rig.closes(SOL, 0, 1)
    assert [one.instrument.product_id for one in asked] == [BTC, SOL], "ETH waits for the others' third and fourth"
    assert shown(asked[0]) == {ETH: [0, 1], SOL: [0, 1]}


def test_a_product_that_trades_nothing_is_waited_for_and_then_left_as_it_is() -> None:
    rig = Comparing()
    for name in (BTC, ETH, SOL):
        rig.closes(name, 0)
    rig.closes(BTC, 1)
    assert rig.closes(ETH, 1) == []
    assert questions(rig.tick(int(PEER_WAIT_S) - 1)) == []
    asked = questions(rig.tick(2))
    assert [one.instrument.product_id for one in asked] == [BTC, ETH]
    assert shown(asked[0]) == {ETH: [0, 1], SOL: [0]}, "its last bar as it was, and no bar made up"


@pytest.mark.parametrize("ready", [True, False])
def test_a_product_without_any_bar_is_absent_and_while_history_is_read_it_is_waited_for(ready: bool) -> None:
    rig = Comparing(ready=ready)
    rig.closes(BTC, 0)
    rig.closes(ETH, 0)
    asked = questions(rig.tick(int(PEER_WAIT_S) + 2))
    assert [shown(one) for one in asked] == ([{ETH: [0]}, {BTC: [0]}] if ready else [])
    assert len(rig.closes(SOL, 0)) == (1 if ready else 3)


def test_a_strategy_of_one_product_gets_none_and_waits_for_none() -> None:
    rig = Rig(products=(BTC, ETH))
    rig.bar("flat", product_id=ETH)
    (asked,) = questions(rig.bar("flat", product_id=BTC))
    assert asked.peers == ()
