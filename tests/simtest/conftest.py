"""One sound run for everybody who looks at what a run leaves behind."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from simtest.plan import Act, Plan
from simtest.run import folder_for, run_plan

SETTINGS = {
    "strategy": "sma_cross", "ma_fast": 1, "ma_slow": 3, "edge_gate": False, "take_profit_pct": 0.02,
    "scalp_tp_min_pct": 0.02, "runner_tp_mult": 1.0, "stop_loss_pct": 0.1, "pyramid_min_adverse_pct": 0.0,
    "pyramid_decay_min_pct": 0.0, "risk_per_trade_pct": 3.0, "max_daily_loss_pct": 50.0, "max_total_lots": 8,
    "max_concurrent_lots": 6, "max_orders_per_min": 30, "safe_starts": 0, "max_order_usd": 400.0,
    "sim_maker_fee_pct": 0.01, "sim_taker_fee_pct": 0.02, "stale_data_sec": 30.0, "take_profit_order": "limit",
}  # fmt: skip


def plan(seed: int = 7, minutes: float = 11.0, **changes: object) -> Plan:
    """A plan without faults on which the bot trades."""
    given: dict[str, object] = {
        "seed": seed, "minutes": minutes, "mode": "not_enforced", "market": "range", "products": ("ETH-USD", "SOL-USD"),
        "start_s": 20_500 * 86_400 + 40_000, "rtt_ms": (40, 120), "settings": SETTINGS,
    }  # fmt: skip
    return Plan(**(given | changes))  # type: ignore[arg-type]


@pytest.fixture(autouse=True, scope="session")
def _fixed_hash_seed() -> None:
    """Equal runs inside one process are equal whatever the seed of hashes; between processes they need a fixed one."""
    os.environ.setdefault("PYTHONHASHSEED", "0")


@pytest.fixture(scope="session")
def sound_run() -> Iterator[Path]:
    """A run with trades, a kill, its reset, a pause and a crash, and no fault: nothing may be wrong with it."""
    acts = (
        Act(0, 150.0, "crash"),
        Act(1, 300.0, "foreign_order", 0.5),
        Act(2, 330.0, "kill"),
        Act(3, 340.0, "reset_kill"),
        Act(4, 350.0, "start"),
        Act(5, 500.0, "pause"),
        Act(6, 560.0, "start"),
    )
    folder = folder_for(7)
    run_plan(plan(acts=acts), folder)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)
