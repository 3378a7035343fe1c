"""Copies of the checkout in memory, in which mutants are run, and programs that are ended with all they started."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
LEFT_OUT = {"node_modules", "data", "logs"}
MEMORY = Path("/dev/shm")


@contextlib.contextmanager
def workspace(memory: Path = MEMORY) -> Iterator[Path]:
    """A folder in `memory`, removed at the end whatever ends it: SIGTERM and SIGINT are no exception."""
    with tempfile.TemporaryDirectory(
        prefix="coin-mutation-", dir=memory if memory.is_dir() else None, ignore_cleanup_errors=True
    ) as name:
        yield Path(name)


def copied(folder: Path) -> Path:
    """The checkout in `folder`, with its compiled modules, without what is installed or was written by a run."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name in LEFT_OUT or path.name.startswith("."):
            continue
        if path.is_dir():
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy2(path, folder / path.name)
    return folder


class Ended(Exception):
    """The program took longer than it may."""


class Programs:
    """Runs Python programs in a copy; `stop` ends those under way, from another thread or a signal's handler."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[str]] = set()
        self._stopped = False

    def run(self, copy: Path, words: Sequence[str], limit_s: float, more: Mapping[str, str]) -> tuple[int, list[str]]:
        """`python WORDS` within the copy: its exit code and its lines. Raises Ended after `limit_s`, with it."""
        if self._stopped:
            raise KeyboardInterrupt
        env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(copy), **more}
        program = subprocess.Popen(  # noqa: S603
            [sys.executable, *words], cwd=copy, env=env, text=True, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._running.add(program)
        late = threading.Event()

        def end() -> None:
            late.set()
            _kill(program)

        timer = threading.Timer(limit_s, end)
        timer.start()
        try:
            text = program.communicate()[0]
        finally:
            timer.cancel()
            _kill(program)
            self._running.discard(program)
        if self._stopped:
            raise KeyboardInterrupt
        if late.is_set():
            raise Ended(text)
        return program.returncode, text.splitlines()

    def stop(self) -> None:
        """End all of them; none is started any more."""
        self._stopped = True
        for program in tuple(self._running):
            _kill(program)


def _kill(program: subprocess.Popen[str]) -> None:
    """The program with everything that it started: they share its session."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(program.pid, signal.SIGKILL)
