"""Results of long runs: kept one by one as they end, so that an interrupt loses only what is under way."""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class ResultLog:
    """Finished units, one JSON line each, written as it ends; a line cut off by a crash is dropped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.rows: dict[str, Record] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = b""
        for line in path.read_bytes().splitlines(keepends=True) if path.exists() else ():
            with contextlib.suppress(json.JSONDecodeError, KeyError, TypeError):
                row = json.loads(line)
                self.rows[row["unit"]] = row["record"]
                whole += line if line.endswith(b"\n") else line + b"\n"
        if path.exists() and whole != path.read_bytes():
            path.write_bytes(whole)

    def add(self, unit: str, record: Mapping[str, Any]) -> None:
        """Keep one unit. Raises OSError."""
        with self._path.open("ab") as out:
            out.write(json.dumps({"unit": unit, "record": record}).encode() + b"\n")
            out.flush()
            os.fsync(out.fileno())
        self.rows[unit] = dict(record)

    def open(self, units: Sequence[str]) -> list[str]:
        """Those of `units` that are still to be done, in their order."""
        return [unit for unit in units if unit not in self.rows]


def as_they_end(jobs: Iterator[tuple[str, Future[Record]]], most: int, until_s: float) -> Iterator[tuple[str, Record]]:
    """(unit, record) of each job as it ends, `most` under way; none is begun after `until_s`."""
    running: dict[Future[Record], str] = {}
    while True:
        while len(running) < most and time.monotonic() < until_s:
            begun = next(jobs, None)
            if begun is None:
                break
            running[begun[1]] = begun[0]
        if not running:
            return
        ended, _ = wait(running, return_when=FIRST_COMPLETED)
        for future in ended:
            yield running.pop(future), future.result()
