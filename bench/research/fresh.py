"""What a new process costs: called by the bench in a process of its own. Prints one JSON line.

Arguments: data folder, set, what to run.
"""

import json
import resource
import sys
import time

began = time.perf_counter()


def main() -> None:
    # Imported here, since what is measured is the cost of a new process, imports included.
    from pathlib import Path  # noqa: PLC0415

    from bench.research.workloads import B_SETTINGS, MODEL  # noqa: PLC0415
    from research import backtest, runs  # noqa: PLC0415

    folder = Path(sys.argv[1])
    done = backtest.run(folder, backtest.BacktestRequest((sys.argv[2],), B_SETTINGS, MODEL))
    kept = runs.keep(folder, done)
    size = (kept.folder / "report.html").stat().st_size
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    spent = time.perf_counter() - began
    lots, cpu = len(done.result.ints), time.process_time()
    print(json.dumps({"s": spent, "cpu": cpu, "mb": memory, "report": size, "lots": lots}))


main()
