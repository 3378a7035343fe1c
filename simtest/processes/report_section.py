"""The section of docs/reliability.md about real processes, from docs/processes.json."""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simtest.processes.crash_points import POINTS

KEPT = Path(__file__).resolve().parents[2] / "docs" / "processes.json"


def section(kept: Mapping[str, Any] | None = None) -> str | None:
    """Markdown, or None where nothing was measured yet."""
    if kept is None:
        kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    parts = [text for text in (_kill9(kept.get("kill9")), _kills(kept.get("kills"))) if text]
    return "\n\n".join(parts) or None


def kept_runs() -> list[dict[str, Any]]:
    """The runs of kill9 that are published."""
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    return list(kept.get("kill9", ()))


def hits_of(runs: list[dict[str, Any]]) -> Counter[str]:
    """Point → kills at it, in all these runs."""
    hits: Counter[str] = Counter()
    for run in runs:
        hits.update(run["hits"])
    return hits


def _kill9(runs: list[dict[str, Any]] | None) -> str | None:
    if not runs:
        return None
    hits = hits_of(runs)
    breaches = [text for run in runs for text in run["breaches"]]
    total, others = sum(hits.values()), sum(run["elsewhere"] for run in runs)
    seconds, lanes = sum(run["wall_s"] for run in runs), sum(run["lanes"] for run in runs)
    modes = ", ".join(sorted({mode for run in runs for mode in run["modes"]}))
    lines = [
        "## Crash tests with real processes",
        "`./coin prove kill9`: the bot's own program in a process of its own, over TCP and TLS against the real "
        "COIN-SIM, ended by SIGKILL at a named point, started again, and judged: after each death no order of ours may "
        "be without its intent and no intent may have two orders; at the end of a crash loop, with every order "
        "settled, fills, lots, positions and order states are compared exactly. The crash points are in the ports "
        "that only these tests use: the program that users start has none.",
        f"{total:,} kills at points and {others:,} elsewhere, in {seconds / 60:.0f} minutes and {lanes} loops "
        f"(client order ids: {modes}); {sum(run['orders'] for run in runs):,} orders, "
        f"{sum(run['fills'] for run in runs):,} fills. Violations: {len(breaches)}. Restart to trading, with short "
        f"history: p50 {_worst(runs, 'p50'):,.0f} ms, p99 {_worst(runs, 'p99'):,.0f} ms, on two cores that other work "
        f"shared (load {', '.join(str(run['load']) for run in runs)}).",
        "| killed at | times |\n|---|---|\n" + "\n".join(f"| {name} | {hits[name]} |" for name in POINTS),
    ]
    lines += [f"- BROKEN {text}" for text in breaches[:10]]
    return "\n\n".join(lines)


def _worst(runs: list[dict[str, Any]], name: str) -> float:
    return max((run["boot_ms"][name] or 0.0) for run in runs)


def _kills(runs: list[dict[str, Any]] | None) -> str | None:
    """How long a kill takes under faults."""
    if not runs:
        return None
    head = "| while | kills | gate shut to none left, p50 | p99 | worst | goal | orders sent after it |"
    rows = [
        f"| {row['title']} | {row['kills']} | {row['p50']:,.0f} ms | {row['p99']:,.0f} ms | {row['worst']:,.0f} ms "
        f"| p99 ≤ {row['goal_ms']:,} ms | {row['late']} |"
        for row in runs
    ]
    return "\n\n".join(
        [
            "## Kill under faults",
            "`./coin prove kill`: the whole bot in virtual time, killed at a random moment in each seed while the "
            "fault lasts. Cleared means that the exchange showed no order of ours, twice. Late are order-creating "
            "requests that reached the exchange more than 100 ms after the latch and one way there.",
            head + "\n|---|---|---|---|---|---|---|\n" + "\n".join(rows),
        ]
    )
