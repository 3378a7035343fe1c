"""All rules, for the compiler: whatever public function a module of `bot.rules` defines."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from types import ModuleType
from typing import Any

from bot import rules


def _modules() -> list[ModuleType]:
    names = sorted(found.name for found in pkgutil.iter_modules(rules.__path__))
    return [importlib.import_module(f"{rules.__name__}.{name}") for name in names]


def _rules_of(module: ModuleType) -> list[Callable[..., Any]]:
    return [
        function
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")
    ]


RULES: tuple[Callable[..., Any], ...] = tuple(rule for module in _modules() for rule in _rules_of(module))
