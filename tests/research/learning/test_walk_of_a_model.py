"""One model from candles to promotion by the commands that a person types, and as the bot then trades it."""

import dataclasses
import json
import math
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.app.strategy_port import StrategyAdapter
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from bot.domain.targets import Exposure
from research import backtest
from research.backtest import BacktestRequest
from research.data import store as candle_store
from research.data.candles import CandleSet
from research.engine import MarketModel
from research.errors import ResearchError
from research.lab import holdout
from research.lab.nulls import market
from research.lab.trials import TrialKind, TrialRegistry
from research.learning import training
from research.learning.training import TrainingPlan
from shared.market_data import CandleRow, open_market_writer, put_candles
from shared.models import store
from shared.models.shadow_log import lines
from shared.models.states import ModelRegistry, ModelState
from shared.paths import DataPaths
from shared.settings import Settings, load
from tests.core.harness import product
from tests.research.learning.test_learners import trending
from tests.research.test_cli import coin
from tests.shared.test_models import MANIFEST

HOUR = 3600
BARS = 3_600
MARKET = ["--maker-pct", "0.05", "--taker-pct", "0.05"]


def recent(candles: CandleSet) -> CandleSet:
    """The same bars, the newest of them closed an hour ago: a model of today."""
    now = int(datetime.now(UTC).timestamp()) // HOUR * HOUR
    return dataclasses.replace(candles, start_s=now - HOUR * np.arange(len(candles), 0, -1), digest="")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder of a bot whose market goes on as it went; its bars are taken twice, the newest fifth is locked."""
    folder = tmp_path_factory.mktemp("walk")
    DataPaths(folder).prepare()
    saw(folder, recent(trending(1, BARS)))
    return folder


def saw(folder: Path, candles: CandleSet) -> None:
    """The bot records hour after hour and drops old ones; what it saw becomes the set `mine`."""
    columns = (candles.start_s, candles.open, candles.high, candles.low, candles.close, candles.volume)
    rows = [CandleRow(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    db = open_market_writer(load(environ={**os.environ, "DATA_DIR": str(folder)}).settings.paths.market_db)
    put_candles(db, "BTC-USD", "ONE_HOUR", rows[:3_000])
    put_candles(db, "BTC-USD", "ONE_MINUTE", rows[-3:])
    said = coin(folder, "data", "recorded", "BTC-USD", "1h", "--name", "mine", "--holdout", "0")
    assert "3,000 bars that the bot recorded" in said and "✓ mine: 3,000 bars added" in said and "holdout" not in said
    db.execute("DELETE FROM candles WHERE start_s<?", (rows[500].start_s,))
    put_candles(db, "BTC-USD", "ONE_HOUR", rows[2_900:])
    again = coin(folder, "data", "recorded", "BTC-USD", "1h", "--name", "mine")
    assert "✓ mine: 600 bars added" in again and "is left out of every trial" in again
    db.close()
    kept = candle_store.load(candle_store.find(folder, "mine"))
    for name in ("start_s", "open", "high", "low", "close", "volume"):
        assert np.array_equal(getattr(kept, name), getattr(candles, name)), name
    nothing = coin(folder, "data", "recorded", "ETH-USD", "1h", code=1)
    assert "the bot has no such bars of ETH-USD; it has BTC-USD 1h, BTC-USD 1m" in nothing
    assert "the set mine holds BTC-USD, bars of 1h" in coin(
        folder, "data", "recorded", "BTC-USD", "1m", "--name", "mine", code=1
    )


def asked_about(bars: CandleSet) -> AskStrategy:
    columns = (bars.start_s, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return AskStrategy(product(), tuple(Bar(*row) for row in zip(*(c.tolist() for c in columns), strict=True)))


def bot_settings(folder: Path, strategy: str) -> Settings:
    return Settings(
        strategy=strategy, granularity="ONE_HOUR", products=("BTC-USD",), data_dir=folder,
        strategy_options={"STRATEGY_STEADY_VOL_DAYS": "5"},
    )  # fmt: skip


def test_from_candles_to_promotion(folder: Path) -> None:
    train(folder)
    trials(folder)
    whole = candle_store.load(candle_store.find(folder, "mine"))
    refused_without_a_reason(folder)
    walks_in_shadow(folder, whole)
    is_promoted_and_trades(folder, whole)
    trades_no_bar_that_it_learned_from(folder, whole)
    is_retired(folder)


def train(folder: Path) -> None:
    said = coin(folder, "model", "train", "first", "--kind", "linear_dqn", "-d", "mine", "--folds", "3",
                "-p", "passes=2", "--drift-bars", "300", *MARKET)  # fmt: skip
    assert "✓ first: values of actions as linear functions, SHA-256 " in said
    assert "logistic baseline" in said and "buy and hold" in said and "deflated Sharpe" in said
    assert "are the holdout and were left out" in said and "Next: ./coin model shadow first" in said
    manifest = store.load(folder / "models", "first").manifest
    assert manifest.metrics["model"]["total_return"] is not None and manifest.drift_bars == 300
    assert "passes" in manifest.parameters and manifest.settings["KIND"] == "exposure"
    again = coin(folder, "model", "train", "first", "-d", "mine", code=2)
    assert "there is a model first already" in again


def trials(folder: Path) -> None:
    """Each fit: 3 folds, the baseline's 3 with as many that chose bounds. What the holdout locks is unseen."""
    kept = [one for one in TrialRegistry(folder).read().trials if one.kind is TrialKind.LEARNING]
    kinds = [one.settings["MODEL_KIND"] for one in kept]
    assert kinds.count("linear_dqn") == 3 and kinds.count("logistic") == 6
    locked = holdout.locks(TrialRegistry(folder).read())
    assert len(locked) == 1 and all(one.until_s <= locked[0].from_s for one in kept)
    manifest = store.load(folder / "models", "first").manifest
    assert manifest.known_from_s <= locked[0].from_s and manifest.metrics["model"]["fits"] == 4.0


