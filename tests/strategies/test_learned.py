"""STRATEGY=learned: decides by its model and by nothing later, and says nothing, loudly, where it must not."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot.strategies import registry
from bot.strategies.base import Bars
from bot.strategies.inference import trained
from bot.strategies.inference.trained import ModelSilence
from bot.strategies.learned import Learned
from bot.strategies.lookahead import find_lookahead, find_window_difference
from shared.documents.events import MODEL_UNUSABLE
from shared.models.states import ModelRegistry, ModelState, StateChange
from shared.settings import Settings, SettingsError
from tests.strategies.families import hours
from tests.strategies.models import KINDS, saved
from tests.strategies.test_settings_used import Watched

BARS = hours(1_200)
ROWS = list(
    zip(*(getattr(BARS, n).tolist() for n in ("start_s", "open", "high", "low", "close", "volume")), strict=True)
)


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(**{"granularity": "ONE_HOUR", "products": ("BTC-USD",), "data_dir": folder, **more})


def made(folder: Path, kind: str = "logistic", options: dict[str, str] | None = None, **fields: Any) -> Learned:
    saved(folder / "models", BARS, kind, **fields)
    strategy = registry.make("learned", settings(folder, strategy_options=options or {}))
    assert isinstance(strategy, Learned)
    return strategy


@pytest.mark.parametrize("kind", KINDS)
def test_it_neither_looks_ahead_nor_further_back_than_it_says(tmp_path: Path, kind: str) -> None:
    strategy = made(tmp_path, kind)
    assert {0.0, 1.0} <= set(strategy.weights(BARS).weight.tolist())
    assert find_lookahead(strategy, BARS, cuts=15) is None
    assert find_window_difference(strategy, BARS, cuts=40) is None


@pytest.mark.parametrize("kind", KINDS)
def test_whatever_comes_after_a_bar_changes_nothing_of_it(tmp_path: Path, kind: str) -> None:
    """Every price and volume after bar t perturbed: weight, probability and drift up to t stay equal to the bit."""
    strategy, g = made(tmp_path, kind), np.random.default_rng(8)
    whole = strategy.weights(BARS)
    for t in (300, 700, 1_100):
        columns = {}
        for name in ("open", "high", "low", "close", "volume"):
            column = getattr(BARS, name).copy()
            column[t + 1 :] *= np.exp(g.normal(0, 0.5, len(BARS) - t - 1))
            columns[name] = column
        other = strategy.weights(replace(BARS, **columns))
        assert np.array_equal(whole.weight[: t + 1], other.weight[: t + 1], equal_nan=True)
        for name, values in whole.values.items():
            assert np.array_equal(values[: t + 1], other.values[name][: t + 1], equal_nan=True)
        assert not np.array_equal(whole.weight[t + 1 :], other.weight[t + 1 :], equal_nan=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_bot_is_told_what_history_says(tmp_path: Path, kind: str) -> None:
    strategy = made(tmp_path, kind)
    whole = strategy.weights(BARS)
    steady = [*range(300, 340), *range(500, 520)]  # bar after bar; the others are computed anew
    for end in sorted({*range(strategy.warmup_bars - 1, len(ROWS), 37), *steady}):
        wanted = strategy.wanted_of(ROWS[max(end - 499, 0) : end + 1], 0.01, 3600)
        assert np.array_equal([wanted.weight], [whole.weight[end]], equal_nan=True)
        for name, value in wanted.values.items():
            assert value == whole.values[name][end]
    assert strategy.notice() is None


def silence(strategy: Learned) -> str:
    """What a person is told after the newest bar; it must have said nothing."""
    assert math.isnan(strategy.wanted_of(ROWS, 0.01, 3600).weight)
    notice = strategy.notice()
    assert notice is not None and notice.code == MODEL_UNUSABLE
    assert notice.text.startswith("No target, so what is held is kept: ")
    return notice.text


def test_an_expired_model_says_nothing_from_then_on(tmp_path: Path) -> None:
    at = int(BARS.start_s[900]) + 3600
    strategy = made(tmp_path, expires_s=at)
    weight = strategy.weights(BARS).weight
    assert not np.isnan(weight[860:901]).all() and np.isnan(weight[901:]).all()
    assert "the model one expired 20" in silence(strategy)


def test_a_model_says_nothing_of_bars_that_it_was_trained_on(tmp_path: Path) -> None:
    """So a backtest over its own training data is no result."""
    at = int(BARS.start_s[900]) + 3600
    weight = made(tmp_path, known_from_s=at).weights(BARS).weight
    assert np.isnan(weight[:900]).all() and not np.isnan(weight[900:940]).all()


def test_drift_is_met_with_silence_and_told(tmp_path: Path) -> None:
    strategy = made(tmp_path)
    wild = hours(1_200, sigma=0.05)
    found = strategy.weights(wild)
    assert np.isnan(found.weight).all() and strategy.model is not None
    assert (strategy.model.over(wild).silence[200:] == ModelSilence.DRIFTED).all()
    assert (found.values["drift"][200:] > 1.0).all()
    rows = list(zip(wild.start_s, wild.open, wild.high, wild.low, wild.close, wild.volume, strict=True))
    assert math.isnan(strategy.wanted_of(rows, 0.01, 3600).weight)
    first = strategy.notice()
    strategy.wanted_of(rows[:-1], 0.01, 3600)
    assert first is not None and first == strategy.notice(), "one line, not one for each bar"
    assert "met other data than it was trained on" in first.text
    strategy.wanted_of(ROWS, 0.01, 3600)
    assert strategy.notice() is None, "it speaks again"


def _bend(models: Path) -> None:
    path = models / "one" / "weights.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")


def _replace(models: Path) -> None:
    (models / "one").rename(models / "elsewhere")
    saved(models, BARS, "logistic", expires_s=4_100_000_000)
    registry_file = models / "registry.jsonl"
    registry_file.write_bytes(registry_file.read_bytes().split(b"\n")[0] + b"\n")


@pytest.mark.parametrize(
    ("harm", "said"),
    [(_bend, "weights.npy was changed after training"), (_replace, "its manifest is not the one that was trained")],
)
def test_a_changed_model_is_never_asked(tmp_path: Path, harm: Any, said: str) -> None:
    saved(tmp_path / "models", BARS, "logistic")
    harm(tmp_path / "models")
    strategy = registry.make("learned", settings(tmp_path))
    assert isinstance(strategy, Learned) and said in silence(strategy)


def test_another_market_or_other_features_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved(tmp_path / "models", BARS, "logistic")

    def said(**more: Any) -> str:
        strategy = registry.make("learned", settings(tmp_path, **more))
        assert isinstance(strategy, Learned)
        return silence(strategy)

    assert "was trained on bars of 3600 s, not on GRANULARITY=ONE_MINUTE" in said(granularity="ONE_MINUTE")
    assert "was trained on BTC-USD, not on ETH-USD" in said(products=("BTC-USD", "ETH-USD"))
    assert "there is no model two" in said(strategy_options={"STRATEGY_LEARNED_MODEL": "two"})
    plain = trained.feature_set("extended")
    monkeypatch.setattr(trained, "feature_set", lambda _name: replace(plain, hash="0" * 32))
    assert "are computed otherwise in this version" in said()


def test_without_a_promoted_model_it_starts_and_says_so(tmp_path: Path) -> None:
    strategy = registry.make("learned", settings(tmp_path))
    assert isinstance(strategy, Learned) and "no model is promoted" in silence(strategy)
    assert strategy.warmup_bars == 1 and np.isnan(strategy.weights(BARS).weight).all()
    saved(tmp_path / "models", BARS, "logistic", state=ModelState.SHADOW)
    again = registry.make("learned", settings(tmp_path))
    assert isinstance(again, Learned) and "no model is promoted" in silence(again)


def test_a_model_can_be_named_instead(tmp_path: Path) -> None:
    digest = saved(tmp_path / "models", BARS, "logistic")
    saved(tmp_path / "models", BARS, "qlearning", name="two", state=ModelState.SHADOW)
    ModelRegistry(tmp_path / "models").add([StateChange("2026-12-01T00:00:00Z", "one", ModelState.PROMOTED, digest)])
    named = registry.make("learned", settings(tmp_path, strategy_options={"STRATEGY_LEARNED_MODEL": "two"}))
    assert isinstance(named, Learned) and named.model_mode == "qlearning"
    assert registry.make("learned", settings(tmp_path)).model_mode == "logistic"  # type: ignore[attr-defined]


def test_too_few_bars_kept_is_an_error_at_the_start(tmp_path: Path) -> None:
    saved(tmp_path / "models", BARS, "logistic")
    with pytest.raises(SettingsError, match="MAX_HISTORY_CANDLES=100 is too few for the model one: at least 120"):
        registry.make("learned", settings(tmp_path, max_history_candles=100))


def test_it_reads_the_settings_that_it_says(tmp_path: Path) -> None:
    saved(tmp_path / "models", BARS, "logistic")
    watched = Watched(settings(tmp_path))
    strategy = Learned(watched, Learned.options_type())  # type: ignore[arg-type]
    strategy.checked(BARS)
    assert watched.read - {"paths"} == set(strategy.settings_used)


def test_bars_that_are_none_are_no_error(tmp_path: Path) -> None:
    strategy = made(tmp_path)
    for count in (0, 1, 5):
        part: Bars = BARS.between(0, count)
        assert len(strategy.weights(part).weight) == count
