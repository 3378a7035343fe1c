"""A ledger of schema 0002, as an older program wrote it (`ledger_0002.sql`): read, migrated, restored, read back."""

import hashlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bot.app.ledger import LedgerWriter
from bot.domain.intents import Note
from shared.ledger.desired_state import stored_desired_state
from shared.ledger.dump import dump_of
from shared.ledger.export import BadExport, Format, export, read_back
from shared.ledger.folder import ledger_binding
from shared.ledger.journal_writer import head
from shared.ledger.key_values import read_key_value, read_key_values
from shared.ledger.location import LedgerLocation
from shared.ledger.open import NewerLedger, open_reader, open_writer
from shared.ledger.put_back import put_back
from shared.ledger.replay import first_difference, replay_files
from shared.ledger.verify import counts, verify
from shared.paths import DataPaths

DUMP = Path(__file__).with_name("ledger_0002.sql")
OLD = ("facts", "orders", "fills", "lots", "days", "latches", "commands", "boots", "journal", "events")
NEW = {"facts": "key_values", "journal": "activity_log"}


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return make_old(tmp_path / "ledger.db")


def make_old(path: Path) -> Path:
    with sqlite3.connect(path) as db:
        db.executescript(DUMP.read_text(encoding="utf-8"))
        db.execute("PRAGMA journal_mode=WAL")
    db.close()
    return path


def raw(path: Path, names: tuple[str, ...]) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the tables, by the names that they have in `OLD`, asked without the ledger's own code."""
    with sqlite3.connect(path) as db:
        found = {old: db.execute(f"SELECT * FROM {new}").fetchall() for old, new in zip(OLD, names, strict=True)}
    db.close()
    return {name: sorted(tuple(map(_plain, row)) for row in rows) for name, rows in found.items()}


def _plain(value: object) -> object:
    """JSON with its keys in order; everything else as it is."""
    told = isinstance(value, str) and value.startswith("{")
    return orjson.dumps(orjson.loads(value), option=orjson.OPT_SORT_KEYS) if told else value


def renamed() -> tuple[str, ...]:
    return tuple(NEW.get(name, name) for name in OLD)


def findings(path: Path) -> dict[str, tuple[str, ...]]:
    return {found.name: found.findings for found in verify(open_reader(path)) if found.findings}


def test_its_rows_move_and_its_chain_holds(old: Path, tmp_path: Path) -> None:
    before = raw(old, OLD)
    assert all(before.values()), "every table has rows"
    with open_reader(old).connect() as db:
        newest = head(db)
    writer = LedgerWriter(open_writer(old), "boot-2")
    assert raw(old, renamed()) == before
    assert writer.head() == newest and findings(old) == {}
    kept = tmp_path / "ledger.before-0003.db"
    assert raw(kept, OLD) == before, "the old file is kept as it was"
    lines = len(before["journal"])
    writer.commit([Note("a", "line")], 1)
    assert counts(open_reader(old))["activity_log"] == lines + 1
    assert findings(old) == {} and first_difference(*replay_files(old, tmp_path / "again.db")) is None


def test_read_before_the_bot_has_migrated_it(old: Path, tmp_path: Path) -> None:
    """Readers come first: what restrains the bot is found, and nothing is reported as lost."""
    with sqlite3.connect(old) as db:
        db.execute("INSERT INTO facts VALUES ('wish', 'stop')")
        db.execute("INSERT INTO facts VALUES ('folder', 'f-1')")
    db.close()
    with open_reader(old).connect() as db:
        assert read_key_value(db, "mode") == "sim" and read_key_values(db)["wish"] == "stop"
    location = LedgerLocation(old)
    assert stored_desired_state(location) == "stop" and ledger_binding(location).has_orders
    with sqlite3.connect(old) as db:
        db.execute("DELETE FROM facts WHERE key IN ('wish', 'folder')")
    db.close()
    (found,) = findings(old)["schema"]
    assert set(findings(old)) == {"schema"} and "the next ./coin start migrates it" in found
    assert counts(open_reader(old))["key_values"] == len(raw(old, OLD)["facts"])
    assert first_difference(*replay_files(old, tmp_path / "again.db")) is None


@pytest.mark.parametrize("migrated", [False, True])
def test_its_export_makes_the_same_ledger(old: Path, tmp_path: Path, migrated: bool) -> None:
    before = raw(old, OLD)
    if migrated:
        open_writer(old).dispose()
    rows = export(open_reader(old), tmp_path / "out", Format.JSONL)
    assert rows["activity_log"] == len(before["journal"])
    fresh = open_writer(tmp_path / "fresh.db")
    read_back(tmp_path / "out", fresh)
    fresh.dispose()
    assert raw(tmp_path / "fresh.db", renamed()) == before


