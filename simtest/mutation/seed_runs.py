"""`python -m simtest.mutation.seed_runs MINUTES SEED…`: judge seeds one by one, a line of JSON for each; end after one
that broke something. Ran within a copy of the sources. `--record DATABASE` keeps which seed runs which line.
"""

import argparse
import json
import sys
from pathlib import Path

from simtest import run
from simtest.judged_run import by_seed
from simtest.mutation.coverage_map import measured


def main() -> int:
    """Run them in their order."""
    parser = argparse.ArgumentParser(prog="seed_runs", description=__doc__)
    parser.add_argument("minutes", type=float)
    parser.add_argument("seeds", type=int, nargs="+")
    parser.add_argument("--cpu-seconds", type=float, default=None, help="begin no seed after so much CPU time of runs")
    parser.add_argument("--record", default=None)
    args = parser.parse_args()
    coverage = measured(args.record, Path.cwd()) if args.record is not None else None
    if coverage is not None:
        coverage.start()
    run.MEMORY = Path.cwd()  # the copy lies in memory, and goes with all that a run which is killed leaves behind
    used_s = 0.0
    for seed in args.seeds:
        if args.cpu_seconds is not None and used_s >= args.cpu_seconds:
            break
        if coverage is not None:
            coverage.switch_context(str(seed))
        record = by_seed(seed, args.minutes, None)
        used_s += record.get("cpu_s", 0.0)
        kept = {name: record.get(name) for name in ("seed", "breaches", "hash", "cpu_s", "wall_s")}
        sys.stdout.write(json.dumps(kept) + "\n")
        sys.stdout.flush()
        if record["breaches"] and coverage is None and args.cpu_seconds is None:
            break
    if coverage is not None:
        coverage.stop()
        coverage.save()
    return 0


if __name__ == "__main__":
    sys.exit(main())
