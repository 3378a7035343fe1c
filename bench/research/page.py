"""The bench's table: printed as it is measured, and as the page docs/performance.md."""

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, NamedTuple

HEAD = ("what", "median", "best", "processor", "goal", "met", "beside", "memory")


class BenchRow(NamedTuple):
    """A line of the table; `met` None = there is no goal."""

    what: str
    median: str
    best: str
    processor: str
    goal: str
    met: bool | None
    beside: str
    memory: str

    @property
    def cells(self) -> tuple[str, ...]:
        met = "" if self.met is None else "yes" if self.met else "no"
        return (*self[:5], met, *self[6:])


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"


@dataclass(slots=True)
class BenchTable:
    """Rows of the page as they are measured; `missed` counts goals that were not met."""

    say: Callable[[str], None]
    rows: list[tuple[str, ...]] = field(default_factory=list)
    scaling: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missed: int = 0

    def add(self, row: BenchRow) -> None:
        """Keep one line, and print it."""
        self.missed += row.met is False
        self.rows.append(row.cells)
        self.say("  " + "  ".join(f"{cell:>12}" if i else f"{cell:<52}" for i, cell in enumerate(row.cells)))

    def grow(self, what: str, found: dict[str, Any], base: dict[str, Any], times: float) -> None:
        """Time against work, beside the base; memory beyond the base's, too."""
        ratio, more = found["s"] / base["s"], found["mb"] - base["mb"]
        row = (what, ms(found["s"]), f"{ratio:.2f} x the time", f"{times:.2g} x the work", f"{more:+,.0f} MB")
        self.scaling.append(row)
        self.say("  " + "  ".join(f"{cell:>16}" if i else f"{cell:<40}" for i, cell in enumerate(row)))


def text(table: BenchTable, load: tuple[float, float], bars: int) -> str:
    """The page. `load`: of the machine, before and after."""
    cores, now = os.cpu_count() or 1, datetime.now(UTC)
    shared = f"Load {load[0]:.1f} before, {load[1]:.1f} after."
    if load[0] > 0.5:
        shared = (
            f"The machine was shared while this was measured (load {load[0]:.1f} before, {load[1]:.1f} after, on "
            f"{cores} cores): times are above what an idle machine shows; ratios were taken in the same run."
        )
    lines = [
        "# Performance of research",
        "",
        f"Written by `./coin bench research` on {now:%Y-%m-%d %H:%M} UTC. {bars:,} one-minute bars unless said "
        "otherwise; medians after a warm-up; each line measured in a process of its own, everything in one run.",
        "",
        f"{cores} cores, {platform.machine()}, {platform.system()}; Python {platform.python_version()}, numpy "
        f"{version('numpy')}, numba {version('numba')}, pyarrow {version('pyarrow')}. {shared}",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *("| " + " | ".join(row) + " |" for row in table.rows),
        "",
        "## How it grows",
        "",
        "| what | median | | | memory |",
        "|---|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in table.scaling),
        "",
        *(f"- {note}" for note in table.notes),
        "- A goes all in and out with one coin at a time; B is the rulebook with its runner, scalps, decay, trailing, "
        "resting takes, volatility sizing and fees. Both include turning prices to ticks and making the signals.",
        "- Processor: the least processor time of a run, which others on the machine disturb less; for C of all cores.",
        "- Memory is the highest of that line's own process, imports included.",
    ]
    return "\n".join(lines) + "\n"
