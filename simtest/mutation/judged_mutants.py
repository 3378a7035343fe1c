"""What became of survivors that somebody looked at: verdicts.json, mutant's id → verdict.

{"place": where it was, "verdict": "equivalent", "why": …}: nothing that can be observed differs. {"place": …,
"verdict": "killed", "by": TEST}: a test was written for it afterwards, or found to kill it.
"""

import json
from pathlib import Path
from typing import TypedDict

VERDICTS = Path(__file__).with_name("verdicts.json")


class Judgement(TypedDict, total=False):
    """One of them."""

    place: str
    verdict: str
    why: str
    by: str


def judgements(path: Path = VERDICTS) -> dict[str, Judgement]:
    """All, by id. Raises OSError, ValueError."""
    found: dict[str, Judgement] = json.loads(path.read_text())
    for name, judgement in found.items():
        needed = {"equivalent": "why", "killed": "by"}.get(judgement.get("verdict", ""))
        if needed is None or not judgement.get(needed):
            raise ValueError(f"{name}: a verdict is equivalent with a why, or killed with a by")
    return found
