"""Bots that do not do their job, each a planted bug in a copy of the sources: the reference model names the duty.

The sound bot is judged by the same rule on the same plan, and keeps it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
import pytest

from simtest.judged_run import by_plan
from simtest.mutants import plant
from simtest.plan import Act, Plan
from simtest.planted import PLANTED
from tests.simtest.conftest import SETTINGS, plan

CHILD = """
import json, sys
from simtest.judged_run import by_plan
print(json.dumps(by_plan(json.loads(sys.stdin.read()))["breaches"]))
"""
BUSY = {
    **SETTINGS, "strategy": "always", "take_profit_pct": 5.0, "scalp_tp_min_pct": 5.0, "stop_loss_pct": 1000.0,
    "max_total_lots": 60, "max_concurrent_lots": 20, "max_spread_pct": 0.0, "max_order_usd": 100.0,
}  # fmt: skip
WEIGHTS = {
    "strategy": "weight_steps", "exposure_max_pct": 90.0, "exposure_band_pct": 12.0, "exposure_maker_sec": 5.0,
    "max_order_usd": 0.0, "max_consecutive_losses": 0, "max_error_rate_pct": 0.0, "max_api_error_pct": 0.0,
}  # fmt: skip
# The strategy of these wants 0.9, 0.1, 0, 0.6, and has no opinion then; each for two minutes.
STEPS = {"minutes": 10.0, "start_s": 20_500 * 86_400 + 40050}


class Duty(NamedTuple):
    """The rule that a bug breaks, and a calm plan on which there is something to do."""

    rule: str
    settings: dict[str, Any]
    acts: tuple[Act, ...] = ()
    world: Mapping[str, Any] = MappingProxyType({"minutes": 4.0})


DUTIES = {
    "never-buys": Duty("R1 ENTRY/due", {}),
    "buys-on-sell": Duty("R1 ENTRY/signal", {"strategy": "sma_cross"}),
    "exits-never-judged": Duty("R3 STOP/sells", {"stop_loss_pct": 0.05}),
    "take-never-rests": Duty("R2 TAKE/stands", {}),
    "stop-of-the-last-entry": Duty("R3 STOP/price", {"stop_loss_pct": 0.3}),
    "trail-never-moves": Duty("R4 TRAIL/peak", {"trail_activate_pct": 0.05, "trail_distance_pct": 0.03}),
    "nobody-is-promoted": Duty("R5 PROMOTE/ledger", {"take_profit_pct": 0.05}),  # scalps stay, at their least take
    "sell-signal-ignored": Duty("R9 SIGNAL/sells", {"signal_exits": True, "strategy": "sma_cross"}),
    "weight-never-bought": Duty("R10 WEIGHT/bought", WEIGHTS, (), STEPS),
    "weight-never-sold": Duty("R10 WEIGHT/sold", WEIGHTS, (), STEPS),
    "zero-inside-the-band-stays": Duty("R10 WEIGHT/all sold", WEIGHTS, (), STEPS),
    "weight-of-all-equity": Duty("R10 WEIGHT/asked for", WEIGHTS, (), STEPS),
    "no-opinion-is-cash": Duty("R10 WEIGHT/asked for", WEIGHTS, (), STEPS),
    "bid-never-times-out": Duty("R6 CANCEL/timeout", {"entry_order": "maker", "maker_timeout_sec": 5.0}),
    "flat-is-claimed": Duty("R7 FLATTEN/done", {}, (Act(0, 150.0, "flatten"),)),
}


def plan_of(duty: Duty) -> Plan:
    return plan(market="lively", settings={**BUSY, **duty.settings}, acts=duty.acts, **duty.world)


@pytest.mark.parametrize("name", DUTIES)
def test_a_bot_that_does_not_do_it_is_caught(name: str, tmp_path: Path) -> None:
    plant(next(bug for bug in PLANTED if bug.name == name), tmp_path)
    child = subprocess.run(
        [sys.executable, "-c", CHILD],
        input=orjson.dumps(plan_of(DUTIES[name]).to_json()).decode(),
        cwd=tmp_path,
        env={**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(child.stdout)
    invariant = DUTIES[name].rule.partition("/")[0]
    assert invariant in found, found or child.stderr


@cache
def sound(plan: bytes) -> dict[str, Any]:
    """What the judge says of the sound bot on this plan, which several duties may share."""
    return by_plan(orjson.loads(plan))


@pytest.mark.parametrize("name", DUTIES)
def test_the_sound_bot_does_it(name: str) -> None:
    record = sound(orjson.dumps(plan_of(DUTIES[name]).to_json()))
    assert not record["breaches"], record["breaches"]
    assert record["judged"][DUTIES[name].rule], "there was nothing to do"
