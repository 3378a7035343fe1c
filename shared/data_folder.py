"""Whose folder DATA_DIR is: one rule for the bot, the dashboard, COIN-SIM, `./coin` and the test rigs.

The folder gets mode 0700 and files that hold money and secrets. So it must be this user's, used by nothing else, and
not to be swapped by others. Anything else is refused as it is: no mode is changed, no file is made.
"""

import contextlib
import errno
import fnmatch
import functools
import grp
import os
import pwd
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MARKER = ".cointrader"
_MARK = b"CoinTrader's data folder (DATA_DIR): closed to other users, used by nothing else.\n"
# What a folder from before the marker is known by: files of ours that this user owns.
_FILES = frozenset(
    {"bot_state.json", "positions.json", "live_positions.json", "market.json", "control.json", "KILL", "bot.lock",
     "control.lock", "audit.jsonl", "live_permission.json", "folder_id.json", "alerts.json",
     "notes.db", "notes.db-wal", "notes.db-shm"}
)  # fmt: skip
_DATABASES = tuple(
    f"{name}{kind}.db{part}" for name in ("ledger", "market") for kind in ("", "-*") for part in ("", "-wal", "-shm")
)
# Subfolders of ours, and one name in each that only we put there; an empty one says nothing either way.
_FOLDERS = {
    "logs": ("COIN*.log*", "pm2"), "sim": ("ca.pem", "admin_token", "account*.db", "key*.json", "faults.json"),
    "dashboard": ("url", "links", "tokens", "sessions.json"), "research": ("candles", "runs", "sweeps", "walks"),
    "backups": ("cointrader-*.tar.gz", "record.json"), "incidents": ("incident-*.zip",),
    "bots": (), "watch": ("alerts.db",), "chat": ("chat.db",),
    "tape": (), "tape-replay": (), "tape-paper": (), "proof": (), "candles": ("*.parquet", "*.json"),
    "models": ("registry.jsonl", "shadow.jsonl*"), "lab": ("lab.lock", "jobs"),
}  # fmt: skip
_HARMLESS = frozenset({"lost+found", ".gitkeep", ".gitignore", ".keep", ".DS_Store", ".directory"})
# Places of the whole machine: closed to others, it would no longer work.
_SHARED_PLACES = frozenset(
    Path("/" + name)
    for name in (
        "", "bin", "boot", "dev", "dev/shm", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root",
        "run", "sbin", "srv", "sys", "tmp", "usr", "usr/local", "var", "var/lib", "var/log", "var/tmp",
    )
)  # fmt: skip


EVERYBODY = "everybody"


class FolderRefused(PermissionError):
    """The folder is not ours to use. `strerror` says why, `ways` what mends it. Nothing was changed."""

    def __init__(self, problem: str, *ways: str) -> None:
        super().__init__(errno.EPERM, problem)
        self.ways = ways

    def __str__(self) -> str:
        return str(self.strerror)


@dataclass(frozen=True, slots=True)
class FolderRefusal:
    """Why a folder is refused, and the commands that mend it."""

    problem: str
    ways: tuple[str, ...] = ()


def user_name(uid: int) -> str:
    """The user's name for people; the number where it has none."""
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(uid).pw_name
    return f"uid {uid}"


def other_writers(found: os.stat_result) -> str:
    """Who beside its owner may write there, as people say it; "" = nobody. A group counts where others are in it."""
    if found.st_mode & stat.S_IWOTH:
        return EVERYBODY
    if not found.st_mode & stat.S_IWGRP or not _others_in(found.st_gid):
        return ""
    with contextlib.suppress(KeyError):
        return f"the group {grp.getgrgid(found.st_gid).gr_name}"
    return f"the group {found.st_gid}"


@functools.cache
def _others_in(group: int) -> frozenset[str]:
    """Who is in the group beside this user and root; of one without a name, that is not ours, anybody may be."""
    mine = {"root", user_name(os.geteuid())}
    try:
        members = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        members = set() if group == os.getegid() else {"anybody"}
    return frozenset((members | {one.pw_name for one in pwd.getpwall() if one.pw_gid == group}) - mine)


def is_foreign(root: Path) -> bool:
    """True where the folder is there and belongs to another user, whose bot must not be run or commanded from here."""
    try:
        return root.stat().st_uid != os.geteuid()
    except OSError:
        return False


def refusal(root: Path) -> FolderRefusal | None:
    """Why `root` cannot be the data folder; None = it is, or may become one. Looks and changes nothing."""
    elsewhere = f"Name a folder of its own: DATA_DIR={root / 'cointrader'} in .env"
    try:
        place = root.resolve()
    except (OSError, RuntimeError) as error:  # a loop of links
        return FolderRefusal(f"DATA_DIR={root} cannot be resolved: {error}")
    if place in _shared_places():
        return FolderRefusal(
            f"DATA_DIR={root} is a place that other programs use, too; it would be closed to them", (elsewhere,)
        )
    return _of_link(root) or _of_parents(root, place) or (_of_itself(root, place, elsewhere) if _there(place) else None)


def prepare(root: Path, *subfolders: Path) -> None:
    """Make the folder and its subfolders, 0700, and mark it as ours. Raises FolderRefused, OSError."""
    _demand(root)
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _demand(root)  # made by us, or by somebody else in between
    place = root.resolve()
    _mark(place)
    for folder in (place, *(place / folder.relative_to(root) for folder in subfolders)):
        private(folder)


