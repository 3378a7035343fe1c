"""Every moment that the engine remembers is known to the module that moves them when the clock was set."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain import events as ev
from bot.domain.kinds import LotKind, Side
from bot.domain.price_book import Ladder, PriceBook
from bot.engine import clock_jumps
from bot.engine.risk.trips import Trip
from bot.engine.state.engine_state import EngineState
from bot.engine.state.maker_job import MakerJob
from bot.engine.state.market import Question
from bot.engine.state.rebalance_job import RebalanceJob
from bot.engine.state.risk import Pause
from bot.engine.state.slicing import Slicing
from shared.command_table import Cmd
from tests.core.harness import Rig

HOUR_MS = 3_600_000
MOMENT_MS = 10**12  # an integer beyond this is a moment of this century
BOTH = {
    "markets.by_product[].bars_ms",
    "markets.by_product[].question.since_ms",
    "orders.fence.told_ms",
    "orders.by_id[].created_ms",
    "orders.by_id[].updated_ms",
    "orders.by_id[].next_look_ms",
    "orders.by_id[].first_absence_ms",
    "positions.take_hold_ms[]",
    "positions.exit_hold_ms[]",
    "positions.slicing[].since_ms",
    "positions.slicing[].asked_ms",
    "positions.makers[].deadline_ms",
    "positions.makers[].next_price_ms",
    "positions.rebalances[].since_ms",
    "positions.rebalances[].deadline_ms",
    "positions.rebalances[].next_price_ms",
    "positions.rebalance_hold_ms[]",
    "control.ready_ms",
    "control.cancels[][]",
    "control.flattens[].started_ms",
    "account.portfolio.asked_ms",
    "account.portfolio.moved_ms",
    "account.portfolio.synced_ms",
    "account.portfolio.gap_ms",
    "account.curve_saved_ms",
    "risk.order_times_ms[]",
    "risk.entries_sent[][]",
    "risk.let_pass_ms[]",
    "risk.outcomes[][]",
    "risk.api[][]",
    "risk.pauses[].until_ms",
    "risk.tripped[].at_ms",
    "risk.tripped[].shut_ms",
    "risk.over_ms[]",
}
# Set forward, a price is old.
BACK_ONLY = {
    "markets.by_product[].priced_ms",
    "markets.by_product[].doubt_told_ms",
    "markets.by_product[].book.seen_ms",
}
# In the ledger or of the exchange: they keep their dates. Time itself is the event's.
STAY = {
    "markets.by_product[].last_add_ms",
    "positions.lots._by_product[][].opened_ms",
    "orders.by_id[].spec.end_ms",
    "orders.fence.since_ms",
    "clock.now_ms",
}
JUDGED = "markets.by_product[].judged_ms"  # forgotten: what comes next is judged at once


def moments(thing: object, path: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    """The path and value of each moment below `thing`, each object once."""
    if isinstance(thing, int) and not isinstance(thing, bool):
        if thing > MOMENT_MS:
            yield path, thing
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from moments(value, f"{path}[{key}]", seen)
    elif hasattr(thing, "_fields"):
        for name in thing._fields:
            yield from moments(getattr(thing, name), f"{path}.{name}", seen)
    elif isinstance(thing, list | tuple | deque | set | frozenset):
        for number, value in enumerate(thing):
            yield from moments(value, f"{path}[{number}]", seen)
    elif type(thing).__module__.startswith("bot.") and id(thing) not in seen:
        seen.add(id(thing))
        names = set(getattr(thing, "__dict__", ()))
        names |= {name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())}
        for name in sorted(names):
            yield from moments(getattr(thing, name, None), f"{path}.{name}".lstrip("."), seen)


def state_of(rig: Rig) -> EngineState:
    return rig.engine.state


def remembered(rig: Rig) -> dict[str, int]:
    state, seen = state_of(rig), set[int]()
    parts = ("markets", "orders", "positions", "control", "risk", "clock", "account")
    return {path: at for part in parts for path, at in moments(getattr(state, part), part, seen)}


def kind(path: str) -> str:
    return re.sub(r"\[[^\]]*\]", "[]", path)


@pytest.fixture
def rig() -> Rig:
    """An engine that remembers moments of each kind."""
    rig = Rig(take_profit_order="limit")
    _, take = rig.open_runner()
    assert take is not None
    rig.accept(take)
    rig.command(Cmd.CANCEL, "c9", client_order_id=take.client_order_id)
    rig.command(Cmd.FLATTEN)
    state, now_ms = state_of(rig), rig.now_ms
    market, levels = state.markets.by_product["BTC-USD"], Ladder(((100.0, 1.0),), whole=True)
    market.question = Question(now_ms // 1000, now_ms - 11, counts=True, told=False)
    market.book = PriceBook(levels, levels, now_ms - 12)
    market.doubt_told_ms = now_ms - 10
    state.orders.fence.since_ms, state.orders.fence.told_ms = now_ms - 9, now_ms - 8
    coid = take.client_order_id
    state.orders.by_id[coid] = replace(state.orders.by_id[coid], first_absence_ms=now_ms - 13)
    state.positions.exit_hold_ms["lot"] = now_ms + 14
    state.positions.slicing["lot"] = Slicing(now_ms - 15, now_ms - 16, None)
    job = MakerJob(
        "lot", "BTC-USD", 0, LotKind.RUNNER, Decimal(1), Decimal(100), now_ms + 17, next_price_ms=now_ms + 18
    )
    state.positions.makers["BTC-USD"] = job
    state.positions.rebalances["BTC-USD"] = RebalanceJob(
        "BTC-USD", Side.BUY, now_ms // 1000, now_ms - 26, now_ms + 27, next_price_ms=now_ms + 28
    )
    state.positions.rebalance_hold_ms["BTC-USD", Side.SELL] = now_ms + 29
    state.account.portfolio.gap_ms = now_ms - 19
    state.risk.let_pass_ms.append(now_ms - 20)
    state.risk.api.append((now_ms - 21, 5, 1))
    state.risk.pauses["BTC-USD"] = Pause(now_ms + 22)
    state.risk.tripped["guard", "BTC-USD"] = Trip(now_ms - 24, now_ms - 23)
    state.risk.over_ms["limit"] = now_ms - 25
    return rig


def test_each_kind_of_moment_is_told_where_it_goes(rig: Rig) -> None:
    assert {kind(path) for path in remembered(rig)} == BOTH | BACK_ONLY | STAY | {JUDGED}


def test_set_back_all_of_them_go_back_as_far(rig: Rig) -> None:
    state_of(rig).clock.offset_ms = 7
    before = remembered(rig)
    rig.asked(clock_jumps.follow, rig.now_ms, rig.now_ms - HOUR_MS)
    after = remembered(rig)
    for path, at_ms in before.items():
        if kind(path) == JUDGED:
            assert path not in after
        else:
            assert after[path] == at_ms - (HOUR_MS if kind(path) in BOTH | BACK_ONLY else 0), path
    assert state_of(rig).clock.offset_ms == 7 + HOUR_MS


def test_set_forward_all_but_prices_go_along(rig: Rig) -> None:
    before = remembered(rig)
    rig.asked(clock_jumps.stepped, ev.ClockStepped(HOUR_MS, -HOUR_MS))
    after = remembered(rig)
    for path, at_ms in before.items():
        assert after[path] == at_ms + (HOUR_MS if kind(path) in BOTH else 0), path
    assert state_of(rig).clock.offset_ms == -HOUR_MS and state_of(rig).clock.in_doubt


@pytest.mark.parametrize(("back_ms", "moves"), [(-5, False), (0, False), (999, False), (1000, True)])
def test_less_than_a_second_is_the_jitter_of_two_readings(rig: Rig, back_ms: int, moves: bool) -> None:
    before = remembered(rig)
    rig.asked(clock_jumps.follow, rig.now_ms, rig.now_ms - back_ms)
    assert (remembered(rig) != before) == moves


def test_what_is_bounded_stays_bounded(rig: Rig) -> None:
    risk = state_of(rig).risk
    bounded = ("order_times_ms", "entries_sent", "let_pass_ms", "outcomes", "api")
    before = {name: getattr(risk, name).maxlen for name in bounded}
    rig.asked(clock_jumps.stepped, ev.ClockStepped(HOUR_MS, 0))
    assert {name: getattr(risk, name).maxlen for name in bounded} == before
    assert all(before.values())
