"""Strategies in plain Python: the same bits as over arrays, and no numpy in a bot that runs one."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.strategies.base import Bars, SignalArrays, Strategy
from bot.strategies.momentum import Momentum, Options
from bot.strategies.sma_cross import SmaCross
from shared.paths import ROOT
from shared.settings import Settings

CLOSES = st.lists(st.integers(1, 10**7), min_size=1, max_size=60)
INCREMENTS = st.sampled_from([0.01, 0.1, 1.0, 0.00001, 0.05, 1e-8])


def sma(**terms: Any) -> SmaCross:
    return SmaCross(Settings(**({"strategy": "sma_cross", "ma_fast": 3, "ma_slow": 7} | terms)))


def momentum() -> Momentum:
    return Momentum(Settings(strategy="momentum"), Options(bars=5, min_pct=0.5))


def rows_of(closes: list[float]) -> list[tuple[float, ...]]:
    return [(60 * i, close, close, close, close, 1.0) for i, close in enumerate(closes)]


@pytest.mark.parametrize("make", [sma, momentum])
@settings(max_examples=300, deadline=None)
@given(ticks=CLOSES, increment=INCREMENTS)
def test_one_bar_in_plain_python_has_the_bits_of_the_arrays(make: Any, ticks: list[int], increment: float) -> None:
    strategy: Strategy = make()
    rows = rows_of([tick * increment for tick in ticks])
    bars = Bars.from_rows(rows, increment, 60)
    assert strategy.latest_of(rows, increment, 60) == strategy.latest(bars)
    assert strategy.lines_of(rows, increment, 60) == Strategy.lines_of(strategy, rows, increment, 60)


@pytest.mark.parametrize("make", [sma, momentum])
@pytest.mark.parametrize("closes", [[], [0.0] * 9, [0.0] * 8 + [1.0], [5.0] * 9])
def test_prices_of_nothing_and_no_bars_at_all(make: Any, closes: list[float]) -> None:
    strategy: Strategy = make()
    with np.errstate(all="ignore"):
        expected = strategy.latest(Bars.from_rows(rows_of(closes), 0.01, 60))
    assert strategy.latest_of(rows_of(closes), 0.01, 60) == expected


def test_who_derives_and_computes_otherwise_is_asked_for_that() -> None:
    class Never(SmaCross):
        def compute(self, bars: Bars) -> SignalArrays:
            return SignalArrays(np.zeros(len(bars), dtype=np.int8), np.full(len(bars), np.nan), {})

    rows = rows_of([float(n) for n in range(1, 20)])
    assert sma().latest_of(rows, 0.01, 60).call == "buy"
    never = Never(sma().settings)
    assert never.latest_of(rows, 0.01, 60).call == "flat" and never.lines_of(rows, 0.01, 60) == [{}] * 19


def test_who_derives_and_changes_the_window_alone_trades_as_research_computes() -> None:
    class Later(SmaCross):
        @property
        def warmup_bars(self) -> int:
            return super().warmup_bars + 10

    class Longer(SmaCross):
        @property
        def memory_bars(self) -> int:
            return super().memory_bars + 10

    rows = rows_of([float(n * n % 17 + 1) for n in range(60)])
    for kind in (Later, Longer):
        strategy = kind(sma().settings)
        for end in range(1, 60):
            assert strategy.latest_of(rows[:end], 0.01, 60) == strategy.latest(Bars.from_rows(rows[:end], 0.01, 60))


@pytest.mark.parametrize("strategy", ["sma_cross", "momentum"])
def test_a_bot_that_runs_one_loads_no_numpy(strategy: str) -> None:
    source = (
        "import sys\nfrom decimal import Decimal as D\nimport bot.app.boot, bot.app.main\n"
        "from bot.app.strategy_port import StrategyAdapter\nfrom bot.domain.bars import Bar\n"
        "from bot.domain.instrument import Instrument\nfrom bot.domain.intents import AskStrategy\n"
        "from shared.market_data import CandleRow\nfrom shared.settings import Settings\n"
        "one = Instrument('A-USD', 'A', 'USD', *[D('0.01')] * 4, D(9), D(1), D(9), D(1))\n"
        f"adapter = StrategyAdapter(Settings(strategy='{strategy}'))\n"
        "bars = tuple(Bar(60 * i, 1.0, 1.0, 1.0, 1.0 + i, 1.0) for i in range(100))\n"
        "print(adapter.answer(AskStrategy(one, bars)).target.side.value)\n"
        "print(len(adapter.lines(0.01, [CandleRow(*bar) for bar in bars])), 'numpy' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, check=True, capture_output=True, text=True)
    said, lines = done.stdout.splitlines()
    assert said == "buy" and lines.split()[1] == "False" and int(lines.split()[0]) > 30
