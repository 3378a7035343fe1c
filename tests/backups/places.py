"""Real servers for a continuous copy to go to, on loopback: S3's protocol by moto, SFTP by OpenSSH's own sshd."""

import contextlib
import ctypes
import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
from botocore.config import Config

from tests.conftest import sshd

START_S = 30.0
_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    """Linux: a test run that is killed takes its server along."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class PlaceServer:
    """One server as a process; `stop` and `start` again keep what it holds where it keeps it on disk."""

    def __init__(self, command: list[str], port: int) -> None:
        self._command, self.port = command, port
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,  # noqa: PLW1509
        )  # fmt: skip
        wait_until(self._answers, START_S)

    def _answers(self) -> bool:
        assert self._process is not None and self._process.poll() is None, "the server ended at once"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)


def wait_until(what: Callable[[], object], limit_s: float, why: object = "") -> None:
    until_s = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < until_s, why() if callable(why) else why
        time.sleep(0.1)


@contextlib.contextmanager
def s3_server(bucket: str) -> Iterator[PlaceServer]:
    """With one empty bucket."""
    port = free_port()
    server = PlaceServer([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], port)
    client = boto3.client(
        "s3", endpoint_url=f"http://127.0.0.1:{port}", region_name="us-east-1", aws_access_key_id="made",
        aws_secret_access_key="here", config=Config(retries={"max_attempts": 1}),
    )  # fmt: skip
    try:
        client.create_bucket(Bucket=bucket)
        yield server
    finally:
        client.close()
        server.stop()


class SftpServer(PlaceServer):
    """sshd for this user alone, by key alone, from `folder`; it serves files and no shell."""

    def __init__(self, folder: Path) -> None:
        for name in ("host", "user"):
            keygen = [str(shutil.which("ssh-keygen")), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
            subprocess.run(keygen, check=True)
        (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
        self.key_file, self.away, self.user = folder / "user", folder / "away", getpass.getuser()
        self.host_key = (folder / "host.pub").read_text().strip()
        self.away.mkdir()
        port, config = free_port(), folder / "sshd_config"
        config.write_text(
            f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder / 'host'}\nPidFile none\n"
            f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nForceCommand internal-sftp\nSubsystem sftp internal-sftp\n"
        )
        if os.geteuid() == 0:  # Debian's unit makes it, and where nothing runs units nobody does
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        super().__init__([str(sshd()), "-D", "-e", "-f", str(config)], port)
