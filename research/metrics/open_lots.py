"""Lots that are still open at the end of a run: what each has earned if it were sold at market now.

A figure that leaves them out flatters: a rulebook that sells gains and keeps losses has a win rate of 100 %.
"""

from typing import NamedTuple

import numpy as np

from bot.rules.sizing import fee_quote
from research.engine import RawResult, Style, loop_model, slippage
from research.loops import types as t
from research.loops.fills import sell_price, worse_by
from research.metrics.returns import Floats


class OpenLots(NamedTuple):
    """`results`: of each open lot, in the order of their rows, with the taker's fee of its exit. `cost`: what selling
    all of them would take off the marked equity: fees, spread and slippage."""

    results: Floats
    cost: float


NONE = OpenLots(np.zeros(0), 0.0)


def open_lots(result: RawResult) -> OpenLots:
    """Every open lot, sold at market at its product's last close."""
    rows = np.flatnonzero(result.ints[:, t.T_REASON] == t.EXIT_END)
    if not len(rows):
        return NONE
    p, model = result.prepared, loop_model(result.model, result.prepared.granularity_s)
    plain = result.style is Style.FLIP  # its loop knows neither spread nor slippage
    slips = np.zeros(0) if plain else slippage(p, result.model)
    found, cost = np.zeros(len(rows)), 0.0
    for k, (ints, real) in enumerate(zip(result.ints[rows].tolist(), result.floats[rows].tolist(), strict=True)):
        product, left = ints[t.T_PRODUCT], ints[t.T_LEFT]
        last, unit = int(p.end[product]) - 1, float(p.unit[product])
        mark = int(p.ticks[3][last])
        slip = float(slips[last]) if len(slips) else 0.0
        price = mark if plain else sell_price(model, mark, worse_by(model, slip, float(p.steps[last]), float(left)))
        fee = fee_quote(left * price * unit, model.taker_pct)
        paid = ints[t.T_OPEN_TICKS] * unit * ints[t.T_STEPS] + real[t.T_ENTRY_FEE]
        found[k] = real[t.T_PROCEEDS] - real[t.T_EXIT_FEE] + left * price * unit - fee - paid
        cost += left * (mark - price) * unit + fee
    return OpenLots(found, cost)


def marked_results(result: RawResult) -> Floats:
    """What each lot earned, row by row: closed ones as booked, open ones as if sold now."""
    out = result.floats[:, t.T_PNL].copy()
    out[result.ints[:, t.T_REASON] == t.EXIT_END] = open_lots(result).results
    return out
