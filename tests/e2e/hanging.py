"""A bot whose strategy hangs once it is told to, by a file in the data folder: `python -m tests.e2e.hanging`."""

import itertools
import os
import re
import runpy
from collections import deque
from pathlib import Path

from bot.strategies import registry
from bot.strategies.score import ModelView
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


class Hangs(AlwaysBuy):
    """Buys on every bar; hangs in what each write of the state asks of it. Once: the file is taken first."""

    summary = "Hangs when it is told to; only for tests."

    def model_view(self) -> ModelView | None:
        order = Path(os.environ["DATA_DIR"]) / "HANG"
        if order.exists():
            way = order.read_text()
            order.unlink()
            WAYS[way]()
        return None


if __name__ == "__main__":
    registry.BUILT_IN = {**registry.BUILT_IN, "hangs": ("tests.e2e.hanging", "Hangs")}
    runpy.run_module("bot", run_name="__main__", alter_sys=True)
