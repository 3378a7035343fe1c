"""What a process of COIN-LAB may take of the machine: memory, processor time, and its place behind everything else."""

import contextlib
import ctypes
import os
import resource
import signal
from pathlib import Path

NICE = 10  # a bot at 0 gets nine times the processor of a job where both want it
NICE_WARM = 5  # somebody waits for a curve
CPU_S = 4 * 3600  # of one job
_PR_SET_PDEATHSIG = 1


def apply(memory_mb: int, nice: int, cpu_s: int | None = CPU_S) -> None:
    """Bind the calling process and what it starts; called once, before anything large is loaded.

    Memory counts what a process writes for itself (RLIMIT_DATA): libraries reserve addresses by the gigabyte that they
    never touch.
    """
    with contextlib.suppress(OSError, AttributeError):  # Linux alone has it: elsewhere the supervisor ends its children
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    os.nice(nice)
    # Where the kernel groups processes by session, nice counts within the group only; this is the group's own.
    with contextlib.suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")
    _bound(resource.RLIMIT_DATA, memory_mb * 1024 * 1024)
    if cpu_s is not None:
        _bound(resource.RLIMIT_CPU, cpu_s)
    _bound(resource.RLIMIT_CORE, 0)


def _bound(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(what, (most, most))


def cores() -> int:
    """How many cores a job may fill: one is left to the bot."""
    return max(1, (os.cpu_count() or 1) - 1)


def group_bytes(group: int) -> int | None:
    """Memory of all processes of a process group together, without what they share; None = not known here."""
    total, seen = 0, False
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            after = stat.read_text().rpartition(")")[2].split()
            if int(after[2]) != group:
                continue
            rollup = (stat.parent / "smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")) * 1024
            seen = True
        except (OSError, IndexError, ValueError):
            continue
    return total if seen else None
