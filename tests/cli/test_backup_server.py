"""Backup and restore of a ledger on a Postgres server: the same archive as a file's, and nothing is lost by it."""

import io
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from filelock import FileLock

from bot.core.intents import Note
from bot.core.world import Latch
from bot.runtime.ledger import LedgerWriter
from bot.runtime.ledger_restore import restored
from cli import backup as work
from shared.control import decode_control
from shared.ledger.at import reader_at, writer_at
from shared.ledger.dump import dump_of
from shared.ledger.facts import facts_of
from shared.ledger.open import open_reader
from shared.ledger.place import Place
from shared.ledger.restored import RESTORED
from shared.ledger.verify import verify
from shared.paths import DataPaths
from tests.postgres_server import Server, postgres
from tests.runtime.ledger_story import Story, make

__all__ = ["postgres"]  # the fixture

pytestmark = [pytest.mark.services, pytest.mark.needs("postgres")]


@pytest.fixture
def place(postgres: Server, paths: DataPaths, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    made = postgres.place(paths.root)
    monkeypatch.setattr(work, "_place", lambda: made)
    monkeypatch.setattr(work, "data_paths", lambda: paths)
    engine = writer_at(made)
    Story(LedgerWriter(engine, "boot-1")).tell()
    engine.dispose()
    yield made


def whole(place: Place) -> dict[str, str]:
    """Its facts; all of it must hold."""
    engine = reader_at(place)
    assert {verdict.name: verdict.findings for verdict in verify(engine) if verdict.findings} == {}
    with engine.connect() as db:
        return facts_of(db)


def test_there_and_back(place: Place, paths: DataPaths, tmp_path: Path) -> None:
    work.backup(tmp_path / "out.tar.gz")
    with tarfile.open(tmp_path / "out.tar.gz") as archive:
        assert archive.getnames() == ["ledger.db"]
        archive.extract("ledger.db", tmp_path, filter="data")
    with open_reader(tmp_path / "ledger.db").snapshot() as one, reader_at(place).snapshot() as other:
        assert dump_of(one) == dump_of(other)
    engine = writer_at(place)
    later = LedgerWriter(engine, "boot-2")
    later.commit([Note("order", "later")], 1)
    later.latch(Latch("kill-2", "operator", 2))
    later.fact("wish", "stop", 3)
    engine.dispose()
    work.restore(tmp_path / "out.tar.gz")
    facts = whole(place)
    assert "restored from out.tar.gz" in facts[RESTORED] and facts["wish"] == "stop"
    with reader_at(place).connect() as db:
        assert "later" not in set(db.column("SELECT text FROM journal"))
        held = restored(db, datetime.now(UTC), "next").latch
    assert held is not None and held.latch_id == "kill-2", "the kill outlives the restore"
    assert decode_control(paths.control.read_bytes()).kill_switch
    with reader_at(place).connect() as db:
        names = db.column("SELECT nspname FROM pg_namespace")
    (kept,) = [name for name in names if name.startswith(f"{place.schema}_before_")]
    with reader_at(Place(place.path, place.url, kept)).connect() as db:
        assert "later" in set(db.column("SELECT text FROM journal")), "what was there is kept"
    assert not paths.ledger.exists()


def test_a_file_s_backup_goes_onto_the_server(place: Place, tmp_path: Path) -> None:
    make(tmp_path / "ledger.db")
    with tarfile.open(tmp_path / "file.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "ledger.db", arcname="ledger.db")
    work.restore(tmp_path / "file.tar.gz")
    assert whole(place)["mode"] == "sim"


def test_not_under_a_running_bot_nor_from_a_bad_archive(place: Place, paths: DataPaths, tmp_path: Path) -> None:
    work.backup(tmp_path / "out.tar.gz")
    before = whole(place)
    with FileLock(paths.bot_lock), pytest.raises(typer.Exit):
        work.restore(tmp_path / "out.tar.gz")
    engine = writer_at(place)  # a bot on another machine
    with pytest.raises(typer.Exit):
        work.restore(tmp_path / "out.tar.gz")
    engine.dispose()
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("ledger.db"), io.BytesIO())
    with pytest.raises(typer.Exit):
        work.restore(tmp_path / "bad.tar.gz")
    assert whole(place) == before
