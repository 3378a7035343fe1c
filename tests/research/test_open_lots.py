"""Open lots stand in every lot figure, marked less their exit; and the verdict says what they carry, and whether luck
would do."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from research import backtest, engine, runs, signals
from research import walkforward as wf
from research.data.candles import CandleSet
from research.full import run_full
from research.loops import types as t
from research.metrics import chance, summary
from research.metrics.open_lots import marked_results, open_lots
from research.metrics.summary import by_key, figures
from research.sweep import points
from research.verdict import Luck, carried, outcome, verdict
from tests.research.paths import draw_model, draw_settings, path, settings

FEES = engine.MarketModel(maker_pct=0.1, taker_pct=0.2)


def falls(bars: int = 6000, seed: int = 3) -> CandleSet:
    """A market that loses three quarters, with swings that let takes be reached on the way."""
    one = path(np.random.default_rng(seed), bars, sigma=0.003)
    slope = np.exp(np.linspace(0.0, -1.4, len(one)))
    columns = {name: np.maximum(np.rint(getattr(one, name) * slope * 100), 1) / 100
               for name in ("open", "high", "low", "close")}  # fmt: skip
    return dataclasses.replace(one, **columns)


def run_of(candles: CandleSet, model: engine.MarketModel = FEES, **keys: str) -> engine.RawResult:
    s = settings(STRATEGY="sma_cross", EDGE_GATE="false", **keys)
    prepared = engine.prepare([candles])
    return engine.run_lots(prepared, signals.fast(s, prepared), s, model)


def test_a_rulebook_that_keeps_its_losses_has_no_perfect_win_rate() -> None:
    result = run_of(falls(), STOP_LOSS_PCT="1000", MAX_DRAWDOWN_PCT="0", MAX_DAILY_LOSS_PCT="100")
    found = by_key(figures(result))
    closed = result.floats[result.ints[:, t.T_REASON] != t.EXIT_END, t.T_PNL]
    assert (closed > 0).mean() > 0.9 and found["total_return"] < -0.1  # type: ignore[operator]
    left, lots = found["open_lots"], found["lots"]
    assert left and lots and left >= 3
    assert found["win_rate"] == pytest.approx((closed > 0).sum() / (lots + left))
    assert found["profit_factor"] < 1 and found["expectancy"] < 0 and found["sqn"] < 0  # type: ignore[operator]
    assert found["worst"] == pytest.approx(marked_results(result).min())
    # Shuffled lots end where the run ended: their drawdown is at least what was lost.
    assert found["shuffled_dd"] < found["total_return"] * 0.9  # type: ignore[operator]


@pytest.mark.parametrize("seed", range(8))
def test_closed_and_open_results_are_what_the_account_gained(seed: int) -> None:
    """Sold now, the account holds its start and every lot's result, by another sum than the figure's own."""
    g = np.random.default_rng(seed)
    candles = [path(g, 3000, "BTC-USD"), path(g, 3000, "ETH-USD")]
    s, model = draw_settings(g), draw_model(g)
    prepared = engine.prepare(candles)
    said = [np.where(g.random(len(one)) < 0.2, 1, 0).astype(np.int8) for one in candles]
    result = engine.run_lots(prepared, said, s, model)
    found = by_key(figures(result, chances=False))
    gained = found["final_equity"] - model.cash  # type: ignore[operator]
    assert gained == pytest.approx(found["realised"] + found["open_result"], abs=0.05)  # type: ignore[operator]
    cost = found["marked_equity"] - found["final_equity"]  # type: ignore[operator]
    assert found["marked_equity"] == pytest.approx(result.equity[-1])
    at_least = result.held[-1] * model.taker_pct / 100 * 0.99
    assert cost >= at_least - 1e-9 and (cost > 0) == bool(found["open_lots"] and (model.taker_pct or cost))


def test_an_open_lot_by_hand() -> None:
    one = path(np.random.default_rng(0), 400, sigma=0.0001)
    result = run_of(one, engine.MarketModel(taker_pct=0.9, spread_ticks=2), TAKE_PROFIT_PCT="50", STOP_LOSS_PCT="1000")
    rows = result.ints[result.ints[:, t.T_REASON] == t.EXIT_END]
    assert len(rows)
    steps, bought, sold = rows[0][t.T_STEPS], rows[0][t.T_OPEN_TICKS], result.prepared.ticks[3][-1] - 2
    unit = float(result.prepared.unit[0])
    wanted = steps * unit * (sold * (1 - 0.009) - bought * (1 + 0.009))
    assert open_lots(result).results[0] == pytest.approx(wanted, rel=1e-9)


def test_holding_pays_at_both_ends() -> None:
    one = path(np.random.default_rng(5), 3000)
    result = run_of(one, engine.MarketModel(taker_pct=0.5))
    by_day, whole = summary.holding(result)
    moved = float(result.prepared.ticks[3][-1] / result.prepared.ticks[0][0])
    assert whole == pytest.approx(moved * 0.995 / 1.005 - 1, rel=1e-9)
    assert np.prod(1 + by_day) - 1 == pytest.approx(whole) and len(by_day) == len(summary.curve(result).by_day)


def test_the_full_engine_marks_open_lots_alike() -> None:
    one = path(np.random.default_rng(11), 500)
    s = settings(EDGE_GATE="false", TAKE_PROFIT_PCT="3", VOL_RISK_ADJUST="false", PYRAMID_DECAY_LAMBDA="0")
    prepared = engine.prepare([one])
    said = [np.where(np.random.default_rng(1).random(len(one)) < 0.3, 1, 0).astype(np.int8)]
    fast, full = engine.run_lots(prepared, said, s, FEES), run_full(prepared, said, s, FEES)
    assert len(open_lots(fast).results)
    assert open_lots(full).results == pytest.approx(open_lots(fast).results, abs=1e-6)


def test_the_sentence() -> None:
    assert outcome(-0.015, 0.14) == "Lost 1.5\u00a0% while holding gained 14.0\u00a0%"
    assert outcome(0.0, -0.2) == "Ended where it began while holding lost 20.0\u00a0%"
    assert outcome(0.0003, 0.0).startswith("Gained 0.03\u00a0%")
    assert carried(10, -200.0, 50.0, "USD") == "ten open lots account for the loss (\u2212200.00\u00a0USD)"
    assert carried(1, 70.0, -20.0, "USD") == "one open lot accounts for the gain (+70.00\u00a0USD)"
    assert carried(2, -5.0, 50.0, "USD") == "two open lots stand at \u22125.00\u00a0USD, closed ones +50.00\u00a0USD"


def test_chance_is_called_luck_about_nineteen_times_in_twenty() -> None:
    """Two traders of equal skill on one market: the test tells them apart about as often as it says it errs."""
    wrong = 0
    for seed in range(600):
        g = np.random.default_rng(seed)
        market = g.normal(0.001, 0.03, 250)
        own = 0.5 * market + g.normal(0.0005, 0.02, 250)
        interval = chance.sum_interval(own - market, seed, samples=300)
        assert interval is not None
        wrong += not interval.low <= 0.0 <= interval.high
    assert 12 <= wrong <= 48  # one in twenty, within what 600 trials scatter
    assert chance.sum_interval(np.ones(5), 0) is None


def test_a_better_and_a_worse_one_are_told() -> None:
    g = np.random.default_rng(0)
    noise, holding = g.normal(0, 0.01, 300), g.normal(0, 0.01, 300)
    better = chance.sum_interval(chance.excess_growth(noise + 0.004, holding), 1)
    worse = chance.sum_interval(chance.excess_growth(noise - 0.004, holding), 1)
    assert better is not None and better.low > 0 and worse is not None and worse.high < 0


def test_the_verdict_of_a_run_stands_first_everywhere(tmp_path: Path) -> None:
    one = falls(60_000)
    request = backtest.BacktestRequest(
        ("x",), {"STRATEGY": "sma_cross", "EDGE_GATE": "false", "STOP_LOSS_PCT": "1000", "MAX_DRAWDOWN_PCT": "0"}, FEES
    )
    done = backtest.run_on([one], request)
    judged = done.verdict
    assert (
        judged.sentence.startswith("Lost ")
        and "while holding lost" in judged.sentence
        and "open lots" in judged.sentence
    )
    assert judged.luck is not Luck.UNKNOWN and judged.luck in judged.sentence
    assert judged.excess_low < judged.excess < judged.excess_high  # type: ignore[operator]
    kept = runs.keep(tmp_path, done)
    about = json.loads((kept.folder / "run.json").read_text())
    assert about["verdict"]["sentence"] == judged.sentence and about["verdict"]["open_lots"] == judged.open_lots
    page = (kept.folder / "report.html").read_text()
    assert 0 < page.index(judged.sentence) < page.index("Final equity")
    assert verdict(done.result, done.figures, chances=False).luck is Luck.UNKNOWN


def test_walk_forward_sells_what_a_test_leaves_and_goes_on_with_the_rest() -> None:
    candles = falls(12_000)
    keys = {
        "STRATEGY": "sma_cross",
        "EDGE_GATE": "false",
        "STOP_LOSS_PCT": "1000",
        "MAX_DRAWDOWN_PCT": "0",
        "MAX_DAILY_LOSS_PCT": "100",
    }
    request = backtest.BacktestRequest(("x",), keys, FEES)
    grid = tuple(points.all_points(points.parse(["TAKE_PROFIT_PCT=1,2"])))
    plan = wf.WalkForwardPlan(request, grid, 3000 * 60, 2000 * 60)
    steps = wf.windows(int(candles.start_s[0]), int(candles.start_s[-1]) + 60, plan)
    walked = wf.walk_on([candles], plan, steps)
    cash = FEES.cash
    for window, before, after in zip(walked.windows, walked.growth[:-1], walked.growth[1:], strict=True):
        assert window.chosen is not None and window.tested["open_lots"]
        model = dataclasses.replace(FEES, cash=cash * before)
        result = wf.test([candles], dataclasses.replace(request, model=model), window.chosen, window)
        assert result is not None
        sold = float(result.equity[-1]) - open_lots(result).cost
        assert sold < result.equity[-1] and cash * after == pytest.approx(sold)
    judged = walked.verdict
    assert judged is not None and judged.total_return == pytest.approx(walked.growth[-1] - 1)
    assert judged.open_lots == sum(w.tested["open_lots"] for w in walked.windows)  # type: ignore[misc]
    assert judged.buy_and_hold < -0.2 and walked.max_drawdown <= walked.growth.min() - 1
