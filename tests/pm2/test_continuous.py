"""The continuous copy under a real watcher and real PM2: it is started, comes back, and ends with its watcher."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from backups.continuous_record import ContinuousRecord, read_continuous
from cli.rig import Rig, rig
from tests.conftest import ROOT

pytestmark = [pytest.mark.pm2, pytest.mark.slow, pytest.mark.needs("pm2", "proc", "litestream")]


def until(what: Callable[[], object], why: Callable[[], object], limit_s: float = 60.0) -> None:
    until_s = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < until_s, why()
        time.sleep(0.2)


def followers(made: Rig) -> dict[int, int]:
    """pid of each follower of this folder's ledger, and its parent's."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line, environ = (folder / "cmdline").read_bytes(), (folder / "environ").read_bytes()
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if b"backups.continuous" in line and f"DATA_DIR={made.paths.root}\0".encode() in environ:
            found[int(folder.name)] = parent
    return found


@pytest.mark.skipif((ROOT / ".env").exists(), reason="a BACKUP_URL of this checkout's own .env would be used")
def test_a_real_watcher_starts_it_and_it_ships_the_ledger_of_a_bot_that_trades(tmp_path: Path) -> None:
    with rig(BACKUP_URL=str(tmp_path / "away")) as made:
        made.start()
        made.wait_trading()

        def record() -> ContinuousRecord:
            return read_continuous(made.paths.backups) or ContinuousRecord(at_ms=0)

        until(lambda: record().proven_ms is not None and record().problem is None, record)
        assert (record().proven_head or 0) > 0 and list((tmp_path / "away" / "cointrader-main" / "ltx").iterdir())
        watcher = made.client.find("COIN-WATCH")
        assert watcher is not None and watcher.pid
        (pid,) = followers(made)
        assert followers(made) == {pid: watcher.pid}
        os.kill(pid, signal.SIGKILL)
        until(lambda: followers(made) and pid not in followers(made), lambda: followers(made))
        os.kill(watcher.pid, signal.SIGKILL)
        until(lambda: watcher.pid not in followers(made).values() and len(followers(made)) == 1,
              lambda: followers(made))  # fmt: skip
        made.client.delete("COIN-WATCH")
        until(lambda: not followers(made), lambda: followers(made))