def refused_without_a_reason(folder: Path) -> None:
    said = coin(folder, "model", "promote", "first", code=1)
    assert "it is candidate and did not walk in shadow" in said and "--why" in said
    assert "✓ first walks in shadow" in coin(folder, "model", "shadow", "first")
    assert "it has answered nothing in shadow yet" in coin(folder, "model", "promote", "first", code=1)


def walks_in_shadow(folder: Path, whole: CandleSet) -> None:
    """Beside another strategy, which says what it said without it."""
    plain = StrategyAdapter(bot_settings(folder / "nothing", "steady"))
    adapter = StrategyAdapter(bot_settings(folder, "steady"))
    for end in range(BARS - 120, BARS + 1):
        question = asked_about(whole.rows(end - 500, end))
        said, alone = adapter.answer(question).target, plain.answer(question).target
        assert isinstance(said, Exposure) and said == alone
    kept = list(lines(folder / "models"))
    assert len(kept) == 121 and all(set(one.beside) == {"first"} and one.trades == "steady" for one in kept)
    assert {one.beside["first"].target for one in kept} & {0.0, 1.0}
    assert not any(one.beside["first"].why for one in kept)
    shown = coin(folder, "model", "show", "first")
    assert "In shadow, from close to close" in shown and "121" in shown
    found = json.loads(coin(folder, "model", "show", "first", "--json"))["shadow"][0]
    assert found["bars"] == found["spoke"] == 121 and found["trades"] == "steady"
    assert found["held"] == pytest.approx(whole.close[-1] / whole.close[-121] - 1.0)


def is_promoted_and_trades(folder: Path, whole: CandleSet) -> None:
    said = coin(folder, "model", "promote", "first", "--why", "a test")
    assert "✓ first is promoted" in said
    assert ModelRegistry(folder / "models").promoted() is not None
    assert "first" in (listed := coin(folder, "model", "list")) and "promoted" in listed
    adapter = StrategyAdapter(bot_settings(folder, "learned"))
    assert adapter.model_mode == "linear_dqn" and adapter.target_type is Exposure and not adapter.notices()
    answer = adapter.answer(asked_about(whole.rows(BARS - 500, BARS)))
    assert isinstance(answer.target, Exposure) and answer.notice is None and "advantage" in answer.target.values
    # What it said in shadow, it says now.
    newest = list(lines(folder / "models"))[-1].beside["first"]
    assert newest.value == answer.target.values["advantage"]
    assert newest.target == (None if math.isnan(answer.target.weight) else answer.target.weight)


