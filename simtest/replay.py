"""A failing seed: replayed, shrunk, shown as a timeline, kept as a test."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simtest import timeline
from simtest.drawing import draw
from simtest.judged_run import judged
from simtest.plan import Plan
from simtest.shrink import Shrinker
from simtest.story.page import page
from simtest.story.run_story import read as read_story

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "tests" / "simtest" / "plans"
Say = Callable[[str], None]


def explain(record: dict[str, Any], minutes: float, mode: str | None, out: Path, shrink: bool, say: Say) -> None:
    """Report what broke in a seed, write its plan to a file, and say how to go on."""
    seed = record["seed"]
    say(f"\nseed {seed} ({record['mode']})")
    _tell(record["breaches"], say)
    path = out / f"seed-{seed}.json"
    _write(draw(seed, minutes, mode), path)
    if shrink:
        path = _small(path, next(iter(record["breaches"])), say)
    say(f"  again:     ./coin simulate --plan {path}")
    if not shrink:
        say(f"  smaller:   ./coin simulate --plan {path} --shrink")
    say(f"  picture:   ./coin simulate --plan {path} --explain")
    say(f"  timeline:  ./coin simulate --plan {path} --story")
    say(f"  a test:    ./coin simulate --plan {path} --test NAME   (when it is fixed)")


def replay(path: Path, *, keep: bool, shrink: bool, story: bool, say: Say) -> int:
    """Run a plan from its file and report the verdict; 1 where anything broke."""
    record = judged(read_plan(path), keep=keep or story)
    say(json.dumps({name: record.get(name) for name in ("seed", "hash", "counts", "strikes")}))
    _tell(record["breaches"], say)
    if not record["breaches"]:
        say("nothing broke")
    if story:
        told = path.with_suffix(".txt")
        told.write_text("\n".join(timeline.lines(Path(record["folder"]))) + "\n")
        say(f"the timeline: {told}")
    if keep:
        say(f"kept in {record['folder']}: python -m simtest.judge {record['folder']}")
    elif story:
        shutil.rmtree(record["folder"], ignore_errors=True)
    if record["breaches"] and shrink:
        _small(path, next(iter(record["breaches"])), say)
    return 1 if record["breaches"] else 0


def draw_story(plan: Plan, out: Path, say: Say) -> int:
    """Run a plan and draw it as a page, `out` or a file in the folder `out`; 1 where anything broke."""
    record = judged(plan, keep=True)
    try:
        _tell(record["breaches"], say)
        path = out if out.suffix == ".html" else out / f"seed-{plan.seed}.html"
        try:
            text = page(read_story(Path(record["folder"]), record))
        except FileNotFoundError:
            say("the run left no evidence, so there is nothing to draw")
            return 1
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    finally:
        shutil.rmtree(record["folder"], ignore_errors=True)
    say(f"{'broke: ' + ', '.join(record['breaches']) if record['breaches'] else 'nothing broke'}; the story: {path}")
    return 1 if record["breaches"] else 0


def keep_as_test(path: Path, name: str, say: Say) -> int:
    """Keep the plan as tests/simtest/plans/NAME.json, where the tests run it."""
    KEPT.mkdir(exist_ok=True)
    _write(read_plan(path), KEPT / f"{name}.json")
    say(f"kept as {(KEPT / name).relative_to(ROOT)}.json; try it: ./coin test tests/simtest/test_plans.py -k {name}")
    return 0


def _small(path: Path, invariant: str, say: Say) -> Path:
    small = path.with_suffix(".small.json")
    _write(Shrinker(read_plan(path), invariant, lambda text: say(f"  {text}")).run(), small)
    say(f"  smaller: {small}")
    return small


def _tell(breaches: dict[str, list[str]], say: Say) -> None:
    for name, found in breaches.items():
        for text in found:
            say(f"  {name}: {text}")


def read_plan(path: Path) -> Plan:
    """The plan in a file. Raises OSError, ValueError."""
    return Plan.from_json(json.loads(path.read_text()))


def _write(plan: Plan, path: Path) -> None:
    path.write_text(json.dumps(plan.to_json(), indent=1) + "\n")
