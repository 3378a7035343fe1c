"""The bot with a strategy that buys on every bar and shows the averages of a built-in one: `python -m
tests.monitoring.buying_bot`."""

import runpy

import numpy as np

from bot.strategies import registry
from bot.strategies.base import Bars, SignalArrays
from bot.strategies.sma_cross import SmaCross

NAME = "buys"


class BuysWithAverages(SmaCross):
    """Orders come as soon as the rules allow, whatever the market does."""

    summary = "BUY on every bar; only for tests."

    def compute(self, bars: Bars) -> SignalArrays:
        found = super().compute(bars)
        return SignalArrays(np.ones(len(bars), dtype=np.int8), found.strength, found.values)


if __name__ == "__main__":
    registry.BUILT_IN = {**registry.BUILT_IN, NAME: ("tests.monitoring.buying_bot", "BuysWithAverages")}
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
