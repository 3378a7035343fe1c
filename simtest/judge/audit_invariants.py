"""The invariant of the audit trail: one unbroken hash chain, with a line for every command that the bot saw."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

from simtest.judge.case import Case

WRITTEN_WITHIN_MS = 20_000  # who sent it may be known later; then the bot writes it


def written(case: Case) -> Iterator[str]:
    """I27: audit.jsonl is an unbroken hash chain, and no command of the last process is missing in it."""
    path = case.folder / "data" / "audit.jsonl"
    lines = path.read_bytes().split(b"\n") if path.exists() else []
    rows: list[dict[str, Any]] = []
    for line in filter(None, lines):
        row = json.loads(line)
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
    if case.faulty("disk_full") or not case.wall_is_right or case.ledger_was_lost:
        return
    lives = [boot["at_ms"] for boot in case.tables["boots"]]
    end_ms = (case.truth["start_us"] + case.truth["end_us"]) // 1000
    named = {row.get("id") for row in rows}
    by_hand = [row["cmd"] for row in rows if row["source"] == "hand" and "id" not in row]
    for command in case.tables["commands"]:
        in_last_life = lives and max(lives) < command["seen_ms"] < end_ms - WRITTEN_WITHIN_MS
        if not in_last_life or command["id"] in named or command["id"].startswith("flatten:"):
            continue
        if command["id"].startswith("manual:") and command["cmd"] in by_hand:
            continue
        yield f"no entry names {command['cmd']} ({command['id']}), which the bot saw"
