"""`python -m simtest.soak --days N`: one bot process for many virtual days without faults, measured once a day.

Few trades and long intervals, to see what grows with time alone. The run is judged like any other.
"""

import argparse
import gc
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.app.metrics import rss_mb
from simtest.cli import OUT, say, with_fixed_hash_seed
from simtest.judge import verdict
from simtest.patches import settle
from simtest.plan import Plan
from simtest.run import Run, folder_for

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
SETTINGS = {
    "strategy": "always", "granularity": "ONE_HOUR", "edge_gate": False, "take_profit_pct": 0.5, "stop_loss_pct": 3.0,
    "risk_per_trade_pct": 0.5, "max_daily_loss_pct": 90.0, "max_drawdown_pct": 0.0, "max_consecutive_losses": 0,
    "max_error_rate_pct": 0.0, "max_api_error_pct": 0.0, "max_vol_spike": 0.0, "max_spread_pct": 0.0,
    "max_total_lots": 20, "max_concurrent_lots": 20, "pyramid_min_adverse_pct": 0.0, "pyramid_decay_min_pct": 0.0,
    "scalp_tp_min_pct": 0.3, "tick_interval_sec": 30.0, "candle_resync_sec": 3600.0,
}  # fmt: skip


@dataclass(slots=True)
class DailyMemory:
    """Resident memory at the end of each day, in MiB."""

    began_s: float = field(default_factory=time.monotonic)
    rss: list[float] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)

    def slope(self) -> float | None:
        """MiB per day by least squares over the second half; None for fewer than three days."""
        rows = self.rss[len(self.rss) // 2 :]
        if len(rows) < 3:
            return None
        middle, mean = (len(rows) - 1) / 2, sum(rows) / len(rows)
        spread = sum((i - middle) ** 2 for i in range(len(rows)))
        return sum((i - middle) * (value - mean) for i, value in enumerate(rows)) / spread


def plan(days: float, seed: int) -> Plan:
    """From a day in November, so that a year's end, two changes of clocks and a leap day lie on the way of 850 days."""
    return Plan(
        seed=seed,
        minutes=days * 1440,
        mode="not_enforced",
        market="calm",
        products=("BTC-USD", "ETH-USD"),
        start_s=20_400 * 86_400 + 43_200,
        rtt_ms=(20, 60),
        state_s=120.0,
        grain_ms=20_000,
        settings=SETTINGS,
    )


def run(given: Plan, folder: Path) -> DailyMemory:
    """Run all days, with a line for each."""
    settle()
    whole, days = Run(given, folder), DailyMemory()

    def tidy() -> None:
        gc.collect()  # a run has the collector off; a bot has it on
        whole.loop.event_queue.at(whole.loop.now_us + HOUR_US, tidy)

    def midnight() -> None:
        days.rss.append(rss_mb())
        held = whole.truth.bounds[-1] if whole.truth.bounds else {}
        speed = whole.loop.now_us / 1e6 / (time.monotonic() - days.began_s)
        say(f"day {len(days.rss)}: {days.rss[-1]:.1f} MiB, {held}, {speed:,.0f} x real time")
        whole.loop.event_queue.at(whole.loop.now_us + DAY_US, midnight)

    whole.loop.event_queue.at(HOUR_US, tidy)
    whole.loop.event_queue.at(DAY_US, midnight)
    outcome = whole.go()
    days.counts = outcome.counts
    say(f"lives {outcome.counts['lives']}, orders {outcome.counts['orders']}, fills {outcome.counts['fills']}")
    return days


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 1 where an invariant broke."""
    parser = argparse.ArgumentParser(prog="soak", description=__doc__)
    parser.add_argument("--days", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the result")
    args = parser.parse_args(argv)
    with_fixed_hash_seed("simtest.soak", list(sys.argv[1:] if argv is None else argv))
    folder = folder_for(args.seed)
    try:
        days = run(plan(args.days, args.seed), folder)
        breaches = verdict(folder).breaches
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, found in breaches.items():
        say(f"  {name}: {found[0]}")
    slope = days.slope()
    args.out.mkdir(parents=True, exist_ok=True)
    told = {
        "days": args.days,
        "wall_s": round(time.monotonic() - days.began_s, 1),
        "rss_mb": days.rss,
        "slope_mb_per_day": slope,
        "counts": days.counts,
        "breaches": breaches,
    }
    (args.out / "soak.json").write_text(json.dumps(told, indent=1))
    say(f"{args.days:g} days, memory grows by {slope:.3f} MiB a day" if slope is not None else "too short for a slope")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
