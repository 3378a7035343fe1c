"""`python -m bench.research.weights_alone`: the lines of `./coin bench research` about target weights alone."""

import os
import sys
import tempfile
from pathlib import Path

from bench.research.market import minutes
from bench.research.page import BenchTable
from bench.research.run import weights_rows
from research.data import store


def main() -> int:
    """Measure and print them. Answers how many goals were missed."""
    table = BenchTable(lambda text: print(text, flush=True))
    print(f"  load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; median, best, least processor time")
    with tempfile.TemporaryDirectory() as folder:
        store.save(Path(folder), "year", minutes())
        weights_rows(table, Path(folder))
    return table.missed


if __name__ == "__main__":
    sys.exit(main())
