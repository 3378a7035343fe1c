"""Every built-in strategy: no look ahead, the live window decides as history does, empty and short windows."""

from dataclasses import replace

import numpy as np
import pytest

from bot.strategies import registry
from bot.strategies.base import Bars, Call, SignalArrays, Strategy
from bot.strategies.indicators import ema
from bot.strategies.lookahead import find_lookahead, find_window_difference
from shared.settings import Settings, SettingsError
from tests.strategies.families import FAMILIES

SETTINGS = Settings(max_history_candles=400, walk_forward_min=30)
# Those that look back whole days: tests/strategies/test_families.py; trained models: test_learned.py.
NAMES = [name for name in registry.BUILT_IN if name not in (*FAMILIES, "learned")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_no_look_ahead(make_bars, name: str, seed: int) -> None:
    assert find_lookahead(registry.make(name, SETTINGS), make_bars(2_500, seed), cuts=25, seed=seed) is None


@pytest.mark.parametrize("name", [n for n in NAMES if n != "logistic"])  # its own test walks a live object
def test_live_window_equals_history_to_the_bit(make_bars, name: str) -> None:
    assert find_window_difference(registry.make(name, SETTINGS), make_bars(2_500), cuts=50) is None


@pytest.mark.parametrize("name", NAMES)
def test_all_calls_come_and_warm_up_is_flat(make_bars, name: str) -> None:
    strategy = registry.make(name, SETTINGS)
    bars = make_bars(3_000)
    out = strategy.signals(bars)
    assert {1, -1} <= set(out.signal.tolist())
    assert not out.signal[: strategy.warmup_bars - 1].any()
    for count in (0, 1, 2, strategy.warmup_bars - 1):
        assert strategy.latest(bars.between(0, count)).call is Call.FLAT
        assert len(strategy.signals(bars.between(0, count)).signal) == count
    assert np.isfinite(out.strength[strategy.warmup_bars - 1])


class Cheat(Strategy):
    """Buys when the price will rise `AHEAD` bars on."""

    ahead = 1

    @property
    def warmup_bars(self) -> int:
        return 1

    def compute(self, bars: Bars) -> SignalArrays:
        later = np.concatenate((bars.close[self.ahead :], np.full(min(self.ahead, len(bars)), np.nan)))[: len(bars)]
        return SignalArrays((later > bars.close).astype(np.int8), np.full(len(bars), np.nan))


class WholeMean(Strategy):
    """Compares with the mean of all bars, later ones included."""

    @property
    def warmup_bars(self) -> int:
        return 1

    def compute(self, bars: Bars) -> SignalArrays:
        return SignalArrays((bars.close > bars.close.mean()).astype(np.int8), np.full(len(bars), np.nan))


class Forgetful(Strategy):
    """Says that it needs 10 bars and reads 300."""

    @property
    def warmup_bars(self) -> int:
        return 10

    @property
    def memory_bars(self) -> int:
        return 10

    def compute(self, bars: Bars) -> SignalArrays:
        old = np.concatenate((np.full(min(300, len(bars)), bars.close[0] if len(bars) else 0.0), bars.close[:-300]))
        return SignalArrays((bars.close > old).astype(np.int8), np.full(len(bars), np.nan))


@pytest.mark.parametrize("ahead", [1, 5, 60])
def test_a_planted_cheat_is_caught(make_bars, ahead: int) -> None:
    cheat = Cheat(SETTINGS)
    cheat.ahead = ahead
    found = find_lookahead(cheat, make_bars(2_000))
    assert found is not None and found.what == "signal" and found.newest_bar - found.bar < ahead
    assert find_lookahead(WholeMean(SETTINGS), make_bars(2_000)) is not None


def test_a_memory_that_is_longer_than_said_is_caught(make_bars) -> None:
    assert find_window_difference(Forgetful(SETTINGS), make_bars(2_000)) is not None
    assert find_lookahead(Forgetful(SETTINGS), make_bars(2_000)) is None


def test_rsi_reversion_buys_low(make_bars) -> None:
    strategy = registry.make("rsi_reversion", SETTINGS)
    out = strategy.signals(make_bars(3_000))
    assert ((out.signal == 1) == (out.strength < 30)).all() and ((out.signal == -1) == (out.strength > 70)).all()
    assert strategy.warmup_bars == 140
    for below, above in (("80", "70"), ("70", "70")):
        own = {"STRATEGY_RSI_REVERSION_BUY_BELOW": below, "STRATEGY_RSI_REVERSION_SELL_ABOVE": above}
        with pytest.raises(SettingsError, match=f"STRATEGY_RSI_REVERSION_BUY_BELOW={below} must be below"):
            registry.make("rsi_reversion", Settings(strategy_options=own))
    own = {"STRATEGY_RSI_REVERSION_BUY_BELOW": "80"}
    with pytest.raises(SettingsError, match="STRATEGY_RSI_REVERSION_BUY_BELOW=80 must be below"):
        registry.make("rsi_reversion", Settings(strategy_options=own))


def test_exactly_at_a_threshold_is_flat(make_bars) -> None:
    still = replace(make_bars(300), close=np.full(300, 100.0))  # RSI 50, move 0
    at = {"STRATEGY_RSI_REVERSION_BUY_BELOW": "50", "STRATEGY_RSI_REVERSION_SELL_ABOVE": "50.1"}
    at_top = {"STRATEGY_RSI_REVERSION_BUY_BELOW": "49.9", "STRATEGY_RSI_REVERSION_SELL_ABOVE": "50"}
    for name, own in (
        ("rsi_reversion", at),
        ("rsi_reversion", at_top),
        ("momentum", {"STRATEGY_MOMENTUM_MIN_PCT": "0"}),
    ):
        assert not registry.make(name, Settings(strategy_options=own)).signals(still).signal.any()


class AboveEma(Strategy):
    """Remembers everything, and says nothing of its memory: the whole window is its memory."""

    @property
    def warmup_bars(self) -> int:
        return 10

    def compute(self, bars: Bars) -> SignalArrays:
        average = ema(bars.close, 10)
        return SignalArrays((bars.close > average).astype(np.int8), average)


def test_the_whole_window_is_used_unless_the_strategy_says_less(make_bars) -> None:
    bars = make_bars(400)
    strategy = AboveEma(SETTINGS)
    assert strategy.latest(bars).strength == strategy.signals(bars).strength[-1]
    assert strategy.latest(bars).strength != strategy.latest(bars.tail(20)).strength


def test_momentum_follows_the_move(make_bars) -> None:
    own = {"STRATEGY_MOMENTUM_BARS": "15", "STRATEGY_MOMENTUM_MIN_PCT": "0.2"}
    out = registry.make("momentum", Settings(strategy_options=own)).signals(bars := make_bars(500))
    move = (bars.close[15:] / bars.close[:-15] - 1) * 100
    assert out.signal[15:].tolist() == [(m > 0.2) - (m < -0.2) for m in move.tolist()]
