"""Strategies that are slow to answer, for `bench.bot.slow_model`: loaded by the bot itself, as a user's would be."""

import time
from collections.abc import Callable

import numpy as np

from bot.strategies.base import Bars, Signal, SignalArrays, Strategy

MODEL_MS = 300.0
# One question of each of three products at the boot: the model is at work for twice the 12 s that the lag is of.
RUNS_A_QUESTION = 32


def plain_python() -> None:
    """300 ms of arithmetic that holds the interpreter."""
    end_s, x = time.perf_counter() + MODEL_MS / 1000, 1.0
    while time.perf_counter() < end_s:
        for _ in range(200):
            x = x * 1.0000001 + 1e-9


def arrays() -> None:
    """300 ms of matrix products, many small ones and some large."""
    end_s = time.perf_counter() + MODEL_MS / 1000
    large, small = np.full((400, 400), 0.5), np.full((20, 20), 0.5)
    while time.perf_counter() < end_s:
        np.tanh(large @ large)
        for _ in range(100):
            np.tanh(small @ small)


def nothing() -> None:
    """The same bot without a model, for comparison."""


class Slow(Strategy):
    """FLAT for ever, and slow to say so."""

    model: Callable[[], None] = staticmethod(nothing)

    @property
    def warmup_bars(self) -> int:
        return 1

    @property
    def memory_bars(self) -> int:
        return 1

    def compute(self, bars: Bars) -> SignalArrays:
        count = len(bars)
        return SignalArrays(np.zeros(count, dtype=np.int8), np.full(count, np.nan))

    def latest(self, bars: Bars) -> Signal:
        for _ in range(RUNS_A_QUESTION):
            type(self).model()
        return super().latest(bars)


class SlowPython(Slow):
    model = staticmethod(plain_python)


class SlowArrays(Slow):
    model = staticmethod(arrays)
