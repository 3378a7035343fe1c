"""Strategies by name: the built-in ones, and a user's own from `strategies/` in the project folder.

A module is imported only when its strategy is asked for. Whatever is wrong with a user's file becomes one line that
names file and line.
"""

import difflib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from bot.strategies import options
from bot.strategies.base import Strategy
from bot.strategies.by_regime import by_regime
from bot.strategies.combined import combine
from shared.paths import ROOT
from shared.regimes import parse_regime_strategies
from shared.settings import Settings, SettingsError
from shared.strategy_names import COMBINED

BUILT_IN: Mapping[str, tuple[str, str]] = {
    "breakout": ("bot.strategies.breakout", "Breakout"),
    "dca": ("bot.strategies.dca", "Dca"),
    "grid": ("bot.strategies.grid", "Grid"),
    "learned": ("bot.strategies.learned", "Learned"),
    "logistic": ("bot.strategies.logistic", "Logistic"),
    "momentum": ("bot.strategies.momentum", "Momentum"),
    "rebalance": ("bot.strategies.rebalance", "Rebalance"),
    "relative": ("bot.strategies.relative", "Relative"),
    "rsi_reversion": ("bot.strategies.rsi_reversion", "RsiReversion"),
    "sma_cross": ("bot.strategies.sma_cross", "SmaCross"),
    "steady": ("bot.strategies.steady", "VolatilityHold"),
    "trend": ("bot.strategies.trend", "Trend"),
}


def user_files(root: Path = ROOT) -> dict[str, Path]:
    """A user's strategies: name -> file. Tests and files that begin with _ are none."""
    folder = root / "strategies"
    files = sorted(folder.glob("*.py")) if folder.is_dir() else []
    return {f.stem: f for f in files if not f.stem.startswith(("_", "test_")) and f.stem != "conftest"}


def names(root: Path = ROOT) -> list[str]:
    """Every strategy that can be chosen, the built-in ones first."""
    return [*BUILT_IN, *(name for name in user_files(root) if name not in BUILT_IN)]


def make(name: str, settings: Settings, root: Path = ROOT) -> Strategy:
    """A new strategy `name` with its options, for one product; `combined`: those that STRATEGIES names, as one.

    Raises SettingsError for an unknown name, for options that are not allowed and for a broken file.
    """
    if name != COMBINED:
        return _one(name, settings, root, "STRATEGY")
    if not settings.strategies:
        raise SettingsError(["STRATEGY=combined needs STRATEGIES=<names>, comma-separated"])
    if COMBINED in user_files(root):
        raise SettingsError([f"strategies/{COMBINED}.py: {COMBINED} is what STRATEGIES makes; rename the file"])
    return combine(settings, [_one(member, settings, root, "STRATEGIES") for member in settings.strategies])


def chosen(settings: Settings, root: Path | None = None) -> Strategy:
    """What decides by the settings: STRATEGY, within its regimes where REGIME is on. Raises SettingsError."""
    made = make(settings.strategy, settings) if root is None else make(settings.strategy, settings, root)
    if not settings.regime:
        return made
    names = dict.fromkeys(parse_regime_strategies(settings.regime_strategies).values())
    others = [_one(name, settings, root or ROOT, "REGIME_STRATEGIES") for name in names if name != made.name]
    return by_regime(settings, [made, *others])


def _one(name: str, settings: Settings, root: Path, key: str) -> Strategy:
    own = user_files(root)
    if name in BUILT_IN and name in own:
        raise SettingsError([f"{_shown(own[name], root)}: {name} is a built-in strategy; give the file another name"])
    if name in BUILT_IN:
        module, class_name = BUILT_IN[name]
        kind: type[Strategy] = getattr(importlib.import_module(module), class_name)
    elif name in own:
        kind = _load(name, own[name], root)
    else:
        known = names(root)
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]}?" if near else "there are " + ", ".join(known)
        raise SettingsError([f"{key}={name} is no strategy; {hint}"])
    kind.name = name
    chosen = options.read(name, kind.options_type, settings.strategy_options, others=names(root))
    if name in BUILT_IN:
        return kind(settings, chosen)
    try:
        return kind(settings, chosen)
    except Exception as error:
        raise SettingsError([where(error, own[name], root)]) from error


def _load(name: str, path: Path, root: Path) -> type[Strategy]:
    module_name = f"strategies.{name}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass looks its module up by name while it is being made.
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name]
        raise SettingsError([where(error, path, root)]) from error
    return _only_class(module, path, root)


def _only_class(module: ModuleType, path: Path, root: Path) -> type[Strategy]:
    found = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Strategy) and value.__module__ == module.__name__
    ]
    if len(found) != 1:
        many = "no class that derives" if not found else f"{len(found)} classes that derive"
        raise SettingsError([f"{_shown(path, root)}:1: it defines {many} from Strategy; one is needed"])
    missing = sorted(getattr(found[0], "__abstractmethods__", ()))
    if missing:
        line = inspect.getsourcelines(found[0])[1]
        raise SettingsError([f"{_shown(path, root)}:{line}: {found[0].__name__} is missing {' and '.join(missing)}"])
    return found[0]


def where(error: BaseException, path: Path, root: Path = ROOT) -> str:
    """`error` as one line with the innermost line of `path` that it passed through: strategies/dip.py:12: …"""
    line = 1
    if isinstance(error, SyntaxError) and error.filename == str(path):
        line = error.lineno or 1
    else:
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == str(path) and frame.lineno is not None:
                line = frame.lineno
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{_shown(path, root)}:{line}: {type(error).__name__}: {text}"


def failure(strategy: Strategy, error: BaseException, root: Path = ROOT) -> str:
    """What went wrong while `strategy` computed, as one line that names its file and line."""
    passed = {frame.filename for frame in traceback.extract_tb(error.__traceback__)}
    sources = [inspect.getsourcefile(type(one)) for one in (*strategy.everyone, strategy)]
    source = next((found for found in sources if found in passed), sources[-1])
    return where(error, Path(source) if source else root, root)


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
