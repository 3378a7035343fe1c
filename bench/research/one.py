"""One measurement in a process of its own, so that its memory is its own: called by the bench, prints one JSON line.

Arguments: data folder with the set "year", what to measure, how often.
"""

import json
import os
import resource
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bench.research import weights
from bench.research import workloads as w
from research.data import store
from research.data.candles import CandleSet
from research.loops import types as t

FEW = ("MA_FAST=5:50:5", "MA_SLOW=60:80:10")  # thirty points


def as_product(candles: CandleSet, number: int) -> CandleSet:
    """The same bars as another product, turned so that the products don't trade in step."""
    columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
    o, h, low, c, v = (np.roll(column, number * 10_007) for column in columns)
    return CandleSet(f"C{number}-USD", 60, candles.start_s, o, h, low, c, v, digest=f"{candles.digest}{number}")


def works(year: CandleSet) -> dict[str, Callable[[int], Callable[[], Any]]]:
    """What can be measured: by its name, and a number where it takes one."""
    quarter = year.rows(0, len(year) // 4)

    def products(count: int) -> Callable[[], Any]:
        many = [as_product(quarter, i) for i in range(count)]
        return lambda: w.work_b(many)

    return {
        "A": lambda _: lambda: w.work_a(year),
        "B": lambda _: lambda: w.work_b([year]),
        "C": lambda cores: lambda: w.work_c(year, cores),
        "logistic": lambda _: lambda: w.work_logistic(year),
        "bars": lambda times: lambda: w.work_b([year.rows(0, len(year) // 4 * times)]),
        "products": products,
        "points30": lambda cores: lambda: w.work_c(quarter, cores, FEW),
        "points100": lambda cores: lambda: w.work_c(quarter, cores),
        **weights.works(year),
    }


def facts(result: Any) -> dict[str, Any]:
    """What came out, where it is one run: trades closed, rows, final equity."""
    ints = getattr(result, "ints", None)
    if ints is None:
        return {}
    closed = int((ints[:, t.T_REASON] != t.EXIT_END).sum())
    return {"trades": closed, "lots": len(ints), "final": float(result.equity[-1])}


def main() -> None:
    folder, what, runs = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    path = store.find(folder, "year")
    name, _, number = what.partition(":")
    if name == "read":
        spent = w.timed(lambda: float(store.load(path).close.sum()), runs)
    else:
        work = works(store.load(path))[name](int(number or 0))
        spent = w.timed(work, runs) if runs > 1 else w.once(work)
    # Kilobytes, but on macOS bytes.
    mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 ** (2 if sys.platform == "darwin" else 1)
    found = {"s": spent.s, "best": spent.best, "cpu": spent.cpu, "mb": mb, "cores": os.cpu_count()}
    print(json.dumps({**found, **facts(spent.result)}))


if __name__ == "__main__":
    main()
