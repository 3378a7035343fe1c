"""The client against real PM2: what it reads is what is, and it never starts a daemon."""

import json
import os
import signal
import socket
import threading
import time
from pathlib import Path

import pytest

from shared.pm2 import Effective, Pm2Client, Pm2Unavailable, Trouble, effective_state, pid_alive, supported
from tests.pm2.conftest import Pm2Home

STOPS = frozenset({75, 78})


@pytest.mark.parametrize(
    ("status", "pid", "exit_code", "alive", "state", "label"),
    [
        ("online", 7, 0, True, Effective.ONLINE, "online"),
        ("online", 7, 0, False, Effective.DEAD, "dead"),
        ("waiting restart", 7, 1, False, Effective.WAITING, "waiting restart"),
        ("waiting restart", 0, 78, False, Effective.STOPPED, "stopped (78)"),
        ("waiting restart", 0, 75, False, Effective.STOPPED, "stopped (75)"),
        ("waiting restart", 0, 1, False, Effective.ERRORED, "errored"),
        ("waiting restart", 0, None, False, Effective.ERRORED, "errored"),
        ("stopped", 0, 0, False, Effective.STOPPED, "stopped"),
        ("stopped", 0, 78, False, Effective.STOPPED, "stopped (78)"),
        ("errored", 0, 1, False, Effective.ERRORED, "errored"),
        ("stopping", 7, 0, True, Effective.STOPPING, "stopping"),
        ("launching", 7, 0, True, Effective.LAUNCHING, "launching"),
        ("one-launch-status", 7, 0, True, Effective.ERRORED, "one-launch-status"),
    ],
)
def test_effective_state(
    status: str, pid: int, exit_code: int | None, alive: bool, state: Effective, label: str
) -> None:
    assert effective_state(status, pid, exit_code, STOPS, lambda _: alive) == (state, label)


def test_a_zombie_is_not_alive() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    until = time.monotonic() + 5
    while pid_alive(child) and time.monotonic() < until:
        time.sleep(0.01)
    assert not pid_alive(child)
    os.waitpid(child, 0)
    assert pid_alive(os.getpid())
    assert not pid_alive(0)


def test_majors() -> None:
    assert supported("7.0.4")
    assert not supported("99.0.0")
    assert not supported("next")


def test_no_daemon_is_offline_and_stays_so(tmp_path: Path) -> None:
    with pytest.raises(Pm2Unavailable) as caught:
        Pm2Client(tmp_path / "none").processes()
    assert caught.value.trouble is Trouble.OFFLINE
    assert not (tmp_path / "none").exists()


def test_a_socket_without_a_daemon_is_offline(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "rpc.sock"))
    with pytest.raises(Pm2Unavailable) as caught:
        Pm2Client(tmp_path).version()
    assert caught.value.trouble is Trouble.OFFLINE


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (b"", Trouble.OFFLINE),
        (b"HTTP/1.1 200 OK\r\n\r\n", Trouble.UNKNOWN),
        (b"\x11\xff\xff\xff\xff", Trouble.UNKNOWN),
        (b"\x11\x00\x00\x00\x04j:{]", Trouble.UNKNOWN),
        (b"\x11\x00\x00\x00\x04j:[]", Trouble.UNKNOWN),
        (b'\x11\x00\x00\x00\x0fj:{"error":"no"}'[:-1] + b"}", Trouble.UNKNOWN),
    ],
)
def test_nonsense_is_named_not_believed(tmp_path: Path, answer: bytes, trouble: Trouble) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "rpc.sock"))
        server.listen(1)

        def serve() -> None:
            link, _ = server.accept()
            link.recv(65_536)
            link.sendall(answer)
            link.close()

        thread = threading.Thread(target=serve)
        thread.start()
        with pytest.raises(Pm2Unavailable) as caught:
            Pm2Client(tmp_path).processes()
        thread.join()
    assert caught.value.trouble is trouble


