"""`python -m simtest.report`: writes docs/reliability.md from the results of the last runs; never edited by hand."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from shared.figures import plainly
from simtest.judge import INVARIANTS
from simtest.judge.rules import RULES, invariant_of
from simtest.mutation.judged_mutants import judgements
from simtest.mutation.report_section import section as mutation_section
from simtest.plan import ACTS, FAULTS
from simtest.planted import PLANTED
from simtest.processes.report_section import section

ROOT = Path(__file__).resolve().parent.parent
DOC = ROOT / "docs" / "reliability.md"
STATES = ("new", "sent", "unknown", "open", "cancelling", "lost", "filled", "cancelled", "expired", "failed")
# Name in the results, heading, what it counts.
CELLS = (
    (
        "own_cells",
        "Faults of an order's own requests and frames, by its state",
        "Strikes at what is about that order: its POST, its cancel, a look at it alone, a frame that names it.",
    ),
    (
        "cells",
        "Faults while an order was in a state",
        "Strikes anywhere, also at a request or a stream that has nothing to do with that order.",
    ),
)
KEPT = ROOT / "docs" / "reliability.json"


def main(argv: Sequence[str] | None = None) -> int:
    """Read the latest results and write the page."""
    parser = argparse.ArgumentParser(prog="report", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("data/proof"), help="where the results lie")
    parser.add_argument("--doc", type=Path, default=DOC)
    args = parser.parse_args(argv)
    kept: dict[str, Any] = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    for name in ("run", "mutants", "mutation", "soak", "coverage"):
        path = args.out / f"{name}.json"
        if path.exists():
            kept[name] = json.loads(path.read_text())
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    args.doc.write_text(page(kept))
    return 0


def page(kept: dict[str, Any]) -> str:
    """The whole page."""
    parts = [
        "# Reliability: what was run, and what broke",
        "Written by `python -m simtest.report` from the results of `./coin simulate` and `python -m simtest.mutants`; "
        "do not edit. The bot's own process runs under virtual time against the in-process COIN-SIM: its real engine, "
        "real SQLite ledger, real files and real parsers on bytes both ways. A separate judge, which imports nothing "
        "of the bot, reads the exchange's truth, the ledger and the published files.",
    ]
    if "run" in kept:
        parts += [_seeds(kept["run"]), _invariants(kept["run"]), _faults(kept["run"])]
        parts += [_cells(kept["run"], *about) for about in CELLS if kept["run"].get(about[0])]
    if "coverage" in kept:
        parts.append(_coverage(kept["coverage"]))
    if "mutants" in kept:
        parts.append(_mutants(kept["mutants"]))
    if "mutation" in kept:
        parts.append(mutation_section(kept["mutation"], judgements()))
    if "soak" in kept:
        parts.append(_soak(kept["soak"]))
    if (processes := section()) is not None:
        parts.append(processes)
    parts += [_lanes(), _again(), _limits()]
    return "\n\n".join(parts) + "\n"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])


def _seeds(run: dict[str, Any]) -> str:
    seeds, failed = run["seeds"], len(run["failed"])
    bound = f"{plainly(300 / seeds, 2)} % of seeds (3/N)" if seeds > 3 and not failed else "–"
    counts = run["counts"]
    rows = [
        ("seeds", f"{seeds:,} ({', '.join(f'{mode} {n:,}' for mode, n in sorted(run['modes'].items()))})"),
        ("virtual time", f"{run['virtual_s'] / 3600:,.1f} h, {run['minutes']:g} min of faults and 3 min of calm each"),
        ("speed", f"{run['virtual_s'] / max(run['cpu_s'], 1e-9):,.0f} × real time on one core"),
        ("order requests, orders, fills", f"{counts['posts']:,}, {counts['orders']:,}, {counts['fills']:,}"),
        ("starts of the process", f"{counts['lives']:,}"),
        ("kill to no open order, faults included", _kills(run)),
        ("seeds with a violation", f"{failed}"),
        ("95 % bound", bound),
        ("seeds run twice, unequal", f"{run['repeated']}, {len(run['unequal'])}"),
        ("rules that so many seeds should have judged, and did not", ", ".join(run.get("overlooked", ())) or "none"),
    ]
    text = "## Seeds\n\n" + _table(("what", "figure"), rows)
    for seed in run["failed"]:
        text += f"\n\nSeed {seed['seed']} ({seed['mode']}): " + "; ".join(
            f"{name}: {found[0]}" for name, found in seed["breaches"].items()
        )
    return text


def _kills(run: dict[str, Any]) -> str:
    kills = run.get("kill_ms", {})
    if not kills.get("n"):
        return "–"
    return f"{kills['n']} kills: p50 {kills['p50']:,.0f} ms, p90 {kills['p90']:,.0f} ms, p99 {kills['p99']:,.0f} ms"


def _invariants(run: dict[str, Any]) -> str:
    counts: dict[str, int] | None = run.get("judged")
    rows = [
        (
            name,
            (check.__doc__ or "").splitlines()[0].partition(": ")[2],
            _judged(counts, [rule for rule in RULES if invariant_of(rule) == name]),
            run["breaches"].get(name, 0),
        )
        for name, check in INVARIANTS.items()
    ]
    text = "## Invariants\n\n" + _table(("id", "what must hold", "judged", "seeds that broke it"), rows)
    parts = [(rule, sentence, _judged(counts, [rule])) for rule, sentence in RULES.items()]
    return (
        f"{text}\n\n### Rules\n\nAn invariant's parts, and how many things that could have broken each one were "
        "judged: orders, lots, kills, days and so on.\n\n" + _table(("rule", "what must hold", "judged"), parts)
    )


def _judged(counts: dict[str, int] | None, rules: Sequence[str]) -> str:
    """How often these rules were judged; – where the run is older than the counts."""
    return f"{sum(counts.get(rule, 0) for rule in rules):,}" if counts is not None else "–"


def _faults(run: dict[str, Any]) -> str:
    ids = {name: row[0] for name, row in FAULTS.items()} | {name: row[0] for name, row in ACTS.items()}
    rows = [(name, ids[name], f"{run['strikes'].get(name, 0):,}") for name in ids]
    return "## Faults and acts that struck\n\n" + _table(("fault", "of the catalogue", "times"), rows)


def _coverage(result: dict[str, Any]) -> str:
    """What the seeds of one batch run of the bot's code."""
    rows = [
        (f"{room}/", *(f"{100 * ran / there:.1f} % of {there:,}" for ran, there in (row["lines"], row["branches"])))
        for room, row in result["rooms"].items()
    ]
    files = {name: row["branches"] for room in result["rooms"].values() for name, row in room["files"].items()}
    least = sorted((ran / there, name) for name, (ran, there) in files.items() if there)[:10]
    return (
        "## The bot's code that seeds run\n\n"
        f"{result['seeds']} seeds of {result['minutes']:g} minutes, by `python -m simtest.coverage`; the unit tests "
        "are not counted.\n\n" + _table(("room", "lines", "branches"), rows) + "\n\n"
        "Least of their branches: " + ", ".join(f"`{name}` {100 * part:.0f} %" for part, name in least) + "."
    )


