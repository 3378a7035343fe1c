"""`relative`: what it ranks and holds, no look-ahead through its peers, and the live question as history."""

import math
from dataclasses import replace

import numpy as np
import pytest

from bot.app.strategy_port import StrategyAdapter
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy, PeerBars
from bot.domain.targets import Exposure
from bot.strategies import registry
from bot.strategies.base import Bars, ExposureStrategy
from bot.strategies.combined import combine
from bot.strategies.lookahead import find_lookahead, find_window_difference
from shared.settings import Settings, SettingsError
from tests.runtime.bot_rig import product
from tests.strategies.families import hours

DAY_S = 86_400
NAMES = ("BTC-USD", "ETH-USD", "SOL-USD", "ADA-USD")
SHORT = {
    "STRATEGY_RELATIVE_SHORT_DAYS": "2", "STRATEGY_RELATIVE_MID_DAYS": "4", "STRATEGY_RELATIVE_LONG_DAYS": "7",
    "STRATEGY_RELATIVE_VOL_DAYS": "5", "STRATEGY_RELATIVE_EVERY_DAYS": "3",
}  # fmt: skip
SETTINGS = Settings(granularity="ONE_HOUR", products=NAMES, strategy_options=SHORT)


def made(settings: Settings = SETTINGS, **own: object) -> ExposureStrategy:
    options = SHORT | {f"STRATEGY_RELATIVE_{key}".upper(): str(value) for key, value in own.items()}
    found = registry.make("relative", replace(settings, strategy_options=options))
    assert isinstance(found, ExposureStrategy)
    return found


def daily(change: float, days: int = 60, swing: float = 0.0, first_day: int = 19_000) -> Bars:
    """One bar a day that changes by `change` each day, and swings."""
    close = 100.0 * np.exp(np.arange(days) * change + swing * (np.arange(days) % 2))
    start = (first_day + np.arange(days)) * DAY_S
    return Bars(start, close, close, close, close, np.ones(days), 0.01, DAY_S)


def beside(own: Bars, **peers: Bars) -> Bars:
    return own.with_peers(peers)


def four(count: int = 1_200) -> list[Bars]:
    """Four products whose hours begin together; each lacks hours of its own."""
    return [hours(count, seed) for seed in (1, 2, 3, 4)]


@pytest.mark.parametrize(("change", "held"), [(0.03, 1.0), (0.02, 1.0), (0.01, 0.0), (-0.01, 0.0)])
def test_the_two_that_rose_most_are_held_and_the_rest_is_cash(change: float, held: float) -> None:
    peers = {f"{one}": daily(one) for one in (0.03, 0.02, 0.01, -0.01) if one != change}
    strategy = made(replace(SETTINGS, granularity="ONE_DAY"), target_vol_pct=1000)
    found = strategy.weights(beside(daily(change), **peers))
    assert found.weight[-1] == held
    assert found.values["rank"][-1] == 1 + sum(float(name) > change for name in peers)


def test_what_fell_is_not_held_however_good_its_rank() -> None:
    strategy = made(replace(SETTINGS, granularity="ONE_DAY"), target_vol_pct=1000)
    found = strategy.weights(beside(daily(-0.01), a=daily(-0.02), b=daily(-0.03)))
    assert (found.values["rank"][-1], found.weight[-1]) == (1.0, 0.0)


def test_the_weight_is_scaled_to_the_volatility_of_the_last_days() -> None:
    calm = made(replace(SETTINGS, granularity="ONE_DAY"), target_vol_pct=40)
    own = daily(0.02, swing=0.05)
    closes = np.log(own.close)
    found = calm.weights(beside(own, a=daily(0.01)))
    decided = 19_059 - 19_059 % 3 - 19_000  # the newest day of comparison
    steps = np.diff(closes)[decided - 5 : decided]
    assert found.weight[-1] == pytest.approx(min(0.4 / (steps.std() * math.sqrt(365)), 1.0))
    assert 0.0 < found.weight[-1] < 1.0


def test_what_is_held_changes_on_days_of_comparison_alone() -> None:
    own, *peers = four()
    weight = made().weights(beside(own, **dict(zip("abc", peers, strict=True)))).weight
    changed = np.flatnonzero(np.diff(weight) != 0)
    changed = changed[~np.isnan(weight[changed])] + 1
    assert len(changed) > 3
    closed_day = (own.start_s[changed] + 3600) // DAY_S - 1  # the day that has just closed, or an hour of the next one
    assert set((closed_day % 3).tolist()) == {0}


