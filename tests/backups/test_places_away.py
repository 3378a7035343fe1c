"""Continuous copies over a network: to a real S3 server and a real sshd, back to a moment, with no secret left."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from backups.continuous_record import ContinuousRecord, read_continuous
from backups.place import place_of
from backups.replica import shipped_position
from bot.app.ledger import LedgerWriter
from bot.domain.intents import Note
from shared import control
from shared import settings as settings_module
from shared.ledger.open import open_reader, open_writer
from shared.ledger.verify import verify
from shared.paths import DataPaths
from shared.times import from_epoch_ms, iso_seconds
from tests.backups.places import PlaceServer, SftpServer, s3_server, wait_until
from tests.conftest import ROOT

pytestmark = [pytest.mark.services, pytest.mark.slow, pytest.mark.needs("litestream")]
BUCKET, SECRET, KEY_ID = "coin-backup", "canary/Secret+42", "AKIACANARY42"
BEGAN_MS = 1_800_000_000_000


class Away:
    """A bot's folder whose .env names a place away, and the process that follows the ledger there."""

    def __init__(self, folder: Path, lines: list[str]) -> None:
        self.paths = DataPaths(folder / "data")
        self.paths.prepare()
        control.ensure_control_file(self.paths, None)
        self.env_file = folder / ".env"
        self.env_file.write_text("".join(f"{line}\n" for line in lines))
        self.env_file.chmod(0o600)
        self.environ = {"PATH": os.environ["PATH"], "DATA_DIR": str(self.paths.root), "HOME": str(folder)}
        self.engine = open_writer(self.paths.ledger)
        self.writer = LedgerWriter(self.engine, "run-1")
        self.writer.fact("mode", "sim", BEGAN_MS)
        self.writer.fact("wish", "run", BEGAN_MS)
        self.writer.boot_began(BEGAN_MS + 1_000, "build")
        self.process: subprocess.Popen[bytes] | None = None

    def trade(self, first: int, last: int) -> None:
        for second in range(first, last + 1):
            self.writer.commit([Note("order", f"second {second}")], BEGAN_MS + second * 1_000)

    def python(self, code: str, *arguments: str) -> list[str]:
        """The program with this .env instead of the checkout's."""
        folder = str(self.env_file.parent)
        start = f"import pathlib, sys; from shared import settings; settings.ROOT = pathlib.Path({folder!r})"
        return [sys.executable, "-c", f"{start}; sys.argv[1:] = {list(arguments)!r}; {code}"]

    def follow(self) -> None:
        command = self.python("from backups.continuous import main; sys.exit(main([]))")
        out = (self.paths.root / "continuous.out").open("ab")
        self.process = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=out, stderr=out)
        out.close()

    def record(self) -> ContinuousRecord:
        return read_continuous(self.paths.backups) or ContinuousRecord(at_ms=0)

    def until_away(self, rows: int) -> None:
        settings = settings_module.load(self.env_file, self.environ).settings
        copy = self.paths.backups / "continuous" / "ledger.db"
        scratch = self.paths.root / "scratch"
        scratch.mkdir(exist_ok=True)
        wait_until(lambda: self.record().head == rows, 60, self.record)

        def away() -> bool:
            from_here = max((int(p.stem[-16:], 16) for p in copy.parent.glob(".*/ltx/0/*.ltx")), default=0)
            return 0 < from_here <= shipped_position(copy, place_of(settings), scratch)

        wait_until(away, 60, self.record)

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            assert self.process.wait(60) == 0
        self.process = None

    def coin(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = self.python("from cli.__main__ import main; main()", *words)
        return subprocess.run(
            command, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=120, check=False
        )


@pytest.fixture
def bucket() -> Iterator[PlaceServer]:
    with s3_server(BUCKET) as server:
        yield server


@pytest.fixture
def other_machine(tmp_path: Path) -> Iterator[SftpServer]:
    (folder := tmp_path / "ssh").mkdir()
    server = SftpServer(folder)
    yield server
    server.stop()


def s3_lines(server: PlaceServer) -> list[str]:
    return [
        f"BACKUP_URL=s3://{BUCKET}/desk?endpoint=http://127.0.0.1:{server.port}",
        f"BACKUP_S3_ACCESS_KEY_ID={KEY_ID}", f"BACKUP_S3_SECRET_ACCESS_KEY={SECRET}",
    ]  # fmt: skip


def sftp_lines(server: SftpServer) -> list[str]:
    return [
        f"BACKUP_URL=sftp://{server.user}@127.0.0.1:{server.port}{server.away}",
        f"BACKUP_SFTP_KEY_FILE={server.key_file}", f"BACKUP_SFTP_HOST_KEY={server.host_key}",
    ]  # fmt: skip


def goes_and_comes_back(away: Away) -> None:
    """The ledger and all that is here of its copy vanish; a moment of it comes back, to the transaction."""
    away.trade(2, 7)
    away.follow()
    away.until_away(9)
    away.trade(8, 9)
    away.until_away(11)
    nothing_secret_is_left(away)
    away.end()
    away.engine.dispose()
    for path in (*away.paths.root.glob("ledger.db*"), *(away.paths.backups / "continuous").glob("ledger*")):
        path.unlink()
    done = away.coin("restore", "--at", iso_seconds(from_epoch_ms(BEGAN_MS + 4_000)))
    assert done.returncode == 0, done.stderr + done.stdout
    assert "6 transactions" in done.stdout and "5 later ones are left out" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    with open_reader(away.paths.ledger).connect() as db:
        lines = db.column("SELECT text FROM activity_log WHERE kind = 'order' ORDER BY seq")
    assert lines == ["second 2", "second 3", "second 4"]
    assert [v.findings for v in verify(open_reader(away.paths.ledger)) if v.findings] == []


def nothing_secret_is_left(away: Away) -> None:
    """While it runs: in no file but .env, and in no process's command line."""
    for path in away.paths.root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert SECRET.encode() not in data and KEY_ID.encode() not in data, path
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            data = line.read_bytes()
        except OSError:
            continue
        assert SECRET.encode() not in data and KEY_ID.encode() not in data, data


def test_to_a_bucket_and_back_to_a_moment(bucket: PlaceServer, tmp_path: Path) -> None:
    goes_and_comes_back(Away(tmp_path, s3_lines(bucket)))


@pytest.mark.needs("sshd")
def test_to_another_machine_and_back_to_a_moment(other_machine: SftpServer, tmp_path: Path) -> None:
    goes_and_comes_back(Away(tmp_path, sftp_lines(other_machine)))


def test_a_server_that_is_gone_is_said_though_litestream_says_nothing(bucket: PlaceServer, tmp_path: Path) -> None:
    away = Away(tmp_path, s3_lines(bucket))
    away.trade(2, 4)
    away.follow()
    try:
        away.until_away(6)
        wait_until(lambda: away.record().proven_ms is not None, 90, away.record)
        bucket.stop()
        away.trade(5, 6)
        wait_until(lambda: away.record().problem is not None, 150, away.record)
        assert "has not answered for 30 s" in (away.record().problem or "")
        bucket.start()  # empty now: it kept everything in memory
    finally:
        if away.process is not None:
            away.process.send_signal(signal.SIGKILL)
            away.process.wait(10)


@pytest.mark.needs("sshd")
def test_another_host_at_that_address_gets_nothing(other_machine: SftpServer, tmp_path: Path) -> None:
    lines = sftp_lines(other_machine)
    lines[2] = f"BACKUP_SFTP_HOST_KEY={(other_machine.key_file.with_suffix('.pub')).read_text().strip()}"
    away = Away(tmp_path, lines)
    away.trade(2, 3)
    away.follow()
    try:
        wait_until(lambda: "host key mismatch" in (away.record().problem or ""), 60, away.record)
        time.sleep(1)
        assert not list(other_machine.away.iterdir())
    finally:
        away.end()
