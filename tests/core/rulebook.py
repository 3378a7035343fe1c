"""The whole rulebook under one name: `r.take_ticks`, `r.EXIT_STOP`."""

import importlib
import pkgutil
from types import SimpleNamespace

from bot import rules
from research.rulebook import RULES

_MODULES = [importlib.import_module(f"bot.rules.{found.name}") for found in pkgutil.iter_modules(rules.__path__)]
r = SimpleNamespace(
    **{name: value for module in _MODULES for name, value in vars(module).items() if name[0] != "_"}, RULES=RULES
)
