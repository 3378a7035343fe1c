"""Backup and restore of a ledger on a Postgres server: the same archive as a file's, and nothing is lost by it."""

import io
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from filelock import FileLock

from bot.app.ledger import LedgerWriter
from bot.app.ledger_restore import restored
from bot.domain.intents import Note
from bot.engine.state.control import Latch
from cli import backup as work
from shared.control import decode_control
from shared.ledger.connect import connect_reader, connect_writer
from shared.ledger.dump import dump_of
from shared.ledger.key_values import read_key_values
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_reader
from shared.ledger.restore_mark import RESTORED
from shared.ledger.verify import verify
from shared.paths import DataPaths
from tests.postgres_server import Server, postgres
from tests.runtime.ledger_story import Story, make

__all__ = ["postgres"]  # the fixture

pytestmark = [pytest.mark.services, pytest.mark.needs("postgres")]


@pytest.fixture
def location(postgres: Server, paths: DataPaths, monkeypatch: pytest.MonkeyPatch) -> Iterator[LedgerLocation]:
    made = postgres.location(paths.root)
    monkeypatch.setattr(work, "_place", lambda: made)
    monkeypatch.setattr(work, "data_paths", lambda: paths)
    engine = connect_writer(made)
    Story(LedgerWriter(engine, "boot-1")).tell()
    engine.dispose()
    yield made


def whole(location: LedgerLocation) -> dict[str, str]:
    """Its facts; all of it must hold."""
    engine = connect_reader(location)
    assert {verdict.name: verdict.findings for verdict in verify(engine) if verdict.findings} == {}
    with engine.connect() as db:
        return read_key_values(db)


def test_there_and_back(location: LedgerLocation, paths: DataPaths, tmp_path: Path) -> None:
    work.backup(tmp_path / "out.tar.gz")
    with tarfile.open(tmp_path / "out.tar.gz") as archive:
        assert archive.getnames() == ["ledger.db"]
        archive.extract("ledger.db", tmp_path, filter="data")
    with open_reader(tmp_path / "ledger.db").snapshot() as one, connect_reader(location).snapshot() as other:
        assert dump_of(one) == dump_of(other)
    engine = connect_writer(location)
    later = LedgerWriter(engine, "boot-2")
    later.commit([Note("order", "later")], 1)
    later.latch(Latch("kill-2", "operator", 2))
    later.fact("wish", "stop", 3)
    engine.dispose()
    work.restore(tmp_path / "out.tar.gz")
    facts = whole(location)
    assert "restored from out.tar.gz" in facts[RESTORED] and facts["wish"] == "stop"
    with connect_reader(location).connect() as db:
        assert "later" not in set(db.column("SELECT text FROM activity_log"))
        held = restored(db, datetime.now(UTC), "next").latch
    assert held is not None and held.latch_id == "kill-2", "the kill outlives the restore"
    assert decode_control(paths.control.read_bytes()).kill_switch
    with connect_reader(location).connect() as db:
        names = db.column("SELECT nspname FROM pg_namespace")
    (kept,) = [name for name in names if name.startswith(f"{location.schema}_before_")]
    with connect_reader(LedgerLocation(location.path, location.url, kept)).connect() as db:
        assert "later" in set(db.column("SELECT text FROM activity_log")), "what was there is kept"
    assert not paths.ledger.exists()


def test_a_file_s_backup_goes_onto_the_server(location: LedgerLocation, tmp_path: Path) -> None:
    make(tmp_path / "ledger.db")
    with tarfile.open(tmp_path / "file.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "ledger.db", arcname="ledger.db")
    work.restore(tmp_path / "file.tar.gz")
    assert whole(location)["mode"] == "sim"


def test_not_under_a_running_bot_nor_from_a_bad_archive(
    location: LedgerLocation, paths: DataPaths, tmp_path: Path
) -> None:
    work.backup(tmp_path / "out.tar.gz")
    before = whole(location)
    with FileLock(paths.bot_lock), pytest.raises(typer.Exit):
        work.restore(tmp_path / "out.tar.gz")
    engine = connect_writer(location)  # a bot on another machine
    with pytest.raises(typer.Exit):
        work.restore(tmp_path / "out.tar.gz")
    engine.dispose()
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("ledger.db"), io.BytesIO())
    with pytest.raises(typer.Exit):
        work.restore(tmp_path / "bad.tar.gz")
    assert whole(location) == before
