"""The real process: settings, the machine's seams, signals, PM2's channel; the run itself is in `process`."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from bot.app.application import Application
from bot.app.offload import DaemonOffload, ThreadOffload
from bot.app.process import EXIT_SETTINGS, Process, SystemPorts
from bot.app.watchdog import NoWatchdog, SystemWatchdog
from bot.venues.net import SystemNet
from shared import settings as settings_module
from shared.bots import DEFAULT_BOT
from shared.data_folder import FolderRefused
from shared.logs import set_up
from shared.ports import SystemClock, SystemFs, SystemRng
from shared.settings import Settings, SettingsError

log = logging.getLogger("bot")
# How long a strategy that computes in plain Python keeps the interpreter once the loop wants it, seconds. The default,
# 0.005, is paid anew at each of the loop's reads and writes, so that an event with a few of them takes 20 ms.
SWITCH_S = 0.0005
# Threads of numpy's linear algebra, read when it is loaded: a model on every core leaves none to the loop, and each
# thread keeps buffers of its own.
BLAS_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def run() -> int:
    """Run the bot until it is asked to stop; the answer is the exit code."""
    os.umask(0o077)
    for name in BLAS_THREADS:
        os.environ.setdefault(name, "1")
    problems: list[str] = []
    origins: Mapping[str, str] = {}
    remarks: list[str] = []
    try:
        loaded = settings_module.load()
        settings, origins, remarks = loaded.settings, loaded.sources, loaded.remarks
    except SettingsError as error:
        problems = error.problems
        settings = _just_enough()
    try:
        settings.paths.prepare()
    except FolderRefused as error:
        set_up(None, DEFAULT_BOT.process, "INFO")  # nothing of ours lies in a folder of others
        log.critical("%s: %s", error, "; ".join(error.ways))
        return EXIT_SETTINGS
    except OSError as error:
        set_up(settings.paths.root, DEFAULT_BOT.process, "INFO")
        log.critical(
            "the data folder %s cannot be used: %s; fix it or set DATA_DIR", settings.paths.root, error.strerror
        )
        return EXIT_SETTINGS
    set_up(settings.paths.logs, DEFAULT_BOT.process, settings.log_level, settings.log_format)
    for remark in remarks:
        log.warning("setting %s", remark)
    return asyncio.run(_serve(settings, problems, origins))


def _just_enough() -> Settings:
    """Where the settings do not hold: at least the folder, so that the error can be shown in it."""
    folder = os.environ.get("DATA_DIR", "")
    return Settings(data_dir=Path(folder)) if folder else Settings()


async def _serve(settings: Settings, problems: list[str], origins: Mapping[str, str]) -> int:
    """Run on this machine, with its signals."""
    sys.setswitchinterval(SWITCH_S)
    files, market, net = ThreadOffload("files"), ThreadOffload("market"), SystemNet()
    watchdog = SystemWatchdog(settings.paths.logs, settings.watchdog_sec) if settings.watchdog_sec else NoWatchdog()
    machine = SystemPorts(
        SystemClock(), SystemRng(), SystemFs(), net, files, market, DaemonOffload("strategy"), watchdog=watchdog
    )
    process = Process(settings, problems, machine, origins)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, process.stop.set)
    _watch_supervisor(process.bot)
    try:
        return await process.run()
    finally:
        files.close()
        market.close()
        net.close()


def _watch_supervisor(bot: Application) -> None:
    """Under PM2, the channel that it gave us ends when its daemon dies."""
    channel = os.environ.pop("NODE_CHANNEL_FD", None)
    if channel is None or not channel.isdigit():
        return
    loop, handle = asyncio.get_running_loop(), int(channel)
    try:
        os.set_blocking(handle, False)
        bot.supervised = True
        loop.add_reader(handle, _channel_spoke, bot, handle)
    except OSError:
        bot.supervised = False


def _channel_spoke(bot: Application, handle: int) -> None:
    try:
        gone = os.read(handle, 4096) == b""
    except BlockingIOError:
        return
    except OSError:
        gone = True
    if gone:
        asyncio.get_running_loop().remove_reader(handle)
        bot.supervised = False
        log.warning("PM2's daemon is not running: the bot goes on, but would not be restarted")
