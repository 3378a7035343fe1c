"""One trading loop made of the rules, run plain and compiled over 10,000 random paths: the same trades to the bit.

The loop is a test's: fills at the judged price, one product. It shows that the rules hold together, and that the
compiled source decides as the plain one, with lots, promotion, trailing, decay, sizes, fees and the day's breaker.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bot.rules.codes import ENTRY_OPEN, EXIT_NONE, EXIT_STOP, EXIT_TAKE, EXIT_TRAIL, LOT_RUNNER
from bot.rules.day import DAY_MS, breaker_tripped, day_pnl, day_turned
from bot.rules.entries import adverse_need_pct, edge_open, entry_kind, entry_reason, runner_tp_pct, scalp_tp_pct
from bot.rules.exits import judge_lot, stop_ticks, take_ticks
from bot.rules.lots import promote, scalps_before
from bot.rules.sizing import base_steps, entry_quote, quote_units
from tests.core.rulebook import r

numba = pytest.importorskip("numba")
PATHS, STEPS, MAX_LOTS = 10_000, 48, 6
UNIT = 1e-6  # value of one step at one tick


def walk(prices: Any, buys: Any, p: Any, trades: Any) -> tuple[int, float, int]:
    """Trade one path. `trades` gets rows of (opened at, closed at, open, exit, steps, reason, was runner).

    `p`: take profit, runner factor, decay, its kind, floor, adverse start, adverse lambda, adverse floor, stop,
    trail start, trail distance, risk, day loss, fee in percent. Returns trades, cash, most lots open at once.
    """
    open_t, steps = np.zeros(MAX_LOTS, np.int64), np.zeros(MAX_LOTS, np.int64)
    take, stop = np.zeros(MAX_LOTS, np.int64), np.zeros(MAX_LOTS, np.int64)
    at, peak = np.zeros(MAX_LOTS, np.int64), np.zeros(MAX_LOTS, np.int64)
    runner, active = np.zeros(MAX_LOTS, np.bool_), np.zeros(MAX_LOTS, np.bool_)
    count, made, most = 0, 0, 0
    cash, fee, fee_ppm = 1000.0, p[13] / 100.0, int(p[13] * 10_000)
    start_ms = 20_000 * DAY_MS + DAY_MS - 20 * 60_000
    last_add, before, day_equity, breaker = 0, start_ms, 1000.0, False
    for i in range(len(prices)):
        price, now = prices[i], start_ms + i * 60_000
        i_lot = 0
        while i_lot < count:
            reason, active[i_lot], peak[i_lot], _ = judge_lot(
                price,
                float(open_t[i_lot]),
                take[i_lot],
                stop[i_lot],
                runner[i_lot],
                active[i_lot],
                peak[i_lot],
                p[9],
                p[10],
            )
            if reason == EXIT_NONE:
                i_lot += 1
                continue
            cash += steps[i_lot] * price * UNIT * (1.0 - fee)
            trades[made] = (at[i_lot], i, open_t[i_lot], price, steps[i_lot], reason, 1 if runner[i_lot] else 0)
            made += 1
            for j in range(i_lot, count - 1):
                open_t[j], steps[j], take[j], stop[j] = open_t[j + 1], steps[j + 1], take[j + 1], stop[j + 1]
                at[j], peak[j], runner[j], active[j] = at[j + 1], peak[j + 1], runner[j + 1], active[j + 1]
            count -= 1
            promote(runner, active, peak, count)
        held = 0
        for j in range(count):
            held += steps[j]
        equity = cash + held * price * UNIT
        if day_turned(before, now):
            day_equity, breaker = equity, False
        before = now
        if breaker_tripped(day_pnl(True, equity, day_equity, 0.0, 0.0), day_equity, p[12], 0.0):
            breaker = True
        if entry_kind(count) == LOT_RUNNER:
            tp = runner_tp_pct(p[0], p[1])
        else:
            tp = scalp_tp_pct(scalps_before(runner, count), p[0], int(p[3]), p[2], 0.2, p[4], True)
        need = adverse_need_pct((now - last_add) / 60_000.0, p[5], p[6], p[7])
        newest = float(open_t[count - 1]) if count > 0 else 0.0
        gate = entry_reason(
            1 if buys[i] else 0, False, count, 0, count, 0, MAX_LOTS, 60, breaker, True,
            (now - last_add) / 1000.0, 60.0, price, newest, need, edge_open(tp, p[13], p[13], 0.05),
        )  # fmt: skip
        if gate != ENTRY_OPEN:
            continue
        units = quote_units(min(entry_quote(equity, p[11], 5.0, 1.0), cash), UNIT)
        size = base_steps(units, price, fee_ppm)
        if size <= 0:
            continue
        cash -= size * price * UNIT * (1.0 + fee)
        open_t[count], steps[count], at[count], peak[count] = price, size, i, 0
        take[count], stop[count] = take_ticks(float(price), tp), stop_ticks(float(price), p[8])
        runner[count], active[count] = entry_kind(count) == LOT_RUNNER, False
        count += 1
        most = max(most, count)
        last_add = now
    for j in range(count):
        trades[made] = (at[j], len(prices), open_t[j], prices[-1], steps[j], EXIT_NONE, 1 if runner[j] else 0)
        made += 1
        cash += steps[j] * prices[-1] * UNIT * (1.0 - fee)
    return made, cash, most


def parameters(g: np.random.Generator) -> np.ndarray:
    return np.array(
        [
            g.choice([1.9, 0.8, g.uniform(0.3, 4)]),
            g.choice([2.0, g.uniform(1, 3)]),
            g.choice([0.9802, g.uniform(0.5, 1)]),
            g.integers(0, 2),
            g.choice([1.55, 0.3]),
            g.choice([1.5, 0.3]),
            g.choice([0.02, g.uniform(0, 0.2)]),
            g.choice([0.4, 0.1]),
            g.choice([1000.0, 2.0, g.uniform(0.5, 5)]),
            g.choice([1.9, 0.5]),
            g.choice([0.4, g.uniform(0.1, 1)]),
            g.choice([20.0, 5.0]),
            g.choice([2.0, 50.0]),
            g.choice([0.0, 0.1, 0.5]),
        ]
    )


@pytest.fixture(scope="module")
def fast() -> Callable[..., tuple[int, float, int]]:
    for rule in r.RULES:
        numba.extending.register_jitable(rule)
    compiled: Callable[..., tuple[int, float, int]] = numba.njit(walk)
    return compiled


def test_the_same_trades_plain_and_compiled(fast: Callable[..., tuple[int, float, int]]) -> None:
    g = np.random.default_rng(20)
    reasons = dict.fromkeys((EXIT_NONE, EXIT_STOP, EXIT_TRAIL, EXIT_TAKE), 0)
    most_lots = promoted = 0
    for path in range(PATHS):
        sigma = (0.002, 0.005, 0.01)[path % 3]
        prices = np.rint(50_000 * np.exp(np.cumsum(g.normal(0, sigma, STEPS)))).astype(np.int64)
        buys, p = g.random(STEPS) < 0.7, parameters(g)
        plain_trades, fast_trades = np.zeros((STEPS, 7), np.int64), np.zeros((STEPS, 7), np.int64)
        plain = walk(prices.tolist(), buys.tolist(), p.tolist(), plain_trades)
        quick = fast(prices, buys, p, fast_trades)
        assert (plain[0], plain[2]) == (quick[0], quick[2]) and plain[1].hex() == quick[1].hex(), path
        assert (plain_trades == fast_trades).all(), path
        rows = plain_trades[: plain[0]]
        for reason in rows[:, 5].tolist():
            reasons[reason] += 1
        most_lots = max(most_lots, plain[2])
        # Whoever trails is a runner; a runner that was opened beside others was promoted.
        assert rows[rows[:, 5] == EXIT_TRAIL, 6].all()
        promoted += int(((rows[:, 6] == 1) & (rows[:, 0] > rows[:, 0].min(initial=STEPS))).sum())
        still_open = rows[rows[:, 5] == EXIT_NONE]
        assert int(still_open[:, 6].sum()) == (1 if len(still_open) else 0)
        assert plain[1] > 0
    assert min(reasons.values()) > 500, reasons
    assert most_lots == MAX_LOTS and promoted > 500
