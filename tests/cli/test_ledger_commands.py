"""`./coin ledger …` as it is typed: what is said, and the exit code that scripts rely on."""

import sqlite3
from pathlib import Path

import pytest

from shared.paths import DataPaths
from tests.cli.conftest import Coin
from tests.runtime.ledger_story import make


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("past") / "ledger.db"
    make(path)
    return path.read_bytes()


@pytest.fixture
def ledger(paths: DataPaths, past: bytes) -> Path:
    paths.ledger.write_bytes(past)
    return paths.ledger


def test_a_whole_ledger(coin: Coin, ledger: Path, tmp_path: Path) -> None:
    before = ledger.read_bytes()
    done = coin("ledger", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout and done.stdout.count("✓") == 13 and "7 fills" in done.stdout
    done = coin("ledger", "replay", "--to", "again.db")
    assert done.returncode == 0, done.stdout + done.stderr
    hashes = [line.split()[1] for line in done.stdout.splitlines() if len(line.split()[1]) == 64]
    assert len(hashes) == 2 and hashes[0] == hashes[1] and "Identical, byte for byte" in done.stdout
    assert (tmp_path / "again.db").stat().st_mode & 0o777 == 0o600
    done = coin("ledger", "export", "out", "--format", "jsonl")
    assert done.returncode == 0 and len(list((tmp_path / "out").iterdir())) == 11
    assert ledger.read_bytes() == before, "nothing of it changes the ledger"
    for again in (("export", "out"), ("replay", "--to", "again.db")):
        done = coin("ledger", *again)
        assert done.returncode == 1 and "already exists" in done.stderr


def test_a_finding_ends_with_1_and_names_the_row(coin: Coin, ledger: Path) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute("UPDATE lots SET cost = '1' WHERE seq = 1")
    done = coin("ledger", "verify")
    assert done.returncode == 1 and "cost is 1, its fills come to 150" in done.stdout and "replay, lots" in done.stderr
    done = coin("ledger", "replay")
    assert done.returncode == 1 and "cost is 1, the journal gives 150" in done.stderr
    with sqlite3.connect(ledger) as db:
        db.execute("UPDATE events SET data = '[[' WHERE seq = 5")
    assert "cannot be read" in coin("ledger", "replay").stderr


@pytest.mark.parametrize("command", [("verify",), ("replay",), ("export", "out")])
def test_no_ledger_and_no_database_are_said(coin: Coin, paths: DataPaths, command: tuple[str, ...]) -> None:
    done = coin("ledger", *command)
    assert done.returncode == 1 and "no ledger yet" in done.stderr
    paths.ledger.write_bytes(b"no database at all" * 500)
    done = coin("ledger", *command)
    assert done.returncode == 1 and "Traceback" not in done.stderr
