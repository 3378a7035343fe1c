"""How long a kill takes under faults: the whole bot in virtual time, one kill in each seed."""

import json
import multiprocessing
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from shared.percentile import percentile
from simtest.cli import say
from simtest.judged_run import judged
from simtest.plan import Act, Plan, Window

MINUTES = 3.5
PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD")
RTT_MS = (100, 100)
LATE_US = 100_000
# Every bar buys, and take profits are out of reach: orders rest at the time of the kill.
SETTINGS: Mapping[str, Any] = {
    "strategy": "always", "edge_gate": False, "take_profit_pct": 5.0, "scalp_tp_min_pct": 5.0, "runner_tp_mult": 1.0,
    "pyramid_min_adverse_pct": 0.0, "pyramid_decay_min_pct": 0.0, "risk_per_trade_pct": 1.0,
    "max_daily_loss_pct": 90.0, "max_error_rate_pct": 0.0, "max_api_error_pct": 0.0, "max_vol_spike": 0.0,
    "max_spread_pct": 0.0, "max_consecutive_losses": 0, "max_drawdown_pct": 0.0, "safe_starts": 0,
    "vol_risk_adjust": False,
}  # fmt: skip


class FaultScenario(NamedTuple):
    """A fault from before the kill to long after it."""

    name: str
    title: str
    goal_ms: int
    windows: tuple[Window, ...]


def _window(number: int, kind: str, rate: float, arg: float = 0.0, scope: str = "") -> Window:
    return Window(number, kind, scope, 90.0, MINUTES * 60 - 90.0, rate, arg)


SCENARIOS = (
    FaultScenario("calm", "no fault, 100 ms of round trip", 1_000, ()),
    FaultScenario(
        "errors",
        "30 % of all requests fail (half before their effect, half without an answer)",
        5_000,
        (_window(0, "status_before", 0.15, 503), _window(1, "lost_after", 0.15, 0.2)),
    ),
    FaultScenario("429", "80 % of all requests are answered 429", 30_000, (_window(0, "throttle", 0.8),)),
    FaultScenario("streams", "both streams are silent and 10 % of all requests fail", 5_000,
          (_window(0, "ws_silent", 1.0), _window(1, "status_before", 0.1, 502))),
)  # fmt: skip


def plan(scenario: FaultScenario, seed: int) -> Plan:
    """The seed's run: the kill comes at a moment of its own."""
    random = Random(f"{scenario.name}/{seed}")
    at_s = round(random.uniform(125, 165), 3)
    return Plan(
        seed=seed,
        minutes=MINUTES,
        mode=("return_existing", "reject", "not_enforced")[seed % 3],
        market=random.choice(("calm", "range", "lively")),
        products=PRODUCTS,
        start_s=20_500 * 86_400 + random.randrange(60_000),
        rtt_ms=RTT_MS,
        state_s=0.5,
        settings=dict(SETTINGS),
        windows=scenario.windows,
        acts=(Act(0, at_s, "kill"),),
    )


def one(name: str, seed: int) -> dict[str, Any]:
    """One kill: its time, what was open, and what was sent too late."""
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == name)
    record = judged(plan(scenario, seed), keep=True)
    folder = Path(record["folder"])
    try:
        late, rested = _sent_late(folder), 0
        if (folder / "truth.json").exists():
            rested = _open_at_kill(json.loads((folder / "truth.json").read_bytes()))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"ms": record.get("kill_ms", []), "late": late, "open": rested, "breaches": record["breaches"]}


def _sent_late(folder: Path) -> int:
    """Order-creating requests sent more than 100 ms after the latch was known of."""
    path = folder / "truth.json"
    if not path.exists():
        return 0
    truth = json.loads(path.read_bytes())
    latched = [state["us"] for state in truth["states"] if state["latch"]]
    return sum(1 for post in truth["posts"] if latched and post["sent_us"] > latched[0] + LATE_US)


def _open_at_kill(truth: Mapping[str, Any]) -> int:
    """Orders of ours that were open when the kill came."""
    at_us = next((act["us"] for act in truth["acts"] if act["kind"] == "kill"), 0)
    return sum(
        1
        for order in truth["venue"]["orders"]
        if order["created_us"] < at_us and (order["done_us"] is None or order["done_us"] > at_us)
    )


def measure(count: int, first: int, jobs: int) -> Iterator[dict[str, Any]]:
    """A row for each scenario."""
    with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
        for scenario in SCENARIOS:
            found = list(pool.map(one, [scenario.name] * count, range(first, first + count)))
            times = [ms for row in found for ms in row["ms"]]
            breaches = [f"seed {first + n}: {row['breaches']}" for n, row in enumerate(found) if row["breaches"]]
            breaches += [f"seed {first + n}: never cleared" for n, row in enumerate(found) if not row["ms"]]
            yield {
                "name": scenario.name,
                "title": scenario.title,
                "goal_ms": scenario.goal_ms,
                "kills": len(times),
                "open": sum(row["open"] for row in found),
                "p50": percentile(times, 50, 1) or 0.0,
                "p99": percentile(times, 99, 1) or 0.0,
                "worst": max(times, default=0.0),
                "late": sum(row["late"] for row in found),
                "breaches": breaches,
            }


def run(count: int, first: int, jobs: int) -> tuple[list[dict[str, Any]], bool]:
    """Measure and say; (rows, whether every goal was met)."""
    rows, good = [], True
    for row in measure(count, first, jobs):
        met = row["p99"] <= row["goal_ms"] and not row["late"] and not row["breaches"] and row["kills"] == count
        good = good and met
        rows.append(row)
        say(f"{'ok ' if met else 'BAD'} {row['title']}: {row['kills']} kills of {row['open']} open orders, "
            f"p50 {row['p50']:,.0f} ms, p99 {row['p99']:,.0f} ms, worst {row['worst']:,.0f} ms "
            f"(goal {row['goal_ms']:,} ms), {row['late']} sent late")  # fmt: skip
        for text in row["breaches"][:5]:
            say(f"    {text[:300]}")
    return rows, good
