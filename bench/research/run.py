"""The whole table in one run: measured here and now, peers beside it, written to docs/performance.md.

Each measurement has a process of its own, so that neither its memory nor its warm-up is another's.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench.research import figures, page
from bench.research import peers as others
from bench.research.market import YEAR, minutes
from bench.research.page import BenchRow, BenchTable, ms
from bench.research.weights import FAMILY_S, LOOP_S, STRATEGIES
from bench.research.workloads import CASH, FEE_PCT
from research.data import store
from research.data.candles import CandleSet
from shared.paths import ROOT

PAGE = ROOT / "docs" / "performance.md"
Say = Callable[[str], None]
# How many times faster than a rival a workload has to be.
WANTED = {("vectorbt", "A"): 10.0, ("vectorbt", "B"): 20.0}
TITLES = {"A": "SMA 20/50, fees, trades, equity", "B": "lots by the rulebook", "C": "A at 100 points"}


def bench(say: Say, write: Path | None = PAGE, *, peers: bool = True, logistic: bool = True) -> int:
    """Measure everything, print it, write the page. Answers how many goals were missed."""
    load_before = os.getloadavg()[0]
    table, candles = BenchTable(say), minutes()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        store.save(work, "year", candles)
        rivals = [_peer(name, candles, work, say) for name in others.PEERS] if peers else []
        ours = _own(table, work)
        compare(table, ours, rivals)
        weights_rows(table, work)
        row(table, "reading a year of minutes", _one(work, "read", 9), 0.050)
        _fresh(table, work)
        if peers:
            said, agrees = figures.compare(work)
            table.notes.append(said)
            table.missed += not agrees
        if logistic:
            row(table, "logistic model over the year, refitted each hour", _one(work, "logistic", 1), 20.0)
        _scaling(table, work)
    if write is not None:
        write.write_text(page.text(table, (load_before, os.getloadavg()[0]), YEAR))
        say(f"  {os.path.relpath(write)}")
    return table.missed


def _peer(name: str, candles: CandleSet, work: Path, say: Say) -> others.PeerResult:
    found = others.measure(name, candles, work, FEE_PCT / 100, CASH, 3)
    if found.found is None:
        say(f"  · {name} {found.why_not}: left out")
    return found


def _program(module: str, *arguments: str, cache: Path | None = None) -> dict[str, Any]:
    """The JSON line that a measuring program of ours prints last, and how long its process took."""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    if cache is not None:
        env["XDG_CACHE_HOME"] = str(cache)
    began = time.perf_counter()
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True)
    spent = time.perf_counter() - began
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return {**found, "process_s": spent}


def _one(work: Path, what: str, runs: int) -> dict[str, Any]:
    return _program("bench.research.one", str(work), what, str(runs))


def row(
    table: BenchTable, what: str, found: dict[str, Any], goal_s: float | None = None, goal_mb: float | None = None
) -> None:
    """One line of ours: median, best, least processor time, and the goals."""
    goals, met = [], True
    if goal_s is not None:
        goals.append(f"≤ {ms(goal_s)}")
        met = found["s"] <= goal_s
    if goal_mb is not None:
        goals.append(f"≤ {goal_mb:,.0f} MB")
        met = met and found["mb"] <= goal_mb
    times = (ms(found["s"]), ms(found["best"]), ms(found["cpu"]))
    table.add(BenchRow(what, *times, ", ".join(goals), met if goals else None, "", f"{found['mb']:,.0f} MB"))


def _own(table: BenchTable, work: Path) -> dict[str, dict[str, Any]]:
    """A, B and C; what was measured, by their letters."""
    ours = {"A": _one(work, "A", 9), "B": _one(work, "B", 9)}
    row(table, f"A: {TITLES['A']}", ours["A"], 0.010)
    row(table, f"B: {TITLES['B']} ({ours['B']['lots']:,} lots)", ours["B"], 0.015)
    row(table, f"C: {TITLES['C']}, 1 core", _one(work, "C:1", 5))
    ours["C"] = _one(work, "C:2", 5)
    row(table, f"C: {TITLES['C']}, 2 cores", ours["C"], 0.4, 500)
    table.notes.append(f"A: {ours['A']['trades']:,} trades, final equity {ours['A']['final']:,.6f}")
    return ours


def weights_rows(table: BenchTable, work: Path) -> None:
    """The loop for target weights, and the strategies that say them."""
    row(table, "target weights: the loop", _one(work, "weights", 9), LOOP_S)
    for name in STRATEGIES:
        row(table, f"{name}: from bars to equity", _one(work, name, 9), FAMILY_S)


def compare(table: BenchTable, ours: dict[str, dict[str, Any]], rivals: Sequence[others.PeerResult]) -> None:
    """The rivals' times as ratios to ours, and whether A came out the same."""
    a = ours["A"]
    for rival in rivals:
        if rival.found is None:
            table.notes.append(f"{rival.name}: {rival.why_not}; left out")
            continue
        found, name = rival.found, f"{rival.name} {rival.found['version']}"
        for letter in "ABC":
            times = found.get(f"{letter}_s")
            if not times:
                continue
            later = times[1:] or times
            ratio = float(np.median(later)) / ours[letter]["s"]
            wanted = WANTED.get((rival.name, letter))
            goal = f"≥ {wanted:g} x" if wanted else ""
            mb = found.get(f"{letter}_mb", found.get("mb", 0.0))
            table.add(
                BenchRow(
                    f"{letter} in {name}", ms(float(np.median(later))), ms(min(later)), "", goal,
                    ratio >= wanted if wanted else None, f"{ratio:,.0f} x ours", f"{mb:,.0f} MB",
                )
            )  # fmt: skip
        apart = abs(found["final"] / a["final"] - 1)
        table.notes.append(f"A in {name}: {found['trades']:,} trades, final equity {apart:.1e} apart (relative)")
        table.missed += apart > 1e-6 or found["trades"] != a["trades"]
        table.missed += found.get("B_disagrees", 0)
        table.notes += found.get("notes", [])


def _fresh(table: BenchTable, work: Path) -> None:
    """The command in a new process: without and with what the compiler made."""
    runs = []
    for _ in range(6):
        found = _program("bench.research.fresh", str(work), "year", cache=work / "cache")
        runs.append({**found, "s": found["process_s"], "best": found["process_s"]})
    first, later = runs[0], runs[1:]
    row(table, "B, command to report, first run ever", first, 15.0)
    walls = [run["s"] for run in later]
    again = {**later[-1], "s": float(np.median(walls)), "best": min(walls), "cpu": min(run["cpu"] for run in later)}
    row(table, "B, command to report, new process", again, 1.5)
    table.notes.append(f"The report of B over a year: {again['report'] / 1e6:.1f} MB")


def _scaling(table: BenchTable, work: Path) -> None:
    """Work against time: a quarter of a year and one product are the base, thirty points that of the sweep."""
    base = _one(work, "bars:1", 5)
    for what, word in (("bars", "bars"), ("products", "products of a quarter")):
        for times in (2, 4):
            table.grow(f"B, {word} x {times}", _one(work, f"{what}:{times}", 5), base, times)
    few = _one(work, "points30:1", 3)
    for cores in (1, 2):
        found = _one(work, f"points100:{cores}", 3)
        table.grow(f"C, points x 3.3, {cores} core{'s' * (cores > 1)}", found, few, 100 / 30)


def main() -> int:
    """`python -m bench.research.run`, which `./coin bench research` calls. 1 where a goal was missed."""

    def say(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    return 1 if bench(say) else 0


if __name__ == "__main__":
    sys.exit(main())
