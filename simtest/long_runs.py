"""`./coin test --long`: tests that take hours, in units whose results are kept; the next call continues from there.

Results lie in data/proof/long/<sources>/, where <sources> is a digest of the sources under test: a change of them
starts anew, and an interrupt loses only the units under way. `blind` keeps its own in data/proof/mutation/, by a digest
of the tests as well. At the end of each job its summary is written where `python -m simtest.report` finds it.
"""

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from simtest.cli import OUT, BatchSummary, Record, named, say, with_fixed_hash_seed
from simtest.judged_run import by_seed
from simtest.mutants import hunt, line_of
from simtest.mutation import blind
from simtest.planted import PLANTED
from simtest.result_log import ResultLog, as_they_end

ROOT = Path(__file__).resolve().parent.parent
JUDGED = ("bot", "shared", "simtest", "simulator")
JOBS = ("seeds", "mutants", "kill9", "kill", "soak", "blind")


def digest(rooms: Sequence[str] = JUDGED) -> str:
    """12 hex digits over the sources that are run and judged."""
    found = hashlib.sha256()
    for room in rooms:
        for path in sorted((ROOT / room).rglob("*.py")):
            found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the named jobs; 1 where anything broke, survived or did not finish in the time given."""
    args = _arguments(argv)
    with_fixed_hash_seed("simtest.long_runs", list(sys.argv[1:] if argv is None else argv))
    folder = args.out / "long" / digest()
    until_s = time.monotonic() + args.hours * 3600
    chosen = args.jobs or list(JOBS)
    say(f"results in {folder}; Ctrl-C keeps what is done")
    if args.status:
        for name in chosen:
            say(f"  {name:8} {_status(name, folder, args)}")
        return 0
    good = True
    for name in chosen:
        say(f"{name}: {_status(name, folder, args)}")
        good &= _RUN[name](folder, args, until_s)
        say(f"{name}: {_status(name, folder, args)}")
    return 0 if good else 1


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./coin test --long", description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help=f"{', '.join(JOBS)}; all where none is named")
    parser.add_argument("--hours", type=float, default=10.0, help="start no new unit after so many hours (10)")
    parser.add_argument("--parallel", type=int, default=os.cpu_count() or 1, help="processes at once")
    parser.add_argument("--seeds", type=int, default=2000, help="seeds: how many (2,000)")
    parser.add_argument("--minutes", type=float, default=10.0, help="seeds: virtual minutes of faults in each (10)")
    parser.add_argument("--each", type=int, default=10, help="kill9: kills at each point; kill: kills a fault (10)")
    parser.add_argument("--days", type=float, default=30.0, help="soak: virtual days (30)")
    parser.add_argument("--sample", type=int, default=500, help="blind: how many mutants (500)")
    parser.add_argument("--seconds", type=float, default=20.0, help="blind: of CPU for the seeds of each mutant (20)")
    parser.add_argument("--test-seconds", type=float, default=60.0, help="blind: for the tests of each mutant (60)")
    parser.add_argument("--seeds-each", type=int, default=4, help="blind: seeds for one mutant in so many (4)")
    parser.add_argument("--status", action="store_true", help="say what is done, run nothing")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the results")
    args = parser.parse_args(argv)
    if unknown := [name for name in args.jobs if name not in JOBS]:
        parser.error(f"no job {', '.join(unknown)}; there are {', '.join(JOBS)}")
    return args


def _seed_units(args: argparse.Namespace) -> list[str]:
    first = int(digest()[:8], 16) % 2_000_000 * 1000 + 500  # beyond those that ./coin test draws from the same sources
    return [f"{first + number} {args.minutes:g}" for number in range(args.seeds)]


def _seeds(folder: Path, args: argparse.Namespace, until_s: float) -> bool:
    kept, units = ResultLog(folder / "seeds.jsonl"), _seed_units(args)
    began_s, before = time.monotonic(), len(kept.rows)
    with ProcessPoolExecutor(args.parallel, get_context("spawn")) as pool:
        jobs = ((unit, pool.submit(by_seed, int(unit.split()[0]), args.minutes, None)) for unit in kept.open(units))
        for unit, record in as_they_end(jobs, args.parallel * 2, until_s):
            kept.add(unit, record)
            done = len(kept.rows) - before
            if record["breaches"]:
                again = f"./coin simulate --seed {record['seed']} --seeds 1 --minutes {args.minutes:g} --shrink"
                say(f"  seed {record['seed']} broke {', '.join(record['breaches'])}: again, and smaller: {again}")
            if done % 25 == 0:
                rate = done / (time.monotonic() - began_s)
                say(f"  {len(kept.rows)} of {len(units)}, {(len(units) - len(kept.rows)) / rate / 60:.0f} min to go")
    summary = BatchSummary(wall_s=time.monotonic() - began_s)
    for unit in units:
        if unit in kept.rows:
            summary.add(kept.rows[unit])
    _write(args.out / "run.json", summary.document() | {"minutes": args.minutes, "first": int(units[0].split()[0])})
    if summary.overlooked:
        say(f"  not judged in {summary.seeds:,} seeds, and so not tested: {named(summary.overlooked)}")
    return not summary.failed and not summary.overlooked and not kept.open(units)


def _mutants(folder: Path, args: argparse.Namespace, until_s: float) -> bool:
    kept, bugs = ResultLog(folder / "mutants.jsonl"), {bug.name: bug for bug in PLANTED}
    with ThreadPoolExecutor(args.parallel) as pool:
        jobs = ((name, pool.submit(hunt, bugs[name], 60, 1000, 20.0, 1)) for name in kept.open(list(bugs)))
        for name, result in as_they_end(jobs, args.parallel, until_s):
            kept.add(name, result)
            say(line_of(result))
    rows = [kept.rows[name] for name in bugs if name in kept.rows]
    _write(args.out / "mutants.json", rows)
    return len(rows) == len(bugs) and all(row["caught"] for row in rows)


def _blind(_: Path, args: argparse.Namespace, until_s: float) -> bool:
    return blind.run(blind_folder(args.out), args, until_s)


def blind_folder(out: Path) -> Path:
    """Where the results of `blind` on these sources lie."""
    return out / "mutation" / digest((*JUDGED, "tests"))


def _rounds(what: str, folder: Path, args: argparse.Namespace, until_s: float) -> bool:
    """Kills in rounds of one each, so that an interrupt costs one round."""
    kept = ResultLog(folder / f"{what}.jsonl")
    for unit in kept.open([str(number) for number in range(args.each)]):
        if time.monotonic() >= until_s:
            break
        command = [sys.executable, "-m", "simtest.processes", what, "--each", "1", "--lanes", str(args.parallel)]
        done = subprocess.run([*command, "--seed", unit], cwd=ROOT, check=False)  # noqa: S603
        if done.returncode < 0:
            break  # interrupted: not a result
        kept.add(unit, {"good": done.returncode == 0, "at": int(time.time())})
    return len(kept.rows) >= args.each and all(row["good"] for row in kept.rows.values())


def _kill9(folder: Path, args: argparse.Namespace, until_s: float) -> bool:
    return _rounds("kill9", folder, args, until_s)


def _kill(folder: Path, args: argparse.Namespace, until_s: float) -> bool:
    return _rounds("kill", folder, args, until_s)


def _soak(folder: Path, args: argparse.Namespace, until_s: float) -> bool:
    kept, unit = ResultLog(folder / "soak.jsonl"), f"{args.days:g}"
    if kept.open([unit]) and time.monotonic() < until_s:
        command = [sys.executable, "-m", "simtest.soak", "--days", unit, "--out", str(args.out)]
        done = subprocess.run(command, cwd=ROOT, check=False)  # noqa: S603
        if done.returncode >= 0:
            kept.add(unit, {"good": done.returncode == 0, "at": int(time.time())})
    return unit in kept.rows and bool(kept.rows[unit]["good"])


_RUN = {"seeds": _seeds, "mutants": _mutants, "kill9": _kill9, "kill": _kill, "soak": _soak, "blind": _blind}


def _status(name: str, folder: Path, args: argparse.Namespace) -> str:
    if name == "blind":
        return blind.status(blind_folder(args.out), args)
    rows = ResultLog(folder / f"{name}.jsonl").rows
    match name:
        case "seeds":
            units = _seed_units(args)
            broke = sum(1 for row in rows.values() if row["breaches"])
            return f"{sum(1 for unit in units if unit in rows)} of {len(units)} seeds done, {broke} broke something"
        case "mutants":
            caught = sum(1 for row in rows.values() if row["caught"])
            return f"{len(rows)} of {len(PLANTED)} planted bugs hunted, {caught} caught"
        case "soak":
            return f"{args.days:g} days: " + (_word(rows[f"{args.days:g}"]) if f"{args.days:g}" in rows else "to do")
    bad = sum(1 for row in rows.values() if not row["good"])
    return f"{len(rows)} of {args.each} rounds done, {bad} broke something"


def _word(row: Record) -> str:
    return "good" if row["good"] else "broke something"


def _write(path: Path, document: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    try:
        code = main()
    except KeyboardInterrupt:
        say("interrupted; what is done is kept")
        code = 130
    sys.exit(code)
