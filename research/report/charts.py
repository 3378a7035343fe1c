"""Equity, drawdown, months and the spread of results, thinned to what a screen can show."""

from typing import Any

import numpy as np

from research.engine import RawResult
from research.loops import types as t
from research.lots_table import REASONS, excursions
from research.metrics.drawdown import drawdowns
from research.metrics.open_lots import marked_results, open_lots
from research.metrics.returns import daily_equity, simple_returns
from research.metrics.summary import holding_at

POINTS = 3000
LOTS = 12_000
BESIDE = 480


def curve(result: RawResult) -> dict[str, Any]:
    """Equity and drawdown: of every stretch its last equity, its lowest drawdown, what was held and its part."""
    times, equity = result.prepared.times, result.equity
    down = drawdowns(equity, result.model.cash)
    each = max(1, -(-len(times) // POINTS))
    first = np.arange(0, len(times), each)
    last = np.minimum(first + each, len(times)) - 1
    return {
        "t": times[last].tolist(),
        "equity": np.round(equity[last], 2).tolist(),
        "held": np.round(result.held[last], 2).tolist(),
        "part": np.round(result.held[last] / np.maximum(equity[last], 1e-9) * 100, 2).tolist(),
        "down": np.round(np.minimum.reduceat(down, first) * 100, 3).tolist(),
        "start": result.model.cash,
        "each": each,
    }


def beside_holding(result: RawResult, points: int = BESIDE) -> dict[str, Any]:
    """Equity and holding at the same moments, spread evenly over the bars; the last pays the exits of open lots."""
    times = result.prepared.times
    at = np.unique(np.linspace(0, len(times) - 1, min(points, len(times))).round().astype(np.int64))
    equity = result.equity[at].copy()
    equity[-1] -= open_lots(result).cost
    held = holding_at(result.prepared, result.model, result.style, times[at])
    return {
        "times_s": times[at].tolist(),
        "equity": np.round(equity, 2).tolist(),
        "holding": np.round(held, 2).tolist(),
        "cash": result.model.cash,
    }


def months(result: RawResult) -> list[dict[str, Any]]:
    """Return of each calendar month (UTC), from daily equity; the last one pays the exits of the lots still open."""
    days, values = daily_equity(result.prepared.times, result.equity, result.model.cash)
    if not len(days):
        return []
    values[-1] -= open_lots(result).cost
    month = days.astype("datetime64[D]").astype("datetime64[M]")
    ends = np.flatnonzero(np.append(month[1:] != month[:-1], True))
    changes = simple_returns(values[ends], result.model.cash)
    return [
        {"month": str(month[i]), "return": round(float(change) * 100, 3)}
        for i, change in zip(ends.tolist(), changes, strict=True)
    ]


def lots(result: RawResult) -> dict[str, Any]:
    """Columns of the lots, in the order of closing; the newest ones where there are too many for a page.

    `pnl` of an open lot: what it has earned if it were sold now.
    """
    ints, floats = result.ints[-LOTS:], result.floats[-LOTS:]
    against, favour = excursions(result)
    return {
        "left_out": max(len(result.ints) - LOTS, 0),
        "product": ints[:, t.T_PRODUCT].tolist(),
        "opened": (ints[:, t.T_OPENED_MS] // 1000).tolist(),
        "closed": (ints[:, t.T_CLOSED_MS] // 1000).tolist(),
        "entry": ints[:, t.T_OPEN_TICKS].tolist(),
        "exit": ints[:, t.T_EXIT_TICKS].tolist(),
        "take": ints[:, t.T_TAKE_TICKS].tolist(),
        "runner": ints[:, t.T_RUNNER].tolist(),
        "reason": [REASONS[code] for code in ints[:, t.T_REASON].tolist()],
        "pnl": np.round(marked_results(result)[-LOTS:], 4).tolist(),
        "fees": np.round(floats[:, t.T_ENTRY_FEE] + floats[:, t.T_EXIT_FEE], 4).tolist(),
        "size": [
            float(f"{steps * float(result.prepared.candles[p].base_increment):.8g}")
            for p, steps in zip(ints[:, t.T_PRODUCT].tolist(), ints[:, t.T_STEPS].tolist(), strict=True)
        ],
        "mae": np.round(against[-LOTS:], 3).tolist(),
        "mfe": np.round(favour[-LOTS:], 3).tolist(),
    }
