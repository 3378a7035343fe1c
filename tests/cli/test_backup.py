"""Backup and restore: whole while the ledger is written, refused where it isn't a backup, nothing lost."""

import io
import sqlite3
import stat
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock

from bot.app.ledger import LedgerWriter
from bot.domain.intents import Note
from dashboard.lot_notes import LotNote, LotNotes
from shared.ledger.key_values import read_key_values
from shared.ledger.open import open_reader, open_writer
from shared.ledger.restore_mark import RESTORED
from shared.ledger.verify import verify
from shared.paths import DataPaths
from tests.cli.conftest import Coin


@pytest.fixture
def ledger(paths: DataPaths) -> Iterator[LedgerWriter]:
    engine = open_writer(paths.ledger)
    paths.control.write_text('{"command":"pause"}')
    (paths.root / "dashboard").mkdir()
    (paths.root / "dashboard" / "session.key").write_text("secret")
    writer = LedgerWriter(engine, "boot-1")
    writer.commit([Note("order", "line 0")], 1)
    yield writer
    engine.dispose()


def count(path: Path) -> int:
    """The number in the newest line of the journal; all of it must hold."""
    engine = open_reader(path)
    assert {verdict.name: verdict.findings for verdict in verify(engine) if verdict.findings} == {}
    with engine.connect() as db:
        lines = db.column("SELECT text FROM activity_log WHERE kind = 'order' ORDER BY seq")
        return int(lines[-1].partition(" ")[2])


def test_round_trip_while_the_ledger_is_written(
    coin: Coin, paths: DataPaths, ledger: LedgerWriter, tmp_path: Path
) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            ledger.commit([Note("order", f"line {number}")], number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = coin("backup", "out.tar.gz")
    finally:
        stop.set()
        writer.join()
    assert done.returncode == 0, done.stderr
    archive = tmp_path / "out.tar.gz"
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    with tarfile.open(archive) as opened:
        assert sorted(opened.getnames()) == ["audit.jsonl", "control.json", "ledger.db"], "the shell's own line, too"
    ledger.commit([Note("order", "line -1")], 1)
    paths.control.write_text('{"command":"stop"}')
    done = coin("restore", "out.tar.gz")
    assert done.returncode == 0, done.stderr
    assert count(paths.ledger) > 0
    assert '"stop"' in paths.control.read_text(), "the stricter of the two"
    (aside,) = paths.root.glob("before-restore-*")
    assert '"stop"' in (aside / "control.json").read_text()
    assert count(aside / "ledger.db") == -1
    with open_reader(paths.ledger).connect() as db:
        facts = read_key_values(db)
    assert "restored from out.tar.gz" in facts[RESTORED], "the next run must not trust it blindly"


def test_a_ledger_that_was_rescued_is_restored_alone_and_marked(
    coin: Coin, paths: DataPaths, ledger: LedgerWriter, tmp_path: Path
) -> None:
    ledger.rescue(tmp_path / "rescued.db")
    ledger.fact("number", "-1", 1)
    paths.kill.touch()
    done = coin("restore", "rescued.db")
    assert done.returncode == 0, done.stderr
    assert count(paths.ledger) == 0
    assert paths.kill.exists() and '"kill_switch":true' in paths.control.read_text(), "a kill is not lifted by it"
    with open_reader(paths.ledger).connect() as db:
        facts = read_key_values(db)
    assert "restored from rescued.db" in facts[RESTORED]
    (tmp_path / "other.db").write_bytes(b"SQLite format 3\0" + b"x" * 4096)
    assert "is damaged" in coin("restore", "other.db").stderr


def test_notes_about_lots_are_backed_up_and_newer_ones_stay(
    coin: Coin, paths: DataPaths, ledger: LedgerWriter, tmp_path: Path
) -> None:
    notes = LotNotes(paths.notes)
    notes.write(LotNote("a", "before", (), "operator", 1))
    assert coin("backup", "out.tar.gz").returncode == 0
    notes.write(LotNote("a", "after", (), "operator", 2))
    assert "kept: the notes about lots" in coin("restore", "out.tar.gz").stdout
    assert notes.newest()["a"].text == "after"
    paths.notes.unlink()
    assert coin("restore", "out.tar.gz").returncode == 0
    assert notes.newest()["a"].text == "before" and stat.S_IMODE(paths.notes.stat().st_mode) == 0o600
    paths.notes.write_bytes(b"damaged" * 1000)
    assert coin("backup", "next.tar.gz").returncode == 0, "the ledger is backed up without them"


def test_not_over_a_running_bot(coin: Coin, paths: DataPaths, ledger: LedgerWriter) -> None:
    assert coin("backup", "out.tar.gz").returncode == 0
    with FileLock(paths.bot_lock):
        done = coin("restore", "out.tar.gz")
    assert done.returncode == 1
    assert "The bot is running (pid" in done.stderr


def forged(path: Path, name: str, kind: bytes = tarfile.REGTYPE, content: bytes = b"x") -> None:
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
        archive.addfile(member, io.BytesIO(content))


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("../escape", tarfile.REGTYPE, "not part of a backup"),
        ("/etc/cron.d/x", tarfile.REGTYPE, "not part of a backup"),
        ("ledger.db", tarfile.SYMTYPE, "not part of a backup"),
        ("ledger.db", tarfile.REGTYPE, "damaged"),
        ("control.json", tarfile.REGTYPE, "holds no ledger.db"),
    ],
)
def test_what_is_no_backup_changes_nothing(
    coin: Coin, paths: DataPaths, ledger: LedgerWriter, tmp_path: Path, name: str, kind: bytes, said: str
) -> None:
    ledger.commit([Note("order", "line 1")], 1)
    forged(tmp_path / "bad.tar.gz", name, kind, b"not a database" * 100)
    done = coin("restore", "bad.tar.gz")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Nothing was changed" in done.stderr
    assert count(paths.ledger) == 1
    assert not list(paths.root.glob("before-restore-*"))


def test_a_database_that_is_no_ledger_changes_nothing(coin: Coin, paths: DataPaths, tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE fills (id INTEGER PRIMARY KEY)")
    db.close()
    forged(tmp_path / "bad.tar.gz", "ledger.db", content=(tmp_path / "other.db").read_bytes())
    done = coin("restore", "bad.tar.gz")
    assert done.returncode == 1 and "cannot be used" in done.stderr and "missing" in done.stderr
    assert not paths.ledger.exists()


def test_a_cut_archive_changes_nothing(coin: Coin, paths: DataPaths, ledger: LedgerWriter, tmp_path: Path) -> None:
    assert coin("backup", "out.tar.gz").returncode == 0
    whole = (tmp_path / "out.tar.gz").read_bytes()
    (tmp_path / "out.tar.gz").write_bytes(whole[: len(whole) // 2])
    assert "can't be read as a backup" in coin("restore", "out.tar.gz").stderr


def test_no_ledger_is_said(coin: Coin) -> None:
    done = coin("backup")
    assert done.returncode == 1
    assert "no ledger" in done.stderr
