"""All figures of one run."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from research.engine import RawResult, kernel
from research.loops import types as t
from research.metrics import chance, ratios, returns, trades

YEAR_S = 365 * 86_400


class Figure(NamedTuple):
    """`kind`: how it is written: money, percent (of a fraction), ratio, count, span (seconds). None: not defined."""

    key: str
    title: str
    value: float | None
    kind: str


def closed_results(result: RawResult) -> returns.Floats:
    """Results of the lots that were closed, in the order in which they closed."""
    return np.ascontiguousarray(result.floats[result.ints[:, t.T_REASON] != t.EXIT_END, t.T_PNL])


class Curve(NamedTuple):
    """What one pass over the equity gives; see `drawdown`, `exposure`, `time_in_market`, `longest_flat_s`."""

    by_day: returns.Floats  # daily returns
    worst: float
    longest_s: float
    exposure: float
    in_market: float
    flat_s: float


def curve(result: RawResult) -> Curve:
    """The equity's figures, by the compiled pass."""
    times = result.prepared.times
    ends = np.empty(int((times[-1] - times[0]) // returns.DAY_S) + 2)
    out = np.empty(5)
    days = kernel("curve_stats", plain=False)(times, result.equity, result.held, result.model.cash, ends, out)
    return Curve(returns.simple_returns(ends[:days], result.model.cash), *out.tolist())


def buy_and_hold(result: RawResult) -> float:
    """Return of buying every product at the first open for equal parts of the cash, the taker's fee paid once."""
    p = result.prepared
    parts = [
        float(p.ticks[3][end - 1]) / float(p.ticks[0][first])
        for first, end in zip(p.first.tolist(), p.end.tolist(), strict=True)
    ]
    return float(np.mean(parts)) / (1.0 + result.model.taker_pct / 100.0) - 1.0


def figures(result: RawResult, seed: int = 0, *, chances: bool = True) -> tuple[Figure, ...]:
    """Every figure. `chances`: also those that draw random numbers (0.1 s)."""
    cash, times = result.model.cash, result.prepared.times
    final = float(result.equity[-1])
    years = float(times[-1] - result.prepared.start_s.min()) / YEAR_S
    shape, done = curve(result), closed_results(result)
    by_day, lots = shape.by_day, trades.lots(done)
    growth = returns.cagr(final, cash, years)
    account = result.account
    left = int((result.ints[:, t.T_REASON] == t.EXIT_END).sum())
    found = [
        Figure("final_equity", "Final equity", final, "money"),
        Figure("total_return", "Return", returns.total_return(final, cash), "percent"),
        Figure("buy_and_hold", "Buy and hold", buy_and_hold(result), "percent"),
        Figure("cagr", "Growth per year (CAGR)", growth, "percent"),
        Figure("volatility", "Volatility per year", returns.volatility(by_day), "percent"),
        Figure("max_drawdown", "Worst drawdown", shape.worst, "percent"),
        Figure("drawdown_s", "Longest below a peak", shape.longest_s, "span"),
        Figure("sharpe", "Sharpe", ratios.sharpe(by_day), "ratio"),
        Figure("sortino", "Sortino", ratios.sortino(by_day), "ratio"),
        Figure("calmar", "Calmar", ratios.calmar(growth, shape.worst), "ratio"),
        Figure("omega", "Omega", ratios.omega(by_day), "ratio"),
        Figure("lots", "Lots closed", lots.closed, "count"),
        Figure("open_lots", "Lots still open", left, "count"),
        Figure("win_rate", "Win rate", lots.win_rate, "percent"),
        Figure("profit_factor", "Profit factor", lots.profit_factor, "ratio"),
        Figure("expectancy", "Expectancy per lot", lots.expectancy, "money"),
        Figure("payoff", "Payoff", lots.payoff, "ratio"),
        Figure("sqn", "SQN", lots.sqn, "ratio"),
        Figure("best", "Best lot", lots.best, "money"),
        Figure("worst", "Worst lot", lots.worst, "money"),
        Figure("losing_run", "Losses in a row", lots.longest_losing, "count"),
        Figure("fees", "Fees", float(account[t.A_FEES]), "money"),
        Figure("turnover", "Turnover", float(account[t.A_TURNOVER]), "money"),
        Figure("exposure", "Exposure", shape.exposure, "percent"),
        Figure("time_in_market", "Time in market", shape.in_market, "percent"),
        Figure("longest_flat_s", "Longest flat", shape.flat_s, "span"),
        Figure("breaker_days", "Days ended by the loss limit", float(account[t.A_BREAKER_DAYS]), "count"),
        Figure("refused_funds", "Entries refused for funds", float(account[t.A_REFUSED_FUNDS]), "count"),
        Figure("refused_size", "Entries refused for size", float(account[t.A_REFUSED_SIZE]), "count"),
    ]
    return (*found, *(_chances(by_day, done, cash, seed) if chances else ()))


def _chances(by_day: returns.Floats, done: returns.Floats, cash: float, seed: int) -> list[Figure]:
    interval = chance.sharpe_interval(by_day, seed)
    shuffled = chance.shuffled_lots(done, cash, seed)
    return [
        Figure("sharpe_low", "Sharpe, 95 % from", interval.low if interval else None, "ratio"),
        Figure("sharpe_high", "Sharpe, 95 % to", interval.high if interval else None, "ratio"),
        Figure("psr", "P(Sharpe > 0)", chance.probabilistic_sharpe(by_day), "percent"),
        Figure("shuffled_dd", "Drawdown, lots shuffled", shuffled.median_drawdown if shuffled else None, "percent"),
        Figure("shuffled_dd_bad", "… in the worst twentieth", shuffled.bad_drawdown if shuffled else None, "percent"),
    ]


def by_key(found: tuple[Figure, ...]) -> Mapping[str, float | None]:
    return {figure.key: figure.value for figure in found}
