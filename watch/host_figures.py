"""The machine's figures from /proc; on a system without it they are not known."""

import os
from pathlib import Path

from shared.paths import DataPaths
from watch.observations import HostObservation

CPU_WINDOW = 6  # looks that the processor's share is measured over


class HostFigures:
    """Keeps what a share needs to be measured over time."""

    def __init__(self, folder: Path, proc: Path = Path("/proc")) -> None:
        """`folder`: the data folder."""
        self._folder, self._proc = folder, proc
        self._cpu: list[tuple[int, int]] = []  # (busy, all) ticks
        self._oom_first: int | None = None
        self._bytes: int | None = None
        self._bytes_s = 0.0

    def look(self, mono_s: float) -> HostObservation:
        disk_pct, free_mb = self._disk()
        return HostObservation(
            cpu_pct=self._cpu_pct(),
            memory_pct=self._memory_pct(),
            disk_pct=disk_pct,
            disk_free_mb=free_mb,
            oom_kills=self._oom_kills(),
            network_still_s=self._network_still_s(mono_s),
            told_by_alertmanager=DataPaths(self._folder).host_is_told.exists(),
        )

    def _lines(self, name: str) -> list[str]:
        try:
            return (self._proc / name).read_text().splitlines()
        except OSError:
            return []

    def _cpu_pct(self) -> float | None:
        line = next(iter(self._lines("stat")), "")
        ticks = [int(word) for word in line.split()[1:9] if word.isdigit()]
        if len(ticks) < 8:
            return None
        idle = ticks[3] + ticks[4]  # idle, iowait
        self._cpu = [*self._cpu[-CPU_WINDOW:], (sum(ticks) - idle, sum(ticks))]
        (busy_first, all_first), (busy, all_now) = self._cpu[0], self._cpu[-1]
        return (busy - busy_first) / (all_now - all_first) * 100 if all_now > all_first else None

    def _memory_pct(self) -> float | None:
        found = {line.split(":")[0]: line.split() for line in self._lines("meminfo")}
        try:
            total, available = int(found["MemTotal"][1]), int(found["MemAvailable"][1])
        except (KeyError, IndexError, ValueError):
            return None
        return (total - available) / total * 100 if total else None

    def _disk(self) -> tuple[float | None, float | None]:
        try:
            found = os.statvfs(self._folder)
        except OSError:
            return None, None
        used = found.f_blocks - found.f_bfree
        whole = used + found.f_bavail  # as df counts it: what is kept for root is not to be had
        return (used / whole * 100 if whole else None), found.f_bavail * found.f_frsize / 2**20

    def _oom_kills(self) -> int | None:
        for line in self._lines("vmstat"):
            if line.startswith("oom_kill "):
                count = int(line.split()[1])
                self._oom_first = count if self._oom_first is None else self._oom_first
                return count - self._oom_first
        return None

    def _network_still_s(self, mono_s: float) -> float | None:
        counts = [
            int(line.partition(":")[2].split()[0])
            for line in self._lines("net/dev")
            if ":" in line and line.partition(":")[0].strip() != "lo"
        ]
        if not counts:
            return None
        if sum(counts) != self._bytes:
            self._bytes, self._bytes_s = sum(counts), mono_s
        return mono_s - self._bytes_s
