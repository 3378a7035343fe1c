"""The bot's real program in a process of its own, on the real machine, with a crash injector in its ports."""

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
from bot.app.offload import DaemonOffload, ThreadOffload
from bot.app.process import Process, SystemPorts
from bot.strategies import registry
from shared import settings as settings_module
from shared.bots import DEFAULT_BOT
from shared.logs import set_up
from shared.ports import SystemClock, SystemFs, SystemRng
from simtest.processes.crash_points import CrashPoint
from simtest.processes.fault_injection import CrashingNet, CrashInjector

SHORT_BARS = 200
# What a process would import by its first request and its first bar: imported once, before the forks.
LOADED = (
    "coinbase.rest",
    "coinbase.jwt_generator",
    "websockets.asyncio.client",
    "simtest.always_buy",
    "urllib3.contrib.socks",
)


def load_ahead() -> None:
    """Import everything that each process would import, and exclude it from garbage collection."""
    for name in LOADED:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()


def fork(
    env: Mapping[str, str], point: CrashPoint | None, occasion: int, note: Path, *, sells_only: bool = False
) -> int:
    """Fork a bot process and return its pid. Everything is imported before the fork, so a start is fast.

    Call it from a process without threads.
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


def _run(env: Mapping[str, str], injector: CrashInjector) -> int:
    os.setsid()
    os.umask(0o077)
    os.environ.clear()
    os.environ.update(env)
    registry.BUILT_IN = {**registry.BUILT_IN, "always": ("simtest.always_buy", "AlwaysBuy")}
    # Short history: charts and volatility are no part of what is shown here, and a process should start fast.
    history.VOLATILITY_BARS, history.CHARTS = SHORT_BARS, {}
    settings = settings_module.load(Path(os.devnull)).settings
    settings.paths.prepare()
    set_up(settings.paths.logs, DEFAULT_BOT.process, settings.log_level)
    machine = SystemPorts(
        SystemClock(),
        SystemRng(),
        SystemFs(),
        CrashingNet(injector),
        ThreadOffload("files"),
        ThreadOffload("market"),
        DaemonOffload("strategy"),
        injector.open_ledger,
    )
    return asyncio.run(_serve(Process(settings, [], machine), injector))


async def _serve(process: Process, injector: CrashInjector) -> int:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, process.stop.set)
    injector.booted = lambda: process.bot.engine is not None and process.bot.engine.view.control.ready
    code = await process.run()
    sys.stdout.flush()
    os._exit(code)  # as a program whose threads may still hang in a request
