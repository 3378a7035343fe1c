"""The section on blind mutation of docs/reliability.md."""

from collections.abc import Mapping, Sequence
from typing import Any

from simtest.mutation.figures import rates
from simtest.mutation.judged_mutants import Judgement


def section(kept: Mapping[str, Any], judged: Mapping[str, Judgement]) -> str:
    """`kept`: what `blind` wrote; `judged`: what became of survivors."""
    rows: list[dict[str, Any]] = kept["rows"]
    equivalent = {name for name, judgement in judged.items() if judgement["verdict"] == "equivalent"}
    counted = [row for row in rows if row["id"] not in equivalent]
    left_out = len(rows) - len(counted)
    return "\n\n".join(
        (
            "## Blind mutation",
            f"{len(rows)} of {kept['population']:,} mutants, drawn at random by room (`./coin test --long blind`; the "
            "draw comes from the sources and the tests, so that nobody chose them). Each stood against the tests that "
            f"run its lines, the fastest first, and against the plain seeds of {kept['seed_seconds']:g} s of one core "
            "that do, with no fault given to them; seeds were tried on what the tests did not find, and on others that "
            "were drawn for them, which alone make the seeds' own rate. The tests are those that run in one process: "
            f"tests/core, coinbase, venues, shared, runtime and strategies. {left_out} that nobody can tell from the "
            "sources as they are (equivalent) are left out of the rates. In brackets Wilson's 95 % interval.",
            _rates(counted),
            _groups(counted, "room"),
            _groups(counted, "operator"),
            _survivors(kept["survivors"], judged),
        )
    )


def _rates(rows: Sequence[Mapping[str, Any]]) -> str:
    shares = rates(rows)
    lines = [
        f"| {name} | {shares[key]} |"
        for key, name in (("tests", "tests"), ("seeds", "plain seeds"), ("either", "either"))
    ]
    return "\n".join(("| found by | mutants |", "|---|---|", *lines))


def _groups(rows: Sequence[Mapping[str, Any]], by: str) -> str:
    lines = []
    for name in sorted({row[by] for row in rows}):
        shares = rates([row for row in rows if row[by] == name])
        lines.append(f"| {name} | {' | '.join(str(shares[key]) for key in ('tests', 'seeds', 'either'))} |")
    return "\n".join((f"| {by} | tests | plain seeds | either |", "|---|---|---|---|", *lines))


def _survivors(survivors: Sequence[Mapping[str, Any]], judged: Mapping[str, Judgement]) -> str:
    lines = [
        f"| `{row['place'].rpartition(': ')[0]}` | {row['operator']} | {_code(row['before'])} | {_code(row['after'])} "
        f"| {_verdict(judged.get(row['id']))} |"
        for row in survivors
    ]
    since = sum(1 for row in survivors if judged.get(row["id"], {}).get("verdict") == "killed")
    text = (
        f"Survivors: {len(survivors)}. {since} of them a test kills that was written or named since; the rates above "
        "stay those of the run."
    )
    return "\n".join(
        (text, "", "| where | operator | line | line of the mutant | verdict |", "|---|---|---|---|---|", *lines)
    )


def _code(text: str) -> str:
    """A line of code in a table's cell."""
    return f"`` {text} ``".replace("|", "\\|")


def _verdict(judgement: Judgement | None) -> str:
    if judgement is None:
        return "open"
    return (
        f"equivalent: {judgement['why']}" if judgement["verdict"] == "equivalent" else f"killed by `{judgement['by']}`"
    )
