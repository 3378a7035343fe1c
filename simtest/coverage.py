"""`python -m simtest.coverage`: the share of the bot's lines and branches that simulated seeds run.

A batch of its own, since counting makes a run about three times slower. The result goes to data/proof/coverage.json,
from where `python -m simtest.report` takes its table. What the seeds reach least is named, worst file first.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coverage import Coverage

from simtest.cli import OUT, say

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("bot/engine", "bot/rules", "bot/app", "bot/venues/coinbase")
SHOWN = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Run the seeds and keep the result; 1 where a seed broke something."""
    parser = argparse.ArgumentParser(prog="coverage", description=__doc__)
    parser.add_argument("--seeds", type=int, default=30, help="how many seeds")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--minutes", type=float, default=10.0, help="virtual minutes of faults in each")
    parser.add_argument("--out", type=Path, default=OUT, help="folder of the result")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "counts"
        code = _count(data, ["--seeds", str(args.seeds), "--seed", str(args.seed), "--minutes", str(args.minutes)])
        rooms = measured(data)
    result = {"seeds": args.seeds, "first": args.seed, "minutes": args.minutes, "rooms": rooms}
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "coverage.json").write_text(json.dumps(result, indent=1) + "\n")
    for name, room in rooms.items():  # the report has the same as a table
        say(f"{name}: {share(room, 'lines')} of lines, {share(room, 'branches')} of branches")
    say("least of their branches: " + ", ".join(_worst(rooms)))
    return code


def _count(data: Path, seeds: list[str]) -> int:
    """Run the seeds in a process of its own, which counts from its first import on; the code that it ends with."""
    rooms = ",".join(str(ROOT / room) for room in ROOMS)
    counted = ["run", "--branch", f"--source={rooms}", f"--data-file={data}", "--rcfile="]
    command = [sys.executable, "-m", "coverage", *counted, "-m", "simtest", *seeds, "--out", str(data.parent)]
    env = {**os.environ, "PYTHONHASHSEED": "0"}
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode  # noqa: S603


def measured(data: Path) -> dict[str, Any]:
    """Room → its lines and branches, run and in all, and the same of each of its files."""
    told = data.with_suffix(".json")
    counter = Coverage(data_file=str(data), config_file=False)
    counter.load()
    counter.json_report(outfile=str(told))
    found: dict[str, Any] = json.loads(told.read_text())["files"]
    rooms: dict[str, Any] = {}
    for room in ROOMS:
        files = {
            name: {
                "lines": [row["summary"]["covered_lines"], row["summary"]["num_statements"]],
                "branches": [row["summary"]["covered_branches"], row["summary"]["num_branches"]],
            }
            for path, row in sorted(found.items())
            if (name := (ROOT / path).relative_to(ROOT).as_posix()).startswith(f"{room}/")
        }
        sums = {what: [sum(row[what][at] for row in files.values()) for at in (0, 1)] for what in ("lines", "branches")}
        rooms[room] = {**sums, "files": files}
    return rooms


def share(row: dict[str, Any], what: str) -> str:
    """What was run, in percent; an en dash where there is nothing to run."""
    ran, there = row[what]
    return f"{100 * ran / there:.1f} %" if there else "–"


def _worst(rooms: dict[str, Any]) -> list[str]:
    files = {name: row for room in rooms.values() for name, row in room["files"].items() if row["branches"][1]}
    worst = sorted(files, key=lambda name: (files[name]["branches"][0] / files[name]["branches"][1], name))[:SHOWN]
    return [f"{name} {share(files[name], 'branches')}" for name in worst]


if __name__ == "__main__":
    sys.exit(main())