def _cells(run: dict[str, Any], name: str, head: str, sentence: str) -> str:
    cells: dict[str, int] = run[name]
    states = [state for state in STATES if any(cell.endswith(f" {state}") for cell in cells)]
    kinds = [kind for kind in (*FAULTS, *ACTS) if any(cell.startswith(f"{kind} ") for cell in cells)]
    rows = [(kind, *(f"{cells.get(f'{kind} {state}', 0):,}" for state in states)) for kind in kinds]
    empty = sum(1 for kind in kinds for state in states if not cells.get(f"{kind} {state}"))
    few = sum(1 for kind in kinds for state in states if cells.get(f"{kind} {state}", 0) < 100)
    return (
        f"## {head}\n\n{sentence} Of {len(kinds) * len(states)} cells {empty} are empty, {few} have "
        "fewer than 100 strikes.\n\n" + _table(("fault", *states), rows)
    )


def _mutants(rows: list[dict[str, Any]]) -> str:
    needs = {bug.name: bug.needs for bug in PLANTED}
    caught = sum(1 for row in rows if row["caught"])
    money = [row for row in rows if row["money"]]
    shown = [
        (
            row["name"],
            row["rule"],
            "yes" if row["money"] else "",
            row.get("error") or (f"seed no. {row['first']}" if row["caught"] else f"**survived** {row['seeds']} seeds"),
            ", ".join(name.split(" ")[0] for name in row["by"]),
            needs.get(row["name"], "").replace(",", ", "),
        )
        for row in rows
    ]
    return (
        f"## Planted bugs, assisted\n\n{caught} of {len(rows)} caught; of those that touch money or kill "
        f"{sum(1 for row in money if row['caught'])} of {len(money)}. The bugs were chosen by those who wrote the "
        f"judge, and {sum(1 for row in rows if needs.get(row['name']))} of them are given a fault they hide behind, so "
        "this is no rate of detection. A survivor is a gap in the tests, or a rule that "
        "another one covers. For a bug behind a rare fault each seed is given that fault, as the last column says.\n\n"
        + _table(("bug", "rule", "money or kill", "caught by", "seen as", "given to each seed"), shown)
    )


