"""All figures of one run."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from research.data.candles import Ints
from research.engine import MarketModel, Prepared, RawResult, Style, kernel, loop_model
from research.loops import types as t
from research.loops.fills import buy_price, sell_price
from research.metrics import chance, open_lots, ratios, returns, trades

YEAR_S = 365 * 86_400


class Metric(NamedTuple):
    """`kind`: how it is written: money, percent (of a fraction), ratio, count, span (seconds). None: not defined."""

    key: str
    title: str
    value: float | None
    kind: str


def closed_results(result: RawResult) -> returns.Floats:
    """Results of the lots that were closed, in the order in which they closed."""
    return np.ascontiguousarray(result.floats[result.ints[:, t.T_REASON] != t.EXIT_END, t.T_PNL])


class CurveFigures(NamedTuple):
    """What one pass over the equity gives; see `drawdown`, `exposure`, `time_in_market`, `longest_flat_s`."""

    by_day: returns.Floats  # daily returns
    worst: float
    longest_s: float
    exposure: float
    in_market: float
    flat_s: float


def curve(result: RawResult, exit_cost: float | None = None) -> CurveFigures:
    """The equity's figures, by the compiled pass. Open lots are sold at the last mark, at `exit_cost` where known."""
    if exit_cost is None:
        exit_cost = open_lots.open_lots(result).cost
    times, cash = result.prepared.times, result.model.cash
    ends = np.empty(int((times[-1] - times[0]) // returns.DAY_S) + 2)
    out = np.empty(5)
    days = kernel("curve_stats", plain=False)(times, result.equity, result.held, cash, ends, out)
    worst, *others = out.tolist()
    if exit_cost:
        ends[days - 1] -= exit_cost
        worst = min(worst, float(ends[days - 1]) / max(float(result.equity.max()), cash) - 1.0)
    return CurveFigures(returns.simple_returns(ends[:days], cash), worst, *others)


def holding(result: RawResult) -> tuple[returns.Floats, float]:
    """`holding_of` the run's bars, by its assumptions."""
    return holding_of(result.prepared, result.model, result.style)


def holding_of(p: Prepared, assumed: MarketModel, style: Style) -> tuple[returns.Floats, float]:
    """(daily returns, whole return) of holding: every product bought at its first open for equal parts of the cash.

    It pays what a run pays: taker's fees, spread and fixed slippage, at the first open and at the last close.
    """
    days = np.arange((p.times[0] - 1) // returns.DAY_S, (p.times[-1] - 1) // returns.DAY_S + 1)
    value = holding_at(p, assumed, style, (days + 1) * returns.DAY_S)
    return returns.simple_returns(value, assumed.cash), float(value[-1]) / assumed.cash - 1.0


def holding_at(p: Prepared, assumed: MarketModel, style: Style, moments_s: Ints) -> returns.Floats:
    """What holding was worth at these moments, in order, quote units; the last is after its sale at the last close."""
    model, cash = loop_model(assumed, p.granularity_s), assumed.cash
    worse, fee = (assumed.spread_bps / 2 + assumed.slippage_bps) / 10_000, assumed.taker_pct / 100.0
    if style is Style.FLIP:  # its loop knows neither
        model, worse = model._replace(half_spread_ticks=0), 0.0
    value, final, part = np.zeros(len(moments_s)), 0.0, cash / len(p.candles)
    for first, end in zip(p.first.tolist(), p.end.tolist(), strict=True):
        bought = part / (buy_price(model, int(p.ticks[0][first]), worse) * (1.0 + fee))
        at = np.searchsorted(p.start_s[first:end] + p.granularity_s, moments_s, side="right") - 1
        value += np.where(at >= 0, bought * p.ticks[3][first:end][at], part)
        final += bought * sell_price(model, int(p.ticks[3][end - 1]), worse) * (1.0 - fee)
    value[-1] = final
    return value


class MeasuredRun(NamedTuple):
    """All figures of a run, and the days that they come from: `edge`, daily returns beyond holding, the first of UTC
    day `first_day`."""

    figures: tuple[Metric, ...]
    first_day: int
    edge: returns.Floats


def figures(result: RawResult, seed: int = 0, *, chances: bool = True) -> tuple[Metric, ...]:
    """The figures of `measured`."""
    return measured(result, seed, chances=chances).figures


def measured(result: RawResult, seed: int = 0, *, chances: bool = True) -> MeasuredRun:
    """Every figure. `chances`: also those that draw random numbers (0.1 s).

    Lots that are still open count in every one as if they were sold at the last price, fee and all.
    """
    cash, times = result.model.cash, result.prepared.times
    left = open_lots.open_lots(result)
    marked = float(result.equity[-1])
    final = marked - left.cost
    years = float(times[-1] - result.prepared.start_s.min()) / YEAR_S
    shape, closed = curve(result, left.cost), closed_results(result)
    done = np.concatenate([closed, left.results])
    by_day, lots = shape.by_day, trades.lots(done)
    growth = returns.cagr(final, cash, years)
    held_by_day, held = holding(result)
    beyond = edge(by_day, held_by_day)
    account = result.account
    found = [
        Metric("final_equity", "Final equity, if sold now", final, "money"),
        Metric("marked_equity", "… marked, exits not paid", marked, "money"),
        Metric("total_return", "Return", returns.total_return(final, cash), "percent"),
        Metric("buy_and_hold", "Buy and hold", held, "percent"),
        Metric("cagr", "Growth per year (CAGR)", growth, "percent"),
        Metric("volatility", "Volatility per year", returns.volatility(by_day), "percent"),
        Metric("max_drawdown", "Worst drawdown", shape.worst, "percent"),
        Metric("drawdown_s", "Longest below a peak", shape.longest_s, "span"),
        Metric("sharpe", "Sharpe", ratios.sharpe(by_day), "ratio"),
        Metric("appraisal", "… beyond holding (appraisal)", ratios.sharpe(beyond), "ratio"),
        Metric("sortino", "Sortino", ratios.sortino(by_day), "ratio"),
        Metric("calmar", "Calmar", ratios.calmar(growth, shape.worst), "ratio"),
        Metric("omega", "Omega", ratios.omega(by_day), "ratio"),
        Metric("lots", "Lots closed", len(closed), "count"),
        Metric("realised", "… earned", float(closed.sum()), "money"),
        Metric("open_lots", "Lots still open", len(left.results), "count"),
        Metric("open_result", "… result, if sold now", float(left.results.sum()), "money"),
        Metric("win_rate", "Win rate" + (", open lots counted" if len(left.results) else ""), lots.win_rate, "percent"),
        Metric("profit_factor", "Profit factor", lots.profit_factor, "ratio"),
        Metric("expectancy", "Expectancy per lot", lots.expectancy, "money"),
        Metric("payoff", "Payoff", lots.payoff, "ratio"),
        Metric("sqn", "SQN", lots.sqn, "ratio"),
        Metric("best", "Best lot", lots.best, "money"),
        Metric("worst", "Worst lot", lots.worst, "money"),
        Metric("losing_run", "Losses in a row", lots.longest_losing, "count"),
        Metric("fees", "Fees", float(account[t.A_FEES]), "money"),
        Metric("turnover", "Turnover", float(account[t.A_TURNOVER]), "money"),
        Metric("exposure", "Exposure", shape.exposure, "percent"),
        Metric("time_in_market", "Time in market", shape.in_market, "percent"),
        Metric("longest_flat_s", "Longest flat", shape.flat_s, "span"),
        Metric("breaker_days", "Days ended by the loss limit", float(account[t.A_BREAKER_DAYS]), "count"),
        Metric("refused_funds", "Entries refused for funds", float(account[t.A_REFUSED_FUNDS]), "count"),
        Metric("refused_size", "Entries refused for size", float(account[t.A_REFUSED_SIZE]), "count"),
    ]
    every = (*found, *(_chances(by_day, done, cash, seed) if chances else ()))
    return MeasuredRun(every, int((times[0] - 1) // returns.DAY_S), beyond)


def _chances(by_day: returns.Floats, done: returns.Floats, cash: float, seed: int) -> list[Metric]:
    interval = chance.sharpe_interval(by_day, seed)
    shuffled = chance.shuffled_lots(done, cash, seed)
    return [
        Metric("sharpe_low", "Sharpe, 95 % from", interval.low if interval else None, "ratio"),
        Metric("sharpe_high", "Sharpe, 95 % to", interval.high if interval else None, "ratio"),
        Metric("psr", "P(Sharpe > 0)", chance.probabilistic_sharpe(by_day), "percent"),
        Metric("shuffled_dd", "Drawdown, lots shuffled", shuffled.median_drawdown if shuffled else None, "percent"),
        Metric("shuffled_dd_bad", "… in the worst twentieth", shuffled.bad_drawdown if shuffled else None, "percent"),
    ]


def edge(by_day: returns.Floats, held_by_day: returns.Floats) -> returns.Floats:
    """`chance.beyond_holding`, nothing where nothing was traded."""
    return chance.beyond_holding(by_day, held_by_day) if by_day.any() else by_day


def by_key(found: tuple[Metric, ...]) -> Mapping[str, float | None]:
    return {figure.key: figure.value for figure in found}
