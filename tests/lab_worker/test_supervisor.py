"""COIN-LAB's supervisor: whose turn it is, how a job ends, and that nothing outlives it. Its processes are doubles."""

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab_worker import limits, supervisor
from lab_worker.supervisor import LabSupervisor
from shared.documents.lab import LabState, LabStatus
from shared.lab_files import LabFolder
from tests.lab_worker.conftest import asked, now_ms

WARM = "lab_worker.warm"


class JobDouble:
    """A process that ends when it is told to, and says what it is given to say."""

    def __init__(self, words: Sequence[str], report: int) -> None:
        self.words, self.pid, self.code = list(words), 2_000_000 + len(words), None
        self.pipe = os.dup(report)

    def poll(self) -> int | None:
        return self.code

    def wait(self, _timeout: float | None = None) -> int:
        self.code = -9 if self.code is None else self.code
        return self.code

    def say(self, text: bytes) -> None:
        os.write(self.pipe, text)

    def end(self, code: int) -> None:
        self.code = code
        os.close(self.pipe)


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[JobDouble]:
    monkeypatch.setattr(limits, "group_bytes", lambda _group: 100 << 20)
    return []


def made(lab: LabFolder, started: list[JobDouble], with_warm: bool = False, **more: object) -> LabSupervisor:
    def start(words: Sequence[str], report: int) -> JobDouble:
        double = JobDouble(words, report)
        if double.words[1] != WARM or with_warm:
            started.append(double)
        return double

    return LabSupervisor(lab, memory_mb=2048, start=start, **{"at_once": 4} | more)  # type: ignore[arg-type]


def state(lab: LabFolder, job_id: str) -> LabState:
    job = lab.job(job_id)
    assert job is not None
    return job.state


def test_one_job_at_a_time_runs_for_each_user(lab: LabFolder, started: list[JobDouble]) -> None:
    first, second, other = asked(user="ada"), asked(user="ada"), asked(user="bob")
    for request in (first, second, other):
        lab.put(request)
    one = made(lab, started)
    one.step()
    assert state(lab, other.id) is LabState.RUNNING and len(started) == 2
    running = min(first.id, second.id)
    waiting = max(first.id, second.id)
    assert state(lab, waiting) is LabState.WAITING
    next(double for double in started if running in double.words).end(0)
    one.step()
    assert state(lab, running) is LabState.DONE and state(lab, waiting) is LabState.RUNNING


def test_no_more_jobs_at_once_than_cores_to_spare(lab: LabFolder, started: list[JobDouble]) -> None:
    for user in "abc":
        lab.put(asked(user=user))
    one = made(lab, started, at_once=1)
    for _ in range(3):
        one.step()
    assert len(started) == 1


def test_progress_and_the_reason_of_a_failure_reach_the_status(lab: LabFolder, started: list[JobDouble]) -> None:
    request = asked()
    lab.put(request)
    one = made(lab, started)
    one.step()
    started[0].say(b'{"unit": "points", "done": 3, "total": 9}\n{"unit": "poi')
    one.running[request.id].looked = 0.0
    one.step()
    job = lab.job(request.id)
    assert job is not None and job.status is not None
    assert (job.status.done, job.status.total, job.status.unit) == (3, 9, "points")
    assert job.status.memory_bytes == 100 << 20
    started[0].say(b'nts"}\n{"error": "no candle set X"}\n')
    started[0].end(1)
    one.step()
    job = lab.job(request.id)
    assert job is not None and job.status is not None
    assert job.state is LabState.FAILED and job.status.error == "no candle set X" and job.status.ended_ms


def test_stop_interrupts_a_job_and_what_waits_never_begins(
    lab: LabFolder, started: list[JobDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: told.append((pid, number)))
    request, waits = asked(), asked()
    lab.put(request)
    lab.put(waits)
    running, waiting = sorted((request.id, waits.id))
    one = made(lab, started)
    one.step()
    lab.stop(running)
    lab.stop(waiting)
    one.step()
    assert told == [(started[0].pid, signal.SIGINT)]
    started[0].end(0)
    one.step()
    assert state(lab, running) is LabState.STOPPED and state(lab, waiting) is LabState.STOPPED and len(started) == 1


def test_a_job_that_takes_too_much_memory_is_ended_and_says_how_much(
    lab: LabFolder, started: list[JobDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, number: killed.append(number))
    request = asked()
    lab.put(request)
    one = made(lab, started)
    one.step()
    monkeypatch.setattr(limits, "group_bytes", lambda _group: 3 << 30)
    one.running[request.id].looked = 0.0
    one.step()
    assert killed == [signal.SIGKILL]
    started[0].end(-9)
    one.step()
    job = lab.job(request.id)
    assert job is not None and job.status is not None
    assert job.state is LabState.FAILED
    assert job.status.error == "it used 3,072 MB, a job may have 2,048 MB (LAB_MEMORY_MB)"


def test_what_a_killed_lab_left_running_is_told_as_failed(lab: LabFolder, started: list[JobDouble]) -> None:
    request = asked()
    lab.put(request)
    lab.say(request.id, LabStatus(state=LabState.RUNNING, at_ms=now_ms(), began_ms=now_ms()))
    stop = threading.Event()
    stop.set()
    made(lab, started).run(stop)
    job = lab.job(request.id)
    assert job is not None and job.status is not None
    assert job.state is LabState.FAILED and "ended while it ran" in job.status.error


def test_it_ends_when_nobody_asks_for_anything_and_takes_its_processes_along(
    lab: LabFolder, started: list[JobDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STEP_S", 0.001)
    (lab.tries / "wake").touch()
    one = made(lab, started, with_warm=True, idle_s=0.05)
    killed: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda group, _number: killed.append(group))
    began = time.monotonic()
    one.run(threading.Event())
    assert time.monotonic() - began < 5
    assert [double.words[1] for double in started] == [WARM] and killed == [started[0].pid]


def test_a_job_waits_for_its_request_and_nothing_else_is_taken_for_one(lab: LabFolder) -> None:
    (lab.jobs / "1730419200000-0123abcd").mkdir()
    (lab.jobs / "../outside").resolve().mkdir()
    assert lab.job("1730419200000-0123abcd") is None and lab.job("../outside") is None and lab.job("") is None
    assert list(lab.listed()) == []


def test_it_is_wanted_while_a_job_waits_or_somebody_is_there(lab: LabFolder) -> None:
    assert not lab.wanted(time.time()), "PM2 starts it once to know it: then it ends at once"
    lab.show_up()
    assert lab.wanted(time.time()) and not lab.wanted(time.time() + 61)
    request = asked()
    lab.put(request)
    assert lab.wanted(time.time() + 61)
    lab.say(request.id, LabStatus(state=LabState.DONE, at_ms=now_ms()))
    assert not lab.wanted(time.time() + 61)


def test_memory_of_a_group_is_counted_where_the_system_tells_it() -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("no /proc here")
    used = limits.group_bytes(os.getpgid(0))
    assert used is not None and used > 10 << 20
    assert limits.group_bytes(-5) is None
