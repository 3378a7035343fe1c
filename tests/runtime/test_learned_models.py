"""Trained models in the bot: in shadow they cost the strategy nothing, and one that may not be asked is told of."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.app.shadow_models import ShadowModels, shadows_of
from bot.app.strategy_port import StrategyAdapter
from bot.domain import events as ev
from bot.domain.bars import Bar
from bot.domain.intents import AskStrategy
from bot.domain.targets import Exposure, Signal
from bot.strategies.base import Bars
from shared.documents.events import MODEL_UNUSABLE
from shared.documents.state import alert_of
from shared.models import shadow_log
from shared.models.states import ModelState
from shared.settings import Settings
from tests.core.harness import product
from tests.runtime.bot_rig import START, BotRig
from tests.strategies.models import saved

MINUTE = 60
COUNT = 400
FIRST_S = round(START.timestamp()) - MINUTE * COUNT


def minutes(sigma: float = 0.002) -> Bars:
    g = np.random.default_rng(5)
    close = np.rint(10_000 * np.exp(np.cumsum(g.normal(0, sigma, COUNT)))) / 100
    open_ = np.concatenate([close[:1], close[:-1]])
    start = FIRST_S + MINUTE * np.arange(COUNT)
    high, low = np.maximum(open_, close) * 1.0005, np.minimum(open_, close) * 0.9995
    return Bars(start, open_, high, low, close, g.exponential(3.0, COUNT), 0.01, MINUTE)


BARS = minutes()


def rows(bars: Bars = BARS) -> tuple[Bar, ...]:
    columns = (bars.start_s, bars.open, bars.high, bars.low, bars.close, bars.volume)
    return tuple(Bar(*row) for row in zip(*(column.tolist() for column in columns), strict=True))


def settings(folder: Path, strategy: str = "sma_cross", **more: Any) -> Settings:
    return Settings(strategy=strategy, products=("BTC-USD",), data_dir=folder, **more)


def shadowed(folder: Path, *kinds: str, **fields: Any) -> None:
    for kind in kinds:
        saved(folder / "models", BARS, kind, name=kind.replace("_", "-"), state=ModelState.SHADOW,
              **{"granularity_s": MINUTE, **fields})  # fmt: skip


def asked(adapter: StrategyAdapter, bars: Sequence[Bar]) -> ev.TargetReady:
    return adapter.answer(AskStrategy(product(), tuple(bars[-adapter.memory_bars :])))


def test_shadows_get_the_bars_that_they_need_and_change_no_answer(tmp_path: Path) -> None:
    alone = StrategyAdapter(settings(tmp_path / "none"))
    shadowed(tmp_path, "logistic", "linear_dqn")
    adapter, bars = StrategyAdapter(settings(tmp_path)), rows()
    assert alone.memory_bars == 30 and adapter.memory_bars == 120
    for end in (150, 151, 300, COUNT):
        assert asked(adapter, bars[:end]) == asked(alone, bars[:end])
    kept = list(shadow_log.lines(tmp_path / "models"))
    assert [line.bar_s for line in kept] == [bars[end - 1].start_s for end in (150, 151, 300, COUNT)]
    assert all(set(line.beside) == {"logistic", "linear-dqn"} and not line.answer.why for line in kept)
    assert all(0.0 < (line.beside["logistic"].value or 0.0) < 1.0 for line in kept)
    assert kept[-1].close == bars[-1].close and kept[-1].trades == "sma_cross"
    asked(adapter, bars[:50])
    assert list(shadow_log.lines(tmp_path / "models"))[-1].beside["logistic"].why == "too few bars"


def test_without_shadows_nothing_is_loaded_for_them(tmp_path: Path) -> None:
    assert shadows_of(settings(tmp_path)) is None
    assert StrategyAdapter(settings(tmp_path)).memory_bars == 30
    assert not (tmp_path / "models").exists()


def test_models_that_do_not_fit_are_left_with_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    shadowed(tmp_path, "logistic", granularity_s=3600)
    shadowed(tmp_path, "qlearning", drift_bars=9_000)
    shadowed(tmp_path, "linear_dqn")
    (tmp_path / "models" / "linear-dqn" / "bias0.npy").unlink()
    with caplog.at_level(logging.WARNING):
        assert shadows_of(settings(tmp_path)) is None
    said = caplog.text
    assert "logistic was trained on other bars" in said and "qlearning needs 9060 bars" in said
    assert "linear-dqn: bias0.npy is missing" in said
    (tmp_path / "models" / "registry.jsonl").write_bytes(b"{}\n")
    assert shadows_of(settings(tmp_path)) is None and "line 1 of registry.jsonl is damaged" in caplog.text


def test_a_shadow_that_fails_costs_the_strategy_nothing_and_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    shadowed(tmp_path, "logistic")
    adapter, alone = StrategyAdapter(settings(tmp_path)), StrategyAdapter(settings(tmp_path / "none"))

    def broken(*_given: Any) -> Any:
        raise RuntimeError("the model is broken")

    monkeypatch.setattr(ShadowModels, "_asked", broken)
    with caplog.at_level(logging.WARNING):
        for end in (200, 201, 202):
            assert asked(adapter, rows()[:end]) == asked(alone, rows()[:end])
    assert caplog.text.count("models in shadow: RuntimeError: the model is broken") == 1
    monkeypatch.undo()
    (tmp_path / "models" / "shadow.jsonl").mkdir()
    assert isinstance(asked(adapter, rows()).target, Signal), "nor does a disk that takes no line"


def bot_of(folder: Path, **fields: Any) -> tuple[BotRig, StrategyAdapter]:
    saved(folder / "models", BARS, "logistic", **{"granularity_s": MINUTE, **fields})
    rig = BotRig(folder, strategy="learned", products=("BTC-USD",), kind="auto")
    adapter = StrategyAdapter(rig.settings)
    rig.begin(strategy=adapter)
    return rig, adapter


def close_bars(rig: BotRig, first: int, end: int) -> None:
    for one in rows()[first:end]:
        rig.bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", (one,)))


async def test_a_model_that_expires_is_an_alert_and_one_line_for_people(tmp_path: Path) -> None:
    rig, adapter = bot_of(tmp_path, expires_s=FIRST_S + MINUTE * 200)
    rig.bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", rows()[:199]))
    assert alert_of(rig.state(), MODEL_UNUSABLE) is None and not adapter.notices()
    close_bars(rig, 199, 206)
    alert = alert_of(rig.state(), MODEL_UNUSABLE)
    assert alert is not None and "No target, so what is held is kept: the model one expired 2026-11-20T" in alert.text
    told = [line for line in rig.state().events if line.kind == "strategy"]
    assert [(line.level, line.text) for line in told] == [("bad", alert.text)], "one line, not one for each bar"
    signals = rig.state().strategy
    assert signals is not None and signals.signals[0].target is not None
    assert signals.signals[0].target.target_pct is None and signals.signals[0].target.waits == alert.text


async def test_without_a_promoted_model_the_bot_runs_and_the_alert_is_there_at_once(tmp_path: Path) -> None:
    rig = BotRig(tmp_path, strategy="learned", products=("BTC-USD",), kind="auto")
    rig.begin(strategy=StrategyAdapter(rig.settings))
    alert = alert_of(rig.state(), MODEL_UNUSABLE)
    assert alert is not None and "no model is promoted" in alert.text
    rig.bot.dispatch(ev.BarsClosed("BTC-USD", "ONE_MINUTE", rows()[:100]))
    alerts = [one for one in rig.state().alerts if one.code == MODEL_UNUSABLE]
    assert len(alerts) == 1


def test_a_model_that_speaks_is_no_alert_and_says_its_values(tmp_path: Path) -> None:
    saved(tmp_path / "models", BARS, "logistic", granularity_s=MINUTE)
    adapter = StrategyAdapter(replace(settings(tmp_path), strategy="learned"))
    answer = asked(adapter, rows())
    assert isinstance(answer.target, Exposure) and answer.notice is None and not adapter.notices()
    assert {"p", "drift"} == set(answer.target.values) and adapter.model_mode == "logistic"
