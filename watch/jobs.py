"""Programs that the watcher starts and never waits for: one of a name at a time, each with an end."""

import logging
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO

from shared.paths import ROOT

log = logging.getLogger("jobs")
OUT_MAX = 64_000  # bytes of what it printed that are read


@dataclass(frozen=True, slots=True)
class JobResult:
    """One that is over. `code` below zero: it was ended by that signal. `out`: what it printed."""

    name: str
    code: int
    out: bytes


@dataclass(slots=True)
class RunningJob:
    process: subprocess.Popen[bytes]
    out: IO[bytes]
    until_s: float


class Jobs:
    """`started` are modules of this project, each in a process of its own. No method blocks or raises."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        # A supervisor's own variables would make a child believe that it is supervised.
        source = os.environ if environ is None else environ
        self._environ = {k: v for k, v in source.items() if not k.startswith(("pm_", "NODE_"))}
        self._running: dict[str, RunningJob] = {}

    def runs(self, name: str) -> bool:
        return name in self._running

    def start(self, name: str, module: str, *arguments: str, mono_s: float, limit_s: float) -> bool:
        """Whether it was started: one of this name that runs is left to its end."""
        if name in self._running:
            return False
        out = tempfile.TemporaryFile()  # noqa: SIM115 (it lives as long as the program)
        command = [sys.executable, "-m", module, *arguments]
        try:
            process = subprocess.Popen(  # noqa: S603
                command, cwd=ROOT, env=self._environ, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        except OSError as error:
            out.close()
            log.error("job.failed name=%s error=%s", name, error.strerror or error)
            return False
        self._running[name] = RunningJob(process, out, mono_s + limit_s)
        log.info("job.started name=%s pid=%d", name, process.pid)
        return True

    def ended(self, mono_s: float) -> list[JobResult]:
        """Those that are over since the last call; one that takes too long is killed."""
        found = []
        for name, job in list(self._running.items()):
            code = job.process.poll()
            if code is None and mono_s > job.until_s:
                log.error("job.too_long name=%s", name)
                job.process.kill()
                job.until_s = float("inf")
            if code is None:
                continue
            del self._running[name]
            job.out.seek(0)
            found.append(JobResult(name, code, job.out.read(OUT_MAX)))
            job.out.close()
            log.info("job.ended name=%s code=%d", name, code)
        return found
