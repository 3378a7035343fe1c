"""The looks that may block: the dashboard, PM2, the machine, the dead man's switch; against real servers and files."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.pm2 import Pm2Client
from shared.settings import Settings
from tests.watch.receiver import Receiver
from watch.host_figures import HostFigures
from watch.slow_looks import (
    HEARTBEAT_RETRY_S,
    HEARTBEAT_S,
    DashboardLook,
    HeartbeatLook,
    Pm2Asking,
    SlowLook,
)

CANARY = "canary-5d1c9e"


@pytest.fixture
def server() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


def test_the_heartbeat_is_sent_while_the_watch_goes_round_and_only_then(server: Receiver) -> None:
    round_ = [True]
    beat = HeartbeatLook(f"{server.url}/ping/{CANARY}", False, lambda: round_[0])
    assert beat.look() == HEARTBEAT_S and beat.seen.last_ms is not None and beat.seen.failures == 0
    round_[0] = False
    beat.look()
    assert [one.path for one in server.got] == [f"/ping/{CANARY}"], "a watch that stands still must not look alive"


def test_a_heartbeat_that_fails_is_counted_and_tried_again_soon(server: Receiver) -> None:
    beat = HeartbeatLook(f"{server.url}/ping/{CANARY}", False, lambda: True)
    beat.look()
    last_ms = beat.seen.last_ms
    server.answer = lambda one: (404, one.path.encode(), {})
    assert beat.look() == HEARTBEAT_RETRY_S and beat.look() == HEARTBEAT_RETRY_S
    assert beat.seen.failures == 2 and beat.seen.last_ms == last_ms
    assert "404" in (beat.seen.answer or "") and CANARY not in (beat.seen.answer or "")
    server.answer = lambda _: (200, b"OK", {})
    beat.look()
    assert beat.seen.failures == 0


def test_the_dashboard_answers_or_is_silent_since_it_last_did(server: Receiver) -> None:
    look = DashboardLook(Settings(dashboard_port=server.port))
    assert look.seen is None, "not asked yet is not gone"
    look.look()
    assert look.seen is not None and look.seen.silent_s == 0 and server.got[0].path == "/healthz"
    server.answer = lambda _: (503, b"", {})
    look.look()
    assert look.seen.error == "it answers 503"
    server.close()
    look.look()
    first = look.seen
    assert first is not None and first.error and "refused" in first.error and first.silent_s is not None
    time.sleep(0.02)
    later = look.seen
    assert later is not None and later.silent_s is not None and later.silent_s > first.silent_s


def test_pm2_that_does_not_answer_counts_from_when_it_last_did(tmp_path: Path) -> None:
    asking = Pm2Asking(Pm2Client(tmp_path))
    assert asking.seen is None
    asking.look()
    assert asking.seen is not None and asking.seen.error and asking.seen.bad_s is not None and asking.seen.bad_s < 5


def test_a_look_that_raises_goes_on_and_one_that_is_poked_looks_at_once() -> None:
    count = [0]

    def look() -> float:
        count[0] += 1
        return 600.0

    slow = SlowLook("test", look)
    for wanted in (1, 2, 3):
        until_s = time.monotonic() + 5
        while count[0] < wanted:
            assert time.monotonic() < until_s
            time.sleep(0.01)
        slow.poke()


# ---- the machine ----


def proc(
    folder: Path, *, busy: int = 100, idle: int = 900, available: int = 600, oom: int = 3, received: int = 500
) -> Path:
    (folder / "net").mkdir(parents=True, exist_ok=True)
    (folder / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 1 1 1 1\n")
    (folder / "meminfo").write_text("MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n")
    (folder / "vmstat").write_text(f"nr_free_pages 5\noom_kill {oom}\n")
    lines = ["Inter-| Receive", " face |bytes", "    lo: 999999 1 0", f"  eth0: {received} 1 0"]
    (folder / "net" / "dev").write_text("\n".join(lines) + "\n")
    return folder


def test_the_machines_figures_are_those_of_the_kernel(tmp_path: Path) -> None:
    figures = HostFigures(tmp_path, proc(tmp_path / "proc"))
    first = figures.look(10.0)
    assert first.cpu_pct is None, "a share needs two looks"
    assert first.memory_pct == pytest.approx(40.0) and first.oom_kills == 0 and first.network_still_s == 0
    assert first.disk_pct is not None and 0 <= first.disk_pct <= 100 and first.disk_free_mb is not None
    proc(tmp_path / "proc", busy=190, idle=910, oom=4)
    second = figures.look(15.0)
    assert second.cpu_pct == pytest.approx(90.0) and second.oom_kills == 1
    assert second.network_still_s == 5.0
    proc(tmp_path / "proc", received=501)
    assert figures.look(20.0).network_still_s == 0.0


def test_what_a_system_does_not_tell_is_not_known(tmp_path: Path) -> None:
    figures = HostFigures(tmp_path / "gone", tmp_path / "none")
    found = figures.look(1.0)
    assert (found.cpu_pct, found.memory_pct, found.disk_pct, found.oom_kills, found.network_still_s) == (None,) * 5
