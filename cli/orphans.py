"""Processes of ours that outlived their PM2.

A PM2 daemon that is killed leaves its processes behind, and the next one knows nothing of them: a bot that trades on,
which `pm2 list` doesn't show. They are known by what only they have: our interpreter and module, this folder, this
PM2 home and this data folder.
"""

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shared import pm2_plan
from shared.paths import ROOT
from shared.pm2 import home, pid_alive

MODULES = {pm2_plan.EVERY[name]: name for name in pm2_plan.ORDER_OF_STOP}  # in the order in which they end
GRACE_S = 8.0


@dataclass(frozen=True, slots=True)
class Orphan:
    name: str
    pid: int


def find(known_pids: Iterable[int]) -> list[Orphan]:
    """Those that run, without the pids that PM2 knows; the bot first. None where there is no /proc."""
    known = set(known_pids)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        if pid in known or pid == os.getpid():
            continue
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if len(words) < 3 or words[1] != b"-m" or words[2].decode() not in MODULES:
                continue
            if words[0].decode() == str(ROOT / ".venv/bin/python") and _same_place(folder):
                found.append(Orphan(MODULES[words[2].decode()], pid))
        except (OSError, UnicodeDecodeError):
            continue  # another user's, or one that just ended
    order = list(MODULES.values())
    return sorted(found, key=lambda orphan: order.index(orphan.name))


def _same_place(folder: Path) -> bool:
    if Path(os.readlink(folder / "cwd")) != ROOT:
        return False
    raw = (folder / "environ").read_bytes().decode(errors="replace").split("\0")
    theirs = dict(entry.partition("=")[::2] for entry in raw if "=" in entry)
    same_data = theirs.get("DATA_DIR", "") == os.environ.get("DATA_DIR", "")
    return same_data and "PM2_HOME" in theirs and Path(theirs["PM2_HOME"]) == home()


def end(orphan: Orphan) -> bool:
    """Ask it to stop as PM2 does, and kill it where it doesn't within its time. False = it had to be killed."""
    for number in (signal.SIGINT, signal.SIGKILL):
        try:
            os.kill(orphan.pid, number)
        except ProcessLookupError:
            return number is signal.SIGINT
        until = time.monotonic() + GRACE_S
        while pid_alive(orphan.pid) and time.monotonic() < until:
            time.sleep(0.05)
        if not pid_alive(orphan.pid):
            return number is signal.SIGINT
    return False
