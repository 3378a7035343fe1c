"""`python -m simtest.hashes`: the event hashes of ten short seeds, kept in tests/simtest/hashes.json.

A hash is over every request, answer and frame with its time, and over the ledger's rows in the end: it changes with
whatever the bot does otherwise than before. Made anew after a change that is meant: `python -m simtest.hashes --write`.
Seeds that fit a model are left out, since sums of floats may differ between builds of the numeric libraries.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path

from simtest.cli import say, with_fixed_hash_seed
from simtest.drawing import draw
from simtest.plan import Plan
from simtest.run import folder_for, run_plan

KEPT = Path(__file__).resolve().parent.parent / "tests" / "simtest" / "hashes.json"
SEEDS, MINUTES = 10, 1.0
FITTED = frozenset({"logistic"})


def plans() -> Iterator[Plan]:
    """Those of the first seeds that fit no model and load short charts."""
    drawn = (draw(seed, MINUTES) for seed in count(1))
    fit = (plan for plan in drawn if plan.settings.get("strategy") not in FITTED and not plan.full_history)
    return islice(fit, SEEDS)


def hash_of(plan: Plan) -> str:
    """Hexadecimal SHA-256 over everything that happened in the plan's run."""
    folder = folder_for(plan.seed)
    try:
        return run_plan(plan, folder).event_hash
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Compare, or write; 1 where a hash is not the kept one."""
    parser = argparse.ArgumentParser(prog="hashes", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the hashes as they are now")
    args = parser.parse_args(argv)
    with_fixed_hash_seed("simtest.hashes", list(sys.argv[1:] if argv is None else argv))
    found = {str(plan.seed): hash_of(plan) for plan in plans()}
    if args.write:
        KEPT.write_text(json.dumps(found, indent=1) + "\n")
        say(f"{len(found)} hashes kept in {KEPT.relative_to(KEPT.parent.parent.parent)}")
        return 0
    kept: dict[str, str] = json.loads(KEPT.read_text())
    unlike = sorted(int(seed) for seed in found.keys() | kept.keys() if found.get(seed) != kept.get(seed))
    if unlike:
        say(f"the runs of seeds {', '.join(map(str, unlike))} are not what they were; if that is meant: ")
        say("python -m simtest.hashes --write")
        return 1
    say(f"{len(found)} seeds run as they did")
    return 0


if __name__ == "__main__":
    sys.exit(main())
