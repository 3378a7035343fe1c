"""One life of the bot in a process of its own: the real program, on the real machine, with a trap in its seams."""

import asyncio
import contextlib
import gc
import importlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from bot.app import history
from bot.app.logs import set_up
from bot.app.offload import ThreadOffload
from bot.app.process import Process, SystemPorts
from bot.strategies import registry
from shared import settings as settings_module
from shared.bots import DEFAULT_BOT
from shared.ports import SystemClock, SystemFs, SystemRng
from simtest.processes.crash_points import CrashPoint
from simtest.processes.fault_injection import CrashingNet, CrashInjector

SHORT_BARS = 200
# What a life would load by its first request and its first bar: loaded once, before the forks.
LOADED = (
    "coinbase.rest",
    "coinbase.jwt_generator",
    "websockets.asyncio.client",
    "simtest.always_buy",
    "urllib3.contrib.socks",
)


def load_ahead() -> None:
    """Everything that each life would load of itself, and nothing of it looked through by the collector again."""
    for name in LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def fork(
    env: Mapping[str, str], point: CrashPoint | None, occasion: int, note: Path, *, sells_only: bool = False
) -> int:
    """Begin a life; its pid. A fork of a program that has everything loaded: a start costs no second of imports.

    To be called from a process without threads.
    """
    pid = os.fork()
    if pid:
        return pid
    code = 70
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        code = _run(env, CrashInjector(point, occasion, note, sells_only=sells_only))
    finally:
        os._exit(code)


def _run(env: Mapping[str, str], trap: CrashInjector) -> int:
    os.setsid()
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(env)
    registry.BUILT_IN = {**registry.BUILT_IN, "always": ("simtest.always_buy", "AlwaysBuy")}
    # Short history: charts and volatility are no part of what is shown here, and a life should begin soon.
    history.VOLATILITY_BARS, history.CHARTS = SHORT_BARS, {}
    settings = settings_module.load(Path(os.devnull)).settings
    settings.paths.prepare()
    set_up(settings.paths.logs, DEFAULT_BOT.process, settings.log_level)
    machine = SystemPorts(
        SystemClock(),
        SystemRng(),
        SystemFs(),
        CrashingNet(trap),
        ThreadOffload("files"),
        ThreadOffload("market"),
        trap.open_ledger,
    )
    return asyncio.run(_serve(Process(settings, [], machine), trap))


async def _serve(process: Process, trap: CrashInjector) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, process.stop.set)
    trap.booted = lambda: process.bot.engine is not None and process.bot.engine.state.control.ready
    code = await process.run()
    sys.stdout.flush()
    os._exit(code)  # as a program whose threads may still hang in a request