def private(folder: Path) -> Path:
    """A folder of ours inside the data folder, made 0700. Another user's is refused; through a link none is changed."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if stat.S_ISLNK(found.st_mode):  # kept on another disk: whoever linked it set its mode
        if folder.stat().st_uid != os.geteuid():
            raise FolderRefused(
                f"{folder} is a link to a folder of {user_name(folder.stat().st_uid)}", f"rm '{folder}'"
            )
        return folder
    if found.st_uid != os.geteuid():
        raise FolderRefused(f"{folder} belongs to {user_name(found.st_uid)}", f"sudo chown -R $(id -un) '{folder}'")
    if stat.S_IMODE(found.st_mode) & 0o777 != 0o700:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            os.fchmod(handle, 0o700)
        finally:
            os.close(handle)
    return folder


def _demand(root: Path) -> None:
    found = refusal(root)
    if found is not None:
        raise FolderRefused(found.problem, *found.ways)


def _there(place: Path) -> bool:
    return os.path.lexists(place)


def _shared_places() -> set[Path]:
    """The machine's own, the user's home, the project, and all that contains one of them."""
    homes = {Path(home).resolve() for home in (os.environ.get("HOME", ""), _home()) if home}
    above = {parent for home in (*homes, ROOT) for parent in home.parents}
    return {*_SHARED_PLACES, *homes, ROOT, *above}


def _home() -> str:
    with contextlib.suppress(KeyError):
        return pwd.getpwuid(os.geteuid()).pw_dir
    return ""


def _of_link(root: Path) -> FolderRefusal | None:
    """A link that another user made leads wherever that user wants."""
    with contextlib.suppress(OSError):
        found = root.lstat()
        if stat.S_ISLNK(found.st_mode) and found.st_uid not in (os.geteuid(), 0):
            return FolderRefusal(f"DATA_DIR={root} is a link that {user_name(found.st_uid)} made", (f"rm '{root}'",))
    return None


def _of_parents(root: Path, place: Path) -> FolderRefusal | None:
    """Who may write to a folder above can put another folder in this one's place."""
    for parent in place.parents:
        try:
            found = parent.stat()
        except OSError:
            continue  # it will be made
        who = other_writers(found)
        if who and not found.st_mode & stat.S_ISVTX:
            problem = f"DATA_DIR={root} lies in {parent}, in which {who} may rename and replace it"
            return FolderRefusal(problem, (f"chmod {'o-w' if who == EVERYBODY else 'g-w'} '{parent}'",))
        # Whoever owns the program's own folder could do anything anyway.
        if found.st_uid not in (os.geteuid(), 0) and not ROOT.is_relative_to(parent):
            problem = f"DATA_DIR={root} lies in {parent}, a folder of {user_name(found.st_uid)}, who may replace it"
            return FolderRefusal(
                problem,
                (f"Run it as that user (sudo -u {user_name(found.st_uid)} ./coin …), or name another DATA_DIR",),
            )
    return None


def _of_itself(root: Path, place: Path, elsewhere: str) -> FolderRefusal | None:
    found = place.stat()
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISDIR(found.st_mode):
        return FolderRefusal(f"DATA_DIR={root} is not a folder", (elsewhere,))
    if found.st_uid != os.geteuid():
        owner = user_name(found.st_uid)
        ways = (f"Run it as that user: sudo -u {owner} ./coin …", f"or take it over: sudo chown -R $(id -un) '{place}'")
        return FolderRefusal(f"DATA_DIR={root} belongs to {owner}, and this is {user_name(os.geteuid())}", ways)
    who = EVERYBODY if mode & stat.S_ISVTX else other_writers(found)
    if who:
        problem = f"DATA_DIR={root} is open to {who} ({mode:04o}): what lies in it may be anybody's"
        return FolderRefusal(problem, (f"Look at what is in it, then: chmod 0700 '{place}'", elsewhere))
    stranger = foreign_name(place)
    if stranger is not None:
        problem = f"DATA_DIR={root} is not a data folder: it contains {stranger}, which is not CoinTrader's"
        return FolderRefusal(problem, (elsewhere,))
    return None


def foreign_name(place: Path) -> str | None:
    """Something of others in a folder that has neither our mark nor a file of ours; None = there is nothing."""
    found = sorted(os.scandir(place), key=lambda entry: entry.name)
    if any(_is_mark(entry) for entry in found):
        return None
    return next((entry.name for entry in found if not _is_harmless(entry)), None)


def names_own(name: str) -> bool:
    """True for the name of a file that one of the processes writes into the folder."""
    return name == MARKER or name in _FILES or any(fnmatch.fnmatchcase(name, form) for form in _DATABASES)


def _is_mark(entry: "os.DirEntry[str]") -> bool:
    ours = entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
    return ours and names_own(entry.name)


def _is_harmless(entry: "os.DirEntry[str]") -> bool:
    if entry.name in _HARMLESS:
        return True
    forms = _FOLDERS.get(entry.name)
    if forms is None or not entry.is_dir(follow_symlinks=False):
        return False
    inside = list(_names(entry.path))
    return not inside or any(fnmatch.fnmatchcase(name, form) for name in inside for form in (*forms, MARKER))


def _names(folder: str) -> Iterator[str]:
    with contextlib.suppress(OSError):
        yield from os.listdir(folder)


def _mark(place: Path) -> None:
    """Put the mark there once. On a full disk it stays empty, which is enough: its name counts."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    try:
        handle = os.open(place / MARKER, flags, 0o600)
    except FileExistsError:
        return
    try:
        with contextlib.suppress(OSError):
            os.write(handle, _MARK)
    finally:
        os.close(handle)
