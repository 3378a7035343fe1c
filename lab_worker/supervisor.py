"""The supervisor: takes up requests, starts and ends processes, and alone writes where each job stands."""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lab_worker import limits
from shared.documents.lab import LabRequest, LabState, LabStatus
from shared.lab_files import LabFolder
from shared.paths import ROOT

log = logging.getLogger("lab")
STEP_S = 0.05
IDLE_S = 300.0
MEMORY_EVERY_S = 0.5
STOP_GRACE_S = 8.0
TIDY_EVERY_S = 600.0
Starter = Callable[[Sequence[str], int], "subprocess.Popen[bytes]"]


def start_process(words: Sequence[str], report: int) -> "subprocess.Popen[bytes]":
    """A process of our own interpreter in a group of its own; `report`: where it says how far it is."""
    return subprocess.Popen(  # noqa: S603  (our own module and words)
        [sys.executable, *words, str(report)], cwd=ROOT, process_group=0, pass_fds=(report,),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip


@dataclass(slots=True)
class LabProcess:
    """A job that has its process. `told`: the end of its pipe, with what was read of a line that is not whole."""

    request: LabRequest
    process: "subprocess.Popen[bytes]"
    told: int
    status: LabStatus
    rest: bytes = b""
    stop_at: float | None = None  # when it was asked to stop
    stopped: bool = False
    looked: float = 0.0


class LabSupervisor:
    """`run` until it is told to stop, or until nobody asked for anything for a while."""

    def __init__(
        self, folder: LabFolder, memory_mb: int, start: Starter = start_process, idle_s: float = IDLE_S,
        at_once: int | None = None,
    ) -> None:  # fmt: skip
        self.folder, self.memory_mb, self.idle_s = folder, memory_mb, idle_s
        self.at_once = limits.cores() if at_once is None else at_once
        self.running: dict[str, LabProcess] = {}
        self._start = start
        self._warm: subprocess.Popen[bytes] | None = None
        self._used = time.monotonic()
        self._tries_key = self._jobs_key = 0
        self._waiting: list[str] = []
        self._tidied = 0.0

    def run(self, stop: threading.Event) -> None:
        self._bury()
        while not stop.is_set() and not self.idle():
            try:
                self.step()
            except OSError as error:  # a full disk: what runs goes on, and is written down when there is room
                log.error("lab.step_failed error=%s", error)
            stop.wait(STEP_S)
        self._end_all()

    def idle(self) -> bool:
        return not self.running and not self._waiting and time.monotonic() - self._used > self.idle_s

    def step(self) -> None:
        """One round. Raises OSError."""
        now = time.monotonic()
        self._see_tries()
        self._see_requests()
        for job in list(self.running.values()):
            self._follow(job, now)
        self._take_up()
        if self.running:
            self._used = now
        if now - self._tidied > TIDY_EVERY_S:
            self._tidied = now
            self.folder.tidy(time.time())

    def _bury(self) -> None:
        """What an earlier COIN-LAB left running died with it."""
        for job in self.folder.listed():
            if job.state is LabState.RUNNING and job.status is not None:
                self._say(job.request.id, replace(job.status, state=LabState.FAILED, ended_ms=_now_ms(),
                                                  error="COIN-LAB ended while it ran: ask for it again"))  # fmt: skip

    def _see_tries(self) -> None:
        """Whoever moves a slider, or is about to, gets the warm process."""
        key = self.folder.tries.stat().st_mtime_ns
        if key != self._tries_key:
            self._tries_key, self._used = key, time.monotonic()
            if self._warm is None or self._warm.poll() is not None:
                words = ("lab_worker.warm", str(self.folder.root.parent), str(self.memory_mb))
                self._warm, told = self._started(*words)
                os.close(told)  # it answers in files, and says nothing here

    def _see_requests(self) -> None:
        key = self.folder.jobs.stat().st_mtime_ns
        if key == self._jobs_key:
            return
        # A folder that was made within the clock's own step may get its request after this look: look once more then.
        self._jobs_key = key if time.time_ns() - key > 1_000_000_000 else 0
        waiting = [job.request.id for job in self.folder.listed() if job.status is None]
        if waiting:
            self._used = time.monotonic()
        self._waiting = sorted(waiting)

    def _take_up(self) -> None:
        """Start what waits, the oldest first: one of each user, and no more at once than cores to spare."""
        busy = {job.request.user for job in self.running.values()}
        for job_id in list(self._waiting):
            job = self.folder.job(job_id)
            if job is None or job.status is not None:
                self._waiting.remove(job_id)
                continue
            if (job.folder / "stop").exists():
                self._waiting.remove(job_id)
                self._say(job_id, LabStatus(state=LabState.STOPPED, at_ms=_now_ms(), ended_ms=_now_ms()))
                continue
            if len(self.running) >= self.at_once or job.request.user in busy:
                continue
            self._waiting.remove(job_id)
            busy.add(job.request.user)
            self._begin(job.request)

    def _begin(self, request: LabRequest) -> None:
        process, told = self._started(
            "lab_worker.job", str(self.folder.root.parent), request.id, str(self.memory_mb)
        )  # fmt: skip
        status = LabStatus(state=LabState.RUNNING, at_ms=_now_ms(), began_ms=_now_ms())
        self.running[request.id] = LabProcess(request, process, told, status)
        self._say(request.id, status)
        log.info("lab.job_started id=%s kind=%s user=%s pid=%d", request.id, request.kind, request.user, process.pid)

    def _started(self, module: str, *words: str) -> tuple["subprocess.Popen[bytes]", int]:
        mine, its = os.pipe()
        os.set_blocking(mine, False)
        try:
            return self._start(("-m", module, *words), its), mine
        finally:
            os.close(its)

    def _follow(self, job: LabProcess, now: float) -> None:
        code = job.process.poll()
        self._hear(job)
        if code is not None:
            self._over(job, code)
            return
        if job.stop_at is None and (self.folder.jobs / job.request.id / "stop").exists():
            job.stop_at, job.stopped = now, True
            _signal(job.process, signal.SIGINT, whole=False)  # it keeps what is finished
        if job.stop_at is not None and now - job.stop_at > STOP_GRACE_S:
            _signal(job.process, signal.SIGKILL)
        if now - job.looked > MEMORY_EVERY_S:
            job.looked = now
            used = limits.group_bytes(job.process.pid)
            job.status = replace(job.status, memory_bytes=used)
            if used is not None and used > self.memory_mb * 1024 * 1024:
                job.status = replace(job.status, error=too_large(self.memory_mb, used))
                _signal(job.process, signal.SIGKILL)
            self._say(job.request.id, replace(job.status, at_ms=_now_ms()))

    def _hear(self, job: LabProcess) -> None:
        """What the process told since the last look: whole lines of JSON."""
        with contextlib.suppress(BlockingIOError):
            while part := os.read(job.told, 65_536):
                job.rest += part
        *lines, job.rest = job.rest.split(b"\n")
        for line in lines:
            told = json.loads(line)
            job.status = replace(job.status, **{k: told[k] for k in ("done", "total", "unit", "error") if k in told})

    def _over(self, job: LabProcess, code: int) -> None:
        del self.running[job.request.id]
        os.close(job.told)
        self._used = time.monotonic()
        state, error = LabState.DONE, job.status.error
        if job.stopped:
            state, error = LabState.STOPPED, ""
        elif code or error:
            state = LabState.FAILED
            error = error or (
                f"ended by {signal.Signals(-code).name}" if code < 0 else "ended unexpectedly: ./coin logs lab"
            )
        self._say(job.request.id, replace(job.status, state=state, error=error, at_ms=_now_ms(), ended_ms=_now_ms()))
        log.info("lab.job_ended id=%s state=%s code=%d", job.request.id, state, code)

    def _say(self, job_id: str, status: LabStatus) -> None:
        with contextlib.suppress(FileNotFoundError):  # somebody removed the job
            self.folder.say(job_id, status)

    def _end_all(self) -> None:
        """COIN-LAB stops: so does all that it started."""
        for job in self.running.values():
            _signal(job.process, signal.SIGINT, whole=False)
        until = time.monotonic() + STOP_GRACE_S / 2
        for job in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                job.process.wait(max(0.1, until - time.monotonic()))
            _signal(job.process, signal.SIGKILL)
            job.process.wait()
            self._hear(job)
            os.close(job.told)
            self._say(job.request.id, replace(job.status, state=LabState.STOPPED, ended_ms=_now_ms()))
        self.running.clear()
        if self._warm is not None and self._warm.poll() is None:
            _signal(self._warm, signal.SIGKILL)
            self._warm.wait()


def too_large(memory_mb: int, used: int | None = None) -> str:
    """Why a job was ended for its memory."""
    had = f"it used {used / 2**20:,.0f} MB" if used is not None else "it asked for more memory"
    return f"{had}, a job may have {memory_mb:,} MB (LAB_MEMORY_MB)"


def _signal(process: "subprocess.Popen[bytes]", number: int, *, whole: bool = True) -> None:
    """To the process, or to all of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if whole:
            os.killpg(process.pid, number)
        else:
            os.kill(process.pid, number)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
