"""The loop for target weights: compiled as plain, money kept, bands, makers, gates; a run from data to report."""

import dataclasses
from typing import Any

import numpy as np
import pytest

from bot.rules.codes import EXIT_TARGET
from research import coverage, decisions, engine
from research.backtest import BacktestRequest, EngineKind, run_on
from research.data.candles import CandleSet
from research.engine import MarketModel, Style
from research.errors import ResearchError
from research.exposure import run_exposure
from research.loops import types as t
from research.lots_table import rows
from tests.research.paths import path, settings
from tests.research.test_loop_plain import bits

FREE = {"MAX_DAILY_LOSS_PCT": "100", "MAX_DRAWDOWN_PCT": "0", "PROFILE": "prod"}
NAMES = ("BTC-USD", "ETH-USD", "SOL-USD")


def drawn(g: np.random.Generator, count: int, bars: int = 240) -> tuple[list[CandleSet], list[Any]]:
    """Products and their target weights: a new one at one bar in eight."""
    candles = [path(g, bars, name) for name in NAMES[:count]]
    levels = np.array([0.0, 0.2, 0.5, 0.9, 1.0])
    return candles, [np.where(g.random(len(c)) < 0.12, g.choice(levels, len(c)), np.nan) for c in candles]


def flat(prices: list[float], **changes: Any) -> CandleSet:
    """Bars whose open, high, low and close are one price each."""
    price = np.array(prices)
    columns = {"open": price, "high": price, "low": price, "close": price} | changes
    start = 1_700_006_400 + 60 * np.arange(len(price))
    return CandleSet("BTC-USD", 60, start, **columns, volume=np.ones(len(price)))


def run(candles: CandleSet, weight: list[float], model: MarketModel | None = None, **keys: str) -> engine.RawResult:
    s = settings(**{**FREE, "EXPOSURE_MAKER_SEC": "0", **keys})
    return run_exposure(engine.prepare([candles]), [np.array(weight)], s, model or MarketModel(taker_pct=0.0))


@pytest.mark.parametrize("count", [1, 2, 3])
def test_compiled_weights_are_plain_ones_and_money_is_kept(count: int) -> None:
    g = np.random.default_rng(count)
    sold = parts = 0
    for _ in range(6):
        candles, weights = drawn(g, count)
        pick = lambda *values: str(g.choice(values))  # noqa: E731
        s = settings(
            EXPOSURE_BAND_PCT=pick(0, 2, 10), EXPOSURE_MAKER_SEC=pick(0, 60, 240), EXPOSURE_MAX_PCT=pick(50, 95),
            MAX_DAILY_LOSS_PCT=pick(3, 100), MAX_DRAWDOWN_PCT=pick(0, 20),
        )  # fmt: skip
        model = MarketModel(
            maker_pct=0.05, taker_pct=0.3, through=bool(g.random() < 0.5), spread_ticks=int(g.choice([0, 2])),
            slippage_bps=float(g.choice([0.0, 3.0])), fill=engine.FillTiming(str(g.choice(["next_open", "close"]))),
        )  # fmt: skip
        plain = run_exposure(engine.prepare(candles, plain=True), weights, s, model, plain=True)
        quick = run_exposure(engine.prepare(candles), weights, s, model)
        assert bits(quick) == bits(plain), (s, model)
        unit = quick.prepared.unit[quick.ints[:, t.T_PRODUCT]]
        spent = (quick.ints[:, t.T_STEPS] * quick.ints[:, t.T_OPEN_TICKS] * unit).sum()
        spent += quick.floats[:, t.T_ENTRY_FEE].sum()
        earned = (quick.floats[:, t.T_PROCEEDS] - quick.floats[:, t.T_EXIT_FEE]).sum()
        assert quick.account[t.A_CASH] == pytest.approx(model.cash - spent + earned, abs=1e-6) and spent > 0
        assert quick.account[t.A_CASH] > -1e-6 and (quick.held >= 0.0).all()
        sold += int((quick.ints[:, t.T_REASON] == EXIT_TARGET).sum())
        parts += int((quick.ints[:, t.T_FILLS] > 1).sum())
    assert sold > 5 and parts > 0


