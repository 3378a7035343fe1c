"""Strategies that look back whole days: their days, what they hold, no look-ahead, the live window as history."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bot.strategies import registry
from bot.strategies.base import Bars, ExposureStrategy
from bot.strategies.days import at_bars, closed_days
from bot.strategies.lookahead import find_lookahead, find_window_difference
from shared.settings import Settings, SettingsError
from tests.strategies.families import FAMILIES, hours, short

DAY_S = 86_400


def daily(closes: list[float], first_day: int = 19_000) -> Bars:
    """One bar a day."""
    close = np.array(closes)
    start = (first_day + np.arange(len(close))) * DAY_S
    return Bars(start, close, close * 1.001, close * 0.999, close, np.ones(len(close)), 0.01, DAY_S)


def made(name: str, **own: object) -> ExposureStrategy:
    options = {f"STRATEGY_{name}_{key}".upper(): str(value) for key, value in own.items()}
    found = registry.make(name, Settings(granularity="ONE_DAY", strategy_options=options))
    assert isinstance(found, ExposureStrategy)
    return found


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_family_looks_ahead(name: str, seed: int) -> None:
    assert find_lookahead(registry.make(name, short()), hours(1_500, seed), cuts=25, seed=seed) is None


@pytest.mark.parametrize("name", FAMILIES)
def test_the_live_window_of_a_family_decides_as_history(name: str) -> None:
    assert find_window_difference(registry.make(name, short()), hours(1_500), cuts=60) is None


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_speaks_after_its_warm_up_and_not_before(name: str) -> None:
    strategy, bars = registry.make(name, short()), hours(1_500)
    warm = strategy.warmup_bars - 1
    assert isinstance(strategy, ExposureStrategy)
    weight = strategy.weights(bars).weight
    assert np.isnan(weight[:warm]).all() and not np.isnan(weight[warm + 48 : warm + 96]).any()
    assert name == "rebalance" or len(set(weight[warm + 48 :].tolist())) > 1
    for count in (0, 1, 2, warm):
        strategy.compute(bars.between(0, count))  # too short a history is no error


@pytest.mark.parametrize("name", [one for one in FAMILIES if one != "rebalance"])
def test_a_history_that_is_too_short_for_the_days_is_refused_by_name(name: str) -> None:
    with pytest.raises(SettingsError, match=f"STRATEGY={name} looks back .* days.*GRANULARITY=ONE_HOUR or ONE_DAY"):
        registry.make(name, Settings(granularity="ONE_MINUTE", max_history_candles=3_000))


def test_a_day_counts_from_the_bar_that_ends_it_or_the_first_one_after_it() -> None:
    bars = hours(200, seed=3)
    keep = bars.start_s % DAY_S != 23 * 3600  # the last hour of each day is missing
    cut = Bars(*(getattr(bars, n)[keep] for n in ("start_s", "open", "high", "low", "close", "volume")), 0.01, 3600)
    for one in (bars, cut):
        days = closed_days(one)
        shown = at_bars(days.close, days)
        for i, start in enumerate(one.start_s.tolist()):
            done = [k for k, day in enumerate(days.day.tolist()) if (day + 1) * DAY_S <= start + 3600]
            closed = [k for k in done if (days.day[k] + 1) * DAY_S <= start + 3600 and days.seen[k] <= i]
            assert closed == done
            assert shown[i] == days.close[closed[-1]] if closed else math.isnan(shown[i])


def test_steady_holds_what_brings_its_volatility_to_the_target() -> None:
    g = np.random.default_rng(4)
    closes = (100.0 * np.exp(np.cumsum(g.normal(0, 0.04, 400)))).tolist()
    found = made("steady", target_vol_pct=30, vol_days=30).weights(daily(closes))
    moves = np.diff(np.log(closes))
    for i in (40, 200, 399):
        assert found.weight[i] == pytest.approx(min(0.30 / (moves[i - 30 : i].std() * math.sqrt(365)), 1.0))


def test_trend_holds_a_third_for_each_look_back_that_rose() -> None:
    up, down = [100.0 + i for i in range(60)], [160.0 - i for i in range(60)]
    own = {"short_days": 5, "mid_days": 10, "long_days": 20, "vol_days": 5, "target_vol_pct": 1000}
    weight = made("trend", **own).weights(daily(up + down)).weight
    assert weight[59] == 1.0 and weight[-1] == 0.0
    turn = weight[60:90].tolist()
    assert {round(one * 3) for one in turn} == {0, 1, 2, 3} and turn == sorted(turn, reverse=True)


def test_breakout_holds_from_a_new_high_to_a_new_low() -> None:
    flat = [100.0] * 40
    closes = [*flat, 110.0, *[108.0] * 5, 90.0, *[95.0] * 5]
    weight = made("breakout", entry_days=20, exit_days=5, hold_days=9).weights(daily(closes)).weight.tolist()
    assert weight[39] == 0.0 and weight[40:46] == [1.0] * 6 and weight[46:] == [0.0] * 6
    longer = made("breakout", entry_days=20, exit_days=5, hold_days=3).weights(daily([*flat, 110.0, *[108.0] * 5]))
    assert longer.weight[40:].tolist() == [1.0, 1.0, 1.0, 0.0, 0.0, 0.0], "a breakout counts for hold_days"


def test_grid_holds_more_the_lower_the_price() -> None:
    closes = [100.0, 200.0] * 10 + [200.0, 175.0, 150.0, 125.0, 100.0]
    weight = made("grid", days=6, steps=4).weights(replace(daily(closes), high=np.array(closes), low=np.array(closes)))
    assert weight.weight[20:].tolist() == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_dca_buys_its_parts_and_keeps_them() -> None:
    """The first part after the day of the start, one each week, one more on a dip; the weight is the parts' own."""
    own = {"start": "2022-01-08", "parts": 4, "every_days": 7, "dip_pct": 10, "dip_days": 5}  # day 19,000 is 2022-01-08
    before = [100.0] * 40
    closes = [*before, 100.0, *[110.0] * 8, 80.0, *[90.0] * 30]
    found = made("dca", **own).weights(daily(closes, first_day=19_000 - 40))
    weight, parts = found.weight[40:], found.values["parts"][40:]
    assert np.isnan(found.weight[:40]).all() and weight[0] == 0.25
    assert weight[1] == pytest.approx(1.1 / (1.1 + 3)), "a rise makes neither a purchase nor a sale"
    assert parts[:28].tolist() == [1.0] * 7 + [2.0] * 2 + [3.0] * 5 + [4.0] * 14, (
        "the dip on the tenth day buys one more"
    )
    assert weight[27] == 1.0 and np.isnan(weight[28:]).all(), "the plan is over: what is held is kept"
    with pytest.raises(SettingsError, match="STRATEGY_DCA_START=soon is not a day"):
        made("dca", start="soon")
