"""One seed, from its plan to the verdict, as a plain record; runs in worker processes."""

import shutil
import traceback
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from simtest.drawing import draw
from simtest.judge import verdict
from simtest.plan import ACTS, FAULTS, Act, Plan, Window
from simtest.run import folder_for, run_plan
from simtest.virtual_loop import Stuck
from simtest.virtual_ports import DeadProcessActed

Record = dict[str, Any]
# "busy": every bar buys, and every lot has a resting take profit.
BUSY: Mapping[str, Any] = {
    "strategy": "always", "entry_order": "market", "take_profit_order": "limit", "take_profit_pct": 1.0,
    "scalp_tp_min_pct": 1.0, "stop_loss_pct": 1000.0, "trail_activate_pct": 50.0, "risk_per_trade_pct": 1.0,
    "max_order_usd": 0.0, "max_total_lots": 60, "max_concurrent_lots": 20, "max_orders_per_min": 30,
    "pyramid_min_adverse_pct": 0.0, "pyramid_min_seconds_between": 0.0, "max_daily_loss_pct": 50.0,
    "max_drawdown_pct": 0.0, "max_product_usd": 0.0, "max_total_usd": 0.0, "max_vol_spike": 0.0,
    "correlation_limit": 0.0,
}  # fmt: skip


def judged(plan: Plan, *, keep: bool = False) -> Record:
    """Run a plan and judge it. `breaches`: invariant → what broke it; an error of the test itself is `RIG`. `judged`:
    rule → how many things that could have broken it were judged."""
    folder = folder_for(plan.seed)
    record: Record = {"seed": plan.seed, "mode": plan.mode, "virtual_s": plan.total_s, "folder": str(folder)}
    try:
        outcome = run_plan(plan, folder)
        found = verdict(folder)
        breaches = found.breaches
        record |= {
            "judged": found.judged,
            "hash": outcome.event_hash,
            "events": outcome.events,
            "wall_s": outcome.wall_s,
            "cpu_s": outcome.cpu_s,
            "strikes": dict(outcome.strikes),
            "counts": outcome.counts,
            "cells": dict(outcome.cells),
            "own_cells": dict(outcome.own_cells),
            "kill_ms": outcome.kill_ms,
        }
    except Stuck as stuck:
        breaches = {"I18 LIVE": [f"locked up: {stuck}"]}
    except (Exception, DeadProcessActed):
        breaches = {"RIG": [traceback.format_exc(limit=-4)]}
    record["breaches"] = breaches
    if not keep:
        shutil.rmtree(folder, ignore_errors=True)
    return record


def by_seed(seed: int, minutes: float, mode: str | None, needs: str = "") -> Record:
    """A drawn plan, judged. `needs` changes it: "kind:scope:rate,act@arg,setting=value,market:name,calm,busy"."""
    plan = draw(seed, minutes, mode)
    for number, need in enumerate(filter(None, needs.split(","))):
        plan = _with(plan, need, number)
    return judged(plan)


def _with(plan: Plan, need: str, number: int) -> Plan:
    act, _, arg = need.partition("@")
    if need == "calm":
        return replace(plan, windows=(), acts=())
    if need == "live":
        return replace(plan, live=True, acts=(*plan.acts, Act(1000 + number, 1.0, "permit")))
    if need == "busy":
        return replace(plan, settings={**plan.settings, **BUSY})
    if need.startswith(("market:", "quote_min:")):
        name, _, value = need.partition(":")
        changed: dict[str, Any] = {name: value}
        return replace(plan, **changed)
    if "=" in need:
        name, _, value = need.partition("=")
        return replace(plan, settings={**plan.settings, name: _value(value)})
    if act in ACTS:
        more = Act(1000 + number, plan.minutes * 24 + 4 * number, act, float(arg or 0.5))
        return replace(plan, acts=(*plan.acts, more))
    kind, scope, rate = (need.split(":") + ["", "0.5"][need.count(":") :])[:3]
    low, high = FAULTS[kind][4]
    for_s = plan.minutes * 30
    window = Window(1000 + number, kind, scope or FAULTS[kind][1][0], for_s / 2, for_s, float(rate), (low + high) / 2)
    return replace(plan, windows=(*plan.windows, window))


def _value(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


def by_plan(raw: Mapping[str, Any]) -> Record:
    """A given plan, judged."""
    return judged(Plan.from_json(raw))