def trades_no_bar_that_it_learned_from(folder: Path, whole: CandleSet) -> None:
    request = BacktestRequest(("mine",), {"STRATEGY": "learned", "DATA_DIR": str(folder)}, MarketModel(taker_pct=0.05))
    done = backtest.run_on([whole], request, chances=False)
    known_from = store.load(folder / "models", "first").manifest.known_from_s
    opened = done.result.ints[:, 1]
    assert len(opened) and opened.min() // 1000 >= known_from


def is_retired(folder: Path) -> None:
    coin(folder, "model", "train", "second", "--kind", "logistic", "-d", "mine", "--folds", "2", *MARKET)
    coin(folder, "model", "shadow", "second")
    said = coin(folder, "model", "promote", "second", "--why", "another test")
    assert "first is retired" in said
    states = ModelRegistry(folder / "models").states()
    assert states["first"].state is ModelState.RETIRED and states["first"].why == "second took its place"
    assert "✓ first walks in shadow" in coin(folder, "model", "shadow", "first")
    assert "✓ second is retired" in coin(folder, "model", "retire", "second")
    assert "is retired already" in coin(folder, "model", "retire", "second", code=2)
    assert "there is no model third" in coin(folder, "model", "show", "third", code=2)
    adapter = StrategyAdapter(bot_settings(folder, "learned"))
    assert [one.code for one in adapter.notices()] == ["model_unusable"]


def test_what_beats_neither_needs_a_reason() -> None:
    def manifest(own: float, logistic: float, held: float, lots: float = 5.0, kind: str = "dqn") -> str:
        metrics: dict[str, dict[str, Any]] = {
            "model": {"total_return": own, "lots": lots}, "logistic": {"total_return": logistic},
            "hold": {"total_return": held},
        }  # fmt: skip
        from_file = dataclasses.replace(MANIFEST, kind=kind, metrics=metrics)
        return training.shortfall(from_file)

    assert manifest(0.2, 0.1, 0.1) == ""
    assert "where buy and hold made 30.00" in manifest(0.2, 0.1, 0.3)
    assert "where the logistic baseline made 20.00" in manifest(0.2, 0.2, 0.1)
    assert manifest(0.2, 0.2, 0.1, kind="logistic") == ""
    assert manifest(0.0, -0.1, -0.2, lots=0.0) == "it never traded"
    assert "not known" in training.shortfall(dataclasses.replace(MANIFEST, metrics={}))


def test_several_products_are_one_account_and_each_needs_its_history(tmp_path: Path) -> None:
    first, second = trending(1, 2_400), dataclasses.replace(trending(2, 2_400), product_id="ETH-USD", digest="")
    candle_store.save(tmp_path, "btc", first)
    candle_store.save(tmp_path, "eth", second)
    candle_store.save(tmp_path, "late", second.rows(1_500, 2_400))
    market_model = MarketModel(maker_pct=0.05, taker_pct=0.05)

    def plan(name: str, *data: str) -> TrainingPlan:
        return TrainingPlan(name, "linear_dqn", BacktestRequest(data, {}, market_model), folds=2)

    done = training.train(tmp_path, plan("both", "btc", "eth"))
    assert done.manifest.products == ("BTC-USD", "ETH-USD") and len(done.manifest.data) == 2
    assert (done.manifest.metrics["model"]["total_return"] or 0.0) > 0.5
    with pytest.raises(ResearchError, match=r"ETH-USD 1h has 0 bars from .* and 200 are needed: fewer --folds"):
        training.train(tmp_path, plan("other", "btc", "late"))


def test_noise_is_not_found_to_be_worth_promoting(tmp_path: Path) -> None:
    """On random walks at 0.5 % a trade hardly a model beats holding and the baseline; none earns beyond doubt."""
    beaten, deflated = 0, []
    for seed in range(5):
        folder = tmp_path / str(seed)
        candle_store.save(folder, "mine", market(np.random.default_rng(seed), 2_500))
        request = BacktestRequest(("mine",), {}, MarketModel(maker_pct=0.5, taker_pct=0.5))
        plan = TrainingPlan("one", "qlearning", request, folds=2, parameters={"passes": "2"})
        done = training.train(folder, plan)
        beaten += training.shortfall(done.manifest) == ""
        deflated.append(done.manifest.metrics["lab"]["deflated_sharpe"])
    assert beaten <= 3 and not any(one is not None and one >= 0.95 for one in deflated), (beaten, deflated)
