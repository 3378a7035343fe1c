"""Our statistics beside those of a library that many use, on the same daily returns."""

import json
import subprocess
from pathlib import Path

import numpy as np

from bench.research import peers
from research.metrics import drawdown, ratios, returns, trades

REQUIREMENT = "quantstats==0.0.86"
DAYS, SEEDS = 730, range(5)
AGREE = 1e-9  # relative


def ours(by_day: returns.Floats) -> dict[str, float | None]:
    """Every figure that both define."""
    equity: returns.Floats = np.cumprod(1.0 + by_day, dtype=np.float64)
    worst = drawdown.drawdown(np.arange(1, len(by_day) + 1) * returns.DAY_S, equity, 1.0).worst
    growth = returns.cagr(float(equity[-1]), 1.0, len(by_day) / returns.DAYS_PER_YEAR)
    lots = trades.lots(by_day)
    return {
        "sharpe": ratios.sharpe(by_day), "sortino": ratios.sortino(by_day), "omega": ratios.omega(by_day),
        "volatility": returns.volatility(by_day), "max_drawdown": worst, "cagr": growth,
        "calmar": ratios.calmar(growth, worst), "win_rate": lots.win_rate, "payoff": lots.payoff,
        "profit_factor": lots.profit_factor,
    }  # fmt: skip


def compare(work: Path) -> tuple[str, bool]:
    """What came out in words, and whether everything agreed (or could not be compared here)."""
    try:
        python = peers.environment(REQUIREMENT)
        apart, names = 0.0, 0
        for seed in SEEDS:
            by_day = np.random.default_rng(seed).normal(0.001, 0.02, DAYS)
            file = work / "returns.npz"
            np.savez(file, returns=by_day)
            command = [str(python), str(Path(__file__).with_name("peer_statistics.py")), str(file)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=peers.RUN_S, check=True)
            theirs = json.loads(done.stdout.strip().splitlines()[-1])
            for name, value in ours(by_day).items():
                assert value is not None
                apart, names = max(apart, abs(value - theirs[name]) / abs(theirs[name])), names + 1
    except (OSError, subprocess.SubprocessError) as error:
        return f"{REQUIREMENT}: not compared here ({type(error).__name__})", True
    said = (
        f"Statistics: {names} figures of {len(SEEDS)} random histories beside {REQUIREMENT}: at most {apart:.1e} apart"
    )
    return f"{said} (relative)", apart <= AGREE
