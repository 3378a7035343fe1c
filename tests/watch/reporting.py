"""`python -m tests.watch.reporting FOLDER URL CRASH`: a due report, and a death at the CRASH-th commit or send.

The whole watch runs, with `python -m reports` as the process it is; only store and sink are those that can die. Exit
code 0: nothing is due and nothing waits any more. Prints how many places there were to die at.
"""

import os
import sys
import time
from pathlib import Path

import watch.process
from shared.documents.alerts import AlertSeverity
from shared.paths import DataPaths
from shared.settings import Settings
from tests.watch.crashing import Mortal, MortalSink, MortalStore
from watch.jobs import Jobs
from watch.process import Looks, WatchParts, WatchProcess
from watch.sinks.registry import SinkPlan

LIMIT_S = 60.0


def main(folder: Path, url: str, crash: int) -> int:
    mortal, paths = Mortal(crash), DataPaths(folder / "data")
    paths.prepare()
    watch.process.AlertStore = lambda path: MortalStore(path, mortal)  # type: ignore[assignment,misc]
    plan = SinkPlan(((MortalSink(url, mortal), AlertSeverity.WARNING),), ())
    jobs = Jobs({**os.environ, "DATA_DIR": str(paths.root)})
    settings = Settings(data_dir=paths.root, report_at="08:00", report_weekly="off", backup_every_h=0)
    now_ms = int((folder / "now").read_text())
    parts = WatchParts(settings, paths, plan, Looks(), None, supervised=False, jobs=jobs)
    made, began_s, seen = WatchProcess(parts, now_ms), time.monotonic(), 0.0
    while time.monotonic() - began_s < LIMIT_S:
        now_s = time.monotonic() - began_s
        made.round(now_ms + round(now_s * 1000), 1000.0 + now_s)
        waiting = made.outbox.waiting("webhook")
        told = (paths.reports / "day-2026-11-29.json").exists() and not waiting and not jobs.runs("report")
        seen = now_s if not told else seen
        if told and now_s - seen > 6.0:  # a whole look at what is due, and nothing more comes
            made.close(now_ms)
            sys.stdout.write(f"{mortal.count}\n")
            return 0
        time.sleep(0.02)
    return 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