def _export_of_0002(path: Path, folder: Path) -> None:
    """Files as a program of schema 0002 wrote them."""
    folder.mkdir()
    whole, counted = hashlib.sha256(), {}
    with sqlite3.connect(path) as db:
        db.row_factory = sqlite3.Row
        for name in OLD:
            lines = b"".join(_lines(db, name))
            (folder / f"{name}.jsonl").write_bytes(lines)
            counted[name] = lines.count(b"\n")
            if name != "events":
                whole.update(name.encode() + b"\n" + lines)
    db.close()
    about = {"revision": "0002", "format": "jsonl", "rows": counted, "sha256": whole.hexdigest()}
    (folder / "ledger.json").write_bytes(orjson.dumps(about))


def _lines(db: sqlite3.Connection, name: str) -> Iterator[bytes]:
    decode = {"args": orjson.loads, "result": orjson.loads, "counters": orjson.loads}
    if name == "journal":
        decode["data"] = orjson.loads
    keys = [row[1] for row in db.execute(f"PRAGMA table_info({name})") if row[5]]
    truths = {row[1] for row in db.execute(f"PRAGMA table_info({name})") if row[2] == "BOOLEAN"}
    for row in sorted(db.execute(f"SELECT * FROM {name}"), key=lambda row: tuple(row[key] for key in keys)):
        told = {c: decode[c](v) if c in decode and v is not None else v for c, v in dict(row).items()}
        told = {c: bool(v) if c in truths else v for c, v in told.items()}
        yield orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def test_an_export_of_that_schema_is_read_back(old: Path, tmp_path: Path) -> None:
    _export_of_0002(old, tmp_path / "out")
    fresh = open_writer(tmp_path / "fresh.db")
    read_back(tmp_path / "out", fresh)
    assert findings(tmp_path / "fresh.db") == {}
    with fresh.connect() as one:
        made = dump_of(one)
    open_writer(old).dispose()
    with open_reader(old).connect() as other:
        assert made == dump_of(other)
    changed = (tmp_path / "out" / "facts.jsonl").read_bytes().replace(b'"sim"', b'"live"')
    (tmp_path / "out" / "facts.jsonl").write_bytes(changed)
    with pytest.raises(BadExport, match="are not those"):
        read_back(tmp_path / "out", open_writer(tmp_path / "other.db"))


def test_a_backup_of_that_schema_is_restored_over_a_ledger_of_this_one(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.root.mkdir()
    now = datetime(2026, 11, 22, tzinfo=UTC)
    writer = LedgerWriter(open_writer(make_old(paths.ledger)), "boot-2")
    writer.fact("wish", "stop", 5)
    backup = tmp_path / "backup"
    backup.mkdir()
    make_old(backup / "ledger.db")
    report = put_back(paths, LedgerLocation(paths.ledger), backup, "old.tar.gz", now, tmp_path / "aside")
    assert report.why_not_known is None and report.level.word == "stop", "the newer ledger's stop is kept"
    assert findings(paths.ledger) == {}
    with open_reader(paths.ledger).connect() as db:
        assert db.value("SELECT version_num FROM alembic_version") == "0003"
        assert read_key_value(db, "wish") == "stop"


def test_an_old_ledger_that_is_replaced_is_read_for_its_brakes(tmp_path: Path) -> None:
    """What holds in a ledger that no bot of this program has migrated yet goes over as well."""
    paths = DataPaths(tmp_path / "data")
    paths.root.mkdir()
    with sqlite3.connect(make_old(paths.ledger)) as db:
        db.execute("INSERT INTO facts VALUES ('wish', 'stop')")
    db.close()
    backup = tmp_path / "backup"
    backup.mkdir()
    open_writer(make_old(backup / "ledger.db")).dispose()
    now = datetime(2026, 11, 22, tzinfo=UTC)
    report = put_back(paths, LedgerLocation(paths.ledger), backup, "new.tar.gz", now, tmp_path / "aside")
    assert report.why_not_known is None and report.level.word == "stop"


def test_a_ledger_of_a_newer_program_is_not_touched(old: Path) -> None:
    with sqlite3.connect(old) as db:
        db.execute("UPDATE alembic_version SET version_num = '0999'")
    db.close()
    before = raw(old, OLD)
    with pytest.raises(NewerLedger, match="a newer CoinTrader wrote it"):
        open_writer(old)
    assert raw(old, OLD) == before and "newer CoinTrader" in findings(old)["schema"][0]
