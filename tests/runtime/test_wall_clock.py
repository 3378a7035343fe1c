"""This machine's clock is set while the bot runs: the day turns by the exchange's clock or not at all."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.app.folder import Folder
from bot.app.live_lock import LiveLock
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import SaveDay
from bot.venues.port import ApiKey
from shared.ports import SystemFs
from shared.settings import Mode, Secret
from tests.core.harness import D
from tests.runtime.bot_rig import BotRig


@pytest.fixture
async def rig(tmp_path: Path) -> BotRig:
    made = BotRig(tmp_path / "data")
    start(made)
    return made


def start(rig: BotRig) -> None:
    rig.begin()
    rig.bot.clock_offset_ms = 0
    rig.bot.dispatch(ev.ClockChecked(0))
    rig.bot.dispatch(ev.Tick())


def set_clock(rig: BotRig, by: timedelta) -> None:
    """Somebody sets the wall clock; no time passes."""
    rig.clock.at += by
    rig.bot.beat()
    rig.bot.dispatch(ev.Tick())


def a_minute(rig: BotRig) -> None:
    """The loop turns all the while."""
    for _ in range(15):
        rig.clock.turn(4)
        rig.bot.beat()


def orders_in_the_minute(rig: BotRig) -> float | None:
    assert rig.bot.engine is not None
    limits = rig.bot.engine.view.risk.document().limits
    return next(limit.value for limit in limits if limit.name == "orders_per_min")


def day_of(rig: BotRig) -> str:
    assert rig.bot.engine is not None and rig.bot.engine.view.account.day is not None
    return rig.bot.engine.view.account.day.day


def clock_gate(rig: BotRig) -> str:
    gates = rig.state().gates
    assert gates is not None
    return str(next(gate.verdict for gate in gates.products[0].gates if gate.name == "clock"))


def trip(rig: BotRig) -> None:
    """The day's loss limit has shut entries, before a restart."""
    assert rig.bot.ledger is not None
    assert rig.bot.engine is not None and rig.bot.engine.view.account.day is not None
    day = replace(rig.bot.engine.view.account.day, breaker_ms=rig.bot.engine.view.now_ms)
    rig.bot.ledger.commit([SaveDay(day)], rig.bot.engine.view.now_ms)
    start(rig)


@pytest.mark.parametrize("days", [20, -20, 1, -1, 400])
async def test_a_clock_set_to_another_day_opens_no_new_one_and_keeps_its_loss_limit(rig: BotRig, days: int) -> None:
    before = day_of(rig)
    trip(rig)
    set_clock(rig, timedelta(days=days))
    assert day_of(rig) == before
    assert clock_gate(rig) == "fault", "no entry is made by such a clock"
    assert not rig.state().ws_ok
    # Compared with the exchange's, which is as it was: still the same day.
    rig.bot.clock_offset_ms = -days * 86_400_000
    rig.bot.dispatch(ev.ClockChecked(-days * 86_400_000))
    rig.bot.dispatch(ev.Tick())
    assert day_of(rig) == before and clock_gate(rig) == "fault"
    # Set right again.
    set_clock(rig, timedelta(days=-days))
    rig.bot.dispatch(ev.ClockChecked(0))
    rig.bot.dispatch(ev.Tick())
    assert day_of(rig) == before and clock_gate(rig) == "open"
    assert rig.bot.engine is not None and rig.bot.engine.view.account.day is not None
    assert rig.bot.engine.view.account.day.breaker_ms is not None, "the day's loss still shuts entries"


async def test_with_a_wrong_clock_the_day_turns_by_the_exchanges(rig: BotRig) -> None:
    before = day_of(rig)
    off = timedelta(days=20)
    set_clock(rig, off)
    rig.bot.clock_offset_ms = round(-off.total_seconds() * 1000)
    rig.bot.dispatch(ev.ClockChecked(rig.bot.clock_offset_ms))
    for _ in range(24 * 60):
        a_minute(rig)
        rig.bot.dispatch(ev.Tick())
    assert day_of(rig) == f"{rig.clock.at - off:%Y-%m-%d}" != before


async def test_a_step_that_nobody_compared_turns_no_day_at_all(rig: BotRig) -> None:
    before = day_of(rig)
    set_clock(rig, timedelta(seconds=20))
    for _ in range(24 * 60):
        a_minute(rig)
        rig.bot.dispatch(ev.Tick())
    assert day_of(rig) == before
    rig.bot.dispatch(ev.ClockChecked(-20_000))
    rig.bot.dispatch(ev.Tick())
    assert day_of(rig) != before


@pytest.mark.parametrize("hours", [480, -480])
async def test_limits_by_the_minute_neither_end_early_nor_late(rig: BotRig, hours: int) -> None:
    assert rig.bot.engine is not None
    start_s = int(rig.clock.utc().timestamp()) - 60
    rig.bot.dispatch(ev.PriceUpdate("BTC-USD", D(100), D("99.9"), D("100.1")))
    rig.strategy.word = "buy"
    rig.bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (Bar(start_s, 100.0, 101.0, 99.0, 100.0, 1.0),)))
    assert orders_in_the_minute(rig) == 1
    for by in (timedelta(hours=hours), timedelta(hours=-hours)):
        set_clock(rig, by)
        assert orders_in_the_minute(rig) == 1
    for seconds, left in ((59, 1), (2, 0)):
        rig.clock.turn(seconds)
        rig.bot.dispatch(ev.Tick())
        assert orders_in_the_minute(rig) == left


async def test_a_permission_is_judged_by_the_exchanges_clock(rig: BotRig, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("bot.app.live_lock.live_permission.problem", lambda *a: asked.append(a[-1]))
    settings, key = replace(rig.settings, coin_mode=Mode.LIVE), ApiKey("n", Secret("s"))
    lock = LiveLock(settings, rig.clock, SystemFs(), lambda: key, lambda: rig.bot.clock_offset_ms)
    lock.judged(Folder("adopted", None))
    lock.reason()
    set_clock(rig, timedelta(days=-20))
    lock.reason()
    assert asked[0] == asked[-1], "a clock that is set back gives nobody twenty days more"
