"""What a strategy says that it reads is what its code reads: the Strategy page shows no setting of another one."""

from pathlib import Path
from typing import Any

import pytest

from bot.app.strategy_port import StrategyAdapter
from bot.app.strategy_settings import described
from bot.strategies import registry, scaffold
from bot.strategies.base import Bars, ExposureStrategy, Strategy
from shared.settings import Settings, load
from tests.strategies.families import FAMILIES, hours, short

# Which settings it reads with a model: test_learned.py.
NAMES = [*(name for name in registry.BUILT_IN if name != "learned"), "dip"]


class Watched:
    """Settings that note which of them is asked for."""

    def __init__(self, settings: Settings) -> None:
        self.inner, self.read = settings, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.read.add(name)
        return getattr(self.inner, name)


def _made(name: str, settings: Settings, root: Path) -> tuple[Strategy, set[str]]:
    """The strategy on settings that watch; what it has read grows in the set."""
    scaffold.create(root, "dip")
    watched = Watched(settings)
    kind = type(registry.make(name, settings, root))
    strategy = kind(watched, registry.make(name, settings, root).options)  # type: ignore[arg-type]
    return strategy, watched.read


def _exercise(strategy: Strategy, bars: Bars) -> None:
    assert strategy.warmup_bars <= len(bars) and strategy.memory_bars
    strategy.checked(bars)
    if not isinstance(strategy, ExposureStrategy):
        strategy.latest(bars)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("use_ma_filter", [True, False])
def test_it_reads_what_it_says_and_nothing_else(make_bars, tmp_path: Path, name: str, use_ma_filter: bool) -> None:
    settings = Settings(max_history_candles=300, walk_forward_min=60, use_ma_filter=use_ma_filter)
    of_days = name in FAMILIES
    strategy, read = _made(name, short() if of_days else settings, tmp_path)
    _exercise(strategy, hours(1_500) if of_days else make_bars(400))
    told = set(strategy.settings_used)
    assert read == told


def test_averages_are_among_them_only_where_they_decide(tmp_path: Path) -> None:
    def used(name: str, **more: Any) -> set[str]:
        return {n for n in _made(name, Settings(**more), tmp_path / name)[0].settings_used if n.startswith("ma_")}

    both = {"ma_fast", "ma_slow"}
    assert used("sma_cross") == used("logistic") == both
    (tmp_path / "off").mkdir()
    assert not used("dip") and not used("momentum") and not used("rsi_reversion")
    assert "ma_fast" not in _made("logistic", Settings(use_ma_filter=False), tmp_path / "off")[0].settings_used


def test_a_strategy_that_keeps_the_whole_window_reads_its_length(tmp_path: Path) -> None:
    source, _ = scaffold.create(tmp_path, "deep")
    text = source.read_text()
    first, last = text.index("    @property\n    def memory_bars"), text.index("    def compute")
    source.write_text(text[:first] + text[last:])
    assert registry.make("deep", Settings(), tmp_path).settings_used == ("max_history_candles",)


def test_each_has_its_value_default_and_origin(tmp_path: Path) -> None:
    scaffold.create(tmp_path, "dip")
    env = tmp_path / "env"
    env.write_text("STRATEGY=dip\nSTRATEGY_DIP_PERIOD=20\nMA_FAST=12\n")
    loaded = load(env, {})
    strategy = registry.make("dip", loaded.settings, tmp_path)
    shown = described("dip", strategy, loaded.settings, loaded.sources)
    assert [(x.key, x.value, x.default, x.origin) for x in shown] == [
        ("STRATEGY_DIP_PERIOD", "20", "50", ".env"),
        ("STRATEGY_DIP_DISTANCE_PCT", "1", "1", "default"),
    ]
    assert all(x.help and x.own for x in shown)


@pytest.mark.parametrize("name", list(registry.BUILT_IN))
def test_the_bot_publishes_them(name: str) -> None:
    loaded = load(Path("/nonexistent"), {"STRATEGY": name, "MA_FAST": "7", "GRANULARITY": "ONE_HOUR"})
    adapter = StrategyAdapter(loaded.settings, {}, loaded.sources)
    keys = [x.key for x in adapter.settings_read]
    assert ("MA_FAST" in keys) == (name in ("sma_cross", "logistic"))
    fast = next((x for x in adapter.settings_read if x.key == "MA_FAST"), None)
    assert fast is None or (fast.value, fast.origin, fast.own) == ("7", "environment", False)
    assert len(adapter.parameters) == len(keys), "the older map says the same"
