"""The compiled loop gives to the bit what the same source gives as plain Python, over random paths and settings."""

from typing import Any

import numpy as np
import pytest

from bot.rules.codes import EXIT_SIGNAL, EXIT_STOP, EXIT_TAKE, EXIT_TRAIL
from research import engine
from research.loops import types as t
from tests.research.paths import draw_model, draw_settings, path, settings


def bits(result: engine.RawResult) -> tuple[Any, ...]:
    return (
        result.ints.tolist(),
        [[value.hex() for value in row] for row in result.floats.tolist()],
        [value.hex() for value in result.equity.tolist()],
        [value.hex() for value in result.held.tolist()],
        [value.hex() for value in result.account.tolist()],
    )


@pytest.mark.parametrize("products", [1, 3])
def test_compiled_is_plain(products: int) -> None:
    g = np.random.default_rng(products)
    reasons: dict[int, int] = {}
    partial = several = 0
    for _ in range(36 // products):
        candles = [path(g, 160, f"{name}-USD") for name in ("BTC", "ETH", "SOL")[:products]]
        said = [g.choice([-1, 0, 1], len(one), p=[0.05, 0.35, 0.6]).astype(np.int8) for one in candles]
        s, model = draw_settings(g), draw_model(g)
        plain = engine.run_lots(engine.prepare(candles, plain=True), said, s, model, plain=True)
        quick = engine.run_lots(engine.prepare(candles), said, s, model)
        assert bits(quick) == bits(plain), (s, model)
        for reason in plain.ints[:, t.T_REASON].tolist():
            reasons[reason] = reasons.get(reason, 0) + 1
        partial += int((plain.ints[:, t.T_FILLS] > 1).sum())
        several = max(several, len(set(plain.ints[:, t.T_PRODUCT].tolist())))
    assert min(reasons.get(reason, 0) for reason in (EXIT_STOP, EXIT_TRAIL, EXIT_TAKE, EXIT_SIGNAL, t.EXIT_END)) > 5, (
        reasons
    )
    assert partial > 0 and several == products


def test_money_is_kept() -> None:
    """Cash moves by proceeds and costs alone: nothing is made, nothing lost."""
    g = np.random.default_rng(5)
    for _ in range(100):
        candles = [path(g, 400, "BTC-USD"), path(g, 400, "ETH-USD")]
        buys = [(g.random(len(one)) < 0.7).astype(np.int8) for one in candles]
        model = draw_model(g)
        r = engine.run_lots(engine.prepare(candles), buys, draw_settings(g), model)
        unit = r.prepared.unit[r.ints[:, t.T_PRODUCT]]
        spent = (r.ints[:, t.T_STEPS] * r.ints[:, t.T_OPEN_TICKS] * unit).sum() + r.floats[:, t.T_ENTRY_FEE].sum()
        earned = r.floats[:, t.T_PROCEEDS].sum() - r.floats[:, t.T_EXIT_FEE].sum()
        assert r.account[t.A_CASH] == pytest.approx(model.cash - spent + earned, abs=1e-6)
        assert r.equity[-1] == pytest.approx(r.account[t.A_CASH] + r.held[-1], abs=1e-6)
        assert r.account[t.A_CASH] > -1e-6
        assert r.account[t.A_FEES] == pytest.approx(r.floats[:, [t.T_ENTRY_FEE, t.T_EXIT_FEE]].sum(), abs=1e-6)


def test_a_result_beyond_the_first_room_is_whole() -> None:
    g = np.random.default_rng(6)
    candles = path(g, 30_000, sigma=0.01)
    buys = [np.ones(len(candles), dtype=np.int8)]
    s = settings(EDGE_GATE="false", TAKE_PROFIT_PCT="0.2", SCALP_TP_MIN_PCT="0.1", RISK_PER_TRADE_PCT="1",
                 MAX_DAILY_LOSS_PCT="100", STOP_LOSS_PCT="1")  # fmt: skip
    r = engine.run_lots(engine.prepare([candles]), buys, s, engine.MarketModel(maker_pct=0, taker_pct=0))
    assert len(r.ints) > engine.CAPACITY
    assert (r.ints[:, t.T_STEPS] > 0).all()


def test_flip_compiled_is_plain() -> None:
    g = np.random.default_rng(7)
    for fill in (engine.FillTiming.NEXT_OPEN, engine.FillTiming.CLOSE):
        candles = path(g, 500)
        signal = g.integers(-1, 2, len(candles)).astype(np.int8)
        model = engine.MarketModel(fill=fill, taker_pct=0.1, part=0.9)
        plain = engine.run_flip(engine.prepare([candles], plain=True), signal, model, plain=True)
        quick = engine.run_flip(engine.prepare([candles]), signal, model)
        assert bits(quick) == bits(plain)
        assert len(plain.ints) > 50
