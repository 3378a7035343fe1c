"""Workload B in vectorbt: its flexible order callback trades lots by the rules in `lots_rules`.

Arguments: file of arrays (npz), maker and taker fee as fractions, cash, runs. Prints one JSON line.
"""

import json
import resource
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped,unused-ignore]

sys.path.insert(0, str(Path(__file__).parent))
import lots_rules as r  # type: ignore[import-not-found,unused-ignore]
import vectorbt as vbt  # type: ignore[import-not-found,import-untyped,unused-ignore]
from numba import njit  # type: ignore[import-untyped,unused-ignore]
from vectorbt.portfolio import nb  # type: ignore[import-not-found,import-untyped,unused-ignore]

# What the callback remembers: state[...].
COUNT, PENDING, PENDING_TP, LAST_ADD, PHASE, AT, ORDERS = range(7)


@njit(cache=False)  # type: ignore[misc,unused-ignore]
def orders(c, o, h, close, gap, factor, ratio, lots, state, maker, taker):  # type: ignore[no-untyped-def]
    """One order of this bar, or none any more: open (entry, exits), then takes, then what is decided at the close."""
    i = c.i
    if state[AT] != i:
        state[AT], state[PHASE] = i, 0
    if state[PHASE] == 0:  # the open jumped over takes
        j = r.lowest_take(lots, int(state[COUNT]), o[i])
        if j >= 0:
            size, price = lots[j, r.SIZE], lots[j, r.TAKE_AT] * r.TICK
            state[COUNT] = r.drop(lots, int(state[COUNT]), j)
            return c.from_col, nb.order_nb(size=-size, price=price, fees=maker)
        state[PHASE] = 1
    if state[PHASE] == 1:
        state[PHASE] = 2
        quote = state[PENDING]
        state[PENDING] = 0.0
        if 0.0 < quote <= c.last_cash[c.group] + 1e-9:
            steps = r.down(quote / (1 + taker) / (o[i] * r.TICK) / r.STEP)
            if steps > 0:
                k = int(state[COUNT])
                lots[k] = 0.0
                lots[k, r.OPEN], lots[k, r.SIZE] = o[i], steps * r.STEP
                lots[k, r.TAKE_AT] = r.up(o[i] + o[i] * state[PENDING_TP] / 100)
                lots[k, r.IS_RUNNER] = 1.0
                for j in range(k):
                    if lots[j, r.IS_RUNNER] == 1.0:
                        lots[k, r.IS_RUNNER] = 0.0
                state[COUNT], state[LAST_ADD] = k + 1, i
                return c.from_col, nb.order_nb(size=steps * r.STEP, price=o[i] * r.TICK, fees=taker)
    if state[PHASE] == 2:
        for j in range(int(state[COUNT])):
            if lots[j, r.LEAVING] == 1.0:
                size = lots[j, r.SIZE]
                state[COUNT] = r.drop(lots, int(state[COUNT]), j)
                return c.from_col, nb.order_nb(size=-size, price=o[i] * r.TICK, fees=taker)
        state[PHASE] = 3
    if state[PHASE] == 3:
        j = r.lowest_take(lots, int(state[COUNT]), h[i])
        if j >= 0:
            size, price = lots[j, r.SIZE], lots[j, r.TAKE_AT] * r.TICK
            state[COUNT] = r.drop(lots, int(state[COUNT]), j)
            return c.from_col, nb.order_nb(size=-size, price=price, fees=maker)
        state[PHASE] = 4
        count, cash = int(state[COUNT]), c.last_cash[c.group]
        r.decide(lots, count, close[i])
        if gap[i] > 0:
            minutes = i + 1 - state[LAST_ADD]
            quote, tp = r.wanted(lots, count, close[i], minutes, cash, factor[i], ratio[i])
            state[PENDING], state[PENDING_TP] = quote, tp
    return -1, nb.order_nothing_nb()


def main() -> None:
    warnings.simplefilter("ignore")
    arrays = np.load(sys.argv[1])
    maker, taker, cash, runs = float(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])
    index = pd.to_datetime(arrays["start_s"], unit="s")

    def simulate() -> tuple[Any, float]:
        began = time.perf_counter()
        o, h, close, gap, factor, ratio = r.prepare(arrays["open"], arrays["high"], arrays["close"])
        lots, state = np.zeros((r.MOST + 1, 6)), np.zeros(7)
        state[AT] = -1
        portfolio = vbt.Portfolio.from_order_func(
            pd.Series(arrays["close"], index), orders, o, h, close, gap, factor, ratio, lots, state, maker, taker,
            flexible=True, init_cash=cash, freq="1min", max_orders=100_000, update_value=False,
            ffill_val_price=False,
        )  # fmt: skip
        equity, count = portfolio.value(), portfolio.orders.count()
        took = time.perf_counter() - began
        return (float(np.asarray(equity)[-1].item()), int(np.asarray(count).item()), int(state[COUNT])), took

    found, _ = simulate()  # the compiler's warm-up
    took = [simulate()[1] for _ in range(runs)]
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    final, count, still_open = found
    said = {"B_s": took, "final": final, "lots": (count + still_open) // 2, "mb": memory, "version": vbt.__version__}
    print(json.dumps(said))


main()
