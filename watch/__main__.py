"""`python -m watch`: COIN-WATCH. Exit 78: settings are wrong; 75: another one watches this folder; 0: asked to stop."""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from shared import flocks, logs
from shared import settings as settings_module
from shared.alert_settings import set_in_browser
from shared.bots import WATCHER
from shared.data_folder import FolderRefused
from shared.exits import Exit
from shared.paths import DataPaths
from shared.ports import SystemRng
from shared.settings import Settings, SettingsError
from watch.host_figures import HostFigures
from watch.process import Looks, WatchParts, WatchProcess
from watch.settings_follower import SettingsFollower
from watch.sinks.registry import sinks_of
from watch.slow_looks import DashboardLook, HeartbeatLook, HostLook, Pm2Asking, SlowLook

log = logging.getLogger("watch")
LOCK_WAIT_S = 10.0


def main(env_file: Path | None = None) -> int:
    """`env_file`: another .env than the project's, for a watch beside it."""
    try:
        loaded = settings_module.load(env_file)
        settings = loaded.settings
        paths = settings.paths
        paths.prepare()
        paths.watch.mkdir(mode=0o700, exist_ok=True)
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"{WATCHER}: {problem}\n")
        return Exit.SETTINGS
    except FolderRefused as error:
        sys.stderr.write("\n      ".join((f"{WATCHER}: {error}", *error.ways)) + "\n")
        return Exit.SETTINGS
    except OSError as error:
        sys.stderr.write(f"{WATCHER}: the data folder cannot be used: {error.strerror}. Set DATA_DIR.\n")
        return Exit.SETTINGS
    logs.set_up(paths.logs, WATCHER, settings.log_level, settings.log_format)
    if flocks.take(paths.watch / "watch.lock", LOCK_WAIT_S) is None:  # held until the process ends
        log.error("another %s watches %s", WATCHER, paths.root)
        return Exit.LOCKED
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    watch = _made(settings, paths, SettingsFollower(loaded.env_file, paths=paths))
    log.info("watch.started data=%s pid=%d", paths.root, os.getpid())
    watch.run(stop.is_set)
    log.info("watch.stopped")
    return Exit.DONE


def _made(settings: Settings, paths: DataPaths, follower: SettingsFollower) -> WatchProcess:
    plan = sinks_of(settings, paths)
    for problem in plan.problems:
        log.error("settings.problem %s", problem)
    if not plan.sinks:
        log.warning("no sink is set: alerts are shown, and nobody is sent one")
    supervised = "pm_id" in os.environ or "PM2_HOME" in os.environ
    pm2, dashboard, host = Pm2Asking(), DashboardLook(settings), HostLook(HostFigures(paths.root))
    asks_pm2 = SlowLook("pm2", pm2.look) if supervised else None
    SlowLook("dashboard", dashboard.look)
    SlowLook("host", host.look)
    looks = Looks(
        pm2=lambda: pm2.seen,
        dashboard=lambda: dashboard.seen,
        host=lambda: host.seen,
        ask_pm2=asks_pm2.poke if asks_pm2 is not None else lambda: None,
    )
    looks.new_settings, looks.settings_problem = follower.take, lambda: follower.problem
    parts = WatchParts(
        settings, paths, plan, looks, SystemRng(), supervised=supervised, settings_ms=follower.file_ms
    )  # fmt: skip
    watch = WatchProcess(parts, round(time.time() * 1000))
    beat = HeartbeatLook(*_heartbeat(settings), watch.goes_round)
    asks_outside = SlowLook("heartbeat", beat.look)
    looks.heartbeat = lambda: beat.seen

    def use_heartbeat(new: Settings) -> None:
        if beat.use(*_heartbeat(new)):
            asks_outside.poke()

    looks.use_heartbeat = use_heartbeat
    SlowLook("settings", follower.look)
    return watch


def _heartbeat(settings: Settings) -> tuple[str, bool]:
    """(URL, whether it was set in the browser)."""
    return settings.heartbeat_url.reveal(), "HEARTBEAT_URL" in set_in_browser(settings)


if __name__ == "__main__":
    sys.exit(main())
