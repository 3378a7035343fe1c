"""What COIN-WATCH does by itself beside a real bot: the sentinel, the bundle at a kill, the first backup."""

import json
import os
import signal
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.test_watch import Watched
from tests.sentinel.test_process import ENTRIES, Exchange

pytestmark = pytest.mark.needs("proc")
AFTER_S = 10.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[Watched]:
    made = Watched(tmp_path / "data")
    made.folder.mkdir(mode=0o700)
    made.env |= {"REDUCE_ONLY": "true", "WATCHDOG_SEC": "0", "SENTINEL_AFTER_S": str(AFTER_S)}
    yield made
    made.close()


def until(what: object, why: str, limit_s: float = 40.0) -> None:
    deadline_s = time.monotonic() + limit_s
    while not what():  # type: ignore[operator]
        assert time.monotonic() < deadline_s, why
        time.sleep(0.1)


def test_a_bot_that_hangs_with_nobody_to_help_loses_its_entries_within_ten_seconds(system: Watched) -> None:
    system.sim()
    bot = system.bot()
    system.trades()
    system.watcher()
    exchange = Exchange(system)
    exchange.place()
    time.sleep(AFTER_S / 2)
    assert exchange.kinds()["entries"] == ENTRIES, "a bot that answers is left alone"
    began_s = time.monotonic()
    os.kill(bot.pid, signal.SIGSTOP)
    until(lambda: exchange.kinds()["entries"] == 0, "the entries are cancelled")
    assert AFTER_S - 1.5 <= time.monotonic() - began_s <= AFTER_S + 10
    assert exchange.kinds() == {"entries": 0, "exits": 1, "others": 1}
    assert bot.wait(5) == -signal.SIGKILL
    until(lambda: system.told("sentinel.main"), "it is told")
    found = next(one for one in system.alerts()["firing"] if "sentinel_acted" in one["rules"])
    assert f"{ENTRIES} resting entries were cancelled" in found["text"]

    again = system.bot()
    system.until(lambda s: s["pid"] == again.pid and s["status"] == "running", why="a next run")
    until(lambda: ("resolved", found["title"]) in system.told("sentinel.main") or _resolved(system), "it resolves")


def _resolved(system: Watched) -> bool:
    return any("sentinel_acted" in one["rules"] for one in system.alerts()["resolved"])


def test_a_kill_leaves_a_bundle_and_a_first_backup_is_made_and_drilled(system: Watched) -> None:
    system.sim()
    system.bot()
    system.trades()
    system.watcher()
    record = system.folder / "backups" / "record.json"
    until(lambda: record.exists() and json.loads(record.read_bytes()).get("drilled_ms"), "a backup and its drill", 90.0)
    told = json.loads(record.read_bytes())
    assert told["problem"] is None and told["drill_problem"] is None
    assert (system.folder / "backups" / told["archive"]).stat().st_mode & 0o777 == 0o600

    (system.folder / "KILL").touch(mode=0o600)
    system.until(lambda s: s["status"] == "killed", why="killed")
    until(lambda: list((system.folder / "incidents").glob("incident-*.zip")), "a bundle at the kill")
    (bundle,) = (system.folder / "incidents").glob("incident-*.zip")
    with zipfile.ZipFile(bundle) as archive:
        assert "killed" in archive.read("timeline.html").decode().lower()
        assert b"canary-hook" not in b"".join(archive.read(name) for name in archive.namelist())
