"""The compiler: the rulebook's own source registered with numba, results kept on disk under a name that can't be stale.

numba's disk cache looks at the file of the compiled function only, not at what it calls. So the folder is named by
a hash of every source that can end up in the machine code, of the compiler's version and of the processor.
"""

import hashlib
import inspect
import logging
import os
import platform
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot.core.rules import RULES
from shared.paths import ROOT

log = logging.getLogger("research")
_KEEP = 3
_registered: set[Callable[..., Any]] = set()


def sources(root: Path = ROOT) -> list[Path]:
    """Every file whose code can be compiled: the rulebook and the loops."""
    return [*sorted((root / "bot/core/rules").glob("*.py")), *sorted((root / "research/loops").glob("*.py"))]


def source_hash(root: Path = ROOT) -> str:
    """Name of what would be compiled now: sources, compiler, Python, processor."""
    import llvmlite  # noqa: PLC0415
    import numba  # noqa: PLC0415
    import numpy  # noqa: PLC0415

    sha = hashlib.sha256()
    versions = (numba.__version__, llvmlite.__version__, numpy.__version__, sys.version, platform.machine())
    sha.update(" ".join(versions).encode())
    for path in sources(root):
        sha.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:16]


def cache_root() -> Path:
    """Where compiled code is kept: .coin/cache in the project folder, or XDG_CACHE_HOME/cointrader if that is set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) / "cointrader" if base else ROOT / ".coin" / "cache") / "compiled"


def use_cache(root: Path | None = None) -> Path:
    """Point the compiler's disk cache at the folder of these sources; older ones are removed but for a few."""
    from numba.core import config  # noqa: PLC0415

    top = cache_root() if root is None else root
    folder = top / source_hash()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)
        others = sorted(top.iterdir(), key=lambda p: p.stat().st_mtime)
        for old in others[:-_KEEP]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        log.warning("compiled code can't be kept (%s): every run compiles anew", error)
    settings: Any = config
    settings.CACHE_DIR = str(folder)
    return folder


def register(*functions: Callable[..., Any]) -> None:
    """Let compiled code call these plain functions."""
    import numba  # noqa: PLC0415

    for function in functions:
        if function not in _registered:
            _registered.add(function)
            numba.extending.register_jitable(function)


def compile_loop(loop: Callable[..., Any], helpers: tuple[Callable[..., Any], ...] = ()) -> Callable[..., Any]:
    """The compiled form of `loop`, which may call every rule and `helpers`. Kept on disk; runs without the GIL."""
    import numba  # noqa: PLC0415

    use_cache()
    register(*RULES, *helpers)
    compiled: Callable[..., Any] = numba.njit(cache=True, nogil=True, error_model="python")(loop)
    return compiled


def is_plain(function: Callable[..., Any]) -> bool:
    """Whether this is Python's own function, not a compiled one."""
    return inspect.isfunction(function)
