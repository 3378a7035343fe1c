"""`python -m lab_worker`: COIN-LAB. Exit 78: settings are wrong; 75: another one works here; 0: nothing more to do."""

import logging
import os
import signal
import sys
import threading
import time
from pathlib import Path

from lab_worker.supervisor import LabSupervisor
from shared import flocks, logs
from shared import settings as settings_module
from shared.bots import LAB
from shared.data_folder import FolderRefused
from shared.exits import Exit
from shared.lab_files import LabFolder
from shared.settings import SettingsError

log = logging.getLogger("lab")


def main(env_file: Path | None = None) -> int:
    try:
        settings = settings_module.load(env_file).settings
        paths = settings.paths
        paths.prepare()
        folder = LabFolder(paths)
        folder.prepare()
    except SettingsError as error:
        for problem in error.problems:
            sys.stderr.write(f"{LAB}: {problem}\n")
        return Exit.SETTINGS
    except FolderRefused as error:
        sys.stderr.write("\n      ".join((f"{LAB}: {error}", *error.ways)) + "\n")
        return Exit.SETTINGS
    except OSError as error:
        sys.stderr.write(f"{LAB}: the data folder cannot be used: {error.strerror}. Set DATA_DIR.\n")
        return Exit.SETTINGS
    if not settings.lab:
        sys.stderr.write(f"{LAB}: LAB=false\n")
        return Exit.SETTINGS
    logs.set_up(paths.logs, LAB, settings.log_level, settings.log_format)
    if flocks.take(folder.lock, 0.0) is None:  # held until the process ends
        log.error("another %s works on %s", LAB, paths.root)
        return Exit.LOCKED
    if not folder.wanted(time.time()):
        log.info("lab.not_needed: nothing is asked for")  # PM2 was made to know it, at a start of everything
        return Exit.DONE
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    log.info("lab.started data=%s pid=%d", paths.root, os.getpid())
    LabSupervisor(folder, memory_mb=settings.lab_memory_mb).run(stop)
    log.info("lab.ended")
    return Exit.DONE


if __name__ == "__main__":
    sys.exit(main())
