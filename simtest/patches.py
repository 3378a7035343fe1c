"""Names inside libraries and the bot that a run replaces: clocks, ids, and work that only costs time."""

import gc
import logging
import types
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from coinbase import jwt_generator
from jwt.algorithms import ECAlgorithm

from bot.app import history, state_documents, state_writer
from bot.strategies import registry
from shared import control
from simtest.plan import Plan
from simtest.virtual_ports import SeededRng

SHORT_CHART = 30


@cache
def settle() -> None:
    """Exclude what is loaded before the first run from garbage collection."""
    gc.collect()
    gc.freeze()


class Patches:
    """Active inside the `with`; one run at a time."""

    def __init__(self, plan: Plan, wall_s: Callable[[], float]) -> None:
        self._plan, self._wall_s = plan, wall_s
        self._kept: list[tuple[Any, str, Any]] = []

    def _set(self, owner: Any, name: str, value: Any) -> None:
        self._kept.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def __enter__(self) -> None:

        plan = self._plan
        random = Random(f"ids/{plan.seed}")
        self._set(control, "uuid", types.SimpleNamespace(uuid4=SeededRng(random).uuid4))
        self._set(registry, "BUILT_IN", {**registry.BUILT_IN, "always": ("simtest.always_buy", "AlwaysBuy")})
        self._set(state_writer, "INTERVAL_S", plan.state_s)
        if not plan.full_history:
            self._set(history, "VOLATILITY_BARS", SHORT_CHART)
            self._set(history, "CHARTS", dict.fromkeys(history.CHARTS, SHORT_CHART))
        self._set(jwt_generator, "_load_private_key", cache(jwt_generator._load_private_key))  # one key, read once
        # Both sides of a signature are in this process: what is signed matters, the arithmetic does not.
        self._set(ECAlgorithm, "sign", lambda _self, _message, _key: bytes(64))
        self._set(ECAlgorithm, "verify", lambda _self, _message, _key, _signature: True)
        self._set(state_documents, "rss_mb", lambda: 0.0)
        self._set(state_documents, "cpu_s", lambda: 0.0)
        self._set(jwt_generator, "time", types.SimpleNamespace(time=self._wall_s))
        logging.disable(logging.CRITICAL)
        gc.disable()

    def __exit__(self, *_: object) -> None:
        for owner, name, value in reversed(self._kept):
            setattr(owner, name, value)
        logging.disable(logging.NOTSET)
        gc.enable()
