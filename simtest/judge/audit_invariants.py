"""The invariant of the audit trail: one unbroken hash chain, with a line for every command that the bot saw."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from simtest.judge.case import Case
from simtest.judge.intervals import STORAGE_FAULTS, clear, runs, us_of_ms

WRITTEN_WITHIN_US = 20_000_000  # who sent it may be known later; then the bot writes it


def written(case: Case) -> Iterator[str]:
    """I27: audit.jsonl is an unbroken hash chain, and no command that a process saw is missing in it."""
    path = case.folder / "data" / "audit.jsonl"
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    rows: list[dict[str, Any]] = []
    for line in filter(None, lines):
        row = json.loads(line)
        case.count("I27 AUDIT/chain")
        body, _, _ = line.rpartition(b',"hash":"')
        if hashlib.sha256(body + b"}").hexdigest() != row["hash"]:
            yield f"entry {row['seq']} does not have the hash of what it says"
        before = rows[-1]["hash"] if rows else hashlib.sha256(b"").hexdigest()
        if row["seq"] != len(rows) + 1 or row["prev"] != before:
            yield f"entry {row['seq']} does not follow entry {len(rows)}"
        rows.append(row)
    yield from _missing(case, rows)


def _missing(case: Case, rows: list[dict[str, Any]]) -> Iterator[str]:
    """Commands whose sender the bot was still waiting for when its process ended are not judged."""
    named = {row.get("id") for row in rows}
    by_hand = [row["cmd"] for row in rows if row["source"] == "hand" and "id" not in row]
    for command in case.tables["commands"]:
        seen = us_of_ms(case, command["seen_ms"])
        if seen is None or command["id"].startswith("flatten:") or not runs(case, seen, seen + WRITTEN_WITHIN_US):
            continue
        if not clear(case, STORAGE_FAULTS, seen, seen + WRITTEN_WITHIN_US):
            continue
        case.count("I27 AUDIT/commands")
        if command["id"] in named:
            continue
        if command["id"].startswith("manual:") and command["cmd"] in by_hand:
            continue
        yield f"no entry names {command['cmd']} ({command['id']}), which the bot saw"
