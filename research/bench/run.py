"""The whole table in one run: measured here and now, peers beside it, written to docs/performance.md."""

import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from research.bench import peers as others
from research.bench.market import YEAR, minutes
from research.bench.workloads import CASH, FEE_PCT, Timed, timed, work_a, work_b, work_c, work_logistic
from research.data import store
from research.data.candles import Candles
from shared.paths import ROOT

PAGE = ROOT / "docs" / "performance.md"
Say = Callable[[str], None]


@dataclass(slots=True)
class Table:
    """Rows of the page as they are measured."""

    rows: list[tuple[str, ...]] = field(default_factory=list)
    scaling: list[tuple[str, ...]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missed: int = 0


def ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def memory_mb() -> float:
    """Highest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def bench(say: Say, write: Path | None = PAGE, *, peers: bool = True, logistic: bool = True) -> int:
    """Measure everything, print it, write the page. Answers how many goals were missed."""
    load_before = os.getloadavg()[0]
    table, candles = Table(), minutes()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        rivals = [_peer(name, candles, work, say) for name in others.PEERS] if peers else []
        _own(table, candles, rivals, say)
        _fresh(table, candles, work, say)
        if logistic:
            took = timed(lambda: work_logistic(candles.rows(0, YEAR // 12)), 1)
            _row(table, say, "logistic, refit each hour, a twelfth of a year x 12", _of(took, 12), memory_mb(), 20.0)
        _scaling(table, candles, say)
    load_after = os.getloadavg()[0]
    page = _page(table, (load_before, load_after))
    if write is not None:
        write.write_text(page)
        say(f"  {os.path.relpath(write)}")
    return table.missed


def _peer(name: str, candles: Candles, work: Path, say: Say) -> others.Peer:
    found = others.measure(name, candles, work, FEE_PCT / 100, CASH, 3)
    if found.found is None:
        say(f"  · {name} {found.why_not}: left out")
    return found


class Spent(NamedTuple):
    """Seconds: the median, which is held against the goal; the best; the least processor time (None: not measured)."""

    median: float
    best: float
    cpu: float | None


def _row(
    table: Table, say: Say, what: str, spent: Spent, mb: float, goal: float | None = None, beside: str = ""
) -> None:
    """Keep one line of the table, and print it."""
    met = "" if goal is None else "yes" if spent.median <= goal else "no"
    table.missed += met == "no"
    least = "" if spent.cpu is None else ms(spent.cpu)
    wanted = "" if goal is None else f"≤ {ms(goal)}"
    row = (what, ms(spent.median), ms(spent.best), least, wanted, met, beside, f"{mb:,.0f} MB")
    table.rows.append(row)
    say("  " + "  ".join(f"{cell:>12}" if i else f"{cell:<52}" for i, cell in enumerate(row)))


def _of(timed_: Timed, times: int = 1) -> Spent:
    return Spent(timed_.s * times, timed_.best * times, timed_.cpu * times)


def _own(table: Table, candles: Candles, rivals: Sequence[others.Peer], say: Say) -> None:
    a = timed(lambda: work_a(candles), 9)
    final, trades = float(a.result.equity[-1]), int((a.result.ints[:, 6] != 9).sum())
    _row(table, say, "A: SMA 20/50, fees, trades, equity", _of(a), memory_mb(), 0.010)
    b = timed(lambda: work_b([candles]), 9)
    _row(table, say, f"B: lots by the rulebook ({len(b.result.ints):,} lots)", _of(b), memory_mb(), 0.015)
    for jobs in (1, 2):
        c = timed(lambda jobs=jobs: work_c(candles, jobs), 5)  # type: ignore[misc]
        goal = 0.4 if jobs == 2 else None
        _row(table, say, f"C: A at 100 points, {jobs} core{'s' * (jobs > 1)}", _of(c), memory_mb(), goal)
    table.notes.append(f"A: {trades:,} trades, final equity {final:,.6f}")
    for rival in rivals:
        if rival.found is None:
            table.notes.append(f"{rival.name}: {rival.why_not}; left out")
            continue
        found = rival.found
        name = f"{rival.name} {found['version']}"
        later = found["A_s"][1:] or found["A_s"]
        one = Spent(float(np.median(later)), min(later), None)
        _row(table, say, f"A in {name}", one, found["mb"], beside=f"{one.median / a.s:,.0f} x ours")
        apart = abs(found["final"] / final - 1)
        table.notes.append(f"{name}: {found['trades']:,} trades, final equity {apart:.1e} apart (relative)")
        table.missed += apart > 1e-6 or found["trades"] != trades
        if "C_s" in found:
            many = Spent(float(np.median(found["C_s"])), min(found["C_s"]), None)
            _row(table, say, f"C in {name}", many, found["C_mb"], beside=f"{many.median / c.s:,.0f} x ours")


def _fresh(table: Table, candles: Candles, work: Path, say: Say) -> None:
    """Reading, and the command in a new process: without and with the compiler's cache."""
    store.save(work, "year", candles)
    path = store.find(work, "year")
    read = timed(lambda: float(store.load(path).close.sum()), 9)
    _row(table, say, "reading a year of minutes", _of(read), memory_mb(), 0.050)
    env = {**os.environ, "XDG_CACHE_HOME": str(work / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "research.bench.fresh", str(work), "year"]
    runs = []
    for _ in range(6):
        began = time.perf_counter()
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        runs.append((time.perf_counter() - began, json.loads(done.stdout.strip().splitlines()[-1])))
    first, later = runs[0], runs[1:]
    spent = Spent(first[0], first[0], first[1]["cpu"])
    _row(table, say, "B, command to report, first run ever", spent, first[1]["mb"], 15.0)
    walls = [wall for wall, _ in later]
    spent = Spent(float(np.median(walls)), min(walls), min(about["cpu"] for _, about in later))
    _row(table, say, "B, command to report, new process", spent, later[-1][1]["mb"], 1.5)
    table.notes.append(f"The report of B over a year: {later[-1][1]['report'] / 1e6:.1f} MB")


def _scaling(table: Table, candles: Candles, say: Say) -> None:
    def note(what: str, seconds: float, base: float, times: float) -> None:
        row = (what, ms(seconds), f"{seconds / base:.2f} x the time", f"{times:g} x the work")
        table.scaling.append(row)
        say("  " + "  ".join(f"{cell:>16}" if i else f"{cell:<40}" for i, cell in enumerate(row)))

    quarter = candles.rows(0, YEAR // 4)
    base = timed(lambda: work_b([quarter]), 5).s
    for times in (2, 4):
        part = candles.rows(0, YEAR // 4 * times)
        note(f"B, bars x {times}", timed(lambda part=part: work_b([part]), 5).s, base, times)  # type: ignore[misc]
    for count in (2, 4):
        many = [_as(quarter, f"C{i}-USD", i) for i in range(count)]
        note(f"B, products x {count}", timed(lambda many=many: work_b(many), 5).s, base, count)  # type: ignore[misc]
    few = ("MA_FAST=5:50:5", "MA_SLOW=60:80:10")
    base = timed(lambda: work_c(quarter, 1, few), 3).s
    for cores in (1, 2):
        spent = timed(lambda cores=cores: work_c(quarter, cores), 3).s  # type: ignore[misc]
        note(f"C, points x 3.3, {cores} core{'s' * (cores > 1)}", spent, base, 100 / 30)


def _as(candles: Candles, product_id: str, shift: int) -> Candles:
    """The same bars as another product, its prices turned so that the products don't trade in step."""
    roll = shift * 10_007
    o, h, low, c, v = (
        np.roll(column, roll) for column in (candles.open, candles.high, candles.low, candles.close, candles.volume)
    )
    return Candles(product_id, 60, candles.start_s, o, h, low, c, v, digest=f"{candles.digest}{shift}")


def _page(table: Table, load: tuple[float, float]) -> str:
    import numba  # noqa: PLC0415
    import pyarrow  # noqa: PLC0415

    cores, now = os.cpu_count() or 1, datetime.now(UTC)
    busy = max(load) > 0.5
    shared = (
        f"The machine was shared while this was measured (load {load[0]:.1f} before, {load[1]:.1f} after, on {cores} "
        "cores): times are above what an idle machine shows; ratios were taken in the same run."
        if busy
        else f"Load {load[0]:.1f} before, {load[1]:.1f} after."
    )
    head = ("what", "median", "best", "processor", "goal", "met", "beside", "memory")
    lines = [
        "# Performance of research",
        "",
        f"Written by `./coin bench research` on {now:%Y-%m-%d %H:%M} UTC. {YEAR:,} one-minute bars unless said "
        "otherwise; medians after the compiler's warm-up; everything in one run.",
        "",
        f"{cores} cores, {platform.machine()}, {platform.system()}; Python {platform.python_version()}, numpy "
        f"{np.__version__}, numba {numba.__version__}, pyarrow {pyarrow.__version__}. {shared}",
        "",
        "| " + " | ".join(head) + " |",
        "|" + "---|" * len(head),
        *("| " + " | ".join(row) + " |" for row in table.rows),
        "",
        "## How it grows",
        "",
        "| what | median | | |",
        "|---|---|---|---|",
        *("| " + " | ".join(row) + " |" for row in table.scaling),
        "",
        *(f"- {note}" for note in table.notes),
        "- A goes all in and out with one coin at a time; B is the rulebook with its runner, scalps, decay, trailing, "
        "resting takes, volatility sizing and fees. Both include turning prices to ticks and making the signals.",
        "- Processor: the least processor time of a run, which others on the machine disturb less; for C of all cores.",
        "- Memory is the highest of the process so far, imports included.",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """`python -m research.bench.run`, which `./coin bench research` calls. 1 where a goal was missed."""

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    return 1 if bench(say) else 0


if __name__ == "__main__":
    sys.exit(main())
