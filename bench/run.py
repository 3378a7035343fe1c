"""The registry of measurements, and their table."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass

from bench.measurement import Measurement
from cli import ui
from cli.rig import NotReached
from shared.paths import ROOT


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One measurement: its module holds `measure() -> list[Measurement]`."""

    module: str
    title: str
    on_request: bool = False  # only when named

    def measure(self) -> list[Measurement]:
        function: Callable[[], list[Measurement]] = importlib.import_module(self.module).measure
        return function()


@dataclass(frozen=True, slots=True)
class Program:
    """A room's own measuring program, which prints its own table; run apart, so that nothing of ours is in the way."""

    module: str
    title: str
    on_request: bool = True


PROGRAMS = {
    "bot": Program("bench.bot.parts", "parsing, engine and ledger of the bot"),
    "ledger": Program("bench.bot.ledger", "the ledger: commits, size, a start on it, verify, replay"),
    "sim": Program("bench.simulator.figures", "COIN-SIM"),
    "dashboard": Program("bench.dashboard.figures", "COIN under many clients"),
    "lighthouse": Program("bench.lighthouse", "COIN's pages as Lighthouse judges them"),
    "research": Program("bench.research.run", "backtests, side by side with other engines"),
}
BENCHES = {
    "boot": Benchmark("bench.system.boot", "start to trading"),
    "control": Benchmark("bench.system.control", "click to receipt; KILL to gate shut"),
    "engine": Benchmark("bench.bot.engine", "an event in the engine"),
    "model": Benchmark("bench.bot.slow_model", "the loop beside a model of 300 ms"),
    "writes": Benchmark("bench.system.writes", "rhythm of the state file"),
    "resources": Benchmark("bench.system.resources", "memory and processor"),
    "watch": Benchmark("bench.system.watch", "COIN-WATCH: its cost, and how soon a fault is told", on_request=True),
    "beside": Benchmark(
        "bench.system.beside", "trading with and without COIN-WATCH; what it and COIN-CHAT hold", on_request=True
    ),
    "lab-beside": Benchmark("bench.system.lab_beside", "trading with and without a sweep of COIN-LAB", on_request=True),
    "cli": Benchmark("bench.system.command_line", "./coin itself"),
    "boot10k": Benchmark(
        "bench.system.boot10k", "start on an account with 10,000 fills and 100 open orders", on_request=True
    ),
    "learned": Benchmark(
        "bench.bot.learned", "trained models: an answer, memory, how long training takes", on_request=True
    ),
    "lab": Benchmark("bench.research.lab", "null tests on the lab, a planted edge, a sampled sweep", on_request=True),
    "install": Benchmark("bench.system.install", "set-up of a fresh clone", on_request=True),
}


def bench(names: list[str]) -> int:
    """Run the named measurements, or all but those on request. 1 where one didn't come off or missed its goal."""
    unknown = [name for name in names if name not in BENCHES and name not in PROGRAMS]
    if unknown:
        ui.give_up(f"No bench {', '.join(unknown)}.", f"There are: {', '.join([*BENCHES, *PROGRAMS])}", code=2)
    chosen = names or [name for name, found in BENCHES.items() if not found.on_request]
    failed = 0
    for name in chosen:
        if name in PROGRAMS:
            ui.plain(f"{name}: {PROGRAMS[name].title}")
            command = [sys.executable, "-m", PROGRAMS[name].module]
            failed += subprocess.run(command, cwd=ROOT, check=False).returncode != 0
            continue
        ui.plain(f"{name}: {BENCHES[name].title}")
        try:
            figures = BENCHES[name].measure()
        except NotReached as error:
            failed += 1
            ui.line(ui.BAD, f"not measured: {error}")
            continue
        for figure in figures:
            failed += figure.met is False
            _print(figure)
    return 1 if failed else 0


def _print(figure: Measurement) -> None:
    ui.line({True: ui.GOOD, False: ui.BAD, None: ui.DOT}[figure.met], figure.text)
