"""CANDLE_RESYNC_SEC in virtual time: how often closed bars are read again, and that what changed in them is taken."""

import asyncio
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import orjson
import pytest

from bot.app.history import wanted_bars
from bot.domain.bars import Bar
from bot.engine.state.market import Market
from tests.core.harness import product, quiet_settings
from tests.runtime.whole import Whole

MINUTES = 12
Made = Callable[..., Whole]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Made]:
    worlds = []

    def make(**settings: Any) -> Whole:
        worlds.append(Whole(tmp_path / "data", monkeypatch, products=("BTC-USD",), **settings))
        return worlds[-1]

    yield make
    for state in worlds:
        state.close()


def readings(whole: Whole) -> list[tuple[float, int]]:
    """(virtual second, bars asked for) of each reading of one-minute bars while twelve minutes pass."""
    whole.begin()
    whole.trades()
    whole.drive(60 - whole.clock.utc().second + 30)  # between two closes
    found: list[tuple[float, int]] = []
    answer, began_us = whole.net.answer, whole.loop.now_us

    def heard(request: Any, target: str, body: bytes) -> tuple[int, bytes]:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        if "/candles" in target and asked["granularity"] == "ONE_MINUTE":
            bars = (int(asked["end"]) + 1 - int(asked["start"])) // 60
            found.append(((whole.loop.now_us - began_us) / 1e6, bars))
        return answer(request, target, body)

    whole.net.answer = heard  # type: ignore[method-assign]
    whole.drive(60 * MINUTES)
    return found


@pytest.mark.parametrize("every_s", [15.0, 60.0, 150.0])
def test_closed_bars_are_read_again_as_often_as_it_says(made: Made, every_s: float) -> None:
    found = readings(made(candle_resync_sec=every_s))
    # At its close a bar is asked for together with the newest known one; earlier ones, when they are read again.
    wide = [at for at, bars in found if bars > 2]
    again = [at for number, at in enumerate(wide) if not number or at - wide[number - 1] > 9]  # not asked for twice
    expected = 60 * MINUTES / every_s
    assert abs(len(again) - expected) <= 1, f"{len(again)} readings of earlier bars, {expected:g} wanted"
    gaps = [later - earlier for earlier, later in pairwise(again)]
    assert gaps and max(gaps) <= every_s + 2 and min(gaps) >= every_s - 2
    # A bar that closed is read at its close whatever the setting says.
    closes = {round((at - 31) / 60) for at, _ in found if abs((at - 31) % 60 - 30) > 28}
    assert len(closes) >= MINUTES - 1


def test_a_bar_that_the_exchange_corrects_is_taken_within_that_time(made: Made) -> None:
    whole = made(candle_resync_sec=20.0)
    whole.begin()
    whole.trades()
    whole.drive(200)
    assert whole.bot.engine is not None
    bars = whole.bot.engine.view.markets.bars
    before = bars("BTC-USD")
    wrong = before[-2]

    def corrected(_method: str, path: str, status: int, body: bytes) -> tuple[int, bytes]:
        if not path.endswith("/candles"):
            return status, body
        document = orjson.loads(body)
        for candle in document["candles"]:
            if int(candle["start"]) == wrong.start_s:
                candle["close"] = candle["high"]
        return status, orjson.dumps(document)

    assert wrong.close != wrong.high
    whole.net.bend = corrected
    whole.drive(21)
    known = {bar.start_s: bar for bar in bars("BTC-USD")}
    assert known[wrong.start_s] == wrong._replace(close=wrong.high)
    assert len(known) - len(before) <= 1


def test_a_reading_that_goes_on_over_a_full_minute_does_not_let_the_close_wait(made: Made) -> None:
    """Else each decision is made almost a minute late, minute after minute, and nothing says so."""
    whole = made(candle_resync_sec=59.5)
    whole.begin()
    whole.trades()
    rest: Any = whole.bot.rest
    asked = rest.candles

    async def slow(*args: Any) -> Any:
        await asyncio.sleep(1.5)
        return await asked(*args)

    rest.candles = slow
    assert whole.bot.engine is not None
    bars = whole.bot.engine.view.markets.bars
    newest, late = bars("BTC-USD")[-1].start_s, list[float]()
    for _ in range(5 * 60 * 4):
        whole.drive(0.25)
        if bars("BTC-USD")[-1].start_s > newest:
            newest = bars("BTC-USD")[-1].start_s
            late.append(whole.clock.utc().timestamp() - newest - 60)
    assert len(late) >= 4 and max(late) < 8, late


def bar(minute: int, close: float = 100.0) -> Bar:
    return Bar(60 * minute, 100.0, 110.0, 90.0, close, 1.0)


def test_bars_between_known_ones_are_put_where_they_belong() -> None:
    market = Market(product(), 100)
    assert market.add_bars((bar(1), bar(2), bar(5)))
    assert not market.add_bars((bar(2, 105.0), bar(3), bar(4), bar(5)))
    assert list(market.bars) == [bar(1), bar(2, 105.0), bar(3), bar(4), bar(5)]
    assert not market.add_bars((bar(0), bar(1), bar(5))), (
        "what lies before all of them is history that was not asked for"
    )
    assert len(market.bars) == 5
    assert market.add_bars((bar(4, 99.0), bar(6)))
    assert [b.close for b in market.bars] == [100.0, 105.0, 100.0, 99.0, 100.0, 100.0]


def test_a_correction_counts_in_the_volatility_of_bars() -> None:
    rough, corrected = Market(product(), 300), Market(product(), 300)
    closes = [100.0 + (n % 3) for n in range(200)]
    right = tuple(bar(n, close) for n, close in enumerate(closes))
    rough.add_bars(right)
    corrected.add_bars((*right[:190], bar(190, 500.0), *right[191:]))
    assert corrected.bands.percent("std") != rough.bands.percent("std")
    corrected.add_bars(right[10:])
    assert corrected.bands.percent("std") == rough.bands.percent("std")
    assert corrected.bands.percent("ewma") == rough.bands.percent("ewma")


def test_a_start_reads_as_many_bars_as_the_limits_that_are_on_measure_over() -> None:
    """Else entries stay shut for as many hours after each start as bars are missing."""

    def wanted(**settings: Any) -> int:
        bot: Any = SimpleNamespace(settings=quiet_settings(**settings), strategy=None)
        return wanted_bars(bot)["FIFTEEN_MINUTE"]

    terms: dict[str, Any] = {"granularity": "FIFTEEN_MINUTE"}
    assert wanted(**terms, volatility_window=1000) == 300, "nobody asks for it"
    assert wanted(**terms, volatility_mult=3.0, volatility_window=1000) > 1000
    assert wanted(**terms, volatility_mult=3.0, volatility_method="ewma", atr_window=1000) > 1000
    assert wanted(**terms, correlation_limit=0.8, correlation_window=1000) > 1000
    assert wanted(**terms, correlation_limit=0.8, correlation_window=1000, max_history_candles=1100) == 1100