APPS = r"""
const base = { interpreter: 'none', exec_mode: 'fork', filter_env: [''], pmx: false, vizion: false, autorestart: true,
  stop_exit_codes: [75, 78], exp_backoff_restart_delay: 200, min_uptime: '20s', max_restarts: 15, kill_timeout: 3000 };
const sh = (name, line, more = {}) => ({ ...base, name, script: '/bin/sh', args: ['-c', line], ...more });
module.exports = { apps: [
  sh('LIVES', 'exec sleep 600'),
  sh('CONFIG', 'exit 78'),
  sh('CRASHES', 'exit 1', { exp_backoff_restart_delay: 10000 }),
  sh('GIVESUP', 'exit 1', { max_restarts: 1, exp_backoff_restart_delay: 10 }),
] };
"""


@pytest.fixture(scope="module")
def apps(pm2_home: Pm2Home) -> Pm2Home:
    config = pm2_home.folder.parent / "apps.config.js"
    config.write_text(APPS)
    pm2_home.run("start", str(config), "-s", env={"SHELL_SECRET": "canary-1f2e"})
    return pm2_home


@pytest.mark.pm2
@pytest.mark.needs("pm2")
class TestRealPm2:
    def test_version_is_known(self, apps: Pm2Home) -> None:
        assert supported(apps.client.version())

    def test_kill_minus_nine_is_restarted(self, apps: Pm2Home) -> None:
        before = apps.wait("LIVES", lambda p: p.effective is Effective.ONLINE)
        os.kill(before.pid, signal.SIGKILL)
        after = apps.wait("LIVES", lambda p: p.effective is Effective.ONLINE and p.pid != before.pid)
        assert after.restarts == before.restarts + 1
        assert after.started_ms is not None
        assert abs(after.started_ms / 1000 - time.time()) < 10

    def test_exit_78_is_stopped_and_says_so(self, apps: Pm2Home) -> None:
        process = apps.wait("CONFIG", lambda p: p.effective is Effective.STOPPED)
        assert process.label == "stopped (78)"
        assert process.restarts == 0

    def test_too_many_crashes_is_errored(self, apps: Pm2Home) -> None:
        assert apps.wait("GIVESUP", lambda p: p.effective is Effective.ERRORED).label == "errored"

    def test_waiting_is_told_and_can_be_started(self, apps: Pm2Home) -> None:
        waiting = apps.wait("CRASHES", lambda p: p.effective is Effective.WAITING)
        assert waiting.restart_delay_ms >= 10_000
        apps.client.start("CRASHES")  # PM2 itself refuses this with "Process with pid … already exists"
        apps.wait("CRASHES", lambda p: p.effective is Effective.WAITING)

    def test_stop_start_restart(self, apps: Pm2Home) -> None:
        first = apps.wait("LIVES", lambda p: p.effective is Effective.ONLINE)
        apps.client.stop("LIVES")
        stopped = apps.client.find("LIVES")
        assert stopped is not None
        assert (stopped.effective, stopped.label, stopped.started_ms) == (Effective.STOPPED, "stopped", None)
        assert not pid_alive(first.pid)
        apps.client.start("LIVES")
        second = apps.wait("LIVES", lambda p: p.effective is Effective.ONLINE)
        apps.client.start("LIVES")  # twice does nothing
        apps.client.restart("LIVES")
        third = apps.wait("LIVES", lambda p: p.effective is Effective.ONLINE)
        assert len({first.pid, second.pid, third.pid}) == 3

    def test_unknown_name_is_said(self, apps: Pm2Home) -> None:
        with pytest.raises(Pm2Unavailable, match="doesn't know NOBODY"):
            apps.client.stop("NOBODY")

    def test_no_shell_secret_in_what_pm2_keeps(self, apps: Pm2Home) -> None:
        raw = json.dumps(apps.client.call("getMonitorData", {}))
        assert "LIVES" in raw  # the search would find something
        assert "canary-1f2e" not in raw

    def test_delete_takes_it_off_the_list(self, apps: Pm2Home) -> None:
        apps.client.delete("GIVESUP")
        assert apps.client.find("GIVESUP") is None

    def test_a_hung_daemon_is_told_within_the_limit(self, apps: Pm2Home) -> None:
        daemon = int((apps.folder / "pm2.pid").read_text())
        os.kill(daemon, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(Pm2Unavailable) as caught:
                Pm2Client(apps.folder, timeout_s=0.5).processes()
            assert caught.value.trouble is Trouble.HUNG
            assert time.monotonic() - began < 1.5
        finally:
            os.kill(daemon, signal.SIGCONT)
