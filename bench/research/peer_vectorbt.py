"""Workloads A and C in vectorbt. Runs in an environment of its own and knows nothing of this project.

Arguments: file of arrays (npz), fee as a fraction, cash, runs. Prints one JSON line.
"""

import json
import resource
import sys
import time
import warnings

import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]
import vectorbt as vbt  # type: ignore[import-not-found,import-untyped,unused-ignore]

FASTS, SLOWS = range(5, 55, 5), range(60, 160, 10)


def main() -> None:
    warnings.simplefilter("ignore")
    arrays, fee, cash, runs = np.load(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    index = pd.to_datetime(arrays["start_s"], unit="s")
    close, opens = pd.Series(arrays["close"], index), pd.Series(arrays["open"], index)

    def simulate(pairs: list[tuple[int, int]]) -> object:
        ticks = pd.Series(np.rint(close.to_numpy() * 100), index)
        sums = {n: ticks.rolling(n).sum() for n in {n for pair in pairs for n in pair}}
        gap = pd.concat([sums[f] * s - sums[s] * f for f, s in pairs], axis=1).fillna(0)
        # Decided on a closed bar, filled at the next open.
        before = gap.shift(1, fill_value=0)
        return vbt.Portfolio.from_signals(
            close, before > 0, before < 0, price=opens, size=1.0, fees=fee, init_cash=cash, freq="1min"
        )

    simulate([(20, 50)])  # the compiler's warm-up
    took, final, trades = [], 0.0, 0
    for _ in range(runs):
        began = time.perf_counter()
        portfolio = simulate([(20, 50)])
        equity, count = portfolio.value(), portfolio.trades.count()  # type: ignore[attr-defined]
        took.append(time.perf_counter() - began)
        final, trades = float(np.asarray(equity)[-1].item()), int(np.asarray(count).item())
    memory_a = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    many = simulate([(f, s) for f in FASTS for s in SLOWS])
    returns = np.asarray(many.total_return())  # type: ignore[attr-defined]
    sweep = time.perf_counter() - began
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"A_s": took, "final": final, "trades": trades, "mb": memory_a, "C_s": [sweep], "C_mb": memory,
             "points": len(returns), "version": vbt.__version__}  # fmt: skip
    print(json.dumps(found))


main()
