"""One mutant in a copy of its own: against the tests that run its lines, and against plain seeds that do."""

import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simtest.mutation.copies import Ended, Programs
from simtest.mutation.pytest_plugin import ALONE, COMMAND, GIVEN

Record = dict[str, Any]
SURE_S = 0.05  # a test that takes longer than this waits for threads or files: its failure is looked at again
DOUBTS = 3  # failures that were not repeated, before the rest of the tests is left alone
START_S = 90.0  # for a program to start on a busy machine
SLOWER = 4.0  # how much longer than recorded a test may take


@dataclass(frozen=True)
class Known:
    """What was recorded of the sources as they are."""

    test_s: Mapping[str, float]  # of each test that passed
    seed_s: Mapping[int, float]  # of each seed that broke nothing: its seconds by the wall clock
    minutes: float  # virtual, of each seed


def chosen(covering: Sequence[str], known: Known, budget_s: float) -> list[str]:
    """The fastest of the tests first, for `budget_s` recorded seconds in all; at least one, where there is any."""
    found, used_s = list[str](), 0.0
    for name in sorted(
        (name for name in covering if name in known.test_s), key=lambda name: (known.test_s[name], name)
    ):
        used_s += known.test_s[name]
        if found and used_s > budget_s:
            break
        found.append(name)
    return found


def by_tests(programs: Programs, base: Path, copy: Path, tests: Sequence[str], known: Known) -> Record:
    """`killed` by which test, and how. A failure of a test that waits counts where it comes twice in `copy`, and not
    in the unchanged `base` right after."""
    left, doubted = list(tests), list[str]()
    while left:
        how, name, ran = _pytest(programs, copy, left, known)
        if how == "passed" or not name:
            return {"killed": how != "passed", "how": how, "by": name, "ran": ran, "doubted": doubted}
        sure = known.test_s.get(name, SURE_S) < SURE_S
        if sure or (_fails(programs, copy, name, known) and not _fails(programs, base, name, known)):
            return {"killed": True, "how": how, "by": name, "ran": ran, "doubted": doubted}
        doubted.append(name)
        if len(doubted) > DOUBTS:
            break
        left = [other for other in left if other != name]
    return {"killed": False, "how": "passed", "by": "", "ran": len(left), "doubted": doubted}


def _fails(programs: Programs, copy: Path, name: str, known: Known) -> bool:
    return _pytest(programs, copy, [name], known)[0] != "passed"


def _pytest(programs: Programs, copy: Path, tests: Sequence[str], known: Known) -> tuple[str, str, int]:
    """How it ended, the test that failed, how many ran."""
    given, out = (copy.parent / f"{copy.name}.{threading.get_ident()}.{word}.json" for word in ("given", "tests"))
    given.write_text(json.dumps({"only": list(tests), "out": str(out)}))
    out.unlink(missing_ok=True)
    files = list(dict.fromkeys(name.partition("::")[0] for name in tests))
    words = [*COMMAND, "-x", "--timeout", "60"]
    limit_s = START_S + SLOWER * sum(known.test_s.get(name, SURE_S) for name in tests)
    try:
        code, _ = programs.run(copy, [*words, *files], limit_s, {GIVEN: str(given), **ALONE})
    except Ended:
        return "does not end", "", 0
    outcomes: dict[str, list[Any]] = json.loads(out.read_text()) if out.exists() else {}
    failed = next((name for name, (outcome, _) in outcomes.items() if outcome == "failed"), "")
    if failed:
        return "failed", failed, len(outcomes)
    if code in (0, 5):
        return "passed", "", len(outcomes)
    return "does not import" if code in (2, 4) else f"ended by {code}", "", len(outcomes)


def by_seeds(programs: Programs, copy: Path, seeds: Sequence[int], known: Known) -> Record:
    """`caught` by which invariants on which seed."""
    if not seeds:
        return {"caught": False, "by": [], "seed": None, "ran": 0}
    words = ["-m", "simtest.mutation.seed_runs", f"{known.minutes:g}", *map(str, seeds)]
    limit_s = START_S + 3 * SLOWER * sum(known.seed_s[seed] for seed in seeds)
    try:
        code, lines = programs.run(copy, words, limit_s, {})
    except Ended as ended:
        return {"caught": True, "by": ["does not end"], "seed": None, "ran": len(str(ended).splitlines())}
    records = [json.loads(line) for line in lines if line.startswith("{")]
    for record in records:
        if record["breaches"]:
            return {"caught": True, "by": sorted(record["breaches"]), "seed": record["seed"], "ran": len(records)}
    failed = code != 0 or len(records) < len(seeds)
    return {"caught": failed, "by": ["does not start"] if failed else [], "seed": None, "ran": len(records)}
