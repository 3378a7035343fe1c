"""The readers against real files and a real process."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dashboard import tail
from shared.documents.state import encode_state
from shared.files import write_whole
from shared.liveness import LockState, lock_state, process_lives
from shared.presence import Presence
from tests.dashboard.conftest import Dash


def test_loading_then_fresh(make_dash: Callable[..., Dash]) -> None:
    dash = make_dash()
    reader = dash.hub.reader
    began = time.monotonic()
    reader.clock = lambda: began  # a slow machine is no second of watching
    reader.look()
    assert reader.snapshot().presence is Presence.OFFLINE  # no file
    dash.beat(1)
    assert reader.snapshot().presence is Presence.LOADING  # one look cannot tell a live file from an old one
    dash.beat(1)
    assert reader.snapshot().presence is Presence.FRESH


def test_a_file_of_yesterday_is_never_running(make_dash: Callable[..., Dash]) -> None:
    dash = make_dash()
    dash.writer.write()
    reader = dash.hub.reader
    reader.look()
    dash.pass_time(2.0)
    s = reader.snapshot()
    assert s.presence is Presence.OFFLINE
    assert s.status is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"\xff\xfe", b'{"version":1}', b"null", b"x" * 5_000_000])
def test_a_damaged_file_is_said_and_the_last_good_values_stay(dash: Dash, damage: bytes) -> None:
    write_whole(dash.paths.state, damage, durable=False)
    dash.hub.reader.look()
    s = dash.hub.reader.snapshot()
    assert s.presence is Presence.UNREADABLE
    assert s.error
    assert s.state is not None
    assert s.old
    dash.beat(1)
    assert dash.hub.reader.snapshot().presence is Presence.FRESH


def test_a_symbolic_link_is_not_followed(dash: Dash, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_bytes(dash.paths.state.read_bytes())
    dash.paths.state.unlink()
    dash.paths.state.symlink_to(tmp_path / "other.json")
    dash.hub.reader.look()
    assert dash.hub.reader.snapshot().presence is not Presence.FRESH


def test_another_version_is_told_from_damage(dash: Dash) -> None:
    write_whole(dash.paths.state, b'{"version":2,"status":"running"}', durable=False)
    dash.hub.reader.look()
    s = dash.hub.reader.snapshot()
    assert (s.presence, s.foreign_version) == (Presence.UNREADABLE, "2")


def test_age_is_by_our_own_clock_and_a_wrong_one_of_the_bot_is_a_warning(dash: Dash) -> None:
    reader = dash.hub.reader
    assert reader.snapshot().clock_skew_s is None
    state = dash.writer.state()
    for more in (1, 2):
        wrong = replace(state, seq=state.seq + more, ts_ms=int((time.time() + 3600) * 1000))
        write_whole(dash.paths.state, encode_state(wrong), durable=False)
        reader.look()
    s = reader.snapshot()
    assert s.presence is Presence.FRESH
    assert s.age_s is not None
    assert s.age_s < 1
    assert s.clock_skew_s == pytest.approx(3600, abs=2)


def test_a_dead_process_is_offline_once_its_file_is_quiet(dash: Dash) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    dash.writer.pid = process.pid
    dash.beat()
    reader = dash.hub.reader
    reader.look_at_process()
    assert reader.snapshot().presence is Presence.FRESH
    process.kill()
    process.wait()
    reader.look_at_process()
    assert reader.snapshot().liveness.pid_alive is False
    assert reader.snapshot().presence is Presence.FRESH  # its file moved just now: another container may write it
    dash.pass_time(1.3)
    assert reader.snapshot().presence is Presence.OFFLINE


def test_a_process_that_took_over_the_number_is_not_the_bot() -> None:
    assert process_lives(os.getpid(), datetime.now(UTC)) is True
    assert process_lives(os.getpid(), datetime.now(UTC) - timedelta(days=1)) is False
    assert process_lives(2**22 - 3, datetime.now(UTC)) is False
    assert process_lives(0, None) is None


@pytest.mark.needs("proc")
def test_the_lock_is_seen_without_being_tried(dash: Dash) -> None:
    assert lock_state(dash.paths.bot_lock) is LockState.HELD
    before = [line for line in Path("/proc/locks").read_text().splitlines() if "FLOCK" in line]
    for _ in range(50):
        lock_state(dash.paths.bot_lock)
    after = [line for line in Path("/proc/locks").read_text().splitlines() if "FLOCK" in line]
    mine = str(os.getpid())
    assert sum(mine in x for x in before) == sum(mine in x for x in after)
    dash.writer.lock.close()
    assert lock_state(dash.paths.bot_lock) is LockState.FREE


async def test_a_stopped_writer_grows_stale_in_front_of_the_watcher(live: Dash) -> None:
    for _ in range(3):
        live.writer.write()
        await asyncio.sleep(0.08)
    reader = live.hub.reader
    assert reader.snapshot().presence is Presence.FRESH
    with reader.waiter() as changed:
        live.pass_time(5.2)
        async with asyncio.timeout(2):
            while reader.snapshot().presence is not Presence.STALE:
                changed.clear()
                await changed.wait()


def test_the_strokes_count_each_second(dash: Dash) -> None:
    reader = dash.hub.reader
    dash.pass_time(3.0)
    dash.beat(1)
    beats = reader.snapshot().beats
    assert len(beats) >= 3
    assert beats[-3].writes >= 1


LOG = """2026-11-20T05:21:12.283Z INFO    bot phase preflight
2026-11-20T05:21:12.367Z WARNING boot waits for the exchange
2026-11-20T05:21:13.000Z ERROR bot it broke
Traceback (most recent call last):
  File "x", line 1
2026-11-20T05:21:14.000Z DEBUG bot quiet \x1b[31mred\x1b[0m \u202eevil
"""


def test_the_tail_filters_by_level_and_text_newest_first(tmp_path: Path) -> None:
    (tmp_path / "COIN-BOT.log").write_text(LOG)
    (tmp_path / "COIN.log").write_text("2026-11-20T05:21:13.500Z INFO dashboard started\n")
    (tmp_path / "evil.log").symlink_to("/etc/passwd")
    assert tail.sources(tmp_path) == ["COIN", "COIN-BOT"]
    every = tail.read(tmp_path)
    assert [x.at[17:19] for x in every] == ["14", "13", "13", "13", "13", "12", "12"]
    assert all(c.isprintable() for x in every for c in x.text)
    assert "\u202e" not in every[0].text
    errors = tail.read(tmp_path, level="ERROR")
    assert [x.text for x in errors][-1] == "bot it broke"
    assert len(errors) == 3  # with its traceback
    assert [x.source for x in tail.read(tmp_path, source="COIN")] == ["COIN"]
    assert len(tail.read(tmp_path, q="EXCHANGE")) == 1
    assert tail.read(tmp_path, source="../../etc/passwd") == []


def test_the_tail_of_a_large_log_is_read_from_its_end(tmp_path: Path) -> None:
    line = "2026-11-20T05:21:12.283Z INFO bot " + "x" * 180 + "\n"
    with (tmp_path / "COIN-BOT.log").open("w") as file:
        for _ in range(40_000):
            file.write(line)
        file.write("2026-11-20T05:22:00.000Z INFO bot last\n")
    began = time.process_time()  # a busy machine reads later, and no more
    found = tail.read(tmp_path, limit=10)
    assert time.process_time() - began < 1.0
    assert found[0].text == "bot last"
