"""`./coin monitoring` for real: Debian's programs under a PM2 of their own, on loopback, asked as a person would."""

import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import ports
from cli.rig import Rig, free_ports, rig
from dashboard.auth import tokens
from shared.bots import NODE_EXPORTER
from shared.pm2 import Effective, Pm2Unavailable
from tests.conftest import ROOT

pytestmark = [
    pytest.mark.services,
    pytest.mark.needs("prometheus", "alertmanager", "node-exporter", "pm2", "proc"),
]
KEPT_NAMES = {
    "bot_clock_offset_milliseconds", "bot_ledger_commit_p99_milliseconds", "bot_loop_lag_p99_milliseconds",
    "bot_rss_megabytes", "bot_state_write_interval_p99_milliseconds", "bot_tick_to_order_p50_milliseconds",
    "bot_tick_to_order_p99_milliseconds", "coin_rss_megabytes",
}  # fmt: skip
KEYS = ("PROMETHEUS_PORT", "ALERTMANAGER_PORT", "NODE_EXPORTER_PORT")


def coin(made: Rig, *arguments: str, **env: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "cli", "monitoring", *arguments]
    both = {**made.env, "COLUMNS": "200", **env}
    return subprocess.run(command, cwd=ROOT, env=both, capture_output=True, text=True, timeout=90, check=False)


@pytest.fixture(scope="module")
def made() -> Iterator[Rig]:
    """A dashboard alone, and the three beside it."""
    with rig(**{key: str(port) for key, port in zip(KEYS, free_ports(3), strict=True)}) as found:
        found.start("COIN")
        done = coin(found, "start")
        assert done.returncode == 0, done.stdout + done.stderr
        yield found
        coin(found, "stop")


def port(made: Rig, key: str) -> int:
    return int(made.env[key])


def answered(made: Rig, key: str, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port(made, key)}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_all_three_answer_on_loopback_alone(made: Rig) -> None:
    own = {made.pid(f"COIN-{key.removesuffix('_PORT').replace('_', '-')}") for key in KEYS}
    assert {ports.listener_pid(port(made, key)) for key in KEYS} == own
    assert not any(ports.listening_beyond_loopback(port(made, key)) for key in KEYS)
    listed = subprocess.run(["ss", "-Hltnp"], capture_output=True, text=True, check=True).stdout
    for line in listed.splitlines():
        if any(f"pid={pid}," in line for pid in own):
            assert re.search(r"\s127\.0\.0\.1:", line), f"no other port, a cluster's least of all: {line}"


def test_the_targets_come_up_and_status_says_so(made: Rig) -> None:
    until = time.monotonic() + 90  # Prometheus chooses the moment of a target's first scrape
    while (done := coin(made, "status", "--json")).returncode != 0 and time.monotonic() < until:
        time.sleep(0.5)
    found = json.loads(done.stdout)
    assert done.returncode == 0, found
    assert {one["job"]: one["health"] for one in found["targets"]} == {
        "cointrader": "up", "host": "up", "prometheus": "up", "alertmanager": "up",
    }  # fmt: skip
    shown = coin(made, "status").stdout
    assert "COIN-PROMETHEUS" in shown and "cointrader" in shown


def test_the_page_of_figures_is_as_promtool_wants_it(made: Rig) -> None:
    """But for names that scripts know: they keep their units. A new name with such a unit fails here."""
    token = (made.paths.monitoring / "dashboard_token").read_text()
    request = urllib.request.Request(f"http://127.0.0.1:{made.dashboard_port}/metrics")
    request.add_header("Authorization", f"Bearer {token}")
    with urllib.request.urlopen(request, timeout=5) as answer:
        text = answer.read()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, check=False, timeout=30)
    complaints = {line.split()[0] for line in (done.stdout + done.stderr).decode().splitlines() if line}
    assert complaints <= KEPT_NAMES, complaints - KEPT_NAMES


def test_nobody_without_the_password_reads_figures_or_silences_an_alert(made: Rig) -> None:
    assert answered(made, "PROMETHEUS_PORT", "/api/v1/query?query=bot_equity_usd") == 401
    assert answered(made, "ALERTMANAGER_PORT", "/api/v2/silences") == 401


def test_no_secret_is_where_other_users_read(made: Rig) -> None:
    folder = made.paths.root / "monitoring"
    secrets = [(folder / name).read_text().strip() for name in ("password", "dashboard_token")]
    for process in made.client.processes():
        shown = Path(f"/proc/{process.pid}/cmdline").read_text() + Path(f"/proc/{process.pid}/environ").read_text()
        assert not any(secret in shown for secret in secrets)
    for path in folder.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_second_start_changes_nothing_and_another_setting_restarts(made: Rig) -> None:
    before = made.pid("COIN-PROMETHEUS")
    done = coin(made, "start")
    assert done.returncode == 0 and "already running" in done.stdout
    assert made.pid("COIN-PROMETHEUS") == before
    (other,) = free_ports(1)
    done = coin(made, "start", NODE_EXPORTER_PORT=str(other))
    assert done.returncode == 0, done.stdout + done.stderr
    assert ports.listener_pid(other) == made.pid(NODE_EXPORTER)
    assert coin(made, "start").returncode == 0


def test_a_taken_port_is_named_with_the_way_out(made: Rig) -> None:
    done = coin(made, "start", PROMETHEUS_PORT=str(made.dashboard_port))
    assert done.returncode == 1
    assert "PROMETHEUS_PORT" in done.stderr and "systemctl disable --now prometheus.service" in done.stderr


def test_what_is_missing_is_named_with_debians_words(made: Rig, tmp_path: Path) -> None:
    done = coin(made, "start", PATH=str(tmp_path))
    assert done.returncode == 1
    words = "apt-get install -y --no-install-recommends prometheus-node-exporter prometheus-alertmanager prometheus"
    assert words in done.stderr and "systemctl mask" in done.stderr


def test_stop_ends_all_three_and_revokes_their_token(made: Rig) -> None:
    assert any(one.name == "monitoring" for one in tokens.listing(made.paths.dashboard))
    done = coin(made, "stop")
    assert done.returncode == 0, done.stdout + done.stderr
    assert {one.name for one in made.client.processes()} == {"COIN"}
    assert made.client.processes()[0].effective is Effective.ONLINE
    assert not tokens.listing(made.paths.dashboard)
    assert not (made.paths.root / "monitoring" / "dashboard_token").exists()
    assert "nothing of monitoring" in coin(made, "stop").stdout
    assert coin(made, "status").returncode == 1


def test_a_pm2_that_does_not_run_is_no_trouble(made: Rig, tmp_path: Path) -> None:
    assert coin(made, "stop", PM2_HOME=str(tmp_path / "h")).returncode == 0
    with pytest.raises(Pm2Unavailable):
        type(made.client)(tmp_path / "h").processes()