def test_a_peer_without_a_close_is_absent_and_not_zero() -> None:
    strategy = made(replace(SETTINGS, granularity="ONE_DAY"), top=1, target_vol_pct=1000)
    own, better = daily(0.01), daily(0.02)
    assert strategy.weights(beside(own, a=better)).weight[-1] == 0.0
    gone = better.between(0, 30)  # its last bar is a month old: delisted
    found = strategy.weights(beside(own, a=gone))
    assert (found.weight[-1], found.values["rank"][-1]) == (1.0, 1.0)
    late = better.between(0, 58)  # two days are missing: its last close counts
    assert strategy.weights(beside(own, a=late)).weight[-1] == 0.0
    assert strategy.weights(own).weight[-1] == 1.0, "alone it is the best"
    assert "z" not in beside(own, z=daily(0.1, first_day=19_100)).peers, "bars of later are not shown"


def test_it_does_not_look_ahead_through_its_peers() -> None:
    own, *peers = four()
    bars = beside(own, **dict(zip("abc", peers, strict=True)))
    assert find_lookahead(made(), bars, cuts=40, seed=1) is None
    assert find_window_difference(made(), bars, cuts=60) is None
    end = 900
    wild = [replace(one, close=np.where(one.start_s > own.start_s[end - 1], one.close * 9, one.close)) for one in peers]
    again = beside(own, **dict(zip("abc", wild, strict=True)))
    whole, other = made().weights(bars).weight[:end], made().weights(again).weight[:end]
    assert np.array_equal(whole, other, equal_nan=True), "what a peer does later changes nothing before"


def test_the_bot_says_of_a_question_what_history_says() -> None:
    bars = dict(zip(NAMES, four(), strict=True))
    adapter = StrategyAdapter(replace(SETTINGS, strategy="relative"))
    assert adapter.needs_peers and adapter.target_type is Exposure
    for name in NAMES[:2]:
        own, peers = bars[name], {other: one for other, one in bars.items() if other != name}
        history = made().weights(own.with_peers(peers)).weight
        for end in (700, 801, 1_000, 1_199):
            until_s = int(own.start_s[end - 1])
            asked = AskStrategy(
                replace(product(), product_id=name),
                rows(own.between(0, end), adapter.memory_bars),
                tuple(
                    PeerBars(
                        replace(product(), product_id=other), rows(one.opened(0, until_s), adapter.memory_bars + 1)
                    )
                    for other, one in peers.items()
                ),
            )
            target = adapter.answer(asked).target
            assert isinstance(target, Exposure)
            assert target.weight == pytest.approx(history[end - 1], nan_ok=True, abs=1e-12)
    assert adapter.lines(0.01, []) == [], "a chart has no bars of the others"


def rows(bars: Bars, count: int) -> tuple[Bar, ...]:
    cut = bars.tail(count)
    columns = (cut.start_s, cut.open, cut.high, cut.low, cut.close, cut.volume)
    return tuple(Bar(int(row[0]), *row[1:]) for row in zip(*(one.tolist() for one in columns), strict=True))


def test_one_product_alone_is_refused_by_name() -> None:
    with pytest.raises(SettingsError, match="STRATEGY=relative compares products: PRODUCTS needs two"):
        registry.make("relative", replace(SETTINGS, products=("BTC-USD",)))


def test_combined_with_another_it_gets_the_peers_and_says_what_history_says() -> None:
    bars = dict(zip(NAMES, four(), strict=True))
    own, peers = bars["BTC-USD"], {other: one for other, one in bars.items() if other != "BTC-USD"}
    settings = replace(SETTINGS, strategies=("relative", "rebalance"), strategy="combined")
    together = combine(settings, [made(), registry.make("rebalance", settings)])
    assert together.needs_peers and isinstance(together, ExposureStrategy)
    history = together.weights(own.with_peers(peers)).weight
    count = together.memory_bars
    until_s = int(own.start_s[-1])
    others = {other: (rows(one.opened(0, until_s), count + 1), 0.01) for other, one in peers.items()}
    found = together.wanted_of(rows(own, count), 0.01, 3600, others)
    assert found.weight == pytest.approx(history[-1]) and found.values["relative rank"] in (1.0, 2.0, 3.0, 4.0)
