"""Who may command PM2: whoever can connect to its socket runs programs as the user that started it."""

import contextlib
import functools
import grp
import os
import pwd
import stat
from pathlib import Path

from shared.data_folder import FolderRefusal, user_name

# The sockets that PM2 listens on: the first takes commands, the second tells what happens.
_SOCKETS = ("rpc.sock", "pub.sock")


def refusal(folder: Path) -> FolderRefusal | None:
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
        return FolderRefusal(
            problem, (f"Run it as that user (sudo -u {owner} ./coin …), or with a PM2 of your own: {own}",)
        )
    who = _writers(found)
    if who:
        text = f"PM2_HOME={folder} is open to {who} ({mode:04o}): who puts a socket there, or connects to PM2's"
        return FolderRefusal(f"{text}, runs programs as you", (close,))
    for name in _SOCKETS:
        try:
            bound = (folder / name).lstat()
        except OSError:
            continue
        # PM2 makes its sockets 0775: only the folder's own mode keeps the group from them.
        enters = stat.S_IWGRP * bool(mode & stat.S_IXGRP) | stat.S_IWOTH * bool(mode & stat.S_IXOTH)
        who = _writers(bound, enters)
        if who:
            text = f"{folder / name} is open to {who} ({stat.S_IMODE(bound.st_mode):04o}): who connects to it"
            return FolderRefusal(f"{text}, runs programs as you", (close,))
    return None


def _writers(found: os.stat_result, of: int = stat.S_IWGRP | stat.S_IWOTH) -> str:
    """Who else may write to it, as far as the bits `of` go; "" = nobody."""
    if found.st_mode & of & stat.S_IWOTH:
        return "everybody"
    if found.st_mode & of & stat.S_IWGRP and not _only_mine(found.st_gid, os.geteuid()):
        with contextlib.suppress(KeyError):
            return f"the group {grp.getgrgid(found.st_gid).gr_name}"
        return f"the group {found.st_gid}"
    return ""


@functools.cache
def _only_mine(group: int, user: int) -> bool:
    """True for the user's own group, where nobody else is in it: what Debian and others give each user."""
    try:
        me, members = pwd.getpwuid(user), grp.getgrgid(group).gr_mem
    except KeyError:
        return False
    others = {one.pw_name for one in pwd.getpwall() if one.pw_gid == group and one.pw_uid != user}
    return me.pw_gid == group and not others | (set(members) - {me.pw_name})
