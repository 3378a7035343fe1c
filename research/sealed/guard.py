"""What a sealed process may open: code that it imports, and what the system's libraries read about the machine.

Python's audit hook names the offence; Landlock (Linux) stops libraries that open files without Python's knowing.
"""

import ctypes
import os
import struct
import sys
from collections.abc import Callable, Sequence
from typing import Any

CODE = (".py", ".pyc", ".pyi", ".so", ".pyd", ".dylib", ".pth")
MACHINE = (
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/sys", "/proc/stat", "/sys", "/dev/null", "/dev/urandom",
    "/etc", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo",
)  # fmt: skip
OUT = ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system", "os.exec",
       "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "sqlite3.connect")  # fmt: skip
_WRITE = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def under(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def guard(code: Sequence[str], closed: Sequence[str], offences: list[str]) -> Callable[[str, tuple[Any, ...]], None]:
    """An audit hook. `code`: folders whose Python files may be read; `closed`: folders that stay shut whatever else
    holds. Whatever it refuses it also notes, as a strategy may swallow the error."""
    anything = tuple({os.path.realpath(one) for one in (sys.prefix, sys.base_prefix)} - {"/"})
    ours, shut = (tuple(os.path.realpath(one) for one in some) for some in (code, closed))

    def may_read(path: str) -> bool:
        if any(under(path, one) for one in shut):
            return False
        if any(under(path, one) for one in ours) and path.endswith(CODE):
            return True
        return any(under(path, one) for one in (*anything, *MACHINE))

    def hook(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = args
            if isinstance(path, int) or path is None:
                return
            text = os.path.realpath(os.fsdecode(path))
            if not flags & _WRITE and may_read(text):
                return
            _refuse(f"{'wrote' if flags & _WRITE else 'read'} {text}", offences)
        elif event in OUT:
            _refuse(f"used {event}", offences)

    return hook


def _refuse(what: str, offences: list[str]) -> None:
    if what not in offences:
        offences.append(what)
    raise PermissionError(f"a strategy may only use its bars: it {what}")


# Landlock, ABI 1: numbers of include/uapi/linux/landlock.h, and the same system calls on every architecture.
_EXECUTE, _READ_FILE, _READ_DIR, _ALL = 1, 4, 8, (1 << 13) - 1
_CREATE, _ADD, _RESTRICT, _NO_NEW_PRIVS = 444, 445, 446, 38


def landlock(folders: Sequence[str]) -> bool:
    """Let this process open files below `folders` alone, to read. False where the kernel can't."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    handled = struct.pack("=Q", _ALL)
    ruleset = libc.syscall(_CREATE, handled, ctypes.c_size_t(len(handled)), ctypes.c_uint32(0))
    if ruleset < 0:
        return False
    for folder in folders:
        try:
            at = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue
        rights = _EXECUTE | _READ_FILE | (_READ_DIR if os.path.isdir(folder) else 0)
        rule = struct.pack("=Qi", rights, at)
        libc.syscall(_ADD, ctypes.c_int(ruleset), ctypes.c_int(1), rule, ctypes.c_uint32(0))
        os.close(at)
    locked = (
        libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
        and libc.syscall(_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0
    )
    os.close(ruleset)
    return bool(locked)