def test_it_holds_the_weight_and_trades_only_outside_the_band() -> None:
    result = run(flat([100.0] * 5 + [103.0] * 5 + [140.0] * 5), [0.5] * 15, EXPOSURE_BAND_PCT="5")
    part = result.held / result.equity / 0.95
    assert part[0] == 0.0 and part[1] == pytest.approx(0.5, abs=1e-6), "decided on the first close, bought at the next"
    assert part[5] == pytest.approx(0.5074, abs=1e-3), "inside the band nothing is done"
    assert part[10] > 0.55 and part[11] == pytest.approx(0.5, abs=1e-6), "outside it goes the whole way"
    assert len(result.ints) == 1 and result.ints[0, t.T_FILLS] == 1 and result.ints[0, t.T_REASON] == t.EXIT_END


def test_a_weight_of_nothing_sells_everything_oldest_first() -> None:
    result = run(flat([100.0] * 12), [0.3] * 3 + [0.6] * 3 + [0.2] * 3 + [0.0] * 3)
    assert result.held[-1] == 0.0 and result.equity[-1] == pytest.approx(10_000.0)
    closed = result.ints[result.ints[:, t.T_REASON] == EXIT_TARGET]
    assert closed[:, t.T_OPENED_MS].tolist() == sorted(closed[:, t.T_OPENED_MS].tolist()) and len(closed) == 2
    assert closed[1, t.T_FILLS] == 2 and (closed[:, t.T_LEFT] == 0).all(), "the newer lot went in two parts"
    assert {row["kind"] for row in rows(result)} == {"holding"}


def test_a_fee_or_a_move_leaves_no_rest_of_the_way() -> None:
    model = MarketModel(taker_pct=1.0)
    result = run(
        flat([100.0] * 3 + [100.0, 98.0] + [98.0] * 4), [0.3] * 3 + [0.9] + [0.2] * 5, model, ORDER_MIN_USD="1"
    )
    part = result.held / result.equity / 0.95
    assert part[1] == pytest.approx(0.3, abs=0.003), "bought at the price that decided, less what its own fee took"
    assert 0.9 <= part[4] < 0.906, "the price fell at the open: more was bought there"
    assert part[5] == pytest.approx(0.2, abs=1e-4), "the fee of the sale made the share smaller: a little more was sold"
    assert result.ints[0, t.T_FILLS] == 1 and len(result.ints) == 2, "what follows goes into the lot of its job"


def test_a_fixed_equity_is_the_measure_of_the_share() -> None:
    result = run(flat([100.0] * 8), [0.5] * 8, USE_LIVE_EQUITY="false", USD_EQUITY="2000")
    assert result.held[-1] == pytest.approx(0.5 * 0.95 * 2000.0)


def test_no_opinion_keeps_what_is_held() -> None:
    result = run(flat([100.0] * 3 + [200.0] * 6), [0.5, *[float("nan")] * 8])
    assert result.held[1] == pytest.approx(4_750.0, abs=0.01)
    assert result.held[3:].tolist() == [2 * result.held[1]] * 6, "far outside the band of the last target, and kept"
    assert len(result.ints) == 1


def test_what_rests_pays_the_maker_and_what_does_not_fill_the_taker() -> None:
    model = MarketModel(maker_pct=0.1, taker_pct=1.0)
    price = np.array([100.0] * 8)
    dips = run(flat([100.0] * 8, low=price - 1.0), [0.5] * 8, model, EXPOSURE_MAKER_SEC="180")
    assert dips.account[t.A_FEES] == pytest.approx(4_750.0 * 0.001, rel=1e-6), "on top of what is wanted"
    still = run(flat([100.0] * 8), [0.5] * 8, model, EXPOSURE_MAKER_SEC="180")
    assert still.account[t.A_FEES] == pytest.approx(4_750.0 * 0.01, rel=1e-6)
    assert still.ints[0, t.T_OPEN_BAR] == 4, "three bars it rested, then it went at market"
    touched = run(flat([100.0] * 8), [0.5] * 8, dataclasses.replace(model, through=False), EXPOSURE_MAKER_SEC="180")
    assert touched.account[t.A_FEES] == pytest.approx(4_750.0 * 0.001, rel=1e-6)
    whole = run(flat([100.0] * 8), [1.0] * 8, model, EXPOSURE_MAX_PCT="100")
    spent = whole.held[-1] + whole.account[t.A_FEES]
    assert 9_999.0 < spent <= 10_000.0, "where the cash does not reach for it, it comes out of what is bought"


