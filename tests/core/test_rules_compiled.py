"""The compiled rules give the same bits as the plain ones."""

import ast
import inspect
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bot import rules
from tests.core.rulebook import r

numba = pytest.importorskip("numba")

RUNS = 2_000
# How to draw each parameter, by its name; every rule's parameters must be found here.
DRAW: dict[str, Callable[[random.Random], Any]] = {
    "x": lambda g: g.choice([g.uniform(-1e9, 1e9), float(g.randint(-50, 50)), g.randint(1, 9**9) * 0.01 / 0.01]),
    "p": lambda g: g.choice([g.random(), 0.45, 0.55, math.nan]),
    "win_rate": lambda g: g.choice([0.0, 1.0, g.random()]),
    "target_weight": lambda g: g.choice([0.0, 0.5, 1.0, math.nan, g.uniform(-0.2, 1.2)]),
    "products": lambda g: g.randint(0, 9),
    "k": lambda g: g.randint(0, 60),
    "mode": lambda g: g.randint(0, 1),
    "before": lambda g: g.randint(0, 9),
    "minute": lambda g: g.randint(0, 1439),
    "first": lambda g: g.randint(0, 1439),
    "last": lambda g: g.randint(0, 1439),
    "factor": lambda g: g.uniform(0.01, 1.0),
    "decay_lambda": lambda g: g.uniform(0, 0.1),
    "minutes_since_add": lambda g: g.uniform(-10, 5000),
    "side": lambda g: g.randint(-1, 1),
    "reason": lambda g: g.randint(0, 3),
    "signal": lambda g: g.choice([-1, 0, 1, 1, 1, 1]),
    "count": lambda g: g.randint(0, 8),
    "total": lambda g: g.randint(-(10**10), 10**10),
    "total_squares": lambda g: g.randint(10**12, 9 * 10**18),
    "returns": lambda g: g.randint(2, 500),
    "entered": lambda g: g.randint(0, 1),
    "left": lambda g: g.randint(0, 1),
    "rising": lambda g: g.randint(-1, 1),
    "falling": lambda g: g.randint(-1, 1),
    "wild": lambda g: g.randint(-1, 1),
    "units": lambda g: g.randint(-5, 9 * 10**18),
    "unit": lambda g: g.choice([0.01, 1e-10, 1e-6]),
    "taker_fee_ppm": lambda g: g.randint(0, 20_000),
    "runner_tp_mult": lambda g: g.uniform(0.1, 5),
    "transfers": lambda g: g.uniform(-1e3, 1e3),
    "sigma_long": lambda g: g.choice([0.0, math.nan, g.uniform(0, 0.01)]),
    "sigma_short": lambda g: g.choice([0.0, math.nan, g.uniform(0, 0.01)]),
    "buy_threshold": lambda g: g.choice([0.45, g.random()]),
    "sell_threshold": lambda g: g.choice([0.55, g.random()]),
    "last_entry_ticks": lambda g: g.uniform(9_000, 11_000),
    "open_ticks": lambda g: g.choice([g.uniform(9_000, 11_000), float(g.randint(1, 10**8))]),
}
SUMS = ("total", "total_squares")  # whole numbers of units: some rules take them as integers, some as floats
BY_ENDING: list[tuple[str, Callable[[random.Random], Any]]] = [
    ("_ms", lambda g: g.randint(-1000, 2 * 10**12)),
    ("_ticks", lambda g: g.choice([g.randint(9_000, 11_000), g.randint(1, 10**8)])),
    ("_pct", lambda g: g.choice([1.9, 0.4, 1.55, g.uniform(0, 20)])),
    ("_sum", lambda g: g.randint(1, 10**12)),
    ("_bars", lambda g: g.randint(1, 1000)),
    ("_lots", lambda g: g.randint(0, 25)),
    ("_flight", lambda g: g.choice([0, 0, 0, 1])),
    ("_units", lambda g: g.randint(0, 10**9)),
    ("steps", lambda g: g.randint(0, 10**6)),
]


def draw(parameter: inspect.Parameter, g: random.Random) -> Any:
    name, kind = parameter.name, parameter.annotation
    if name in DRAW:
        value = DRAW[name](g)
        return float(value) if kind is float and name in SUMS else value
    if kind is bool:
        return g.random() < 0.3
    for ending, make in BY_ENDING:
        if name.endswith(ending):
            return make(g)
    assert kind is float, f"no way to draw {name}"
    return g.choice([g.uniform(-100, 2000), 0.0, 5.0, 1e-9])


def bits(value: Any) -> Any:
    """The value with its exact bits and type class, NaN comparable."""
    if isinstance(value, tuple):
        return tuple(bits(v) for v in value)
    return ("f", value.hex()) if isinstance(value, float) else ("i", int(value))


@pytest.fixture(scope="module")
def compiled() -> dict[str, Callable[..., Any]]:
    """Every rule compiled as research compiles it: the plain source registered, nothing rewritten."""
    for rule in r.RULES:
        numba.extending.register_jitable(rule)
    return {rule.__name__: numba.njit(rule) for rule in r.RULES}


PLAIN = [rule for rule in r.RULES if rule.__module__ != "bot.rules.lots"]


@pytest.mark.parametrize("rule", PLAIN, ids=lambda rule: rule.__name__)
def test_same_bits(rule: Callable[..., Any], compiled: dict[str, Callable[..., Any]]) -> None:
    fast = compiled[rule.__name__]
    parameters = list(inspect.signature(rule).parameters.values())
    g = random.Random(rule.__name__)
    results = set()
    for _ in range(RUNS):
        arguments = [draw(p, g) for p in parameters]
        plain = bits(rule(*arguments))
        assert bits(fast(*arguments)) == plain, arguments
        results.add(plain)
    assert len(results) > 1, "the inputs never changed the answer: nothing was compared"


def test_lot_arrays_same(compiled: dict[str, Callable[..., Any]]) -> None:
    g = random.Random(7)
    for _ in range(500):
        count = g.randint(0, 8)
        runner = np.array([g.random() < 0.1 for _ in range(8)])
        active = np.array([g.random() < 0.5 for _ in range(8)])
        peak = np.array([g.randint(0, 99) for _ in range(8)])
        both = []
        for promote, index, k in (
            (r.promote, r.promotion_index, r.scalps_before),
            (compiled["promote"], compiled["promotion_index"], compiled["scalps_before"]),
        ):
            arrays = (runner.copy(), active.copy(), peak.copy())
            before = (index(arrays[0], count), k(arrays[0], count))
            both.append((before, promote(*arrays, count), *(a.tolist() for a in arrays)))
        assert both[0] == both[1]


def test_every_public_function_is_listed() -> None:
    """A rule left out of RULES would be called from compiled code without being registered."""
    files = Path(rules.__file__).parent.glob("*.py")
    defined = [
        node.name for path in files for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)
    ]
    names = [rule.__name__ for rule in r.RULES]
    assert sorted(names) == sorted(name for name in defined if name[0] != "_") and len(names) > 50


def test_rules_stay_plain() -> None:
    """Undecorated, fully typed, with a docstring, importing nothing that a compiler or a small process cannot take."""
    for rule in r.RULES:
        assert not hasattr(rule, "__wrapped__")
        assert rule.__doc__
        signature = inspect.signature(rule)
        assert all(p.annotation is not p.empty and p.default is p.empty for p in signature.parameters.values())
        assert signature.return_annotation is not signature.empty
