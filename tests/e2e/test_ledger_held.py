"""Another program holds the ledger's write lock while the bot starts: it waits, says so, and trades later."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.system import System, kill9


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    yield made
    made.close()


def test_a_ledger_that_is_held_is_waited_for_and_no_person_is_needed(system: System) -> None:
    system.sim()
    first = system.bot()
    system.trades()
    kill9(first)
    with closing(sqlite3.connect(system.folder / "ledger.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        bot = system.bot()
        system.until(lambda s: s["pid"] == bot.pid and "another program holds" in str(s.get("boot")), why="it says so")
        assert bot.poll() is None
        other.execute("ROLLBACK")
    system.until(lambda s: s["pid"] == bot.pid and s["status"] == "running", why="it trades")
    assert bot.poll() is None
