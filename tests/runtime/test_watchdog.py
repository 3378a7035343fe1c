"""What a run that hung left behind, and when the watchdog is armed anew; the ends themselves are in tests/e2e."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app import watchdog
from bot.app.watchdog import BOOT_S, END_S, START_S, LastEnd, SystemWatchdog, last_words, said_of
from shared.paths import ROOT


class Armed:
    """Instead of the thread in C and the kernel's timer: what they were set to."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.thread: list[float] = []
        self.timer: list[float] = []

    def set(self, seconds: float) -> None:
        self.timer.append(seconds)


@pytest.fixture
def armed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Armed]:
    made = Armed()
    monkeypatch.setattr(watchdog.time, "monotonic", lambda: made.now_s)
    monkeypatch.setattr(watchdog, "KernelTimer", lambda _number: made)
    monkeypatch.setattr(
        watchdog.faulthandler, "dump_traceback_later", lambda limit_s, exit, file: made.thread.append(limit_s)
    )
    yield made


def test_each_phase_has_its_own_limit_and_the_kernel_comes_two_seconds_later(tmp_path: Path, armed: Armed) -> None:
    dog = SystemWatchdog(tmp_path, 10)
    assert dog.begin("a") is None
    dog.limit(BOOT_S)
    dog.limit(None)
    dog.end()
    assert armed.thread == [START_S, BOOT_S, 10, END_S]
    assert armed.timer == [seconds + 2 for seconds in armed.thread]
    assert not list(tmp_path.iterdir()), "an orderly end leaves nothing"


def test_it_is_armed_once_a_second_and_only_while_both_loops_go_on(tmp_path: Path, armed: Armed) -> None:
    dog = SystemWatchdog(tmp_path, 10)
    dog.begin("a")
    dog.limit(None)
    armed.thread.clear()
    for step in range(500):  # ten seconds of the control loop alone: nothing is judged
        armed.now_s = 100 + step * 0.02
        dog.beat()
    assert not armed.thread
    for step in range(500):
        armed.now_s = 200 + step * 0.02
        if step % 50 == 0:
            dog.judged()
        dog.beat()
    assert 9 <= len(armed.thread) <= 10
    armed.thread.clear()
    for second in range(10):  # judged, but nobody looks at the kill switch
        armed.now_s = 300 + second
        dog.judged()
    assert not armed.thread


def test_what_a_hung_run_wrote_names_the_line_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "COIN-BOT.hang.log").write_text(
        f'run 77 pid 5\nTimeout (0:00:10)!\nThread 0x1 (most recent call first):\n  File "{ROOT}/bot/app/x.py", '
        f'line 1 in idle\n\nThread 0x2 (most recent call first):\n  File "/usr/lib/python3/re.py", line 9 in match\n'
        f'  File "{ROOT}/strategies/mine.py", line 12 in latest\n'
        f'  File "{ROOT}/bot/engine/execution/entries.py", line 3 in x\n'
    )
    found = last_words(tmp_path / "COIN-BOT.hang.log")
    assert found is not None and found.hung
    assert found.stood_in == "strategies/mine.py line 12, in latest"
    assert said_of(found, 12.0).startswith("the previous run hung for 0:00:10 and was ended; it stood in strategies/")


@pytest.mark.parametrize("text", ["", "run 77 pid 5\n", "run 77 pid 5\nTimeout", "\0\0\0", "run \udce9\n"])
def test_what_says_nothing_is_an_end_without_a_word(tmp_path: Path, text: str) -> None:
    path = tmp_path / "COIN-BOT.hang.log"
    path.write_bytes(text.encode(errors="surrogateescape"))
    found = last_words(path)
    assert found is not None and not found.hung and found.stood_in == ""
    assert "without shutting down, 3 s after its last report" in said_of(found, 3.4)
    assert "without shutting down:" in said_of(found, None)


def test_no_file_no_link_and_no_pipe_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "COIN-BOT.hang.log"
    assert last_words(path) is None
    path.symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_text("run 1\nTimeout (0:00:10)!\n")
    assert last_words(path) is None


def test_a_run_is_told_of_the_one_before_it_and_its_own_file_is_private(tmp_path: Path, armed: Armed) -> None:
    SystemWatchdog(tmp_path, 10).begin("first")
    assert (tmp_path / "COIN-BOT.hang.log").stat().st_mode & 0o777 == 0o600
    assert SystemWatchdog(tmp_path, 10).begin("second") == LastEnd("first", "", ())


@pytest.mark.needs("proc")
def test_the_kernels_timer_ends_a_process_that_a_signal_stopped() -> None:
    """Without a second process, and without a handle that a child could inherit."""
    source = (
        "import os, signal\nfrom bot.app.watchdog import KernelTimer\n"
        "before = len(os.listdir('/proc/self/fd'))\ntimer = KernelTimer(signal.SIGKILL)\ntimer.set(600)\n"
        "assert len(os.listdir('/proc/self/fd')) == before\ntimer.set(0.3)\nos.kill(os.getpid(), signal.SIGSTOP)\n"
    )
    done = subprocess.run([sys.executable, "-c", source], cwd=ROOT, timeout=20, check=False)
    assert done.returncode == -9
