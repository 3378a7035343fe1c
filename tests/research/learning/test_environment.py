"""The account that learners act in is the engine that trades: chosen weights, run again, give the same to the bit."""

import numpy as np
import pytest

from research import engine, exposure
from research.backtest import settings_for
from research.engine import FillTiming, MarketModel
from research.errors import ResearchError
from research.lab.nulls import market
from research.learning.environment import TradingEnvironment
from research.learning.training import LIMITS_OFF
from tests.research.paths import path

MODELS = (
    MarketModel(maker_pct=0.1, taker_pct=0.3, slippage_bps=2.0),
    MarketModel(maker_pct=0.5, taker_pct=0.9, spread_bps=4.0, fill=FillTiming.CLOSE),
)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("seconds", [60, 3600])
@pytest.mark.parametrize("plain", [False, True])
def test_steps_are_the_run_itself(model: MarketModel, seconds: int, plain: bool) -> None:
    g = np.random.default_rng(seconds)
    candles = market(g, 900) if seconds == 3600 else path(g, 900)
    settings, count = settings_for({**LIMITS_OFF, "EXPOSURE_MAKER_SEC": "90"}, [candles]), len(candles)
    world = TradingEnvironment(candles, settings, model, plain=plain)
    values = g.normal(0, 1, (count, 4)) + np.array([0.4, 0.0, 0.0, 0.4])
    forced = np.where(g.random(count) < 0.1, g.integers(0, 2, count), -1).astype(np.int8)
    seen = [world.act(values, forced, some) for some in (1, 1, 7, 300, 591, 50)]
    assert world.at == count > 700 and sum(len(one) for one in seen) == count - 1
    again = exposure.run_exposure(engine.prepare([candles]), [world.weights.copy()], settings, model)
    assert np.array_equal(again.equity, world.equity) and len(set(world.weights.tolist())) == 2
    held = np.concatenate([[0.0], world.weights[:-1]])
    chosen = np.where(
        forced >= 0, forced,
        np.where(held > 0.5, values[:, 3] > values[:, 2], values[:, 1] > values[:, 0]).astype(np.int8),
    )  # fmt: skip
    assert np.array_equal(chosen, world.weights)
    for one in seen:
        assert np.array_equal(one.held, held[one.bar]) and np.array_equal(one.action, world.weights[one.bar])
        wanted = 100.0 * np.log(again.equity[one.bar + 1] / again.equity[one.bar])
        assert one.reward == pytest.approx(wanted, abs=1e-9)
    bars = np.concatenate([one.bar for one in seen])
    assert np.array_equal(bars, np.arange(count - 1)), "each state once"


def test_costs_are_in_the_reward() -> None:
    """In and out every bar on a price that stands still: what is lost is two fees a round trip."""
    candles = market(np.random.default_rng(1), 200)
    still = candles.rows(0, 200)
    for name in ("open", "high", "low", "close"):
        getattr(still, name)[:] = 100.0
    settings = settings_for(LIMITS_OFF, [still])
    world = TradingEnvironment(still, settings, MarketModel(taker_pct=1.0))
    forced = (np.arange(200) % 2).astype(np.int8)
    reward = world.act(np.zeros((200, 4)), forced, 200).reward
    part = settings.exposure_max_pct / 100.0
    assert reward[1:].max() < 0 and reward[2:].mean() == pytest.approx(-part, rel=0.05)


def test_a_fresh_account_knows_nothing_of_the_one_before() -> None:
    candles = market(np.random.default_rng(2), 300)
    world = TradingEnvironment(candles, settings_for(LIMITS_OFF, [candles]), MarketModel())
    always = np.ones(300, dtype=np.int8)
    first = world.act(np.zeros((300, 4)), always, 300).reward
    equity = world.equity.copy()
    world.reset()
    assert world.at == 0 and len(world.equity) == 0
    assert np.array_equal(world.act(np.zeros((300, 4)), always, 300).reward, first)
    assert np.array_equal(world.equity, equity)


def test_settings_that_the_loop_lacks_are_refused() -> None:
    candles = market(np.random.default_rng(3), 300)
    settings = settings_for({**LIMITS_OFF, "MAX_ORDER_USD": "10"}, [candles])
    with pytest.raises(ResearchError, match="MAX_ORDER_USD"):
        TradingEnvironment(candles, settings, MarketModel())
