"""The compiler: the rulebook's own source registered with numba, results kept on disk under a name that can't be stale.

A cache that looks at the file of the compiled function alone misses an edit in what it calls. So the folder is named
by a hash of every source that can end up in the machine code, of the compiler's version and of the processor.
"""

import functools
import hashlib
import logging
import os
import platform
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from research.native import Native
from research.rulebook import RULES
from shared.paths import ROOT

log = logging.getLogger("research")
_KEEP = 3
_said: list[str] = []


def announce(text: str) -> None:
    """Told before the first compiling; a command puts its own way of speaking in this place."""
    log.info("%s", text)


def sources(root: Path = ROOT) -> list[Path]:
    """Every file whose code can be compiled: the rulebook and the loops."""
    return [*sorted((root / "bot/rules").glob("*.py")), *sorted((root / "research/loops").glob("*.py"))]


def source_hash(root: Path = ROOT) -> str:
    """Name of what would be compiled now: sources, compiler, Python, processor. Loads no compiler."""
    sha = hashlib.sha256()
    versions = tuple(version(name) for name in ("numba", "llvmlite", "numpy"))
    machine = (platform.machine(), sys.platform, llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())
    sha.update(" ".join((*versions, sys.version, *machine)).encode())
    for path in [*sources(root), root / "research/native.py", root / "research/numba_compiler.py"]:
        sha.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:16]


def cache_root() -> Path:
    """Where compiled code is kept: .coin/cache in the project folder, or XDG_CACHE_HOME/cointrader if that is set."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) / "cointrader" if base else ROOT / ".coin" / "cache") / "compiled"


@functools.cache
def use_cache() -> Path:
    """The folder that keeps what is compiled from these sources; older ones are removed but for a few."""
    folder = cache_root() / source_hash()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.utime(folder)
        others = sorted(folder.parent.iterdir(), key=lambda p: p.stat().st_mtime)
        for old in others[:-_KEEP]:
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        log.warning("compiled code can't be cached (%s): every run compiles again", error)
    return folder


def register(*functions: Callable[..., Any]) -> None:
    """Let compiled code call these plain functions. Loads the compiler."""
    # Importing numba takes longer than a year's backtest, and kept code needs none of it.
    from research import numba_compiler  # noqa: PLC0415

    numba_compiler.register(*functions)


def compile_loop(loop: Callable[..., int], helpers: tuple[Callable[..., Any], ...] = ()) -> Native:
    """The compiled form of `loop`, which may call every rule and `helpers`. Kept on disk; runs without the GIL."""

    def make_ready() -> None:
        if not _said:
            _said.append("compiling")
            announce("Compiling the trading rules, once per version: takes some seconds")
        register(*RULES, *helpers)

    return Native(loop, use_cache, make_ready)
