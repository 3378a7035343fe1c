"""The loop for strategies whose BUY goes all in and whose SELL goes out: the plain workload that every backtester has.

It has no lots, takes or stops. The bot does not trade so; it is there to compare engines and signals.
"""

from typing import Any

from bot.rules.codes import EXIT_SIGNAL
from bot.rules.sizing import base_steps, fee_quote, quote_units
from research.loops.types import (
    A_CASH,
    A_ENTRIES,
    A_FEES,
    A_TURNOVER,
    EXIT_END,
    FILL_CLOSE,
    T_CLOSE_BAR,
    T_CLOSED_MS,
    T_ENTRY_FEE,
    T_EXIT_FEE,
    T_EXIT_TICKS,
    T_FILLS,
    T_LEFT,
    T_OPEN_BAR,
    T_OPEN_TICKS,
    T_OPENED_MS,
    T_PNL,
    T_PROCEEDS,
    T_PRODUCT,
    T_REASON,
    T_RUNNER,
    T_STEPS,
    T_TAKE_TICKS,
    T_TP_PCT,
)


def trade_row(
    out: Any, made: int, opened_ms: int, closed_ms: int, first: int, last: int, bought_at: int, sold_at: int,
    steps: int, unit: float, entry_fee: float, exit_fee: float, reason: int,
) -> None:  # fmt: skip
    """Row `made` of the result."""
    if made >= len(out.ints):
        return
    row, real = out.ints[made], out.floats[made]
    row[T_PRODUCT], row[T_OPENED_MS], row[T_CLOSED_MS], row[T_OPEN_TICKS] = 0, opened_ms, closed_ms, bought_at
    row[T_EXIT_TICKS], row[T_STEPS], row[T_REASON], row[T_RUNNER] = sold_at, steps, reason, 1
    row[T_OPEN_BAR], row[T_CLOSE_BAR] = first, last
    row[T_FILLS] = 0 if reason == EXIT_END else 1
    row[T_LEFT] = steps if reason == EXIT_END else 0
    row[T_TAKE_TICKS] = 0
    real[T_ENTRY_FEE], real[T_EXIT_FEE], real[T_TP_PCT] = entry_fee, exit_fee, 0.0
    real[T_PROCEEDS], real[T_PNL] = 0.0, 0.0
    if reason != EXIT_END:
        real[T_PROCEEDS] = steps * sold_at * unit
        real[T_PNL] = real[T_PROCEEDS] - steps * bought_at * unit - entry_fee - exit_fee


def all_in_out_loop(
    start_s: Any, opens: Any, closes: Any, signal: Any, unit: float, fee_pct: float, fee_ppm: int, part: float,
    fixed_steps: int, fill: int, granularity_s: int, account: Any, out: Any,
) -> int:  # fmt: skip
    """All in on 1 when out, all out on -1 when in, at the next open or at the close.

    All in is `part` of the cash, or `fixed_steps` where that is above zero. Answers the rows made; an open position's
    row comes last, with EXIT_END. `out.equity` is marked every bar.
    """
    made, steps, bought_at, first, opened_ms, want = 0, 0, 0, 0, 0, 0
    entry_fee = 0.0
    cash = account[A_CASH]
    for i in range(len(closes)):
        price, now_ms = opens[i], start_s[i] * 1000
        if fill == FILL_CLOSE:
            want, price, now_ms = signal[i], closes[i], (start_s[i] + granularity_s) * 1000
        if want == 1 and steps == 0:
            steps = base_steps(quote_units(cash * part, unit), price, fee_ppm)
            if fixed_steps > 0:
                steps = fixed_steps if steps >= fixed_steps else 0
            if steps > 0:
                notional = steps * price * unit
                entry_fee = fee_quote(notional, fee_pct)
                cash -= notional + entry_fee
                account[A_FEES] += entry_fee
                account[A_TURNOVER] += notional
                account[A_ENTRIES] += 1.0
                bought_at, first, opened_ms = price, i, now_ms
        elif want == -1 and steps > 0:
            notional = steps * price * unit
            fee = fee_quote(notional, fee_pct)
            cash += notional - fee
            account[A_FEES] += fee
            account[A_TURNOVER] += notional
            trade_row(
                out, made, opened_ms, now_ms, first, i, bought_at, price, steps, unit, entry_fee, fee, EXIT_SIGNAL
            )  # fmt: skip
            made += 1
            steps = 0
        want = signal[i]
        held = steps * closes[i] * unit
        out.equity[i] = cash + held
        out.held[i] = held
    account[A_CASH] = cash
    if steps > 0:
        trade_row(
            out, made, opened_ms, 0, first, len(closes) - 1, bought_at, 0, steps, unit, entry_fee, 0.0, EXIT_END
        )  # fmt: skip
        made += 1
    return made


HELPERS = (trade_row,)
