"""What is due when, what is kept, and what a failure changes."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from backups.archive import make
from backups.drill import drill
from backups.record import BackupRecord, read_record, write_record
from backups.run import run_due
from backups.schedule import AGAIN_MS, AUTO, Schedule, forget
from shared.ledger.location import LedgerLocation
from shared.settings import Settings
from shared.times import epoch_ms
from tests.e2e.system import ROOT, System

HOUR, DAY = 3_600_000, 86_400_000
T0 = 1_796_000_000_000
PLAN = Schedule(24.0, 14, 7.0)


@pytest.mark.parametrize(
    ("record", "at_ms", "due"),
    [
        (BackupRecord(), T0, True),
        (BackupRecord(made_ms=T0, tried_ms=T0), T0 + DAY - 1, False),
        (BackupRecord(made_ms=T0, tried_ms=T0), T0 + DAY, True),
        (BackupRecord(made_ms=T0, tried_ms=T0 + DAY), T0 + DAY + AGAIN_MS - 1, False),  # it failed: in an hour again
        (BackupRecord(made_ms=T0, tried_ms=T0 + DAY), T0 + DAY + AGAIN_MS, True),
        (BackupRecord(tried_ms=T0), T0 + 1, False),
        (BackupRecord(tried_ms=T0), T0 + AGAIN_MS, True),
        (BackupRecord(made_ms=T0 + 400 * DAY, tried_ms=T0 + 400 * DAY), T0, True),  # the clock was ahead
    ],
)
def test_when_a_backup_is_due(record: BackupRecord, at_ms: int, due: bool) -> None:
    assert PLAN.backup_due(record, at_ms) is due
    assert replace(PLAN, every_h=0).backup_due(record, at_ms) is False


@pytest.mark.parametrize(
    ("record", "at_ms", "due"),
    [
        (BackupRecord(), T0, False),  # there is nothing to restore
        (BackupRecord(made_ms=T0), T0, True),
        (BackupRecord(made_ms=T0, drilled_ms=T0), T0 + 30 * DAY, False),  # the same archive
        (BackupRecord(made_ms=T0 + DAY, drilled_ms=T0), T0 + 6 * DAY, False),
        (BackupRecord(made_ms=T0 + DAY, drilled_ms=T0), T0 + 7 * DAY, True),
        (BackupRecord(made_ms=T0 + DAY, drilled_ms=T0, drill_tried_ms=T0 + 7 * DAY), T0 + 7 * DAY + HOUR - 1, False),
        (BackupRecord(made_ms=T0 + DAY, drilled_ms=T0, drill_tried_ms=T0 + 7 * DAY), T0 + 7 * DAY + HOUR, True),
    ],
)
def test_when_a_drill_is_due(record: BackupRecord, at_ms: int, due: bool) -> None:
    assert PLAN.drill_due(record, at_ms) is due
    assert replace(PLAN, drill_days=0).drill_due(record, at_ms) is False


def test_only_the_schedules_oldest_go(tmp_path: Path) -> None:
    names = [f"{AUTO}2026{number:04d}.tar.gz" for number in range(20)]
    for name in [*names, "cointrader-20200101T000000Z.tar.gz", "mine.tar.gz"]:
        (tmp_path / name).touch()
    forget(tmp_path, 14)
    assert {path.name for path in tmp_path.iterdir()} == {
        *names[6:], "cointrader-20200101T000000Z.tar.gz", "mine.tar.gz",
    }  # fmt: skip
    forget(tmp_path, 0)
    assert (tmp_path / names[-1]).exists(), "never the last one"


def test_a_record_that_cannot_be_read_is_an_empty_one(tmp_path: Path) -> None:
    for broken in (b"", b"{", b"[]", b'{"made_ms": "soon"}'):
        (tmp_path / "record.json").write_bytes(broken)
        (tmp_path / "record.json").chmod(0o600)
        assert read_record(tmp_path) == BackupRecord()
    kept = BackupRecord(made_ms=T0, archive="a")
    write_record(tmp_path, kept)
    assert read_record(tmp_path) == kept


@pytest.fixture(scope="module")
def traded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A folder whose bot has traded and still runs."""
    made = System(tmp_path_factory.mktemp("backups"))
    made.env |= {"BACKUP_EVERY_H": "1", "BACKUP_KEEP": "2", "STRATEGY": "sma_cross"}
    made.sim()
    made.bot()
    made.trades()
    yield made
    made.close()


