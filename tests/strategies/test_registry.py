"""Strategies by name; a user's file that is wrong is named with its line."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.strategies import options, registry
from bot.strategies.base import Call, Strategy
from shared import settings as settings_module
from shared.settings import Settings, SettingsError

GOOD = """
from dataclasses import dataclass
import numpy as np
from bot.strategies.base import Bars, SignalArrays, Strategy
from bot.strategies.options import option

@dataclass(frozen=True, slots=True)
class Options:
    period: int = option(3, "Bars.", 2, 50)
    side: str = option("up", "Side.", choices=("up", "down"))

class Dip(Strategy):
    options_type = Options
    @property
    def warmup_bars(self) -> int:
        return self.options.period
    def compute(self, bars: Bars) -> SignalArrays:
        return SignalArrays(np.ones(len(bars), dtype=np.int8), np.full(len(bars), np.nan))
"""


def user_file(root: Path, text: str, name: str = "dip") -> None:
    (root / "strategies").mkdir(exist_ok=True)
    (root / "strategies" / f"{name}.py").write_text(text)


def problem(name: str, root: Path, own: dict[str, str] | None = None) -> str:
    with pytest.raises(SettingsError) as caught:
        registry.make(name, Settings(strategy_options=own or {}), root)
    return "\n".join(caught.value.problems)


def test_built_in_by_name() -> None:
    for name in registry.BUILT_IN:
        strategy = registry.make(name, Settings(granularity="ONE_HOUR"))
        assert strategy.name == name and strategy.summary
        assert 0 < strategy.warmup_bars <= strategy.memory_bars


def test_unknown_name_gets_the_nearest(tmp_path: Path) -> None:
    assert problem("sma_corss", tmp_path) == "STRATEGY=sma_corss is no strategy; did you mean sma_cross?"
    assert problem("xyzzy", tmp_path).endswith("there are " + ", ".join(registry.BUILT_IN))
    user_file(tmp_path, GOOD)
    assert "did you mean dip?" in problem("dipp", tmp_path)


def test_own_strategy_with_own_settings(tmp_path: Path, make_bars) -> None:
    user_file(tmp_path, GOOD)
    (tmp_path / "strategies" / "test_dip.py").write_text("raise SystemExit")
    (tmp_path / "strategies" / "_notes.py").write_text("raise SystemExit")
    assert registry.names(tmp_path) == [*registry.BUILT_IN, "dip"]
    strategy = registry.make("dip", Settings(strategy_options={"STRATEGY_DIP_PERIOD": "7"}), tmp_path)
    assert strategy.name == "dip" and strategy.warmup_bars == 7
    bars = make_bars(30)
    assert strategy.signals(bars).signal.tolist() == [0] * 6 + [1] * 24
    assert strategy.latest(bars).call is Call.BUY and strategy.latest(bars.tail(6)).call is Call.FLAT
    assert strategy.latest(bars).strength is None


@pytest.mark.parametrize(
    ("own", "said"),
    [
        ({"STRATEGY_DIP_PERIOD": "1"}, "STRATEGY_DIP_PERIOD=1: a whole number from 2 to 50"),
        ({"STRATEGY_DIP_PERIOD": "x"}, "STRATEGY_DIP_PERIOD=x: a whole number from 2 to 50"),
        ({"STRATEGY_DIP_SIDE": "left"}, "STRATEGY_DIP_SIDE=left: one of up, down"),
        ({"STRATEGY_DIP_PERIDO": "5"}, "did you mean STRATEGY_DIP_PERIOD?"),
    ],
)
def test_bad_options_name_key_value_and_range(tmp_path: Path, own: dict[str, str], said: str) -> None:
    user_file(tmp_path, GOOD)
    assert said in problem("dip", tmp_path, own)


def test_options_of_other_strategies_are_left_alone(tmp_path: Path) -> None:
    user_file(tmp_path, GOOD)
    user_file(tmp_path, GOOD, "rsi")  # STRATEGY_RSI_REVERSION_… begins as its own keys do
    registry.make("rsi", Settings(strategy_options={"STRATEGY_RSI_REVERSION_PERIOD": "5"}), tmp_path)
    registry.make("dip", Settings(strategy_options={"STRATEGY_OTHER_X": "1"}), tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\ndef broken(:\n", "strategies/dip.py:2: SyntaxError: "),
        ("x = 1\n\ny = nowhere\n", "strategies/dip.py:3: NameError: name 'nowhere' is not defined"),
        ("import os\n\nos.stat('/nowhere/at/all')\n", "strategies/dip.py:3: FileNotFoundError: "),
        ("import nothing_of_that_name\n", "strategies/dip.py:1: ModuleNotFoundError: "),
        ("x = 1\nraise SystemExit(3)\n", "strategies/dip.py:2: SystemExit: 3"),
        ("x = 1\n", "strategies/dip.py:1: it defines no class that derives from Strategy"),
        (GOOD.replace("def compute", "def compote"), "strategies/dip.py:12: Dip is missing compute"),
        (GOOD + "class Dip2(Dip): ...\n", "2 classes that derive"),
        (
            GOOD.replace(
                "    @property", "    def __init__(self, settings, options):\n        1 / 0\n    @property", 1
            ),
            "strategies/dip.py:15: ZeroDivisionError: ",
        ),
    ],
)
def test_a_broken_file_is_named_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    user_file(tmp_path, text)
    assert said in problem("dip", tmp_path)


def test_a_built_in_name_cannot_be_taken(tmp_path: Path) -> None:
    user_file(tmp_path, GOOD, "sma_cross")
    assert "strategies/sma_cross.py: sma_cross is a built-in strategy" in problem("sma_cross", tmp_path)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("SignalArrays(np.ones(3, dtype=np.int8), np.full(len(bars), np.nan))", r"dip: signal must be an array of 30"),
        ("SignalArrays(np.full(len(bars), 2), np.full(len(bars), np.nan))", r"1 \(BUY\), -1 \(SELL\) and 0 \(FLAT\)"),
        ("SignalArrays(np.ones(len(bars)), 0.5)", "strength must be an array of 30"),
    ],
)
def test_a_broken_contract_says_how(tmp_path: Path, make_bars, result: str, said: str) -> None:
    user_file(
        tmp_path, GOOD.replace("SignalArrays(np.ones(len(bars), dtype=np.int8), np.full(len(bars), np.nan))", result)
    )
    strategy: Strategy = registry.make("dip", Settings(), tmp_path)
    with pytest.raises(Exception, match=said):
        strategy.signals(make_bars(30))


def test_a_failure_while_running_is_named_with_its_line(tmp_path: Path, make_bars) -> None:
    user_file(tmp_path, GOOD.replace("return SignalArrays(", "return SignalArrays(bars.close[10_000], "))
    strategy = registry.make("dip", Settings(), tmp_path)
    with pytest.raises(IndexError) as caught:
        strategy.latest(make_bars(30))
    said = registry.failure(strategy, caught.value, tmp_path)
    assert said.startswith("strategies/dip.py:18: IndexError: ")


def test_keys_come_from_env_file_and_environment(tmp_path: Path) -> None:
    env = tmp_path / ".env"
    env.write_text("STRATEGY=sma_cross\nSTRATEGY_DIP_PERIOD=5\nSTRATEGY_DIP_SIDE=up\n")
    loaded = settings_module.load(env, {"STRATEGY_DIP_PERIOD": "9", "STRATEGY_DIP_SIDE": ""})
    assert loaded.settings.strategy_options == {"STRATEGY_DIP_PERIOD": "9", "STRATEGY_DIP_SIDE": "up"}
    assert loaded.sources["STRATEGY_DIP_PERIOD"] == "environment"
    assert settings_module.public_values(loaded.settings)["STRATEGY_DIP_PERIOD"] == "9"


def test_a_field_without_a_range_is_typed_still() -> None:
    @dataclass(frozen=True)
    class Plain:
        on: bool = False

    assert options.read("x", Plain, {"STRATEGY_X_ON": "true"}) == Plain(True)
    with pytest.raises(SettingsError, match="true or false"):
        options.read("x", Plain, {"STRATEGY_X_ON": "maybe"})


def test_the_contract_costs_no_numpy() -> None:
    """A bot that never computes arrays must not carry them: its memory is a published figure."""
    code = "import sys; import bot.strategies.registry; assert 'numpy' not in sys.modules, 'numpy was imported'"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
