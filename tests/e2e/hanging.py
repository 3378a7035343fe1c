"""A bot that hangs once it is told to, by a file in the data folder: `python -m tests.e2e.hanging`.

`HANG` holds up the loop itself, in what each write of the state asks; `HANG_MODEL` the strategy beside it.
"""

import itertools
import os
import re
import runpy
from collections import deque
from pathlib import Path

from bot.app.strategy_port import StrategyAdapter
from bot.strategies import registry
from bot.strategies.base import Bars, Signal
from shared.documents.strategy import ModelDoc
from simtest.always_buy import AlwaysBuy


def endless() -> None:
    """Python that never ends."""
    while True:
        pass


def native() -> None:
    """C code that never gives the interpreter back, and never looks at signals."""
    deque(itertools.repeat(0), maxlen=0)


def backtracking() -> None:
    """A regular expression that takes some ages of the universe."""
    re.match(r"(a+)+$", "a" * 64 + "b")


WAYS = {"endless": endless, "native": native, "backtracking": backtracking}


def obey(name: str) -> None:
    """Once: the file is taken first."""
    order = Path(os.environ["DATA_DIR"]) / name
    if order.exists():
        way = order.read_text()
        order.unlink()
        WAYS[way]()


class Hangs(AlwaysBuy):
    """Buys on every bar."""

    summary = "Hangs when it is told to; only for tests."

    def latest(self, bars: Bars) -> Signal:
        obey("HANG_MODEL")
        return super().latest(bars)


def models(_adapter: StrategyAdapter) -> list[ModelDoc]:
    obey("HANG")
    return []


if __name__ == "__main__":
    registry.BUILT_IN = {**registry.BUILT_IN, "hangs": ("tests.e2e.hanging", "Hangs")}
    StrategyAdapter.models = models  # type: ignore[method-assign]
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
