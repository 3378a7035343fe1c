"""Workload B in backtesting.py, as far as it can say it. Knows nothing of this project but `lots_rules`.

It has one fee for all orders, so maker and taker must be equal; a take that the open jumps over is filled at the open:
what that gains is told apart as `jumped` and kept out of the sizes; an order has a size, no quote, so the size is made
of the open that it will meet.

Arguments: file of arrays (npz), maker and taker fee as fractions, cash, runs. Prints one JSON line.
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import backtesting  # type: ignore[import-not-found,unused-ignore]
import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]

sys.path.insert(0, str(Path(__file__).parent))
import lots_rules as r  # type: ignore[import-not-found,unused-ignore]


def strategy(columns: tuple[Any, ...], taker: float) -> type:
    """A strategy class over these bars. Prices inside are scaled to one step of the size."""
    o, _, close, gap, factor, ratio = (column.tolist() for column in columns)
    scale, last = r.TICK * r.STEP, len(o) - 1

    class Lots(backtesting.Strategy):  # type: ignore[misc,unused-ignore]
        def init(self) -> None:
            self.held: list[list[Any]] = []  # the rules' columns, then the trade
            self.last_add, self.jumped, self.count, self.seen = 0, 0.0, 0, 0

        def next(self) -> None:
            i = len(self.data) - 1
            self._follow()
            for lot in self.held:
                self._trail(lot, close[i])
            if gap[i] > 0 and i < last:
                self._enter(i)

        def _follow(self) -> None:
            """Trades that came and went since the bar before."""
            known = {id(lot[6]): lot for lot in self.held}
            fresh = [trade for trade in (*self.closed_trades[self.seen :], *self.trades) if id(trade) not in known]
            for trade in fresh:
                self.last_add, self.count = max(self.last_add, trade.entry_bar), self.count + 1
            for trade in self.closed_trades[self.seen :]:
                lot = known.get(id(trade))
                if trade.exit_price > trade.tag * (1 + 1e-9) and (lot is None or not lot[r.LEAVING]):
                    self.jumped += trade.size * (trade.exit_price - trade.tag) * (1 - taker)
            self.seen = len(self.closed_trades)
            alive = {id(trade) for trade in self.trades}
            self.held = [lot for lot in self.held if id(lot[6]) in alive]
            for trade in fresh:
                if id(trade) in alive:
                    self.held.append([o[trade.entry_bar], trade.size * r.STEP, 0.0, 0.0, 0.0, 0.0, trade])
            if self.held and not any(lot[r.IS_RUNNER] for lot in self.held):
                self.held[-1][r.IS_RUNNER], self.held[-1][r.PEAK] = 1.0, 0.0

        def _trail(self, lot: list[Any], price: float) -> None:
            if not lot[r.IS_RUNNER] or lot[r.LEAVING]:
                return
            if lot[r.PEAK] == 0.0 and price < r.up(lot[r.OPEN] + lot[r.OPEN] * r.ACTIVATE / 100):
                return
            lot[r.PEAK] = max(lot[r.PEAK], price)
            if price <= r.down(lot[r.PEAK] - lot[r.PEAK] * r.DISTANCE / 100):
                lot[r.LEAVING] = 1.0
                lot[6].close()

        def _enter(self, i: int) -> None:
            free = self.equity - self.jumped - sum(lot[r.SIZE] for lot in self.held) * close[i] * r.TICK
            minutes = i + 1 - self.last_add
            quote, tp = r.wanted(self.held, len(self.held), close[i], minutes, free, factor[i], ratio[i])
            if quote:
                steps = r.down(quote / (1 + taker) / (o[i + 1] * r.TICK) / r.STEP)
                take = r.up(o[i + 1] + o[i + 1] * tp / 100) * scale
                # A hair above: traded through, not touched.
                self.buy(size=int(steps), tp=take * (1 + 1e-12), tag=take)

    return Lots


def main() -> None:
    warnings.simplefilter("ignore")
    arrays = np.load(sys.argv[1])
    taker, cash, runs = float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
    names = ("Open", "High", "Low", "Close")
    frame = pd.DataFrame({name: arrays[name.lower()] * r.STEP for name in names})
    frame["Volume"] = arrays["volume"]
    frame.index = pd.to_datetime(arrays["start_s"], unit="s")
    took, found = [], None
    for _ in range(runs):
        began = time.perf_counter()
        columns = r.prepare(arrays["open"], arrays["high"], arrays["close"])
        test = backtesting.Backtest(frame, strategy(columns, taker), cash=cash, commission=taker, hedging=False)
        found = test.run()
        took.append(time.perf_counter() - began)
    assert found is not None
    ran = found["_strategy"]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    final = float(found["_equity_curve"]["Equity"].iloc[-1])
    said = {"B_s": took, "final": final, "jumped": ran.jumped, "lots": ran.count, "mb": memory}
    print(json.dumps({**said, "version": backtesting.__version__}))


main()
