"""What a machine does to a process: it stops for a while, it runs out of handles, it gives no more memory."""

import os
import resource
import signal
import time
from collections.abc import Iterator

import pytest

from tests.e2e.system import System


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One exchange and one bot that all cases use, one after the other."""
    made = System(tmp_path_factory.mktemp("machine"))
    made.env["PRODUCTS"] = "BTC-USD"
    made.sim()
    made.bot()
    made.trades()
    yield made
    made.close()


def handles(pid: int) -> int:
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_a_process_that_stood_still_begins_its_streams_anew_before_it_goes_on(system: System) -> None:
    bot = system.running[-1]
    before = system.trades()
    os.kill(bot.pid, signal.SIGSTOP)
    try:
        time.sleep(6.5)
    finally:
        os.kill(bot.pid, signal.SIGCONT)
    found = system.until(lambda s: s["feeds"]["ws_reconnects"] > before["feeds"]["ws_reconnects"], 15, "streams anew")
    back = lambda s: any("stream is back" in event["text"] for event in s["events"])  # noqa: E731
    found = system.until(lambda s: s["status"] == "running" and s["ws_ok"] and back(s), 20, "running again")
    assert found["boot_id"] == before["boot_id"] and bot.poll() is None
    assert "the event loop was blocked for" in system.log() and "this machine slept" in system.log()


def test_without_handles_it_stays_up_and_comes_back(system: System) -> None:
    bot = system.running[-1]
    before = system.trades()
    soft, hard = resource.prlimit(bot.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(bot.pid, resource.RLIMIT_NOFILE, (handles(bot.pid), hard))
    try:
        time.sleep(4.0)
        assert bot.poll() is None, system.log()[-1500:]
        # What needs no new handle still works: the file KILL is a stat, and the gate is memory.
        (system.folder / "KILL").touch()
        time.sleep(1.0)
    finally:
        resource.prlimit(bot.pid, resource.RLIMIT_NOFILE, (soft, hard))
    found = system.until(lambda s: s["kill"] is not None and s["kill"]["cleared_ms"] is not None, 30, "killed, proven")
    assert found["boot_id"] == before["boot_id"] and found["io"]["write_errors"] > before["io"]["write_errors"]
    assert found["io"]["ledger_ok"]


def test_without_memory_it_ends_and_the_next_life_goes_on(system: System) -> None:
    """A task that gets no memory is a task that died: the process ends with 1, and does not hang."""
    bot = system.running[-1]
    with open(f"/proc/{bot.pid}/statm") as file:
        used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    # Enough for small things: it is to run into the wall in the middle of its work.
    resource.prlimit(bot.pid, resource.RLIMIT_AS, (used, resource.prlimit(bot.pid, resource.RLIMIT_AS)[1]))
    time.sleep(3.0)
    if bot.poll() is None:
        os.kill(bot.pid, signal.SIGKILL)  # nothing that it needed was refused: the next life must cope all the same
        bot.wait(5)
    else:
        assert bot.returncode in (1, -signal.SIGSEGV, -signal.SIGABRT), bot.returncode
    (system.folder / "KILL").unlink(missing_ok=True)
    after = system.bot()
    system.until(lambda s: s["pid"] == after.pid and s["status"] == "killed", 30, "the next life, still killed")


def test_nothing_is_left_of_handles_over_reconnects(system: System) -> None:
    bot = system.running[-1]
    system.until(lambda s: s["pid"] == bot.pid and s["ws_ok"], 20)
    counts = []
    for _ in range(2):
        os.kill(bot.pid, signal.SIGSTOP)
        time.sleep(5.6)
        os.kill(bot.pid, signal.SIGCONT)
        system.until(lambda s: not s["ws_ok"], 10, "streams down")
        system.until(lambda s: s["ws_ok"], 20, "streams back")
        time.sleep(0.5)
        counts.append(handles(bot.pid))
    assert max(counts) - min(counts) <= 3, counts
