"""The first half hour of a new user: `python -m simtest.demo`.

The whole bot with the defaults of profile dev on the lively market, under virtual time: one run for each seed, each at
another moment. It prints when the first entry and exit happened, and how the account stands.
"""

import argparse
import multiprocessing
import shutil
import sqlite3
import statistics
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shared.percentile import percentile
from shared.settings import Loaded, load
from simtest.cli import say, with_fixed_hash_seed
from simtest.evidence import others_hold
from simtest.patches import settle
from simtest.plan import FIRST_DAY, Plan
from simtest.run import Run, folder_for
from simtest.virtual_loop import Finished

LOOK_US = 5_000_000
DAY_S = 86_400


@dataclass(slots=True)
class DemoLot:
    """A lot from the ledger; times in minutes since the start."""

    opened: float
    closed: float | None
    reason: str | None
    cost: float
    pnl: float | None


@dataclass(slots=True)
class FirstHalfHour:
    """What a user would have seen."""

    seed: int
    lots: list[DemoLot] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    failure: str | None = None

    @property
    def first_entry(self) -> float | None:
        return min((lot.opened for lot in self.lots), default=None)

    @property
    def first_exit(self) -> float | None:
        return min((lot.closed for lot in self.lots if lot.closed is not None), default=None)

    @property
    def account_pct(self) -> float:
        """The account's gain in percent, open lots at the mark price."""
        return (self.equity[-1] / self.equity[0] - 1) * 100 if self.equity else 0.0

    @property
    def drawdown_pct(self) -> float:
        """The maximum drawdown of equity, in percent."""
        peak, worst = 0.0, 0.0
        for equity in self.equity:
            peak = max(peak, equity)
            worst = max(worst, (peak - equity) / peak * 100)
        return worst


def new_user() -> Loaded:
    """The default settings."""
    with tempfile.TemporaryDirectory() as folder:
        return load(Path(folder) / ".env", {})


def plan_of(seed: int, minutes: float, **changed: Any) -> Plan:
    """A plan without faults or acts."""
    loaded = new_user()
    s = loaded.settings
    given = {key.lower(): getattr(s, key.lower()) for key, source in loaded.sources.items() if source == "profile"}
    start_s = DAY_S * (FIRST_DAY + seed) + seed * 7919 * 60 % DAY_S + seed * 13 % 60
    return Plan(
        seed=seed,
        minutes=minutes,
        mode="return_existing",
        market=s.sim_market,
        products=s.products,
        start_s=start_s,
        rtt_ms=(5, 30),
        full_history=True,
        settings={
            **given,
            "sim_maker_fee_pct": s.sim_maker_fee_pct,
            "sim_taker_fee_pct": s.sim_taker_fee_pct,
            **changed,
        },
    )


class DemoRun(Run):
    """A run without a calm end, which samples equity on the way."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        super().__init__(plan, folder)
        self.equity: list[float] = []
        self.loop.event_queue.at(LOOK_US, self._watch)

    def _watch(self) -> None:
        engine = self._life.process.bot.engine if self._life is not None else None
        if engine is not None and engine.view.control.ready:
            self.equity.append(float(engine.view.account.equity))
        self.loop.event_queue.at(self.loop.now_us + LOOK_US, self._watch)

    def _calm(self) -> None:
        raise Finished


def show(seed: int, minutes: float, changed: dict[str, Any] | None = None) -> FirstHalfHour:
    """One user's first minutes."""
    folder = folder_for(seed)
    showing = FirstHalfHour(seed)
    try:
        settle()
        others_hold()
        run = DemoRun(plan_of(seed, minutes, **(changed or {})), folder)
        run.go()
        showing.equity = run.equity
        showing.lots = _lots(run.paths.ledger, run.plan.start_s * 1000)
    except Exception as error:
        showing.failure = f"{type(error).__name__}: {error}"
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return showing


def _lots(ledger: Path, start_ms: int) -> list[DemoLot]:
    query = "SELECT opened_ms, closed_ms, exit_reason, cost, realized_pnl FROM lots ORDER BY opened_ms"
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as db:
        rows = db.execute(query).fetchall()
    return [
        DemoLot(
            (opened - start_ms) / 60_000,
            (closed - start_ms) / 60_000 if closed is not None else None,
            reason,
            float(cost),
            float(pnl) if pnl is not None else None,
        )
        for opened, closed, reason, cost, pnl in rows
    ]


def _middle(values: Sequence[float]) -> str:
    if not values:
        return "never"
    p10, p90 = percentile(values, 10, 1), percentile(values, 90, 1)
    return f"median {statistics.median(values):.2f}, p10 {p10:.2f}, p90 {p90:.2f}"


def report(shown: Sequence[FirstHalfHour], minutes: float) -> None:
    """The figures, for a person."""
    count = len(shown)
    entries = [s.first_entry for s in shown if s.first_entry is not None]
    exits = [s.first_exit for s in shown if s.first_exit is not None]
    lots = [lot for s in shown for lot in s.lots]
    closed = [lot for lot in lots if lot.pnl is not None]
    reasons = sorted({str(lot.reason) for lot in closed})
    say(f"{count} users, {minutes:g} minutes each, each with a seed and a moment of their own")
    say(f"first entry within 5 minutes: {sum(at <= 5 for at in entries)} of {count} (minutes: {_middle(entries)})")
    say(f"first exit within 20 minutes: {sum(at <= 20 for at in exits)} of {count} (minutes: {_middle(exits)})")
    say(f"account after {minutes:g} minutes, percent: {_middle([s.account_pct for s in shown])}")
    say(f"deepest drawdown, percent: {_middle([s.drawdown_pct for s in shown])}")
    say(
        f"lots opened {len(lots) / count:.1f}, closed {len(closed) / count:.1f} a user; "
        f"{sum((lot.pnl or 0) > 0 for lot in closed) / max(len(closed), 1):.0%} of the closed ones won; "
        + ", ".join(f"{reason} {sum(lot.reason == reason for lot in closed)}" for reason in reasons)
        + f"; smallest entry {min((lot.cost for lot in lots), default=0):,.2f} USD"
    )
    for s in shown:
        if s.failure is not None:
            say(f"seed {s.seed} FAILED: {s.failure}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run; 1 where a run failed."""
    parser = argparse.ArgumentParser(prog="python -m simtest.demo", description=__doc__)
    parser.add_argument("--seeds", type=int, default=50, help="how many users")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--minutes", type=float, default=30.0, help="virtual minutes of each")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    args = parser.parse_args(argv)
    with_fixed_hash_seed("simtest.demo", list(argv or ()) or sys.argv[1:])
    seeds = range(args.seed, args.seed + args.seeds)
    with ProcessPoolExecutor(args.jobs, multiprocessing.get_context("spawn")) as pool:
        shown = list(pool.map(show, seeds, [args.minutes] * args.seeds))
    report(shown, args.minutes)
    return 1 if any(s.failure for s in shown) else 0


if __name__ == "__main__":
    raise SystemExit(main())
