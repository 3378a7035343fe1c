"""`python -m simtest.mutants`: plant each bug into a copy of the sources and count the seeds until the judge
catches it. A bug that no seed catches is a gap in the tests: it is named, and the exit code is 1.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from simtest.cli import OUT, say, with_fixed_hash_seed
from simtest.judged_run import by_seed
from simtest.planted import PLANTED, Planted
from simtest.planting import NotPlanted, Products

ROOT = Path(__file__).resolve().parent.parent
_ONE_RUN = Lock()
COPIED = ("bot", "shared", "simulator", "simtest", "watch", "backups", "reports", "sentinel")  # what a run imports
_CHILD = """
import json, sys
from simtest.judged_run import by_seed
first, count, minutes, needs = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
for seed in range(first, first + count):
    record = by_seed(seed, minutes, None, needs)
    print(json.dumps({"seed": seed, "breaches": record["breaches"]}), flush=True)
"""


@cache
def _products() -> Products:
    return Products.read(ROOT)


def plant(bug: Planted, folder: Path) -> None:
    """A copy of the sources in `folder`, with the bug in it. Raises NotPlanted."""
    changed = _products().planted(bug)
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path, text in changed.items():
        (folder / path).write_text(text)


def hunt(bug: Planted, seeds: int, first: int, minutes: float, wanted: int) -> dict[str, Any]:
    """Run seeds against one bug until `wanted` of them caught it."""
    base = Path("/dev/shm") if Path("/dev/shm").is_dir() else None
    folder = Path(tempfile.mkdtemp(prefix=f"planted-{bug.name}-", dir=base))
    result: dict[str, Any] = {"name": bug.name, "rule": bug.rule, "money": bug.money, "seeds": 0, "caught": 0, "by": []}
    try:
        plant(bug, folder)
        (folder / "child.py").write_text(_CHILD)
        child = subprocess.Popen(  # noqa: S603
            [sys.executable, "child.py", str(first), str(seeds), str(minutes), bug.needs],
            cwd=folder,
            env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert child.stdout is not None
        for line in child.stdout:
            record = json.loads(line)
            result["seeds"] += 1
            new = set(record["breaches"]) - sound(record["seed"], minutes, bug.needs) if record["breaches"] else set()
            if new:
                result["caught"] += 1
                result["by"] = sorted({*result["by"], *new})
                result.setdefault("first", result["seeds"])
                if result["caught"] >= wanted:
                    break
        child.kill()
        code = child.wait()
        if not result["seeds"] and code not in (0, -9):
            result |= {"caught": 1, "by": ["does not start"], "first": 0}
    except NotPlanted as error:
        result["error"] = str(error)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return result


def sound(seed: int, minutes: float, needs: str) -> frozenset[str]:
    """The invariants that the unchanged sources break on this seed: none, or a real bug."""
    with _ONE_RUN:  # runs of one process share its event loop and its patches
        return _sound(seed, minutes, needs)


@cache
def _sound(seed: int, minutes: float, needs: str) -> frozenset[str]:
    found = frozenset(by_seed(seed, minutes, None, needs)["breaches"])
    if found:
        say(f"  seed {seed} breaks {', '.join(found)} without any planted bug")
    return found


def line_of(result: dict[str, Any]) -> str:
    """One result for a person."""
    if "error" in result:
        return f"  not planted  {result['error']}"
    if not result["caught"]:
        return f"  SURVIVED     {result['name']} ({result['rule']}): not caught by {result['seeds']} seeds"
    by = ", ".join(name.split(" ")[0] for name in result["by"])
    return f"  caught       {result['name']} ({result['rule']}) by seed no. {result['first']}: {by}"


def main(argv: Sequence[str] | None = None) -> int:
    """Hunt all planted bugs, or those that are named."""
    parser = argparse.ArgumentParser(prog="mutants", description=__doc__)
    parser.add_argument("names", nargs="*", help="only these")
    parser.add_argument("--seeds", type=int, default=60, help="seeds for each bug at most")
    parser.add_argument("--seed", type=int, default=1000, help="the first seed")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--wanted", type=int, default=1, help="stop at a bug after so many seeds caught it")
    parser.add_argument("--jobs", type=int, default=1, help="bugs that are hunted at once")
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args(argv)
    with_fixed_hash_seed("simtest.mutants", list(sys.argv[1:] if argv is None else argv))
    bugs = [bug for bug in PLANTED if not args.names or bug.name in args.names]
    path = args.out / "mutants.json"
    args.out.mkdir(parents=True, exist_ok=True)
    known = {row["name"]: row for row in json.loads(path.read_text())} if path.exists() else {}
    with ThreadPoolExecutor(args.jobs) as pool:
        hunts = [pool.submit(hunt, bug, args.seeds, args.seed, args.minutes, args.wanted) for bug in bugs]
        for ended in as_completed(hunts):
            result = ended.result()
            say(line_of(result))
            known[result["name"]] = result
            path.write_text(json.dumps([known[b.name] for b in PLANTED if b.name in known], indent=1))
    results = [known[bug.name] for bug in bugs]
    caught = sum(1 for row in results if row["caught"])
    say(f"{caught} of {len(results)} planted bugs caught")
    return 0 if caught == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
