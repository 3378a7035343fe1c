"""Who may command PM2: whoever can connect to its socket runs programs as the user that started it."""

import os
import stat
from pathlib import Path

from shared.data_folder import Refusal, user_name

# The sockets that PM2 listens on: the first takes commands, the second tells what happens.
_SOCKETS = ("rpc.sock", "pub.sock")


def refusal(folder: Path) -> Refusal | None:
    """Why this PM2_HOME cannot be trusted; None = it can, or is not there yet. Looks and changes nothing."""
    try:
        found = folder.stat()
    except OSError:
        return None  # PM2 makes it, or says why it can't; ./coin start has it made 0700
    mode = stat.S_IMODE(found.st_mode)
    close = f"chmod 700 '{folder}'"
    if found.st_uid != os.geteuid():
        owner = user_name(found.st_uid)
        problem = f"PM2_HOME={folder} belongs to {owner}: its PM2 and ours could run programs as each other's user"
        own = "PM2_HOME=~/.pm2-coin ./coin start"
        return Refusal(problem, (f"Run it as that user (sudo -u {owner} ./coin …), or with a PM2 of your own: {own}",))
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        who = "everybody" if mode & stat.S_IWOTH else "its group"
        return Refusal(
            f"PM2_HOME={folder} is open to {who} ({mode:04o}): who can put a socket there, or connect to PM2's, runs "
            "programs as you",
            (close,),
        )
    for name in _SOCKETS:
        bits = _mode(folder / name)
        for read, write, who in ((stat.S_IXGRP, stat.S_IWGRP, "its group"), (stat.S_IXOTH, stat.S_IWOTH, "everybody")):
            if mode & read and bits & write:
                return Refusal(
                    f"{folder / name} is open to {who} ({bits:04o}): who connects to it runs programs as you", (close,)
                )
    return None


def _mode(path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        return 0
    return 0 if stat.S_ISLNK(found.st_mode) else stat.S_IMODE(found.st_mode)
