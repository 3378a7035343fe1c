"""One tape, three sides: the compiled loop, the event engine bar by bar, and the bot's real process on COIN-SIM.

Bars (USE_TICK_PRICE=false), fills at the next open, takes that rest at the exchange: the same lots, prices, sizes,
reasons; fees and results to the last digit that each side carries. Two things differ between bars and a life in
seconds, and are kept out: the decay of the adverse move (a bot's minute has some seconds more or less), and minutes
without a trade (the bot buys at once, bars know no price until the next one).
"""

import shutil
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from research import engine, signals
from research.full import run_full
from research.loops import types as t
from research.lots_table import REASONS
from simtest.run import folder_for
from tests.research.paths import settings
from tests.research.test_full import assert_same
from tests.research.third_side import continuous, live

START_S = 1_771_200_000 - 1_771_200_000 % 86_400 + 6 * 3600
SHORT, LONG = 30, 1500  # bars before the bot starts; volatility needs a day of them
CASES: dict[str, dict[str, Any]] = {
    "resting takes, scalps, the runner trails": {
        "take_profit_pct": 0.9, "scalp_tp_min_pct": 0.3, "trail_activate_pct": 0.5, "trail_distance_pct": 0.2,
        "stop_loss_pct": 2.0, "pyramid_min_adverse_pct": 0.3, "risk_per_trade_pct": 15.0,
    },
    "takes by market orders, fixed equity, few lots": {
        "take_profit_pct": 0.4, "scalp_tp_min_pct": 0.2, "take_profit_order": "market", "use_live_equity": False,
        "usd_equity": 4000.0, "max_concurrent_lots": 3, "max_total_lots": 4, "stop_loss_pct": 0.4,
        "pyramid_min_adverse_pct": 0.1, "scalp_tp_dec_mode": "linear",
    },
    "sized by volatility, losses in a row shut the day": {
        "take_profit_pct": 0.8, "scalp_tp_min_pct": 0.3, "stop_loss_pct": 0.5, "vol_risk_adjust": True,
        "max_consecutive_losses": 9, "risk_per_trade_pct": 8.0, "pyramid_min_adverse_pct": 0.2,
    },
}  # fmt: skip
COMMON: dict[str, Any] = {
    "use_tick_price": False, "strategy": "sma_cross", "ma_fast": 2, "ma_slow": 5, "edge_gate": False,
    "pyramid_decay_lambda": 0.0, "pyramid_decay_min_pct": 0.0, "max_daily_loss_pct": 100.0, "max_drawdown_pct": 0.0,
    "max_consecutive_losses": 0, "max_orders_per_min": 600, "max_vol_spike": 0.0, "safe_starts": 0,
    "vol_risk_adjust": False, "max_spread_pct": 0.0, "runner_tp_mult": 1.5,
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_the_same_lots_on_all_three(name: str) -> None:
    seed = 5 + list(CASES).index(name)
    g = np.random.default_rng(seed)
    history = LONG if "vol_risk_adjust" in CASES[name] else SHORT
    count, names = history + 90, ("BTC-USD", "ETH-USD")[: 1 + seed % 2]
    candles = [continuous(g, count, one, 0.0015, START_S) for one in names]
    prepared = engine.prepare(candles)
    asked = COMMON | CASES[name]
    given = settings(**{key.upper(): str(value) for key, value in asked.items()}, PRODUCTS=",".join(names))
    model = engine.MarketModel(maker_pct=0.05, taker_pct=0.1, through=False, spread_ticks=1)
    said = signals.fast(given, prepared)
    for one in said:
        one[: history - 1] = 0  # the bot was not there yet
    fast = engine.run_lots(prepared, said, given, model)
    assert len(fast.ints) > 12, "nothing to compare"
    if history == SHORT:  # volatility on the second side: test_full
        assert_same(fast, run_full(prepared, said, given, model))

    folder = folder_for(seed)
    try:
        lots = live(prepared, asked, model, history, folder, seed)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert_lives_so(fast, lots)


def assert_lives_so(fast: engine.RawResult, lots: list[dict[str, Any]]) -> None:
    """The ledger's lots are the loop's, as long as there are bars."""
    prepared = fast.prepared
    end_ms = int(prepared.times[-1]) * 1000
    order = np.lexsort((fast.ints[:, t.T_OPENED_MS], fast.ints[:, t.T_PRODUCT]))
    lots = [lot for lot in lots if lot["opened_ms"] < end_ms]
    assert len(lots) == len(order)
    for row, real, lot in zip(fast.ints[order].tolist(), fast.floats[order].tolist(), lots, strict=True):
        one = prepared.candles[row[t.T_PRODUCT]]
        tick, step = Decimal(one.price_increment), Decimal(one.base_increment)
        assert lot["product_id"] == one.product_id
        assert lot["opened_ms"] // 60_000 == row[t.T_OPENED_MS] // 60_000, (row, lot)
        assert Decimal(lot["open_price"]) == row[t.T_OPEN_TICKS] * tick, (row, lot)
        assert Decimal(lot["base_bought"]) == row[t.T_STEPS] * step, (row, lot)
        assert Decimal(lot["take_price"]) == row[t.T_TAKE_TICKS] * tick
        assert float(lot["entry_fee"]) == pytest.approx(real[t.T_ENTRY_FEE], rel=1e-12)
        closed = lot["closed_ms"] is not None and lot["closed_ms"] < end_ms
        assert closed == (row[t.T_REASON] != t.EXIT_END), (row, lot)
        if not closed:
            continue
        assert lot["exit_reason"] == REASONS[row[t.T_REASON]], (row, lot)
        assert Decimal(lot["proceeds"]) / Decimal(lot["base_bought"]) == row[t.T_EXIT_TICKS] * tick, (row, lot)
        bar = int(prepared.start_s[row[t.T_CLOSE_BAR]])
        assert lot["closed_ms"] // 60_000 * 60 == bar, (row, lot)
        assert float(lot["exit_fee"]) == pytest.approx(real[t.T_EXIT_FEE], rel=1e-12)
        assert float(lot["realized_pnl"]) == pytest.approx(real[t.T_PNL], rel=1e-9, abs=1e-9)
        together = sum(
            other["product_id"] == one.product_id and (other["closed_ms"] or 0) // 60_000 == lot["closed_ms"] // 60_000
            for other in lots
        )
        if together == 1:  # of lots that are sold at once, whose fill comes first says who was the runner last
            assert (lot["kind"] == "runner") == bool(row[t.T_RUNNER])
