"""Random markets and settings for the tests of research."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from research import engine
from research.data.candles import CandleSet
from shared.settings import Settings, load

START_S = 1_700_000_040


# The rules' own defaults, with limits that a random walk does not reach at once.
WIDE = {
    "PROFILE": "prod",
    "STRATEGY": "sma_cross",
    "MAX_DAILY_LOSS_PCT": "25",
    "MAX_DRAWDOWN_PCT": "50",
    "MAX_CONSECUTIVE_LOSSES": "0",
}


def settings(**keys: str) -> Settings:
    return load(Path("/nonexistent"), WIDE | keys).settings


def path(g: np.random.Generator, bars: int, product_id: str = "BTC-USD", sigma: float = 0.004) -> CandleSet:
    """A random walk on a tick of 0.01, with wicks, and with a tenth of its bars missing."""
    steps = np.exp(np.cumsum(g.normal(0, sigma, bars * 4)).reshape(bars, 4))
    table = np.maximum(np.rint(500 * steps * 100), 1) / 100
    start = START_S + 60 * np.arange(bars)
    keep = g.random(bars) > 0.1
    keep[0] = True
    o, c = table[:, 0], table[:, 3]
    columns = (start, o, table.max(axis=1), table.min(axis=1), c, np.rint(g.gamma(1, 200, bars)) / 100)
    return CandleSet(product_id, 60, *(np.ascontiguousarray(column[keep]) for column in columns))


def draw_settings(g: np.random.Generator) -> Settings:
    pick = lambda *values: str(g.choice(values))  # noqa: E731
    found = settings(
        TAKE_PROFIT_PCT=pick(0.5, 1.9, 3),
        RUNNER_TP_MULT=pick(1, 2, 4),
        STOP_LOSS_PCT=pick(1000, 1, 4),
        TRAIL_ACTIVATE_PCT=pick(0.3, 1.9),
        TRAIL_DISTANCE_PCT=pick(0.2, 0.4, 1),
        SCALP_TP_MIN_PCT=pick(0.2, 1.55),
        SCALP_TP_DEC_MODE=str(g.choice(["exp", "linear"])),
        PYRAMID_MIN_ADVERSE_PCT=pick(0.3, 1.5),
        PYRAMID_DECAY_MIN_PCT=pick(0.1, 0.4),
        PYRAMID_MIN_SECONDS_BETWEEN=pick(0, 300),
        MAX_CONCURRENT_LOTS=pick(1, 4, 20),
        MAX_TOTAL_LOTS=pick(3, 60),
        RISK_PER_TRADE_PCT=pick(2, 20, 60),
        MAX_DAILY_LOSS_PCT=pick(1, 2, 100),
        DAILY_BREAKER_MARK_TO_MARKET=str(g.choice(["true", "false"])),
        ALLOW_PYRAMIDING=str(g.choice(["true", "true", "false"])),
        EDGE_GATE=str(g.choice(["true", "false", "false"])),
        TAKE_PROFIT_ORDER=str(g.choice(["limit", "market"])),
        USE_LIVE_EQUITY=str(g.choice(["true", "true", "false"])),
        MAX_ORDER_USD=pick(0, 700),
        MAX_DRAWDOWN_PCT=pick(0, 5, 50),
        MAX_CONSECUTIVE_LOSSES=pick(0, 2),
        MAX_VOL_SPIKE=pick(0, 1.2, 4),
        MAX_PRODUCT_USD=pick(0, 4000),
        MAX_TOTAL_USD=pick(0, 6000),
        SIZING=str(g.choice(["percent", "percent", "fixed", "volatility", "kelly"])),
        MAX_BASE=str(g.choice(["", "", "BTC:4,ETH:3"])),
        VOL_BAND_METHOD=str(g.choice(["std", "ewma", "atr"])),
        VOL_BAND_LOW_PCT=pick(0, 0, 0.3),
        VOL_BAND_HIGH_PCT=pick(0, 0, 0.9),
        VOL_RISK_ADJUST="true",
        SIGNAL_EXITS=str(g.choice(["false", "true"])),
    )
    # Half of them as if nothing was set by hand: then the trail is lifted to what pays.
    return replace(found, by_hand=frozenset()) if g.random() < 0.5 else found


def draw_model(g: np.random.Generator) -> engine.MarketModel:
    return engine.MarketModel(
        fill=engine.FillTiming(str(g.choice(list(engine.FillTiming)))),
        maker_pct=float(g.choice([0.0, 0.1, 0.5])),
        taker_pct=float(g.choice([0.0, 0.1, 0.9])),
        spread_ticks=int(g.choice([0, 1])),
        slippage_bps=float(g.choice([0.0, 3.0])),
        impact_bps=float(g.choice([0.0, 20.0])),
        through=bool(g.random() < 0.5),
        participation=float(g.choice([0.0, 0.1, 0.5])),
    )