def settings_of(system: System, **changed: object) -> Settings:
    return Settings(data_dir=system.folder, backup_every_h=1.0, backup_keep=2, **changed)  # type: ignore[arg-type]


def test_the_process_backs_up_drills_and_keeps_the_newest_while_the_bot_runs(traded: System) -> None:
    done = subprocess.run([sys.executable, "-m", "backups"], cwd=ROOT, env=traded.env, capture_output=True, text=True,
                          timeout=60, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    archive = traded.folder / "backups" / record["archive"]
    assert archive.stat().st_mode & 0o777 == 0o600 and archive.stat().st_size == record["size"]
    assert record["problem"] is None and record["drill_problem"] is None and record["drill_s"] > 0
    for hours in (2, 4, 6):
        found = run_due(settings_of(traded), datetime.now(UTC) + timedelta(hours=hours))
        assert found.problem is None
    assert len(list((traded.folder / "backups").glob(f"{AUTO}*"))) == 2
    assert not list((traded.folder / "backups").glob(".*")), "nothing is left of the work"


def test_nothing_due_changes_nothing(traded: System) -> None:
    run_due(settings_of(traded), datetime.now(UTC) + timedelta(days=1))
    before = sorted(path.name for path in (traded.folder / "backups").iterdir())
    run_due(settings_of(traded), datetime.now(UTC) + timedelta(days=1, minutes=1))
    assert sorted(path.name for path in (traded.folder / "backups").iterdir()) == before


def test_a_damaged_archive_is_found_by_the_drill(traded: System, tmp_path: Path) -> None:
    settings, location = settings_of(traded), LedgerLocation(traded.folder / "ledger.db")
    good = tmp_path / "good.tar.gz"
    make(settings.paths, location, good)
    assert drill(good, "ledger.db", tmp_path).findings == ()
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(good.read_bytes()[:-2000])
    assert drill(cut, "ledger.db", tmp_path).findings
    assert drill(tmp_path / "nothing.tar.gz", "ledger.db", tmp_path).findings
    assert not list(tmp_path.glob(".drill-*"))


def test_a_row_that_was_edited_is_found_by_the_drill(traded: System, tmp_path: Path) -> None:
    """SQLite's own check holds; only the rows' own rules and the journal's chain tell."""
    settings = settings_of(traded)
    copy = tmp_path / "ledger.db"
    there = f"file:{settings.paths.ledger}?mode=ro"
    with closing(sqlite3.connect(there, uri=True)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        target.execute("UPDATE boots SET build = 'other'")
        target.commit()
    (first, *_) = drill(copy, "ledger.db", tmp_path).findings
    assert "boots" in first or "replay" in first


def test_a_drill_that_fails_stands_in_the_record_and_the_last_good_one_stays_known(traded: System) -> None:
    folder, at = traded.folder / "backups", datetime.now(UTC) + timedelta(days=9)
    found = run_due(settings_of(traded), at)
    (folder / str(found.archive)).write_bytes(b"")
    good_ms = epoch_ms(at) - 8 * DAY
    write_record(folder, replace(found, drilled_ms=good_ms, made_ms=epoch_ms(at)))
    broken = run_due(Settings(data_dir=traded.folder, backup_every_h=0.0), at + timedelta(hours=2))
    assert broken.drill_problem and broken.drilled_ms == good_ms
    assert read_record(folder) == broken


def test_a_ledger_that_is_gone_is_a_problem_and_the_older_backup_stays(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path)
    now = datetime.now(UTC)
    write_record(settings.paths.backups, BackupRecord(made_ms=epoch_ms(now) - 2 * DAY, archive="auto-1.tar.gz",
                                                      drilled_ms=epoch_ms(now) - DAY))  # fmt: skip
    found = run_due(settings, now)
    assert found.problem is not None and "no ledger" in found.problem
    assert (found.archive, found.made_ms) == ("auto-1.tar.gz", epoch_ms(now) - 2 * DAY)
