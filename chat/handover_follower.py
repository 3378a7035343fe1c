"""Follows `.env` without reading it: when it changes, a short-lived process reads it and hands over what chat may know.

That process ends before its answer is taken up, so the trading key never comes near the one that listens to the world.
"""

import logging
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import msgspec

from chat.handed import MOST_BYTES, READ, ChatHandover
from shared.files import stat_key
from shared.paths import ROOT

log = logging.getLogger("settings")
EVERY_S = 1.0
LIMIT_S = 30.0


class HandoverFollower:
    """`problem`: why what the file says now is not taken up; what was handed over before goes on."""

    def __init__(self, handed: ChatHandover) -> None:
        self._path = Path(handed.env_file) if handed.env_file else None
        self._key = handed.env_key
        self._reader: subprocess.Popen[bytes] | None = None
        self._until_s = self._look_s = 0.0
        self.problem: str | None = None

    def step(self) -> ChatHandover | None:
        """Never blocks; the new handover, once, where the file was changed and holds."""
        if self._path is None:
            return None
        now_s = time.monotonic()
        if self._reader is not None:
            return self._taken(self._reader, now_s)
        if now_s - self._look_s >= EVERY_S:
            self._look_s = now_s
            key = _key(self._path)
            if key != self._key:
                self._key = key
                self._ask(self._path, now_s)
        return None

    def _ask(self, path: Path, now_s: float) -> None:
        command = [sys.executable, "-m", "chat", READ, str(path)]
        try:
            self._reader = subprocess.Popen(  # noqa: S603
                command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            )
        except OSError as error:
            self._refuse(f"it cannot be read: {error.strerror or error}")
            return
        self._until_s = now_s + LIMIT_S

    def _taken(self, reader: "subprocess.Popen[bytes]", now_s: float) -> ChatHandover | None:
        code = reader.poll()
        if code is None and now_s > self._until_s:
            reader.kill()
        if code is None:
            return None
        self._reader = None
        out, said = _rest(reader.stdout), _rest(reader.stderr)
        try:
            if code:
                raise ValueError(said.decode(errors="replace").strip().splitlines()[0] if said else f"code {code}")
            found = msgspec.json.decode(out, type=ChatHandover)
        except ValueError as error:
            self._refuse(str(error))
            return None
        self.problem = None
        return found

    def _refuse(self, why: str) -> None:
        self.problem = f".env was changed and cannot be used: {why[:200]}. What held before goes on."
        log.error("settings.refused %s", self.problem)


def _key(path: Path) -> tuple[int, int, int] | None:
    try:
        return stat_key(path)
    except OSError:
        return None


def _rest(pipe: IO[bytes] | None) -> bytes:
    """What an ended process left in a pipe, which holds no more than that."""
    if pipe is None:
        return b""
    with pipe:
        return pipe.read(MOST_BYTES)
