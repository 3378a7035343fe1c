"""`python -m simtest`, `./coin simulate`: run seeds, report what broke and how to reproduce it."""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared import figures
from shared.percentile import percentile
from simtest.drawing import draw
from simtest.judge.rules import RULES, overlooked
from simtest.judged_run import by_seed
from simtest.replay import draw_story, explain, keep_as_test, read_plan, replay

Record = dict[str, Any]
OUT = Path("data/proof")
OF_PLAN = -1  # --explain without a seed
REPEAT_EVERY = 100  # one seed in so many is run twice: unequal hashes mean that the run is not deterministic


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


@dataclass(slots=True)
class BatchSummary:
    """The results of a batch of seeds."""

    seeds: int = 0
    virtual_s: float = 0.0
    cpu_s: float = 0.0
    wall_s: float = 0.0
    strikes: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    cells: Counter[str] = field(default_factory=Counter)
    own_cells: Counter[str] = field(default_factory=Counter)
    judged: Counter[str] = field(default_factory=Counter)  # rule → things that could have broken it
    modes: Counter[str] = field(default_factory=Counter)
    breaches: Counter[str] = field(default_factory=Counter)
    failed: list[Record] = field(default_factory=list)
    kill_ms: list[float] = field(default_factory=list)
    repeated: int = 0
    unequal: list[int] = field(default_factory=list)

    def add(self, record: Record) -> None:
        self.seeds += 1
        self.virtual_s += record["virtual_s"]
        self.cpu_s += record.get("cpu_s", 0.0)
        self.strikes.update(record.get("strikes", {}))
        self.counts.update(record.get("counts", {}))
        self.cells.update(record.get("cells", {}))
        self.own_cells.update(record.get("own_cells", {}))
        self.judged.update(record.get("judged", {}))
        self.modes[record["mode"]] += 1
        self.kill_ms.extend(record.get("kill_ms", ()))
        if record["breaches"]:
            self.breaches.update(record["breaches"].keys())
            self.failed.append(record)

    @property
    def unjudged(self) -> list[str]:
        """The rules that nothing in the batch could have broken."""
        return [rule for rule in RULES if not self.judged[rule]]

    @property
    def overlooked(self) -> list[str]:
        """Those of them that a batch of this size should have judged: it has failed."""
        return overlooked(self.judged, self.seeds)

    def document(self) -> Record:
        return {
            "seeds": self.seeds,
            "virtual_s": self.virtual_s,
            "cpu_s": round(self.cpu_s, 1),
            "wall_s": round(self.wall_s, 1),
            "strikes": dict(sorted(self.strikes.items())),
            "counts": dict(self.counts),
            "cells": dict(sorted(self.cells.items())),
            "own_cells": dict(sorted(self.own_cells.items())),
            "judged": {rule: self.judged[rule] for rule in RULES},
            "overlooked": self.overlooked,
            "modes": dict(self.modes),
            "breaches": dict(self.breaches),
            "failed": [{"seed": r["seed"], "mode": r["mode"], "breaches": r["breaches"]} for r in self.failed],
            "kill_ms": {f"p{p}": percentile(self.kill_ms, p, 1) for p in (50, 90, 99)} | {"n": len(self.kill_ms)},
            "repeated": self.repeated,
            "unequal": self.unequal,
        }


def named(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def bound_text(seeds: int) -> str:
    """The 95 % bound on the share of violating seeds, after `seeds` seeds without a violation.

    Exact: with that share of violating seeds, the chance of none in so many is 5 %.
    """
    if not seeds:
        return "nothing was run"
    share = 1 - 0.05 ** (1 / seeds)
    return f"with 95 % certainty fewer than {figures.trimmed(share * 100, 2)} % of all seeds have one"


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many seeds")
    parser.add_argument("--seed", type=int, default=None, help="the first seed (default: new ones, by the clock)")
    parser.add_argument(
        "--minutes", type=float, default=60.0, help="virtual minutes of faults in each, before its calm end"
    )
    parser.add_argument("--mode", choices=("return_existing", "reject", "not_enforced"), default=None)
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--seconds", type=float, default=None, help="start no new seed after so many seconds")
    parser.add_argument("--plan", type=Path, default=None, help="replay a plan's file")
    parser.add_argument("--shrink", action="store_true", help="shrink a failing seed's plan")
    parser.add_argument("--story", action="store_true", help="with --plan: write a timeline of the run to a file")
    parser.add_argument("--test", metavar="NAME", default=None, help="with --plan: keep it as a test of this name")
    parser.add_argument("--keep", action="store_true", help="keep the run's folder")
    parser.add_argument(
        "--explain",
        metavar="SEED",
        type=int,
        nargs="?",
        const=OF_PLAN,
        default=None,
        help="run one seed, or the file of --plan, and draw its story as a page",
    )
    parser.add_argument(
        "--out", type=Path, default=OUT, help="folder of results and failing plans; with --explain: the page"
    )  # fmt: skip
    return parser.parse_args(argv)


def with_fixed_hash_seed(module: str, argv: list[str]) -> None:
    """Restart this program with PYTHONHASHSEED=0 where needed: sets must iterate in the same order in every run."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", module, *argv])  # noqa: S606


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds; the exit code is 1 where anything broke, or a rule was not judged that should have been."""
    args = arguments(argv)
    with_fixed_hash_seed("simtest", list(sys.argv[1:] if argv is None else argv))
    if args.explain is not None:
        if args.plan is None and args.explain == OF_PLAN:
            say("--explain names a seed, or stands beside --plan FILE")
            return 2
        plan = read_plan(args.plan) if args.plan is not None else draw(args.explain, args.minutes, args.mode)
        return draw_story(plan, args.out, say)
    if args.plan is not None and args.test is not None:
        return keep_as_test(args.plan, args.test, say)
    if args.plan is not None:
        return replay(args.plan, keep=args.keep, shrink=args.shrink, story=args.story, say=say)
    first = args.seed if args.seed is not None else int(time.time()) * 1000 % 2_000_000_000
    say(f"seeds {first} to {first + args.seeds - 1}, {args.minutes:g} virtual minutes each, {args.jobs} processes")
    summary = batch(args, first)
    report(summary, args)
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "run.json").write_text(
        json.dumps(summary.document() | {"minutes": args.minutes, "first": first}, indent=1)
    )
    for record in summary.failed:
        explain(record, args.minutes, args.mode, args.out, args.shrink, say)
    return 1 if summary.failed or summary.unequal or summary.overlooked else 0


