"""numpy and what stands on it, loaded by the first strategy that computes with arrays.

A bot whose strategy is given in plain Python as well (`bot.strategies.plain`) never loads it, and is 11 MB smaller.
"""

from importlib import import_module
from types import ModuleType


def numpy() -> ModuleType:
    return import_module("numpy")


def indicators() -> ModuleType:
    return import_module("bot.strategies.indicators")


def volatility() -> ModuleType:
    return import_module("bot.strategies.volatility_arrays")
