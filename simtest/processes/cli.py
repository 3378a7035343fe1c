"""`./coin prove`: kill9 kills the real bot at each named point so many times, restarts it and judges the result; kill
measures how long a kill takes under faults, in virtual time. It takes minutes, so it is not part of CI.
"""

import argparse
import json
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from multiprocessing.managers import SyncManager
from pathlib import Path
from typing import Any

from shared.percentile import percentile
from simtest.cli import say, with_fixed_hash_seed
from simtest.processes import kill_latency
from simtest.processes.crash_loop import CrashLoop
from simtest.processes.crash_points import POINTS, Stimulus
from simtest.processes.forked_bot import load_ahead
from simtest.processes.report_section import KEPT, hits_of, kept_runs


def main(argv: Sequence[str] | None = None) -> int:
    """Run; the exit code is 1 where anything broke or was not reached."""
    args = _arguments(argv)
    if args.what == "kill":
        with_fixed_hash_seed("simtest.processes", list(sys.argv[1:] if argv is None else argv))
        rows, good = kill_latency.run(args.each, args.seed, args.lanes)
        if args.keep_result:
            _keep("kills", rows)
        return 0 if good else 1
    began_s = time.monotonic()
    left = Counter({name: args.each for name in POINTS if args.only in name})
    if args.add:
        left -= hits_of(kept_runs())
    base = Path(tempfile.mkdtemp(prefix="prove-", dir=args.folder))
    say(f"{len(left)} points, {args.each} kills each, {args.lanes} lanes; folders in {base}")
    results = _lanes(args, base, left, began_s)
    document = _document(args, results, time.monotonic() - began_s)
    _say(document)
    if args.keep_result:
        _keep("kill9", [document], add=args.add)
    if document["breaches"] or document["missing"] or args.keep:
        say(f"kept: {base}")
    else:
        shutil.rmtree(base, ignore_errors=True)
    return 1 if document["breaches"] or document["missing"] else 0


def _arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="prove", description=__doc__)
    parser.add_argument("what", choices=("kill9", "kill"), help="what to prove")
    parser.add_argument("--each", type=int, default=50, help="kills at each point, or under each fault")
    parser.add_argument("--lanes", type=int, default=min(os.cpu_count() or 1, 3), help="processes at work")
    parser.add_argument("--seconds", type=float, default=1200, help="begin no life after so long")
    parser.add_argument("--only", default="", help="only points whose name holds this")
    parser.add_argument("--seed", type=int, default=None, help="of the markets and the choice of points")
    parser.add_argument("--folder", type=Path, default=None, help="where the lanes' folders are made")
    parser.add_argument("--keep", action="store_true", help="keep the folders")
    parser.add_argument("--keep-result", action="store_true", help="publish the result in docs/processes.json")
    parser.add_argument("--add", action="store_true", help="with --keep-result: beside the results that are there")
    args = parser.parse_args(argv)
    args.seed = args.seed if args.seed is not None else int(time.time()) % 1_000_000
    return args


class _Wanted:
    """The list that the crash loops share: they take points that are still wanted, and give back those not reached."""

    def __init__(self, left: Any, lock: Any, seed: int) -> None:
        self._left, self._lock = left, lock
        self._random = random.Random(seed)
        self._taken: str | None = None

    def __call__(self, hit: str | None, trading: bool) -> str | None:
        with self._lock:
            if self._taken is not None and hit != self._taken:
                self._left[self._taken] = self._left.get(self._taken, 0) + 1
            names = [name for name, count in self._left.items() if count > 0]
            # Points of an order's life cycle need a lot to sell, or a new bar to buy on.
            fit = [name for name in names if trading or POINTS[name].stimulus is not Stimulus.TRADE] or names
            if not fit:
                return None
            self._taken = self._random.choice(fit)
            self._left[self._taken] -= 1
            return self._taken


def _lane(folder: Path, number: int, seed: int, left: Any, lock: Any, until_s: float, out: Any) -> None:
    """A crash loop in a process of its own, without threads, since it forks."""
    load_ahead()
    lane = CrashLoop(folder, number, seed)
    try:
        lane.run(_Wanted(left, lock, seed + number), until_s)
    except Exception as error:
        lane.result.breaches.append(f"RIG: {type(error).__name__}: {error}")
    path = folder / "result.json"
    path.write_text(json.dumps(lane.result.document()))
    out[number] = str(path)


def _lanes(args: argparse.Namespace, base: Path, left: Counter[str], began_s: float) -> list[dict[str, Any]]:
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager:
        assert isinstance(manager, SyncManager)
        shared, lock, out = manager.dict(left), manager.Lock(), manager.dict()
        until_s = began_s + args.seconds
        lanes = [
            context.Process(target=_lane, args=(base / f"lane-{n}", n, args.seed, shared, lock, until_s, out))
            for n in range(args.lanes)
        ]
        for lane in lanes:
            lane.start()
        while any(lane.is_alive() for lane in lanes):
            time.sleep(10)
            open_ = sum(max(count, 0) for count in dict(shared).values())
            say(f"{time.monotonic() - began_s:5.0f} s: {open_} kills to go")
        for lane in lanes:
            lane.join()
        return [json.loads(Path(path).read_text()) for _, path in sorted(dict(out).items())]


def _document(args: argparse.Namespace, results: list[dict[str, Any]], wall_s: float) -> dict[str, Any]:
    hits: Counter[str] = Counter()
    for result in results:
        hits.update(result["hits"])
    before = hits_of(kept_runs()) if args.add else Counter[str]()
    boots = [ms for result in results for ms in result["boot_ms"]]
    return {
        "each": args.each,
        "seed": args.seed,
        "wall_s": round(wall_s),
        "lanes": len(results),
        "load": round(os.getloadavg()[1], 1),
        "hits": {name: hits[name] for name in POINTS if args.only in name},
        "missing": [name for name in POINTS if args.only in name and hits[name] + before[name] < args.each],
        "elsewhere": sum(result["elsewhere"] for result in results),
        "modes": dict(Counter(result["mode"] for result in results)),
        "boot_ms": {f"p{share}": percentile(boots, share, 1) for share in (50, 99)} | {"n": len(boots)},
        "settle_s": max((result["settle_s"] for result in results), default=0.0),
        "orders": sum(result["orders"] for result in results),
        "fills": sum(result["fills"] for result in results),
        "breaches": [text for result in results for text in result["breaches"]],
    }


def _say(document: dict[str, Any]) -> None:
    for name, count in document["hits"].items():
        say(f"  {count:4d}  {name}")
    total, boot = sum(document["hits"].values()), document["boot_ms"]
    say(f"{total} kills at points, {document['elsewhere']} elsewhere, in {document['wall_s']} s; "
        f"start to trading p50 {boot['p50']} ms, p99 {boot['p99']} ms; "
        f"{document['orders']} orders, {document['fills']} fills")  # fmt: skip
    for text in document["breaches"][:20]:
        say(f"  BROKEN {text}")
    for name in document["missing"]:
        say(f"  not reached often enough: {name}")


def _keep(name: str, found: list[dict[str, Any]], *, add: bool = False) -> None:
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    kept[name] = [*(kept.get(name, []) if add else []), *found]
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
