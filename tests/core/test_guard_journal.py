"""Guards that shut for a while write one line each way; the runaway latch counts over restarts."""

import pytest

from bot.domain import events as ev
from bot.domain.intents import SaveKeyValue
from bot.engine.state.recovered import RecoveredState
from shared.control import TradingState
from tests.core.harness import D, Rig, notes, of, places


def wide(rig: Rig, half: str) -> None:
    rig.send(ev.PriceUpdate("BTC-USD", D(100), D(100) - D(half), D(100) + D(half)), 1000)


def test_one_line_when_it_shuts_and_one_when_it_has_opened_for_a_while() -> None:
    rig = Rig(max_spread_pct=1.0)
    wide(rig, "0.01")
    rig.tick()
    lines: list[str] = []
    for number in range(60):
        wide(rig, "2" if number % 3 else "0.01")  # to and fro with every price
        lines += notes(rig.tick())
    shut = [line for line in lines if "Spread" in line]
    assert len(shut) == 1 and shut[0].startswith("BTC-USD: Spread: 4 %") and "no entries" in shut[0]
    lines = []
    for _ in range(40):
        wide(rig, "0.01")
        lines += notes(rig.tick())
    assert [line for line in lines if "Spread: open again" in line] == [line for line in lines if "Spread" in line]
    assert len([line for line in lines if "open again" in line]) == 1


def test_what_a_guard_cannot_know_yet_is_no_line() -> None:
    rig = Rig(max_spread_pct=1.0, min_depth_usd=100.0)
    assert not [line for line in notes(rig.tick(5)) if "Spread" in line or "Offered" in line]


@pytest.mark.parametrize("restarts", [(), (1,), (0, 1, 2, 3)])
def test_a_restart_is_no_way_round_the_runaway_latch(restarts: tuple[int, ...]) -> None:
    rig, sent, facts = Rig(max_orders_per_min=4), 0, dict[str, str]()
    for number in range(8):
        found = places(rig.bar("buy"))
        sent += len(found)
        for spec in found:
            rig.send(ev.VenueRejected(spec.client_order_id, "no"))
        rig.tick()
        facts |= {record.key: record.value for record in of(rig.intents, SaveKeyValue)}
        if number in restarts:
            bar_s, own = rig.bar_s, frozenset(rig.view.orders.own_ids)
            rig = Rig(restored=RecoveredState(key_values=facts, own_ids=own), now_ms=rig.now_ms, max_orders_per_min=4)
            rig.bar_s = bar_s
    assert sent == 4 and "entries in a minute" in (rig.view.control.entries_latched or "")
    rig.level(TradingState.PAUSE)
    rig.level(TradingState.RUN)
    rig.tick()
    facts |= {record.key: record.value for record in of(rig.intents, SaveKeyValue)}
    assert rig.view.control.entries_latched is None, "a person looked: it counts anew"
    after = Rig(restored=RecoveredState(key_values=facts), now_ms=rig.now_ms, max_orders_per_min=4)
    after.tick()
    assert after.view.control.entries_latched is None, "also after a restart"
