"""Names inside libraries and the bot that a run replaces: clocks, ids, and work that only costs time."""

import gc
import logging
import os
import time
import types
import typing
from collections.abc import Callable
from functools import cache
from random import Random
from typing import Any

from coinbase import jwt_generator
from jwt.algorithms import ECAlgorithm

from bot.app import background_tasks, history, state_documents, state_writer
from bot.strategies import registry
from shared import control
from simtest.bot_instance import BUILD
from simtest.plan import Plan
from simtest.virtual_ports import SeededRng
from watch import bot_observer
from watch import process as watch_process

# Strategies of the tests, by the names that plans give them.
STRATEGIES = {
    "always": ("simtest.always_buy", "AlwaysBuy"),
    "weight_steps": ("simtest.weight_steps", "WeightSteps"),
}
SHORT_CHART = 30
FEES_S = 120.0


@cache
def settle() -> None:
    """Exclude what is loaded before the first run from garbage collection."""
    gc.collect()
    gc.freeze()


class Patches:
    """Active inside the `with`; one run at a time."""

    def __init__(self, plan: Plan, wall_s: Callable[[], float], lives: Callable[[int], bool]) -> None:
        """`wall_s`: the machine's clock; `lives`: whether the process of this number runs."""
        self._plan, self._wall_s, self._lives = plan, wall_s, lives
        self._kept: list[tuple[Any, str, Any]] = []
        self._zone = os.environ.get("TZ")

    def _set(self, owner: Any, name: str, value: Any) -> None:
        self._kept.append((owner, name, getattr(owner, name)))
        setattr(owner, name, value)

    def __enter__(self) -> None:
        plan = self._plan
        random = Random(f"ids/{plan.seed}")
        self._set(control, "uuid", types.SimpleNamespace(uuid4=SeededRng(random).uuid4))
        self._set(registry, "BUILT_IN", {**registry.BUILT_IN, **STRATEGIES})
        self._set(state_writer, "INTERVAL_S", plan.state_s)
        self._set(background_tasks, "C_S", FEES_S)  # half an hour is more than most runs last
        if not plan.full_history:
            self._set(history, "VOLATILITY_BARS", SHORT_CHART)
            self._set(history, "CHARTS", dict.fromkeys(history.CHARTS, SHORT_CHART))
        self._set(jwt_generator, "_load_private_key", cache(jwt_generator._load_private_key))  # one key, read once
        # Both sides of a signature are in this process: what is signed matters, the arithmetic does not.
        self._set(ECAlgorithm, "sign", lambda _self, _message, _key: bytes(64))
        self._set(ECAlgorithm, "verify", lambda _self, _message, _key, _signature: True)
        # Asked for at each request, of the same few types: until Python 3.12 nothing remembers it.
        if hasattr(typing, "_get_protocol_attrs"):
            self._set(typing, "_get_protocol_attrs", cache(typing._get_protocol_attrs))
        self._set(state_documents, "rss_mb", lambda: 0.0)
        self._set(state_documents, "cpu_s", lambda: 0.0)
        self._set(jwt_generator, "time", types.SimpleNamespace(time=self._wall_s))
        self._watcher()
        self._set_zone(plan.zone)
        logging.disable(logging.CRITICAL)
        gc.disable()

    def _watcher(self) -> None:
        """What the watcher asks the kernel: which processes live. Ages of files are in real time, so not known."""
        self._set(bot_observer, "_began", lambda pid: str(pid) if self._lives(pid) else None)
        self._set(bot_observer, "process_lives", lambda _pid, _started: True)
        self._set(bot_observer, "_mtime", lambda _path: None)
        self._set(watch_process, "build_id", lambda: BUILD)

    def _set_zone(self, zone: str | None) -> None:
        """Local time is the plan's: nothing of the bot may depend on it."""
        if zone is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = zone
        time.tzset()

    def __exit__(self, *_: object) -> None:
        for owner, name, value in reversed(self._kept):
            setattr(owner, name, value)
        self._set_zone(self._zone)
        logging.disable(logging.NOTSET)
        gc.enable()
