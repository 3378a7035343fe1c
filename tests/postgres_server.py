"""A throw-away Postgres server on loopback, for the tests of a ledger that is kept on one."""

import contextlib
import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.ledger.location import LedgerLocation
from shared.settings import Secret
from tests.conftest import postgres_programs

START_S = 30.0
PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Linux: a test run that is killed takes its server along."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


class Server:
    """A Postgres cluster of its own in a temporary folder; no other machine can reach it."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder, self._data = programs, folder, folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._made = 0
        user = "postgres" if os.geteuid() == 0 else ""
        self._as = {"user": user, "extra_groups": []} if user else {}
        if user:  # initdb refuses to run as root
            os.chown(folder, pwd.getpwnam(user).pw_uid, -1)
        (folder / "password").write_text("throw-away")
        (folder / "password").chmod(0o644)
        self._run("initdb", "-D", str(self._data), "-U", "coin", "-A", "scram-sha-256", "-E", "UTF8", "--locale=C",
                  "--no-sync", f"--pwfile={folder / 'password'}")  # fmt: skip
        self.start()

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd=self._folder, capture_output=True, text=True, check=False, **self._as)
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [
            str(self._programs / "postgres"), "-D", str(self._data), "-p", str(self.port), "-c",
            "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "shared_buffers=16MB",
            "-c", "synchronous_commit=off", "-c", "fsync=off",
        ]  # fmt: skip
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509  it takes no lock
                **self._as,
            )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                if "ready to accept" in (self._folder / "log").read_text().rpartition("starting PostgreSQL")[2]:
                    return
            assert self._process.poll() is None, (self._folder / "log").read_text()
            time.sleep(0.05)
        raise AssertionError((self._folder / "log").read_text())

    def stop(self) -> None:
        """At once, with every session cut."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown
            self._process.wait(START_S)
            self._process = None

    @property
    def url(self) -> str:
        return f"postgresql://coin:throw-away@127.0.0.1:{self.port}/postgres"

    def location(self, folder: Path) -> LedgerLocation:
        """A ledger that is not there yet."""
        self._made += 1
        return LedgerLocation(folder / "ledger.db", Secret(self.url), f"cointrader_t{self._made}")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    programs = postgres_programs()
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="coin-pg-", dir="/tmp" if os.geteuid() == 0 else None))
    folder.chmod(0o755)
    server = Server(programs, folder)
    yield server
    server.stop()
    shutil.rmtree(folder)
