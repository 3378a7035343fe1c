"""`python -m simtest.mutation ID [TEST…]`: show one mutant and run the tests against it: those named, or all that run
its lines by the last recording. `--killed`: every verdict that names a test, again. 0 = each was killed.
"""

import argparse
import shutil
import sys
from collections.abc import Iterable, Sequence

from simtest.cli import OUT, say
from simtest.long_runs import blind_folder
from simtest.mutation.copies import ROOT, Programs, copied, workspace
from simtest.mutation.judged_mutants import judgements
from simtest.mutation.mutant import Mutant
from simtest.mutation.population import population, sources
from simtest.mutation.recording import MINUTES, RecordedRuns
from simtest.mutation.trial import Known, by_tests


def main(argv: Sequence[str] | None = None) -> int:
    """Try them."""
    parser = argparse.ArgumentParser(prog="python -m simtest.mutation", description=__doc__)
    parser.add_argument("id", nargs="?")
    parser.add_argument("tests", nargs="*", metavar="TEST")
    parser.add_argument("--killed", action="store_true", help="each verdict that names a test")
    args = parser.parse_args(argv)
    texts = sources(ROOT)
    found = {mutant.id: mutant for mutant in population(texts)}
    if args.killed:
        named = {name: [judged["by"]] for name, judged in judgements().items() if judged["verdict"] == "killed"}
    elif args.id in found:
        named = {args.id: args.tests}
    else:
        parser.error("there is no such mutant in these sources")
    if gone := sorted(named.keys() - found.keys()):
        say(f"no longer in the sources: {', '.join(gone)}")
    return 0 if _all_killed(((found[name], tests) for name, tests in named.items() if name in found), texts) else 1


def _all_killed(wanted: Iterable[tuple[Mutant, list[str]]], texts: dict[str, str]) -> bool:
    good, programs = True, Programs()
    with workspace() as memory:
        base = copied(memory / "base")
        for mutant, tests in wanted:
            before, after = mutant.diff(texts[mutant.path])
            say(f"{mutant.id} {mutant}\n  - {before}\n  + {after}")
            covering = tests or RecordedRuns.read(blind_folder(OUT) / "coverage", texts).tests_of(mutant)
            copy = shutil.copytree(base, memory / mutant.id)
            (copy / mutant.path).write_text(mutant.written(texts[mutant.path]))
            row = by_tests(programs, base, copy, covering, Known(dict.fromkeys(covering, 1.0), {}, MINUTES))
            shutil.rmtree(copy)
            say(f"  killed by {row['by'] or row['how']}" if row["killed"] else f"  SURVIVED {row['ran']} tests")
            good &= row["killed"]
    return good


if __name__ == "__main__":
    sys.exit(main())
