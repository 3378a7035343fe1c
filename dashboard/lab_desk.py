"""What the Lab's routes do with its folder: leave jobs, wake COIN-LAB, take a dropped file piece by piece."""

import time
from typing import Any

from fastapi import Request

from dashboard.auth.sessions import ID_CHARS
from dashboard.hub import Hub
from dashboard.lab_form import LabFormRefused
from dashboard.routes.tools import who
from shared.bots import LAB
from shared.documents.lab import LabFile, LabKind, LabQuestion, LabRequest
from shared.lab_files import (
    MOST_WAITING,
    UPLOAD_BYTES,
    UPLOADS_BYTES,
    LabFolder,
    LabJob,
    is_hex_id,
    new_hex_id,
    new_job_id,
)
from shared.pm2 import Pm2Unavailable

NAME_CHARS = 120


class LabDesk:
    """What the routes do with the folder: one for an application. Methods that touch the disk block."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.folder = LabFolder(hub.paths)

    def put(self, request: LabRequest) -> None:
        """Raises LabFormRefused where too many of this user's wait, OSError."""
        waiting = sum(not job.state.over for job in self.folder.listed() if job.request.user == request.user)
        if waiting >= MOST_WAITING:
            raise LabFormRefused(f"{waiting} jobs of yours wait already: stop some of them first.")
        self.folder.put(request)

    def wake(self) -> str:
        """Have PM2 start COIN-LAB where it does not run; why that did not work, "" = it runs or starts."""
        if not self.hub.loaded.settings.lab:
            return "LAB=false: nothing is run here."
        if self.folder.running():
            return ""
        try:
            self.hub.reader.pm2_client.start(LAB)
        except Pm2Unavailable as error:
            return f"{LAB} does not run, and PM2 did not start it: {error}."
        return ""

    def start_upload(self, size: int) -> str:
        """A new file's id. Raises LabFormRefused."""
        if not 0 < size <= UPLOAD_BYTES:
            raise LabFormRefused(f"A file may have up to {UPLOAD_BYTES >> 20} MB; larger ones: ./coin data import.")
        self.folder.prepare()
        if self.folder.uploaded_bytes() + size > UPLOADS_BYTES:
            raise LabFormRefused("Other dropped files take the room: import or refuse them first.")
        made = new_hex_id()
        self.folder.upload(made).touch(mode=0o600)
        return made

    def append(self, upload: str, at: int, part: bytes) -> int:
        """Add a piece where the file ends; its length now. Raises LabFormRefused, OSError."""
        path = self.folder.upload(upload)
        if not path.exists():
            raise LabFormRefused("The file is gone: drop it again.")
        size = path.stat().st_size
        if at != size:
            return size  # a piece that came twice, or out of order: the browser goes on from here
        if size + len(part) > UPLOAD_BYTES:
            raise LabFormRefused("The file is longer than was said.")
        with path.open("ab") as file:
            file.write(part)
        return size + len(part)

    def refuse(self, job: LabJob) -> None:
        """Remove a dropped file, with what was found in it."""
        if job.request.file is not None and is_hex_id(job.request.file.upload):
            self.folder.upload(job.request.file.upload).unlink(missing_ok=True)
        self.folder.forget(job.request.id)


def new_request(
    request: Request, kind: LabKind, title: str, question: LabQuestion | None = None, file: LabFile | None = None,
    **more: Any,
) -> LabRequest:  # fmt: skip
    """A job of whoever sent the request."""
    principal, at_ms = who(request), now_ms()
    return LabRequest(
        id=new_job_id(at_ms), kind=kind, user=principal.key[:ID_CHARS], by=principal.role.value, at_ms=at_ms,
        title=title[:NAME_CHARS], question=question, file=file, **more,
    )  # fmt: skip


def now_ms() -> int:
    return time.time_ns() // 1_000_000
