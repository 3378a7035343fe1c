"""`python -m lab_worker.job DATA_DIR ID MEMORY_MB PIPE`: one job in a process of its own.

Its result is one document, replaced as a whole, also on the way (a sweep's map fills up). What goes wrong is said
through the pipe; the supervisor writes where the job stands.
"""

import importlib
import logging
import os
import signal
import sys
from pathlib import Path

from lab_worker import limits
from lab_worker.reporting import JobReporter, LabRefusal
from lab_worker.supervisor import too_large
from shared.lab_files import LabFolder
from shared.paths import DataPaths

log = logging.getLogger("lab")


def main(data_dir: str, job_id: str, memory_mb: str, pipe: str) -> int:
    limits.apply(int(memory_mb), limits.NICE)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: what is finished is kept
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["DATA_DIR"] = data_dir
    reporter = JobReporter(int(pipe))
    folder = LabFolder(DataPaths(Path(data_dir)))
    job = folder.job(job_id)
    if job is None:
        reporter.failed("the request is gone")
        return 1
    try:
        # Late, so that the limits hold for what it loads, and so that a missing package is said in a sentence.
        do = importlib.import_module("lab_worker.work").do
    except ImportError as error:
        reporter.failed(f"the package {error.name} is not installed: ./coin backtest installs what research needs")
        return 1
    except MemoryError:
        reporter.failed(too_large(int(memory_mb)))
        return 1
    try:
        do(folder, job, reporter)
    except KeyboardInterrupt:
        return 0
    except LabRefusal as refused:
        reporter.failed(str(refused))
        return 1
    except MemoryError:
        reporter.failed(too_large(int(memory_mb)))
        return 1
    except Exception as error:
        log.exception("lab.job_failed id=%s", job_id)
        reporter.failed(f"{type(error).__name__}: {error}"[:300])
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:5]))
