"""The four processes under real PM2, by the real ecosystem file: what a user does, and what must never happen."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import ports
from cli.rig import Rig, free_ports, rig
from shared.bots import LAB
from shared.documents.alerts import AlertsDoc, AlertStateDoc, decode_alerts
from shared.documents.status import Phase, Status
from shared.pm2 import Effective, pid_alive
from shared.pm2_plan import MODULES
from tests.conftest import ROOT

pytestmark = [pytest.mark.pm2, pytest.mark.slow, pytest.mark.needs("pm2", "proc")]

CANARY = "canary-5d1c9e"
ROOMS = (
    "backups",
    "bot",
    "cli",
    "dashboard",
    "monitoring",
    "research",
    "shared",
    "simtest",
    "simulator",
    "strategies",
    "watch",
)


@pytest.fixture(scope="module")
def running() -> Iterator[Rig]:
    """All four, started from a shell that exports secrets."""
    with rig() as made:
        secrets = {
            "COINBASE_API_PRIVATE_KEY": CANARY,
            "DASHBOARD_PASSWORD_HASH": CANARY,
            "LEDGER_URL": f"postgresql://coin:{CANARY}@127.0.0.1/coin",
            "AWS_SECRET_ACCESS_KEY": CANARY,
        }
        made.start(env=secrets)
        made.wait_trading()
        yield made


def coin(made: Rig, *arguments: str, root: Path = ROOT, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [str(root / ".venv/bin/python"), "-m", "cli", *arguments]
    return subprocess.run(
        command,
        cwd=root,
        env={**made.env, "COLUMNS": "200", **env},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_all_four_are_online_and_the_lab_waits_until_it_is_asked(running: Rig) -> None:
    found = {process.name: process for process in running.client.processes()}
    assert sorted(found) == sorted([*MODULES, LAB])
    assert {process.cwd for process in found.values()} == {str(ROOT)}
    assert {process.effective for name, process in found.items() if name != LAB} == {Effective.ONLINE}
    until_s = time.monotonic() + 30
    while (waits := running.client.find(LAB)) is None or waits.effective is not Effective.STOPPED:
        assert time.monotonic() < until_s, waits
        time.sleep(0.2)


def test_the_bot_binds_no_port(running: Rig) -> None:
    def listening(pid: int) -> set[str]:
        sockets = set()
        for entry in os.scandir(f"/proc/{pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                sockets.add(os.readlink(entry.path))
        table = (Path("/proc/net/tcp").read_text() + Path("/proc/net/tcp6").read_text()).splitlines()
        inodes = {row.split()[9] for row in table if len(row.split()) > 9 and row.split()[3] == "0A"}
        return {inode for inode in inodes if f"socket:[{inode}]" in sockets}

    assert not listening(running.pid("COIN-BOT"))
    assert listening(running.pid("COIN-SIM"))  # the search would find one


def test_no_secret_of_the_shell_anywhere(running: Rig) -> None:
    running.pm2("save", "-s")
    kept = {path: path.read_bytes() for path in running.home.rglob("*") if path.is_file()}
    kept |= {path: path.read_bytes() for path in running.paths.root.rglob("*") if path.is_file()}
    daemon = int((running.home / "pm2.pid").read_text())
    for pid in (daemon, *(running.pid(name) for name in MODULES)):
        for name in ("environ", "cmdline"):
            path = Path(f"/proc/{pid}/{name}")
            # The daemon was started by PM2's own command line from that very shell: its environ is the shell's.
            if not (pid == daemon and name == "environ"):
                kept[path] = path.read_bytes()
    kept[Path("rpc")] = json.dumps(running.client.call("getMonitorData", {})).encode()
    assert b"DASHBOARD_PORT" in kept[Path("rpc")]  # the search would find something
    assert [str(path) for path, content in kept.items() if CANARY.encode() in content] == []


def test_what_pm2_writes_is_ours_alone(running: Rig) -> None:
    logs = list((running.paths.logs / "pm2").iterdir())
    assert logs
    for path in [*logs, running.home / "dump.pm2", running.home / "pm2.log"]:
        assert not path.stat().st_mode & 0o077, path


def test_kill_minus_nine_comes_back_and_trades(running: Rig) -> None:
    before = running.wait_trading()
    os.kill(running.pid("COIN-BOT"), signal.SIGKILL)
    after = running.wait(lambda state: state.boot_id != before.boot_id and state.phase is Phase.TRADING)
    assert after.pid == running.pid("COIN-BOT")
    assert after.pid != before.pid


def test_a_bot_that_a_signal_stopped_is_ended_and_comes_back(running: Rig) -> None:
    before = running.wait_trading()
    began = time.monotonic()
    os.kill(before.pid, signal.SIGSTOP)
    while pid_alive(before.pid):
        assert time.monotonic() - began < 15.0
        time.sleep(0.05)
    after = running.wait(lambda state: state.boot_id != before.boot_id and state.phase is Phase.TRADING)
    assert after.pid == running.pid("COIN-BOT")
    assert any(event.kind == "watchdog" for event in after.events)


def alerts(made: Rig) -> AlertsDoc:
    return decode_alerts(made.paths.alerts.read_bytes())


def of_the_process(made: Rig) -> list[AlertStateDoc]:
    return [alert for alert in alerts(made).firing if alert.name == "process.main"]


def test_the_watcher_tells_of_a_kill_minus_nine_once_and_shows_it(running: Rig) -> None:
    before = running.wait_trading()
    until = time.monotonic() + 60.0
    while of_the_process(running):  # what the tests before did may still have to stay clear for a while
        assert time.monotonic() < until, of_the_process(running)
        time.sleep(0.1)
    os.kill(running.pid("COIN-BOT"), signal.SIGKILL)
    until = time.monotonic() + 6.0
    while not (mine := of_the_process(running)):
        assert time.monotonic() < until, alerts(running).firing
        time.sleep(0.02)
    running.wait(lambda state: state.boot_id != before.boot_id and state.phase is Phase.TRADING)
    until = time.monotonic() + 120.0  # one that came back must stay clear for longer
    while not (over := [a for a in alerts(running).resolved if a.number == mine[0].number]):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert "bot_dead" in mine[0].rules and over[0].resolved_ms
    assert running.pid("COIN-WATCH") == alerts(running).pid
    assert "process.main" in coin(running, "alerts", "history").stdout


def test_whoever_stops_the_bot_by_hand_is_not_told_of_it(running: Rig) -> None:
    running.wait_trading()
    began_ms = time.time() * 1000
    running.pm2("stop", "COIN-BOT", "-s")
    time.sleep(4.0)
    new = [alert for alert in alerts(running).firing if alert.since_ms >= began_ms and alert.name == "process.main"]
    running.pm2("restart", "COIN-BOT", "-s")
    running.wait(lambda state: state.pid == running.pid("COIN-BOT") and state.phase is Phase.TRADING)
    assert new == []


def test_alerts_can_be_listed_acknowledged_and_tested(running: Rig) -> None:
    rules = coin(running, "alerts", "rules")
    assert rules.returncode == 0 and "bot_dead" in rules.stdout and "fires at gone for > 1 s" in rules.stdout
    unknown = coin(running, "alerts", "ack", "nothing.at.all")
    assert unknown.returncode == 2 and "No alert 'nothing.at.all' fires" in unknown.stderr
    assert "No sink is set" in coin(running, "alerts", "test").stdout
    running.paths.kill.touch(mode=0o600)
    running.wait(lambda state: state.kill is not None and state.kill.cleared_ms is not None)
    until = time.monotonic() + 6.0
    while not any(alert.name == "kill.main" for alert in alerts(running).firing):
        assert time.monotonic() < until
        time.sleep(0.05)
    shown = coin(running, "alerts")
    assert shown.returncode == 1 and "./coin alerts ack kill.main" in shown.stdout, shown.stdout
    known = coin(running, "alerts", "ack", "kill.main", "--note", "a test")
    assert known.returncode == 0, known.stdout + known.stderr
    time.sleep(0.5)
    listed = coin(running, "alerts", "list", "--json")
    (mine,) = [a for a in json.loads(listed.stdout)["alerts"]["firing"] if a["name"] == "kill.main"]
    assert mine["phase"] == "acknowledged" and mine["note"] == "a test"
    assert coin(running, "reset-kill").returncode == 0 and coin(running, "run").returncode == 0


def test_a_watcher_that_is_killed_is_back_and_the_bot_did_not_notice(running: Rig) -> None:
    before, pid = running.wait_trading(), running.pid("COIN-WATCH")
    os.kill(pid, signal.SIGKILL)
    until = time.monotonic() + 15
    while alerts(running).pid == pid:
        assert time.monotonic() < until
        time.sleep(0.1)
    state = running.state()
    assert state is not None and (state.boot_id, state.pid) == (before.boot_id, before.pid)


def test_stop_is_graceful_and_start_comes_back(running: Rig) -> None:
    pid = running.pid("COIN-BOT")
    began = time.monotonic()
    running.pm2("stop", "COIN-BOT", "-s")
    assert time.monotonic() - began < 6.0  # far from the 8 s after which PM2 kills
    assert not pid_alive(pid)
    process = running.client.find("COIN-BOT")
    assert process is not None
    assert process.label == "stopped"
    assert coin(running, "status").returncode == 3  # a stopped bot is not shown as running
    running.pm2("restart", "COIN-BOT", "-s")
    running.wait(lambda state: state.pid == running.pid("COIN-BOT") and state.phase is Phase.TRADING)


def test_a_second_bot_exits_75_and_names_the_holder(running: Rig) -> None:
    holder = running.pid("COIN-BOT")
    second = subprocess.run(
        [sys.executable, "-m", "bot"],
        cwd=ROOT,
        env=dict(running.env),
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert second.returncode == 75, second.stderr
    assert str(holder) in second.stdout + second.stderr
    assert running.pid("COIN-BOT") == holder
    assert running.wait_trading().pid == holder


def test_status_doctor_and_receipts(running: Rig) -> None:
    running.wait(lambda state: state.status is Status.RUNNING)
    began = time.monotonic()
    status = coin(running, "status")
    assert time.monotonic() - began < 2.0
    assert status.returncode == 0, status.stdout
    assert "RUNNING" in status.stdout
    doctor = coin(running, "doctor")
    assert doctor.returncode == 0, doctor.stdout
    paused = coin(running, "pause")
    assert "pause: done" in paused.stdout, paused.stdout + paused.stderr
    assert coin(running, "status").returncode == 1
    assert "start: done" in coin(running, "run").stdout
    running.wait(lambda state: state.status is Status.RUNNING)


def test_kill_and_its_reset(running: Rig) -> None:
    killed = coin(running, "kill")
    assert killed.returncode == 0, killed.stdout + killed.stderr
    assert "none left" in killed.stdout
    before = running.wait(lambda state: state.status is Status.KILLED)
    os.kill(running.pid("COIN-BOT"), signal.SIGKILL)  # the latch outlives the process
    running.wait(lambda state: state.boot_id != before.boot_id and state.status is Status.KILLED)
    assert coin(running, "run").returncode == 1
    assert coin(running, "reset-kill").returncode == 0
    assert not running.paths.kill.exists()
    assert coin(running, "run").returncode == 0
    running.wait(lambda state: state.status is Status.RUNNING)


def test_kill_with_the_bot_dead(running: Rig) -> None:
    before = running.wait_trading()
    running.pm2("stop", "COIN-BOT", "-s")
    done = coin(running, "kill")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "the bot isn't running" in done.stdout
    assert "none left" in done.stdout
    running.pm2("restart", "COIN-BOT", "-s")
    running.wait(lambda state: state.boot_id != before.boot_id and state.status is Status.KILLED)
    assert coin(running, "run").returncode == 1
    assert coin(running, "reset-kill").returncode == 0
    assert coin(running, "run").returncode == 0
    running.wait(lambda state: state.status is Status.RUNNING)


def test_a_kill_of_a_hung_bot(running: Rig) -> None:
    """The process lives but answers nothing; after it wakes it must find itself killed."""
    running.wait(lambda state: state.status is Status.RUNNING)
    pid = running.pid("COIN-BOT")
    os.kill(pid, signal.SIGSTOP)
    try:
        done = coin(running, "kill")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"(pid {pid}) exists, but is stopped by a signal" in done.stdout
    running.wait(lambda state: state.status is Status.KILLED and state.pid == pid)
    assert coin(running, "reset-kill").returncode == 0
    assert coin(running, "run").returncode == 0


def test_the_dashboard_answers_and_stops_in_time(running: Rig) -> None:
    url = f"http://127.0.0.1:{running.dashboard_port}/healthz"
    with urllib.request.urlopen(url, timeout=5) as answer:
        assert answer.status == 200
    began = time.monotonic()
    running.client.restart("COIN")
    assert time.monotonic() - began < 6.0


def test_start_leaves_alone_what_runs_as_wanted(running: Rig) -> None:
    pids = {name: running.pid(name) for name in MODULES}
    done = coin(running, "start")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "already running" in done.stdout
    assert "/login/link?t=" in done.stdout
    assert {name: running.pid(name) for name in MODULES} == pids
    changed = coin(running, "start", "--no-link", SIM_SEED="2")
    assert "started by PM2" in changed.stdout
    assert "/login/link" not in changed.stdout
    assert running.pid("COIN-BOT") != pids["COIN-BOT"]


@pytest.fixture
def second_checkout(tmp_path: Path) -> Path:
    root = tmp_path / "second"
    root.mkdir()
    for room in ROOMS:
        if (ROOT / room).is_dir():
            shutil.copytree(ROOT / room, root / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("ecosystem.config.js", "coin", "package.json"):
        shutil.copy(ROOT / name, root / name)
    for name in (".venv", "node_modules"):
        (root / name).symlink_to(ROOT / name)
    return root


def test_a_second_checkout_is_noticed(running: Rig, second_checkout: Path) -> None:
    pids = {name: running.pid(name) for name in MODULES}
    for command in ("start", "stop"):
        refused = coin(running, command, root=second_checkout)
        assert refused.returncode == 1
        assert f"from another checkout: {ROOT}" in refused.stderr
    doctor = coin(running, "doctor", root=second_checkout)
    assert f"belongs to another checkout: {ROOT}" in doctor.stdout
    assert {name: running.pid(name) for name in MODULES} == pids


def test_stop_says_what_it_did_and_start_after_it_works(running: Rig) -> None:
    done = coin(running, "stop", "--keep-dashboard")
    assert done.returncode == 0, done.stdout + done.stderr
    words = done.stdout
    assert words.index("COIN-BOT stopped") < words.index("COIN-SIM stopped")
    assert "COIN stopped" not in words
    running.pid("COIN")
    assert "COIN stopped" in coin(running, "stop").stdout
    assert "RUNNING" not in coin(running, "status").stdout
    again = coin(running, "start")
    assert again.returncode == 0, again.stdout + again.stderr


@pytest.mark.parametrize("command", ["start", "stop"])
def test_what_a_killed_pm2_left_behind_is_ended(command: str) -> None:
    """Its bot would trade on, unseen by the next PM2."""
    with rig() as made:
        made.start()
        made.wait_trading()
        left = {name: made.pid(name) for name in MODULES}
        os.kill(int((made.home / "pm2.pid").read_text()), signal.SIGKILL)
        assert f"pid {left['COIN-BOT']} is running without PM2" in coin(made, "doctor").stdout
        done = coin(made, command)
        assert done.returncode == 0, done.stdout + done.stderr
        for name, pid in left.items():
            assert f"{name} (pid {pid}) was left running by a PM2 that was killed: stopped" in done.stdout
            assert not pid_alive(pid)
        if command == "start":
            assert made.wait_trading().pid == made.pid("COIN-BOT")


def test_bad_settings_stop_with_78_and_are_named(second_checkout: Path) -> None:
    """Started by PM2 itself, past ./coin start, which would refuse."""
    with rig() as made:
        (second_checkout / ".env").write_text("MA_FAST=50\nMA_SLOW=10\nMA_FASST=3\n")
        made.pm2("start", str(second_checkout / "ecosystem.config.js"), "--only", "COIN-BOT", "-s")
        until = time.monotonic() + 20
        while (process := made.client.find("COIN-BOT")) is None or process.effective is not Effective.STOPPED:
            assert time.monotonic() < until, process
            time.sleep(0.1)
        assert process.label == "stopped (78)"
        assert process.restarts == 0
        state = made.state()
        assert state is not None
        assert state.phase is Phase.ERROR
        assert "did you mean MA_FAST?" in (state.error or "")
        said = coin(made, "start", root=second_checkout)
        assert said.returncode == 78
        assert "did you mean MA_FAST?" in said.stderr


def test_live_takes_the_simulator_off(second_checkout: Path) -> None:
    """COIN-SIM is left from a simulated run. The key file is missing, so the bot refuses; no order can be sent."""
    with rig() as made:
        made.pm2("start", str(second_checkout / "ecosystem.config.js"), "--only", "COIN-SIM", "-s")
        (second_checkout / ".env").write_text("COIN_MODE=live\nPROFILE=canary\nCOINBASE_KEY_FILE=/nowhere/key.json\n")
        done = coin(made, "start", "--timeout", "20", root=second_checkout)
        assert "COIN-SIM removed from PM2" in done.stdout, done.stdout + done.stderr
        assert made.client.find("COIN-SIM") is None
        assert done.returncode == 1
        bot = made.client.find("COIN-BOT")
        assert bot is not None
        assert bot.label == "stopped (78)"
        assert "/nowhere/key.json" in done.stdout


def _served(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/api/v3/brokerage/time", timeout=5) as answer:
            return "epochMillis" in json.load(answer)
    except OSError:
        return False


def test_the_exchange_alone() -> None:
    """The first commands of docs/simulator.md: each answers when it returns, and says what is so."""
    with rig() as made:
        (plain,) = free_ports(1)
        done = coin(made, "sim", "start")
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"serves https://127.0.0.1:{made.env['SIM_PORT']}" in done.stdout and "without TLS" not in done.stdout
        for path in ("ca.pem", "key.json"):
            assert str(made.paths.sim / path) in done.stdout
        status = coin(made, "sim", "status")
        assert status.returncode == 0 and "BTC-USD" in status.stdout
        pid = made.pid("COIN-SIM")
        assert "already running with these settings" in coin(made, "sim", "start").stdout
        assert made.pid("COIN-SIM") == pid
        changed = coin(made, "sim", "start", SIM_PLAIN_PORT=str(plain))
        assert f"without TLS http://127.0.0.1:{plain}" in changed.stdout and _served(f"http://127.0.0.1:{plain}")
        assert made.client.find("COIN-BOT") is None
        assert "5 BTC deposited" in coin(made, "sim", "deposit", "5", "--currency", "BTC").stdout
        assert coin(made, "sim", "stop").returncode == 0 and not _served(f"http://127.0.0.1:{plain}")
        assert coin(made, "sim", "reset").returncode == 0


def test_a_taken_port_is_named() -> None:
    with rig() as made:
        port = made.dashboard_port
        taken = subprocess.Popen(
            [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)], stderr=subprocess.DEVNULL
        )
        try:
            until = time.monotonic() + 10
            while ports.is_free("127.0.0.1", port) and time.monotonic() < until:
                time.sleep(0.05)
            done = coin(made, "start")
        finally:
            taken.terminate()
            taken.wait()
        assert done.returncode == 1
        assert f"Port {port} (DASHBOARD_PORT) is taken by" in done.stderr
        assert f"(pid {taken.pid})" in done.stderr
        assert not (made.home / "rpc.sock").exists()  # refused before anything was started
