"""The files between the Lab page and COIN-LAB, all under DATA_DIR/lab.

`jobs/ID/request.json`, `jobs/ID/stop` and `uploads/ID` are the dashboard's; `jobs/ID/status.json`,
`jobs/ID/result.json` and `sets.json` are COIN-LAB's. `tries/PAGE.json` is asked, `tries/PAGE.out` answered: of each
page the newest alone. Names are made of digits and hexadecimal letters: a file's own name is never one.
"""

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from shared import flocks
from shared.documents.lab import LabRequest, LabSets, LabState, LabStatus, LabTried, LabTry, decode_lab, encode
from shared.files import Unreadable, read_bytes, write_whole
from shared.paths import DataPaths

JOBS_KEPT = 200  # over, the newest
MOST_WAITING = 20  # of one user
UPLOAD_BYTES = 256 * 1024 * 1024  # of one file
UPLOADS_BYTES = 1024 * 1024 * 1024  # of all that were not imported
UPLOAD_KEPT_S = 86_400.0
WANTED_S = 60.0
_JOB = re.compile(r"[0-9]{13}-[0-9a-f]{8}")
_HEX = re.compile(r"[0-9a-f]{16,32}")
T = TypeVar("T")


def is_job_id(text: str) -> bool:
    return _JOB.fullmatch(text) is not None


def is_hex_id(text: str) -> bool:
    """Of an upload, or of a page that tries."""
    return _HEX.fullmatch(text) is not None


def new_job_id(now_ms: int) -> str:
    return f"{now_ms:013d}-{uuid.uuid4().hex[:8]}"


def new_hex_id() -> str:
    return uuid.uuid4().hex


@dataclass(frozen=True, slots=True)
class LabJob:
    """One job: what was asked, and where it stands. None = COIN-LAB has not taken it up."""

    folder: Path
    request: LabRequest
    status: LabStatus | None

    @property
    def state(self) -> LabState:
        return LabState.WAITING if self.status is None else self.status.state


class LabFolder:
    """The folder of one installation. Every method may raise OSError."""

    def __init__(self, paths: DataPaths) -> None:
        self.root = paths.lab
        self.jobs = self.root / "jobs"
        self.tries = self.root / "tries"
        self.uploads = self.root / "uploads"
        self.sets = self.root / "sets.json"
        self.lock = self.root / "lab.lock"

    def prepare(self) -> None:
        for folder in (self.root, self.jobs, self.tries, self.uploads):
            folder.mkdir(mode=0o700, exist_ok=True)

    def running(self) -> bool:
        """Whether a COIN-LAB lives on this folder."""
        return flocks.holder(self.lock) is not None

    def wanted(self, now_s: float) -> bool:
        """Whether a job waits, or somebody tried or was about to try something within the last minute."""
        if now_s - self.tries.stat().st_mtime < WANTED_S and any(self.tries.iterdir()):
            return True
        return any(job.status is None for job in self.listed())

    def show_up(self) -> None:
        """Show COIN-LAB that somebody is about to try something."""
        self.prepare()
        mark = self.tries / "wake"
        mark.unlink(missing_ok=True)
        mark.touch(mode=0o600)

    def put(self, request: LabRequest) -> Path:
        """Leave a job; its folder. The request comes last: a folder without one is not looked at."""
        self.prepare()
        folder = self.jobs / request.id
        folder.mkdir(mode=0o700)
        write_whole(folder / "request.json", encode(request), durable=False)
        return folder

    def stop(self, job_id: str) -> None:
        (self.jobs / job_id / "stop").touch(mode=0o600)

    def forget(self, job_id: str) -> None:
        """Remove a job that is over, with what came out of it."""
        if is_job_id(job_id):
            shutil.rmtree(self.jobs / job_id, ignore_errors=True)

    def job(self, job_id: str) -> LabJob | None:
        """The job of that id; None = there is none that can be read."""
        if not is_job_id(job_id):
            return None
        folder = self.jobs / job_id
        request = _read(folder / "request.json", LabRequest)
        return None if request is None else LabJob(folder, request, _read(folder / "status.json", LabStatus))

    def listed(self) -> Iterator[LabJob]:
        """Every job, the newest first."""
        for name in sorted(self._names(), reverse=True):
            found = self.job(name)
            if found is not None:
                yield found

    def _names(self) -> list[str]:
        with contextlib.suppress(FileNotFoundError):
            return [name for name in os.listdir(self.jobs) if is_job_id(name)]
        return []

    def say(self, job_id: str, status: LabStatus) -> None:
        write_whole(self.jobs / job_id / "status.json", encode(status), durable=False)

    def tidy(self, now_s: float) -> None:
        """Remove the oldest jobs that are over, and what was dropped and not imported within a day."""
        over = [job for job in self.listed() if job.state.over]
        for job in over[JOBS_KEPT:]:
            shutil.rmtree(job.folder, ignore_errors=True)
        for path in (*self.uploads.iterdir(), *self.tries.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                if now_s - path.stat().st_mtime > UPLOAD_KEPT_S:
                    path.unlink()

    def upload(self, upload_id: str) -> Path:
        """Where the bytes of a dropped file lie. Raises ValueError for what is no id."""
        if not is_hex_id(upload_id):
            raise ValueError(upload_id)
        return self.uploads / upload_id

    def uploaded_bytes(self) -> int:
        with contextlib.suppress(FileNotFoundError):
            return sum(path.stat().st_size for path in self.uploads.iterdir())
        return 0

    def ask(self, asked: LabTry) -> None:
        write_whole(self.tries / f"{asked.page}.json", encode(asked), durable=False)

    def asked(self, page: str) -> LabTry | None:
        return _read(self.tries / f"{page}.json", LabTry)

    def answer(self, tried: LabTried) -> None:
        write_whole(self.tries / f"{tried.page}.out", encode(tried), durable=False)

    def answered(self, page: str) -> LabTried | None:
        return _read(self.tries / f"{page}.out", LabTried)

    def known_sets(self) -> LabSets | None:
        """The candle sets as COIN-LAB last listed them; None = never."""
        return _read(self.sets, LabSets)


def _read(path: Path, kind: type[T]) -> T | None:
    try:
        return decode_lab(read_bytes(path), kind)
    except (OSError, Unreadable):
        return None