def test_a_limit_shuts_purchases_and_never_sales() -> None:
    prices = [100.0] * 3 + [70.0] * 12
    weight = [0.5] * 5 + [1.0] * 5 + [0.0] * 5
    shut = run(flat(prices), weight, MAX_DAILY_LOSS_PCT="5")
    assert (np.diff(shut.held[3:10]) <= 0).all() and shut.held[-1] == 0.0
    free = run(flat(prices), weight)
    assert free.held[8] > free.held[4] * 1.5
    reduce = run(flat(prices), weight, REDUCE_ONLY="true")
    assert not reduce.held.any()


def test_more_open_lots_than_there_was_room_for() -> None:
    count = 300
    weight = [(k + 1) / count for k in range(count)]
    result = run(flat([100.0] * count), weight, EXPOSURE_BAND_PCT="0", ORDER_MIN_USD="1")
    assert len(result.ints) == count - 1 and result.held[-1] == pytest.approx(9_500.0 * (count - 1) / count, rel=1e-3)


@pytest.mark.parametrize("last", [100_000.0, 400_000.0, 3_000_000.0])
def test_money_that_outgrows_the_integers_is_refused_by_name(last: float) -> None:
    prices = np.geomspace(100.0, last, 60).round(2).tolist()
    with pytest.raises(ResearchError, match="the account grew beyond 450,000,000"):
        run(flat(prices), [1.0] * 60, MarketModel(taker_pct=0.0, cash=900_000.0))
    fine = run(flat(prices), [1.0] * 60, MarketModel(taker_pct=0.0, cash=100.0))
    assert fine.equity[-1] == pytest.approx(fine.equity.max()) and fine.equity.min() > 0.0
    candles, s = flat(prices), settings(**FREE)
    buy = np.ones(60, dtype=np.int8)
    with pytest.raises(ResearchError, match="integer range"):
        engine.run_flip(engine.prepare([candles]), buy, MarketModel(taker_pct=0.0, cash=900_000.0))
    assert engine.run_lots(engine.prepare([candles]), [buy], s, MarketModel(cash=900.0)).equity.min() > 0.0


def test_a_backtest_of_weights_says_what_it_assumed_and_has_holding_beside_it() -> None:
    candles = path(np.random.default_rng(3), 2_000)
    overrides = {**FREE, "STRATEGY": "rebalance", "EXPOSURE_BAND_PCT": "1"}
    found = run_on([candles], BacktestRequest(("x",), overrides, MarketModel()), chances=False)
    assert found.result.style is Style.EXPOSURE and found.other_bound
    assert any(note.startswith("Held at target weights") for note in found.notes)
    values = {figure.key: figure.value for figure in found.figures}
    assert values["turnover"] and values["fees"] and values["buy_and_hold"] is not None
    part = candles.rows(0, 400)
    whole = run_on([part], BacktestRequest(("x",), overrides, MarketModel(), engine=EngineKind.FULL), chances=False)
    assert whole.result.style is Style.EXPOSURE and any("then go at market" in note for note in whole.notes)
    share = whole.result.held / whole.result.equity / 0.95
    assert share[60:].min() > 0.45 and share.max() < 0.55, "the bot itself keeps to half, resting first"
    signals = {**FREE, "STRATEGY": "sma_cross", "KIND": "exposure"}
    flipped = run_on([candles], BacktestRequest(("x",), signals, MarketModel()), chances=False).result
    share = flipped.held / flipped.equity / 0.95
    assert flipped.style is Style.EXPOSURE and share.max() > 0.9 and (flipped.held == 0.0).any()
    with pytest.raises(ResearchError, match="--style flip needs a strategy of signals"):
        run_on([candles], BacktestRequest(("x",), overrides, MarketModel(), Style.FLIP), chances=False)


@pytest.mark.parametrize("key", coverage.NOT_WITH_WEIGHTS)
def test_limits_that_the_loop_of_weights_lacks_are_refused_by_name(key: str) -> None:
    s = dataclasses.replace(settings(**FREE), **{key.lower(): "BTC:1" if key == "MAX_BASE" else 3})
    prepared = engine.prepare([path(np.random.default_rng(1), 50)])
    with pytest.raises(ResearchError, match=key):
        decisions.carry_out(prepared, [np.full(len(prepared.start_s), 0.5)], s, MarketModel())