def _soak(soak: dict[str, Any]) -> str:
    rss, slope, counts = soak["rss_mb"], soak["slope_mb_per_day"], soak["counts"]
    growth = f"{slope:.2f} MiB a day over the second half" if slope is not None else "not measured"
    return (
        f"## Soak test\n\n`python -m simtest.soak --days {soak['days']:g}`: one process for "
        f"{soak['days']:g} virtual days in {soak['wall_s'] / 60:,.0f} minutes, {counts['orders']:,} orders. Memory of "
        f"bot, exchange and test together: {rss[0] if rss else 0:.0f} MiB after the first day, "
        f"{rss[-1] if rss else 0:.0f} MiB after the last one; it grows by {growth}, which includes every order's rows "
        f"at the exchange and in the ground truth. Broken invariants: {len(soak['breaches'])}."
    )


def _lanes() -> str:
    """What each command runs."""
    rows = (
        ("`./coin test`", "new ones for 30 s, at least 3; kept plans", "each has its place in the sources", "–", "–"),
        ("`.ci/run`", "20 new ones; kept plans", "each has its place in the sources", "–", "–"),
        (
            "`./coin test --long`",
            "2,000 new ones",
            "all are hunted",
            "500 at random",
            "10 at each point and under each fault",
        ),
        ("`./coin simulate`", "as many as are asked for", "–", "–", "–"),
        ("`./coin prove`", "–", "–", "–", "as many as are asked for"),
    )
    return (
        "## What is run where\n\n"
        + _table(("command", "seeds", "planted bugs", "blind mutants", "kills"), rows)
        + "\n\n"
        "New seeds are drawn from the sources: each change is tested by seeds of its own, and the same sources draw "
        "the same ones again. In the tests a seed has 10 minutes of faults. Its start, its calm end and its verdict "
        "take half of the time, so shorter ones would show less for it: 3 minutes bring a fifth fewer strikes in each "
        "second of a core. PROOF_SECONDS and PROOF_SEEDS set for how long new seeds are run, and how many at least."
    )


def _again() -> str:
    return (
        "## A failing seed\n\n"
        "`./coin simulate --seeds N --shrink` names each seed that broke something, with the invariant and what broke "
        "it, and writes its plan to `data/proof/seed-S.json`, the shrunk one beside it. `./coin simulate --plan FILE` "
        "runs it again, `--shrink` makes it smaller (faults and acts are taken away while the same invariant still "
        "breaks), `--explain` draws its story as a page, `--story` writes a timeline, and `--test NAME` keeps the plan "
        "under `tests/simtest/plans/`, where the tests run it from then on. What is judged, what is not, and how to "
        "read a failing seed: [simulation testing](simulation-testing.md)."
    )


def _limits() -> str:
    sites = sum(len(row[1]) for row in FAULTS.values()) + len(ACTS)
    return (
        "## What this does not show\n\n"
        "- The real Coinbase: COIN-SIM is our reading of it. A violation found here is real; none found is a bound for "
        "the faults simulated here, not a promise.\n"
        "- TLS, sockets and threads lie below the ports (a request's call runs in one piece); the operating system's "
        "own failures are tested with real processes.\n"
        f"- The bot's code holds no fault sites of its own. Instead {len(FAULTS)} kinds of fault at "
        f"{sites - len(ACTS)} places of the ports and {len(ACTS)} acts are drawn by seed, and the process can end at "
        "every step of the loop, on both sides of every commit and of every request: more points than marks in the "
        "code would give, and none of them ships.\n"
        "- A power cut leaves what was committed (the judge checks that the ledger is opened with synchronous=FULL and "
        "WAL), tears the log behind it, and spoils files that were not synced. A disk that lies about a sync, so that "
        "commits are lost in silence, would need a file system of its own below SQLite; the closest case here is an "
        "old ledger that is put back.\n"
        "- The watcher's alerts are judged beside one bot in twenty-five, six of its rules and without sinks; the "
        "dashboard is tested elsewhere.\n"
        "- A seed's bars of history are one page of each chart, but for a tenth of the seeds, which load all."
    )


if __name__ == "__main__":
    sys.exit(main())
