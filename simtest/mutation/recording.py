"""What the sources do as they are: which tests pass, which seeds hold, and which lines each of them runs.

Recorded once for each state of the sources, in parts that are kept, under coverage/ in the folder of the results.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simtest.cli import say
from simtest.mutation.copies import Programs
from simtest.mutation.coverage_map import CoverageMap
from simtest.mutation.mutant import Mutant
from simtest.mutation.pytest_plugin import ALONE, COMMAND, GIVEN
from simtest.mutation.trial import Known

TESTED = ("core", "coinbase", "venues", "shared", "runtime", "strategies")  # folders of tests/ that run in one process
MARKS = "not services and not pm2 and not browser"
MINUTES = 10.0  # virtual, of each seed: as in ./coin test
HOURS_2 = 7200.0


class NotRecorded(Exception):
    """The tests or seeds could not be run as they are."""


@dataclass(frozen=True)
class RecordedRuns:
    """What can be asked of it."""

    known: Known
    _tests: CoverageMap
    _seeds: CoverageMap
    _unlike: frozenset[int]  # seeds that ran otherwise while they were recorded: they are taken to run every line

    @staticmethod
    def read(folder: Path, texts: Mapping[str, str]) -> "RecordedRuns":
        """Raises OSError, ValueError, coverage.CoverageException."""
        tests = {name: seconds for room in TESTED for name, seconds in passed(folder / f"{room}.json").items()}
        rows: list[dict[str, Any]] = json.loads((folder / "seeds.json").read_text())
        seeds = {row["seed"]: row["wall_s"] for row in rows if not row["breaches"]}
        return RecordedRuns(
            Known(tests, seeds, MINUTES),
            CoverageMap([folder / f"{room}.sqlite" for room in TESTED], texts),
            CoverageMap([folder / "seeds.sqlite"], texts),
            frozenset(row["seed"] for row in rows if not row["alike"]),
        )

    def tests_of(self, mutant: Mutant) -> list[str]:
        """The passing tests that run one of its lines."""
        return sorted(self._tests.contexts(mutant.path, self._lines(mutant)) & self.known.test_s.keys())

    def seeds_of(self, mutant: Mutant) -> list[int]:
        """The seeds that do."""
        found = {int(context) for context in self._seeds.contexts(mutant.path, self._lines(mutant))} | self._unlike
        return [seed for seed in self.known.seed_s if seed in found]

    def _lines(self, mutant: Mutant) -> frozenset[int]:
        return frozenset() if self._tests.only_loads(mutant.path, mutant.lines) else mutant.lines


def record(programs: Programs, base: Path, folder: Path, first_seed: int, cpu_s: float) -> None:
    """Run what is not recorded yet, in the unchanged copy `base`. Raises NotRecorded, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for room in TESTED:
        if not (folder / f"{room}.json").exists():
            record_tests(programs, base, folder, room)
    if not (folder / "seeds.json").exists():
        _seeds(programs, base, folder, first_seed, cpu_s)


def passed(path: Path) -> dict[str, float]:
    """The tests that passed, with their seconds. Raises OSError, ValueError."""
    outcomes: dict[str, tuple[str, float]] = json.loads(path.read_text())
    return {name: seconds for name, (outcome, seconds) in outcomes.items() if outcome == "passed"}


def record_tests(programs: Programs, base: Path, folder: Path, room: str) -> None:
    """Those of tests/ROOM, in the unchanged copy `base`. Raises NotRecorded, OSError."""
    say(f"  recording what tests/{room} runs")
    part, database, given = folder / f"{room}.part", folder / f"{room}.sqlite", folder / f"{room}.given"
    database.unlink(missing_ok=True)
    given.write_text(json.dumps({"record": str(database.absolute()), "out": str(part.absolute())}))
    more = {GIVEN: str(given.absolute()), **ALONE}
    code, lines = programs.run(base, [*COMMAND, "-m", MARKS, f"tests/{room}"], HOURS_2, more)
    given.unlink()
    if code not in (0, 1):
        raise NotRecorded(f"pytest of tests/{room} ended by {code}: " + "\n".join(lines[-5:]))
    failed = [name for name, (outcome, _) in json.loads(part.read_text()).items() if outcome == "failed"]
    if failed:
        say(f"  left out, as they fail without a mutant: {', '.join(failed)}")
    os.replace(part, folder / f"{room}.json")


def _seeds(programs: Programs, base: Path, folder: Path, first: int, cpu_s: float) -> None:
    say(f"  running seeds for {cpu_s:g} s of CPU, and recording what they run")
    database = folder / "seeds.sqlite"
    database.unlink(missing_ok=True)
    module, many = ["-m", "simtest.mutation.seed_runs", f"{MINUTES:g}"], [str(first + number) for number in range(1000)]
    plain = _rows(programs, base, [*module, *many, "--cpu-seconds", str(cpu_s)])
    recorded = _rows(
        programs, base, [*module, *(str(row["seed"]) for row in plain), "--record", str(database.absolute())]
    )
    hashes = {row["seed"]: row["hash"] for row in recorded}
    found = [row | {"alike": hashes.get(row["seed"]) == row["hash"]} for row in plain]
    part = folder / "seeds.part"
    part.write_text(json.dumps(found, indent=1))
    os.replace(part, folder / "seeds.json")


def _rows(programs: Programs, base: Path, words: list[str]) -> list[dict[str, Any]]:
    code, lines = programs.run(base, words, HOURS_2, {})
    rows = [json.loads(line) for line in lines if line.startswith("{")]
    if code or not rows:
        raise NotRecorded(f"the seeds ended by {code}")
    return rows
