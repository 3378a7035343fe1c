"""`./coin test --long blind`: mutants drawn at random from all that the operators make, tried until time is up.

Each verdict is kept under data/proof/mutation/<sources and tests>/, so that the next call goes on from there. Any part
of the sample is a sample: an interrupted night gives a wider interval, not a wrong figure.
"""

import argparse
import contextlib
import json
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType

from simtest.cli import say
from simtest.mutation.copies import ROOT, Programs, copied, workspace
from simtest.mutation.figures import rates
from simtest.mutation.judged_mutants import judgements
from simtest.mutation.mutant import Mutant, NotWritten
from simtest.mutation.population import by_room, drawn, population, sources
from simtest.mutation.pytest_plugin import ALONE, COMMAND
from simtest.mutation.recording import TESTED, RecordedRuns, record
from simtest.mutation.trial import Record, by_seeds, by_tests, chosen
from simtest.result_log import ResultLog, as_they_end

SURVIVOR = ("id", "place", "operator", "before", "after", "covering", "seeds_reaching")


def run(folder: Path, args: argparse.Namespace, until_s: float) -> bool:
    """Try the sample. `folder` keeps the results of these sources. True = all of it was tried."""
    texts = sources(ROOT)
    everything = population(texts)
    sample = drawn(everything, folder.name, args.sample)
    kept, programs = ResultLog(folder / "mutants.jsonl"), Programs()
    with workspace() as memory, ended_in_order(programs):
        base = copied(memory / "base")
        record(programs, base, folder / "coverage", int(folder.name[:8], 16) % 2_000_000 * 1000, args.seconds)
        known = RecordedRuns.read(folder / "coverage", texts)
        _warm(programs, base)
        todo = {mutant.id: mutant for mutant in sample}
        with ThreadPoolExecutor(args.parallel) as pool:
            jobs = (
                (name, pool.submit(tried, programs, base, todo[name], texts, known, args.test_seconds, args.seeds_each))
                for name in kept.open(list(todo))
            )
            for name, row in as_they_end(jobs, args.parallel, until_s):
                kept.add(name, row)
                say(f"  {_said(row)}")
    rows = [kept.rows[mutant.id] for mutant in sample if mutant.id in kept.rows]
    _write(args.out / "mutation.json", summary(rows, everything, sample, folder.name, args.seconds))
    return len(rows) == len(sample)


def tried(
    programs: Programs,
    base: Path,
    mutant: Mutant,
    texts: dict[str, str],
    known: RecordedRuns,
    budget_s: float,
    each: int,
) -> Record:
    """One mutant against its tests, in a copy that is removed; and against its seeds where it survived them, or where
    it is one of those that are drawn for the seeds: one in `each`."""
    began_s = time.monotonic()
    row: Record = {"id": mutant.id, "place": str(mutant), "room": mutant.room, "operator": mutant.operator}
    try:
        before, after = mutant.diff(texts[mutant.path])
    except NotWritten as error:
        return row | {"error": str(error)}
    copy = base.parent / mutant.id
    try:
        shutil.copytree(base, copy)
        (copy / mutant.path).write_text(mutant.written(texts[mutant.path]))
        covering, seeds = known.tests_of(mutant), known.seeds_of(mutant)
        tests = by_tests(programs, base, copy, chosen(covering, known.known, budget_s), known.known)
        for_seeds = int(mutant.id, 16) % each == 0
        judged = by_seeds(programs, copy, seeds, known.known) if for_seeds or not tests["killed"] else None
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    return row | {
        "before": before, "after": after, "covering": len(covering), "seeds_reaching": len(seeds), "tests": tests,
        "for_seeds": for_seeds, "seeds": judged, "wall_s": round(time.monotonic() - began_s, 1),
    }  # fmt: skip


def summary(rows: list[Record], everything: list[Mutant], sample: list[Mutant], digest: str, seconds: float) -> Record:
    """What the report is made of."""
    judged = judgements()
    valid = [row for row in rows if "error" not in row]
    plain = [
        {"id": row["id"], "room": row["room"], "operator": row["operator"],
         "tests": row["tests"]["killed"], "seeds": row["seeds"] and row["seeds"]["caught"],
         "for_seeds": row["for_seeds"]}
        for row in valid
    ]  # fmt: skip
    survivors = [{name: row[name] for name in SURVIVOR} for row in valid if not _found(row)]
    counted = [row for row in plain if judged.get(row["id"], {}).get("verdict") != "equivalent"]
    for name, share in rates(counted).items():
        say(f"  found by {name}: {share}")
    return {
        "digest": digest, "population": len(everything), "rooms": by_room(everything), "sample": len(sample),
        "seed_seconds": seconds, "rows": plain, "survivors": survivors,
    }  # fmt: skip


def _found(row: Record) -> bool:
    return bool(row["tests"]["killed"] or row["seeds"]["caught"])


def status(folder: Path, args: argparse.Namespace) -> str:
    """How far it is."""
    rows = ResultLog(folder / "mutants.jsonl").rows.values()
    found = sum(1 for row in rows if "error" not in row and _found(row))
    return f"{len(rows)} of {args.sample} mutants tried, {found} found"


def _warm(programs: Programs, base: Path) -> None:
    """Compile every test once, for all the copies."""
    programs.run(base, [*COMMAND, "--collect-only", "-q", *(f"tests/{room}" for room in TESTED)], 900.0, ALONE)


@contextlib.contextmanager
def ended_in_order(programs: Programs) -> Iterator[None]:
    """An interrupt and SIGTERM end the programs first, so that nobody waits for them and the copies can go."""

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        programs.stop()
        raise KeyboardInterrupt

    ours = threading.current_thread() is threading.main_thread()
    before = {number: signal.signal(number, interrupted) for number in (signal.SIGTERM, signal.SIGINT) if ours}
    try:
        yield
    finally:
        programs.stop()
        for number, handler in before.items():
            signal.signal(number, handler)


def _said(row: Record) -> str:
    if "error" in row:
        return f"not planted  {row['place']}: {row['error']}"
    by = [row["tests"]["by"] or row["tests"]["how"]] if row["tests"]["killed"] else []
    by += (
        [f"seed {row['seeds']['seed']} ({', '.join(row['seeds']['by'])})"]
        if row["seeds"] and row["seeds"]["caught"]
        else []
    )
    word = "found       " if by else "SURVIVED    "
    return f"{word} {row['place']}" + (f" by {' and '.join(by)}" if by else f": {row['before']} → {row['after']}")


def _write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1))
