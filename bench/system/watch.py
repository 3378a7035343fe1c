"""COIN-WATCH: what it costs, and how soon a real fault is told at a real sink.

`python -m bench.system.watch --each 100 --keep FILE` goes on for as long as that takes: each result is a line of FILE,
and the same command goes on where it was interrupted.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from bench.measurement import Measurement, measured
from bench.system.watch_faults import FAULTS, InjectedFault
from bench.system.watch_rig import Beside, beside
from cli.rig import NotReached

EACH = 3
COST_S = 30.0
GOAL_S = 5.0  # after the fault's own threshold
BLOCK = 10  # injections of each before those that need another system have their turn


def injected(watched: Beside, fault: InjectedFault) -> float:
    """Seconds from the fault to its message, of a system that has begun. Raises NotReached, also where it was told more
    than once."""
    came = len(watched.heard.came)
    began_s = time.monotonic()
    begun = fault.inject(watched)
    told_s = watched.heard.wait(fault.alert, "fired", began_s) - begun.at_s
    begun.undo()
    watched.heard.wait(fault.alert, "resolved", began_s)
    kinds = [message["kind"] for _, message in watched.heard.came[came:] if message["name"] == fault.alert]
    if kinds != ["fired", "resolved"]:
        raise NotReached(f"{fault.name} was told as {kinds}")
    return max(0.0, told_s)


def _cost(watched: Beside) -> list[Measurement]:
    """Of a watch that has nothing to tell, with one sink of the standard library."""
    watched.begin()
    assert watched.watch is not None
    pid = watched.watch.pid
    before_s, began_s = _cpu_s(pid), time.monotonic()
    time.sleep(COST_S)
    share = (_cpu_s(pid) - before_s) / (time.monotonic() - began_s) * 100
    return [
        Measurement("COIN-WATCH memory", _rss_mb(pid), "MB", 45.0),
        Measurement("COIN-WATCH processor, of one core", share, "%", 1.0, f"over {COST_S:g} s"),
    ]


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _rss_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _figures(results: dict[str, list[float]]) -> list[Measurement]:
    found = []
    for fault in FAULTS:
        late = [max(0.0, told_s - fault.threshold_s) for told_s in results.get(fault.name, [])]
        if late:
            note = f"n={len(late)}, threshold {fault.threshold_s:g} s"
            found.append(
                Measurement(f"{fault.name}: told after its threshold, p50", measured(late, 50), "s", None, note)
            )
            found.append(
                Measurement(f"{fault.name}: told after its threshold, p99", measured(late, 99), "s", GOAL_S, note)
            )
    return found


def measure() -> list[Measurement]:
    """Cost, and a few injections of each fault."""
    with beside() as watched:
        cost = _cost(watched)
    rows: list[dict[str, Any]] = []
    _inject_all(rows, EACH, None)
    return cost + _figures(_told(rows))


def _told(rows: Sequence[dict[str, Any]]) -> dict[str, list[float]]:
    """Fault → seconds, of those that were told once and over once."""
    return {f.name: [r["told_s"] for r in rows if r["fault"] == f.name and r["told_s"] is not None] for f in FAULTS}


def _row(watched: Beside, fault: InjectedFault) -> dict[str, Any]:
    """One injection: when it was told, or why it was not told as it should be; what else was told meanwhile."""
    told_s, problem, came = None, None, len(watched.heard.came)
    try:
        watched.begin()
        came = len(watched.heard.came)  # what is told while nobody watches is no fault's
        told_s = round(injected(watched, fault), 3)
    except NotReached as error:
        problem = str(error)
    others = sorted({m["name"] for _, m in watched.heard.came[came:] if m["name"] != fault.alert})
    return {
        "fault": fault.name, "told_s": told_s, "problem": problem, "others": others,
        "at": round(time.time()), "load": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def next_fault(rows: Sequence[dict[str, Any]], each: int) -> InjectedFault | None:
    """The fault that was injected least, in blocks for each system that they need; None = there are enough of each."""
    counts = {fault.name: sum(row["fault"] == fault.name for row in rows) for fault in FAULTS}
    left = [fault for fault in FAULTS if counts[fault.name] < each]
    systems = [dict(fault.settings) for fault in FAULTS]
    return min(
        left,
        key=lambda one: (counts[one.name] // BLOCK, systems.index(dict(one.settings)), counts[one.name]),
        default=None,
    )


def _inject_all(rows: list[dict[str, Any]], each: int, keep: Path | None) -> None:
    """Until there are enough of each. What follows a problem begins with a system of its own."""
    while (first := next_fault(rows, each)) is not None:
        with beside(**first.settings) as watched:
            fault: InjectedFault | None = first
            while fault is not None and fault.settings == first.settings:
                row = _row(watched, fault)
                rows.append(row)
                if keep is not None:
                    with keep.open("a") as file:
                        file.write(json.dumps(row) + "\n")
                said = row["problem"] or f"told after {row['told_s']:.2f} s"
                sys.stdout.write(f"{fault.name}: {said}\n")
                sys.stdout.flush()
                if row["problem"]:
                    break
                fault = next_fault(rows, each)


def main(
    each: Annotated[int, typer.Option(help="Injections of each fault.")] = EACH,
    keep: Annotated[Path | None, typer.Option(help="File of results; those that are there count.")] = None,
) -> None:
    """Inject faults until there are enough of each, and print how soon they were told, how often not, and what else."""
    rows: list[dict[str, Any]] = []
    if keep is not None and keep.exists():
        rows = [json.loads(line) for line in keep.read_text().splitlines()]
    _inject_all(rows, each, keep)
    told = _told(rows)
    for figure in _figures(told):
        sys.stdout.write(f"{figure.line}\n")
    others = sorted({name for row in rows for name in row.get("others", ())})
    missed = len(rows) - sum(len(found) for found in told.values())
    sys.stdout.write(f"{len(rows)} injections, {missed} not told once and over once; also told: ")
    sys.stdout.write(f"{', '.join(others) or 'nothing'}\n")


if __name__ == "__main__":
    typer.run(main)
