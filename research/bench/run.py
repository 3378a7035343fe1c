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

import numpy as np

from research.bench import peers as others
from research.bench.market import YEAR, minutes
from research.bench.workloads import CASH, FEE_PCT, timed, work_a, work_b, work_c, work_logistic
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
            _row(
                table,
                say,
                "logistic, refit each hour, a twelfth of a year x 12",
                (took.s * 12, took.best * 12),
                20.0,
                "",
                memory_mb(),
            )
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


def _row(
    table: Table, say: Say, what: str, spent: tuple[float, float], goal: float | None, beside: str, mb: float
) -> None:
    """`spent`: median and best, seconds. The median is held against the goal."""
    seconds, best = spent
    met = "" if goal is None else "yes" if seconds <= goal else "no"
    table.missed += met == "no"
    row = (what, ms(seconds), ms(best), "" if goal is None else f"≤ {ms(goal)}", met, beside, f"{mb:,.0f} MB")
    table.rows.append(row)
    say("  " + "  ".join(f"{cell:>12}" if i else f"{cell:<52}" for i, cell in enumerate(row)))


def _own(table: Table, candles: Candles, rivals: Sequence[others.Peer], say: Say) -> None:
    a = timed(lambda: work_a(candles), 7)
    final, trades = float(a.result.equity[-1]), int((a.result.ints[:, 6] != 9).sum())
    _row(table, say, "A: SMA 20/50, fees, trades, equity", (a.s, a.best), 0.010, "", memory_mb())
    b = timed(lambda: work_b([candles]), 7)
    _row(table, say, f"B: lots by the rulebook ({len(b.result.ints):,} lots)", (b.s, b.best), 0.015, "", memory_mb())
    for jobs in (1, 2):
        c = timed(lambda jobs=jobs: work_c(candles, jobs), 3)  # type: ignore[misc]
        goal = 0.4 if jobs == 2 else None
        _row(table, say, f"C: A at 100 points, {jobs} core{'s' * (jobs > 1)}", (c.s, c.best), goal, "", memory_mb())
    table.notes.append(f"A: {trades:,} trades, final equity {final:,.6f}")
    for rival in rivals:
        if rival.found is None:
            table.notes.append(f"{rival.name}: {rival.why_not}; left out")
            continue
        found = rival.found
        name = f"{rival.name} {found['version']}"
        seconds = float(np.median(found["A_s"][1:] or found["A_s"]))
        _row(
            table, say, f"A in {name}", (seconds, min(found["A_s"])), None, f"{seconds / a.s:,.0f} x ours", found["mb"]
        )
        apart = abs(found["final"] / final - 1)
        table.notes.append(f"{name}: {found['trades']:,} trades, final equity {apart:.1e} apart (relative)")
        table.missed += apart > 1e-6 or found["trades"] != trades
        if "C_s" in found:
            spent = float(np.median(found["C_s"]))
            _row(
                table,
                say,
                f"C in {name}",
                (spent, min(found["C_s"])),
                None,
                f"{spent / c.s:,.0f} x ours",
                found["C_mb"],
            )


def _fresh(table: Table, candles: Candles, work: Path, say: Say) -> None:
    """Reading, and the command in a new process: without and with the compiler's cache."""
    store.save(work, "year", candles)
    path = store.find(work, "year")
    read = timed(lambda: float(store.load(path).close.sum()), 7)
    _row(table, say, "reading a year of minutes", (read.s, read.best), 0.050, "", memory_mb())
    env = {**os.environ, "XDG_CACHE_HOME": str(work / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "research.bench.fresh", str(work), "year"]
    spent = []
    for _ in range(4):
        began = time.perf_counter()
        done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603
        spent.append((time.perf_counter() - began, json.loads(done.stdout.strip().splitlines()[-1])))
    _row(table, say, "B, command to report, first run ever", (spent[0][0], spent[0][0]), 15.0, "", spent[0][1]["mb"])
    later = sorted(spent[1:], key=lambda pair: pair[0])[1]
    _row(
        table,
        say,
        "B, command to report, new process",
        (later[0], min(pair[0] for pair in spent[1:])),
        1.5,
        "",
        later[1]["mb"],
    )
    table.notes.append(f"The report of B over a year: {later[1]['report'] / 1e6:.1f} MB")


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
    head = ("what", "median", "best", "goal", "met", "beside", "memory")
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
