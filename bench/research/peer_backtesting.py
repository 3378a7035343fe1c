"""Workload A in backtesting.py. Runs in an environment of its own and knows nothing of this project.

Arguments: file of arrays (npz), fee as a fraction, cash, runs. Prints one JSON line.
"""

import json
import resource
import sys
import time
import warnings

import backtesting  # type: ignore[import-not-found,unused-ignore]
import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]

FAST, SLOW = 20, 50


def main() -> None:
    warnings.simplefilter("ignore")
    arrays, fee, cash, runs = np.load(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    columns = {name: arrays[name.lower()] for name in ("Open", "High", "Low", "Close", "Volume")}
    frame = pd.DataFrame(columns, index=pd.to_datetime(arrays["start_s"], unit="s"))
    took, final, trades = [], 0.0, 0
    for _ in range(runs):
        began = time.perf_counter()
        ticks = pd.Series(np.rint(frame.Close.to_numpy() * 100))
        gap = (ticks.rolling(FAST).sum() * SLOW - ticks.rolling(SLOW).sum() * FAST).fillna(0).to_numpy()

        class Cross(backtesting.Strategy):  # type: ignore[misc,unused-ignore]
            def init(self) -> None:
                self.gap = self.I(lambda: gap)  # noqa: B023 - used within this round

            def next(self) -> None:
                now = self.gap[-1]
                if now > 0 and not self.position:
                    self.buy(size=1)
                elif now < 0 and self.position:
                    self.position.close()

        done = backtesting.Backtest(frame, Cross, cash=cash, commission=fee).run()
        took.append(time.perf_counter() - began)
        final, trades = float(done["_equity_curve"]["Equity"].iloc[-1]), len(done["_trades"])
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"A_s": took, "final": final, "trades": trades, "mb": memory, "version": backtesting.__version__}))


main()
