"""What `./coin bench lab` found so far, seed by seed: it takes an hour, and goes on where it was stopped."""

import json
from pathlib import Path
from typing import NamedTuple

from research.code_version import source_hash


class LabCase(NamedTuple):
    """One seed of one world. `edge`: the planted one's, a year beyond holding; 0 elsewhere."""

    world: str
    seed: int
    points: int
    edge: float


class NullTestLog:
    """Cases that were judged by this code; those of other code are another question. `path`: one line each."""

    def __init__(self, path: Path) -> None:
        self._path, self._code = path, source_hash()
        self.known: dict[LabCase, bool] = {}
        for line in path.read_text().splitlines() if path.exists() else ():
            try:
                row = json.loads(line)
                if row["code"] == self._code:
                    self.known[LabCase(row["world"], row["seed"], row["points"], row["edge"])] = row["go"]
            except (ValueError, KeyError):
                continue  # the line that was being written when it was stopped

    def keep(self, case: LabCase, go: bool) -> None:
        """One more, on the disk at once."""
        self.known[case] = go
        self._path.parent.mkdir(parents=True, exist_ok=True)
        before = b"" if not self._path.exists() or self._path.read_bytes().endswith(b"\n") else b"\n"
        with self._path.open("ab") as file:
            file.write(before + json.dumps({"code": self._code, **case._asdict(), "go": go}).encode() + b"\n")