def batch(args: argparse.Namespace, first: int) -> BatchSummary:
    """Run the seeds; some of them twice, to compare their hashes."""
    summary, began_s, hashes = BatchSummary(), time.monotonic(), dict[int, str]()
    deadline_s = began_s + args.seconds if args.seconds is not None else None

    def seeds() -> Iterator[int]:
        for number in range(args.seeds):
            if deadline_s is not None and time.monotonic() > deadline_s:
                return
            yield first + number
            if number % REPEAT_EVERY == 0:
                yield first + number

    def done(record: Record) -> None:
        seed = record["seed"]
        if seed in hashes:
            summary.repeated += 1
            if record.get("hash") != hashes[seed]:
                summary.unequal.append(seed)
            return
        hashes[seed] = record.get("hash", "")
        summary.add(record)
        summary.wall_s = time.monotonic() - began_s
        if record["breaches"]:
            say(f"seed {seed} ({record['mode']}) broke {', '.join(record['breaches'])}")
        if record["breaches"] or summary.seeds % 25 == 0:
            say(
                f"{summary.seeds} seeds, {summary.virtual_s / summary.wall_s:,.0f} x real time, "
                f"{len(summary.failed)} failed"
            )

    if args.jobs <= 1:
        for seed in seeds():
            done(by_seed(seed, args.minutes, args.mode))
    else:
        with ProcessPoolExecutor(args.jobs, multiprocessing.get_context("spawn")) as pool:
            running: set[Future[Record]] = set()
            for seed in seeds():
                running.add(pool.submit(by_seed, seed, args.minutes, args.mode))
                while len(running) >= args.jobs * 2:
                    ended, running = wait(running, return_when=FIRST_COMPLETED)
                    for future in ended:
                        done(future.result())
            for future in running:
                done(future.result())
    summary.wall_s = time.monotonic() - began_s
    return summary


def report(summary: BatchSummary, args: argparse.Namespace) -> None:
    """The figures, for a person."""
    hours = summary.virtual_s / 3600
    say("")
    say(f"{summary.seeds} seeds, {hours:,.1f} virtual hours in {summary.wall_s:,.0f} s: "
        f"{summary.virtual_s / max(summary.wall_s, 1e-9):,.0f} x real time, "
        f"{summary.virtual_s / max(summary.cpu_s, 1e-9):,.0f} x of one core")  # fmt: skip
    say(f"orders {summary.counts['orders']:,}, fills {summary.counts['fills']:,}, lives {summary.counts['lives']:,}, "
        f"requests for orders {summary.counts['posts']:,}; modes {dict(summary.modes)}")  # fmt: skip
    say("faults and acts: " + ", ".join(f"{name} {count:,}" for name, count in sorted(summary.strikes.items())))
    say("judged: " + ", ".join(f"{rule} {summary.judged[rule]:,}" for rule in RULES))
    say(f"{len(RULES) - len(summary.unjudged)} of {len(RULES)} rules were judged; 0 times: {named(summary.unjudged)}")
    if summary.overlooked:
        say(f"NOT JUDGED in {summary.seeds:,} seeds, and so not tested: {named(summary.overlooked)}")
    say(f"{summary.repeated} seeds run twice, {len(summary.unequal)} of them unlike {summary.unequal or ''}")
    if summary.failed:
        say(f"VIOLATIONS in {len(summary.failed)} of {summary.seeds} seeds: {dict(summary.breaches)}")
    else:
        say(f"0 violations in {summary.seeds:,} seeds of {args.minutes:g} min: {bound_text(summary.seeds)}")
