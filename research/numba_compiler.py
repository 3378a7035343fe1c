"""The compiler, numba. Loaded only where something must be compiled: that takes longer than a year's backtest."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from numba import types

_registered: set[Callable[..., Any]] = set()
_njit: Any = numba.njit  # its types name fewer options than it takes


def register(*functions: Callable[..., Any]) -> None:
    """Let compiled code call these plain functions."""
    for function in functions:
        if function not in _registered:
            _registered.add(function)
            # Neither a form for C nor rewrites of array expressions are needed: a sixth of the compiler's time.
            numba.extending.register_jitable(no_cfunc_wrapper=True, no_rewrites=True)(function)


def dispatcher(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` compiled at its first call, called as numba calls."""
    found: Callable[..., Any] = _njit(nogil=True, error_model="numpy")(function)
    return found


def compile_for(function: Callable[..., Any], held: list[Any]) -> tuple[Any, Any]:
    """(numba's function, its compiled form for arguments like `held`), which answers with a whole number."""
    options = {"_nrt": False, "error_model": "numpy", "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    made = _njit(types.int64(*(_type(one) for one in held)), **options)(function)
    return made, made.overloads[made.signatures[0]]


def _type(value: Any) -> Any:
    """The compiler's type of a value, as `research.native` lays it out."""
    match value:
        case bool():
            return types.boolean
        case float():
            return types.float64
        case np.ndarray():
            return types.Array(numba.from_dtype(value.dtype), value.ndim, "C")
        case np.void():
            return numba.from_dtype(value.dtype)
        case tuple():
            named: Any = types.NamedTuple
            return named(tuple(_type(one) for one in value), type(value))
        case _:
            return types.int64
