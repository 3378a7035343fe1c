"""Workload B's rules once more, written for the peers alone: they know nothing of this project.

Runs in a peer's own environment: compiled where it has numba, else as it stands. Left out: what B never meets (a day's
limits, caps on money, missing bars).
"""

import math
from typing import Any

import numpy as np

try:
    from numba import njit  # type: ignore[import-untyped,unused-ignore]
except ImportError:  # a peer without a compiler runs the same as plain Python

    def njit(**_: Any) -> Any:  # type: ignore[no-redef,unused-ignore]
        return lambda function: function


TAKE, RUNNER_MULT, ACTIVATE, DISTANCE = 1.9, 2.0, 1.9, 0.4
ADVERSE, DECAY, ADVERSE_FLOOR = 1.5, 0.02, 0.4
SCALP_FACTOR, SCALP_FLOOR, MOST = 0.9802, 1.55, 20
RISK_PCT, ORDER_MIN, SPIKE = 4.0, 5.0, 4.0
STEP, TICK = 1e-8, 0.01
LONG, SHORT = 1440, 60
# Columns of an open lot.
OPEN, SIZE, TAKE_AT, PEAK, IS_RUNNER, LEAVING = range(6)


@njit(cache=False)  # type: ignore[misc,unused-ignore]
def up(x: float) -> float:
    """To the next whole number above, forgiving what a float adds."""
    near = math.floor(x + 0.5)
    return near if abs(x - near) <= 1e-7 + 1e-15 * abs(x) else math.ceil(x)


@njit(cache=False)  # type: ignore[misc,unused-ignore]
def down(x: float) -> float:
    near = math.floor(x + 0.5)
    return near if abs(x - near) <= 1e-7 + 1e-15 * abs(x) else math.floor(x)


def prepare(opens: Any, highs: Any, closes: Any) -> tuple[Any, ...]:
    """(open, high, close in ticks, the averages' gap, volatility factor, hour over day) of every bar."""
    # Only the peers' environments have pandas.
    import pandas as pd  # type: ignore[import-untyped,unused-ignore]  # noqa: PLC0415

    o, h, c = (np.rint(column / TICK) for column in (opens, highs, closes))
    ticks = pd.Series(c)
    gap = (ticks.rolling(20).sum() * 50 - ticks.rolling(50).sum() * 20).fillna(0).to_numpy()
    returns = pd.Series(np.concatenate([[0.0], np.diff(np.log(closes))]))
    returns[0] = np.nan
    long, short = (returns.rolling(n).std().to_numpy() for n in (LONG, SHORT))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where((long > 0) & (short > 0), np.clip(long / short, 0.25, 1.5), 1.0)
        ratio = np.where(long > 0, short / long, 0.0)
    return o, h, c, gap, factor, ratio


@njit(cache=False)  # type: ignore[misc,unused-ignore]
def lowest_take(lots: Any, count: int, high: float) -> int:
    """The resting take that a rise to `high` trades through first; -1 = none."""
    found = -1
    for j in range(count):
        if (
            lots[j][LEAVING] == 0.0
            and high > lots[j][TAKE_AT]
            and (found < 0 or lots[j][TAKE_AT] < lots[found][TAKE_AT])
        ):
            found = j
    return found


@njit(cache=False)  # type: ignore[misc,unused-ignore]
def drop(lots: Any, count: int, j: int) -> int:
    """Lot j is sold; the newest one left becomes the runner where there is none."""
    for k in range(j, count - 1):
        lots[k] = lots[k + 1]
    count -= 1
    for k in range(count):
        if lots[k][IS_RUNNER] == 1.0:
            return count
    if count:
        lots[count - 1][IS_RUNNER], lots[count - 1][PEAK] = 1.0, 0.0
    return count


@njit(cache=False)  # type: ignore[misc,unused-ignore]
def decide(lots: Any, count: int, close: float) -> None:
    """The runner's trailing stop at a close."""
    for j in range(count):
        if lots[j][IS_RUNNER] == 0.0 or lots[j][LEAVING] == 1.0:
            continue
        if lots[j][PEAK] == 0.0 and close < up(lots[j][OPEN] + lots[j][OPEN] * ACTIVATE / 100):
            continue
        lots[j][PEAK] = max(lots[j][PEAK], close)
        if close <= down(lots[j][PEAK] - lots[j][PEAK] * DISTANCE / 100):
            lots[j][LEAVING] = 1.0


@njit(cache=False)  # type: ignore[misc,unused-ignore]
def wanted(
    lots: Any, count: int, close: float, minutes: float, cash: float, factor: float, ratio: float
) -> tuple[float, float]:
    """(quote, take profit in percent) of an entry decided at this close; a quote of 0 = none."""
    if ratio >= SPIKE or count >= MOST:
        return 0.0, 0.0
    held, tp = 0.0, TAKE * RUNNER_MULT
    for j in range(count):
        held += lots[j][SIZE]
    if count:
        need = max(ADVERSE * math.exp(-DECAY * max(minutes, 0.0)), ADVERSE_FLOOR)
        if close > down(lots[count - 1][OPEN] - lots[count - 1][OPEN] * need / 100):
            return 0.0, 0.0
        tp = TAKE
        for j in range(count):
            if lots[j][IS_RUNNER] == 0.0:
                tp *= SCALP_FACTOR
        tp = max(tp, SCALP_FLOOR)
    quote = max(RISK_PCT * (cash + held * close * TICK) * factor / 100, ORDER_MIN)
    quote = down(quote / 0.01) * 0.01
    if quote > cash:
        quote = ORDER_MIN if cash >= ORDER_MIN else 0.0
    return quote, tp
