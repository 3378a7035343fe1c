"""One seed from plan to verdict, as a plain record; what a worker process does."""

import shutil
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proof.judge import verdict
from proof.loop import Stuck
from proof.machine import Dead
from proof.plan import ACTS, FAULTS, Act, Plan, Window, draw
from proof.run import folder_for, run_plan

Record = dict[str, Any]


def judged(plan: Plan, *, keep: bool = False) -> Record:
    """Run a plan and judge it. `breaches`: invariant → what broke it; a defect of the rig itself is `RIG`."""
    folder = folder_for(plan.seed)
    record: Record = {"seed": plan.seed, "mode": plan.mode, "virtual_s": plan.total_s, "folder": str(folder)}
    try:
        outcome = run_plan(plan, folder)
        breaches = {name: found for name, found in verdict(folder).items() if found}
        record |= {
            "hash": outcome.event_hash,
            "events": outcome.events,
            "wall_s": outcome.wall_s,
            "cpu_s": outcome.cpu_s,
            "strikes": dict(outcome.strikes),
            "counts": outcome.counts,
            "kill_ms": outcome.kill_ms,
        }
    except Stuck as stuck:
        breaches = {"I18 LIVE": [f"locked up: {stuck}"]}
    except (Exception, Dead):
        breaches = {"RIG": [traceback.format_exc(limit=-4)]}
    record["breaches"] = breaches
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return record


def by_seed(seed: int, minutes: float, mode: str | None, needs: str = "") -> Record:
    """A drawn plan, judged; `needs` ("kind:scope:rate,act,setting=value,…") adds to the middle of it."""
    plan = draw(seed, minutes, mode)
    for number, need in enumerate(filter(None, needs.split(","))):
        if need == "calm":
            plan = replace(plan, windows=(), acts=())
            continue
        if need.startswith(("market:", "quote_min:")):
            name, _, value = need.partition(":")
            changed: dict[str, Any] = {name: value}
            plan = replace(plan, **changed)
            continue
        if "=" in need:
            name, _, value = need.partition("=")
            plan = replace(plan, settings={**plan.settings, name: float(value)})
            continue
        if need in ACTS:
            act = Act(1000 + number, plan.minutes * 24 + 4 * number, need, 0.5)
            plan = replace(plan, acts=(*plan.acts, act))
            continue
        kind, scope, rate = (need.split(":") + ["", "0.5"][need.count(":") :])[:3]
        low, high = FAULTS[kind][4]
        for_s = plan.minutes * 30
        more = Window(1000 + number, kind, scope or FAULTS[kind][1][0], for_s / 2, for_s, float(rate), (low + high) / 2)
        plan = replace(plan, windows=(*plan.windows, more))
    return judged(plan)


def by_plan(raw: Mapping[str, Any]) -> Record:
    """A given plan, judged."""
    return judged(Plan.from_json(raw))
