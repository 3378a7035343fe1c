"""A real system beside a real Prometheus and Alertmanager, all that goes wrong with it, and which alert saw it when.

Rules run at a thirtieth of their time. Faults are COIN-SIM's, signals, a lock on the ledger and PM2's own commands; the
host's figures come from a served page.
"""

import contextlib
import json
import math
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from cli.monitoring_api import MonitoringApi, NoAnswer
from cli.rig import NotReached, Rig, free_ports, rig
from dashboard.auth import tokens
from monitoring import configuration
from monitoring.configuration import Addresses, HostSinks
from monitoring.folder import MonitoringFolder
from monitoring.pace import Pace
from monitoring.programs import MonitoringProgram, arguments, programs
from shared.bots import ALERTMANAGER, NODE_EXPORTER, PROMETHEUS
from shared.command_table import Cmd
from shared.control import send_command
from shared.pm2 import Effective
from shared.settings import Settings, load
from simulator import admin
from tests.conftest import ROOT
from tests.monitoring import buying_bot
from tests.monitoring.served import AlertSink, HostPage

PACE = Pace(30.0)
EVERY_S = 0.25
QUIET_S = 20.0
PRODUCTS = ("BTC-USD", "ETH-USD", "SOL-USD", "XRP-USD", "ADA-USD", "DOGE-USD")
BOT_ENV = {
    "STRATEGY": buying_bot.NAME,
    "PRODUCTS": ",".join(PRODUCTS),
    "CANDLE_RESYNC_SEC": "5",
    "EDGE_GATE": "false",
    "RISK_PER_TRADE_PCT": "60",
    "VOL_RISK_ADJUST": "false",
    "STOP_LOSS_PCT": "1000",
    "MAX_DAILY_LOSS_PCT": "100",
    "MAX_DRAWDOWN_PCT": "3",
    "SIM_RATE_LIMITS": "false",
    "SIM_TAKER_FEE_PCT": "10",  # a drop of equity that is real and comes at once
    "SIM_MARKET": "calm",
}


@dataclass
class Seen:
    """What one rule did: seconds from its cause to firing, and from the cause's end to silence; None = never."""

    quiet_before: bool
    fired_s: float | None = None
    cleared_s: float | None = None
    ended_s: float | None = None  # monotonic: when its cause ended


@dataclass
class Story:
    """The running system, with a memory of every rule that something was done to."""

    made: Rig
    settings: Settings
    folder: MonitoringFolder
    page: HostPage
    sink: AlertSink
    seen: dict[str, Seen] = field(default_factory=dict)
    changes: dict[str, list[bool]] = field(default_factory=dict)  # of each alert: fires, or no longer
    began_s: float = field(default_factory=time.time)
    _last: set[str] = field(default_factory=set)

    @property
    def wanted(self) -> tuple[MonitoringProgram, ...]:
        return programs(self.settings)

    def query(self, path: str) -> Mapping[str, Any]:
        return MonitoringApi(self.folder).query(self.wanted, path)

    def over_time(self, expr: str) -> list[Mapping[str, str]]:
        """The labels of each series that a Grafana's expression has had since the story began, with finite values."""
        expr = expr.replace("$__rate_interval", "4s").replace("$bot", ".*").replace("$instance", ".*")
        span = {"query": expr, "start": self.began_s, "end": time.time(), "step": "1"}
        found = self.query(f"/api/v1/query_range?{urllib.parse.urlencode(span)}")["result"]
        return [one["metric"] for one in found if any(math.isfinite(float(value)) for _, value in one["values"])]

    def firing(self) -> set[str]:
        """Names of the alerts that fire now."""
        with contextlib.suppress(NoAnswer):
            found = MonitoringApi(self.folder).alerts(self.wanted)
            self._note({alert["name"] for alert in found if alert["state"] == "firing"})
        return self._last

    def _note(self, names: set[str]) -> None:
        for name in names ^ self._last:
            self.changes.setdefault(name, []).append(name in names)
        self._last = names
        for name, seen in self.seen.items():
            if name not in names and seen.ended_s is not None and seen.cleared_s is None:
                seen.cleared_s = time.monotonic() - seen.ended_s

    @contextlib.contextmanager
    def cause(self, *names: str, limit_s: float = 25.0) -> Iterator[None]:
        """What the block begins makes these rules fire: waited for at its end, by whoever undoes it."""
        until = time.monotonic() + QUIET_S
        while self.firing() & set(names) and time.monotonic() < until:
            time.sleep(EVERY_S)  # what an earlier cause left behind fades within the rule's window
        before = self.firing()
        began_s = time.monotonic()
        for name in names:
            self.seen[name] = Seen(quiet_before=name not in before)
        yield
        while time.monotonic() - began_s < limit_s:
            now = self.firing()
            for name in names:
                if name in now and self.seen[name].fired_s is None:
                    self.seen[name].fired_s = time.monotonic() - began_s
            if all(self.seen[name].fired_s is not None for name in names):
                return
            time.sleep(EVERY_S)

    def over(self, *names: str) -> None:
        """The cause of these has just ended."""
        for name in names:
            self.seen[name].ended_s = time.monotonic()

    def wait_clear(self, limit_s: float) -> None:
        """Until each of them is silent again."""
        until = time.monotonic() + limit_s
        while time.monotonic() < until:
            self.firing()
            if all(seen.cleared_s is not None for seen in self.seen.values()):
                return
            time.sleep(EVERY_S)

    # What can be done to the system.

    def faults(self, **wanted: Mapping[str, Any]) -> None:
        """Exactly these faults of COIN-SIM; none = all off."""
        admin.clear_faults(self.made.paths, self.settings)
        if wanted:
            admin.set_faults(self.made.paths, self.settings, wanted)

    def command(self, cmd: Cmd, **args: str) -> None:
        send_command(self.made.paths, cmd, args, by="test")

    def wait(self, right: Callable[[], bool], limit_s: float = 30.0) -> None:
        """Until it is so; the figures of the rules are read meanwhile. Raises NotReached."""
        until = time.monotonic() + limit_s
        while not right():
            if time.monotonic() > until:
                raise NotReached(self.made.describe(self.made.state()))
            self.firing()
            time.sleep(EVERY_S)

    def kill9_bot(self) -> None:
        """As the kernel would; returns once PM2 has started another."""
        before = self.made.pid("COIN-BOT")
        os.kill(before, signal.SIGKILL)

        def again() -> bool:
            found = self.made.client.find("COIN-BOT")
            return found is not None and found.effective is Effective.ONLINE and found.pid != before

        self.wait(again)

    @contextlib.contextmanager
    def no_room(self) -> Iterator[None]:
        """No file of the bot may grow beyond 200 kB, which its ledger's does at once: as on a full disk."""
        pid = self.made.pid("COIN-BOT")
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            yield
        finally:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))

    @contextlib.contextmanager
    def ledger_locked(self) -> Iterator[None]:
        """Another program holds the ledger's write lock."""
        with contextlib.closing(sqlite3.connect(self.made.paths.ledger, timeout=10.0)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield
            other.rollback()


def start_bot(made: Rig) -> None:
    """COIN-BOT under PM2 with a strategy that buys on every bar, as the ecosystem file starts it otherwise."""
    app = {
        "name": "COIN-BOT", "cwd": str(ROOT), "script": sys.executable, "interpreter": "none",
        "args": ["-m", "tests.monitoring.buying_bot"], "exec_mode": "fork", "filter_env": [""], "env": dict(made.env),
        "autorestart": True, "exp_backoff_restart_delay": 200, "min_uptime": "20s", "max_restarts": 15,
        "kill_timeout": 8000, "vizion": False, "pmx": False, "stop_exit_codes": [75, 78],
    }  # fmt: skip
    file = made.home.parent / "bot.json"
    file.write_text(json.dumps({"apps": [app]}))
    made.pm2("start", str(file), "-s")


def _and_this_machine(text: str, exporter: str) -> str:
    """For the dashboards: the real figures of this machine, under a job that no rule of the host looks at."""
    document = yaml.safe_load(text)
    document["scrape_configs"].append({"job_name": "machine", "static_configs": [{"targets": [exporter]}]})
    return yaml.safe_dump(document)


@contextlib.contextmanager
def _program(one: MonitoringProgram, folder: MonitoringFolder) -> Iterator[None]:
    assert one.file is not None
    log = folder.root / f"{one.name}.log"
    with log.open("wb") as out:
        process = subprocess.Popen([one.file, *arguments(one, folder.root)], stdout=out, stderr=out)
    try:
        until = time.monotonic() + 20
        while not MonitoringApi(folder).ready(one):
            assert process.poll() is None and time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(10)


@contextlib.contextmanager
def system(folder: Path) -> Iterator[Story]:
    """Everything, started and quiet; ended with it."""
    keys = ("PROMETHEUS_PORT", "ALERTMANAGER_PORT", "NODE_EXPORTER_PORT")
    ports = {key: str(port) for key, port in zip(keys, free_ports(3), strict=True)}
    with contextlib.ExitStack() as stack:
        made = stack.enter_context(rig(**BOT_ENV, **ports))
        env = {name: value for name, value in made.env.items() if name.isupper()}
        settings = load(folder / "env", env).settings
        page, sink = HostPage(), AlertSink()
        stack.callback(page.close)
        stack.callback(sink.close)
        kept = MonitoringFolder(made.paths)
        kept.keep_password()
        kept.token.write_text(tokens.make(made.paths.dashboard, "viewer", "monitoring"))
        where = {one.name: one.address for one in programs(settings)}
        addresses = Addresses(
            dashboards={"main": f"127.0.0.1:{made.dashboard_port}"}, token_file=str(kept.token),
            prometheus=where[PROMETHEUS], alertmanager=where[ALERTMANAGER], node_exporters=(page.address,),
            password_file=str(kept.password),
        )  # fmt: skip
        kept.write("prometheus.yml", _and_this_machine(configuration.prometheus(addresses, PACE), where[NODE_EXPORTER]))
        kept.write("alerts.yml", configuration.alert_rules(PACE))
        kept.write("alertmanager.yml", configuration.alertmanager(HostSinks(webhook_url=sink.url), PACE))
        made.start("COIN", "COIN-SIM", "COIN-WATCH")
        send_command(made.paths, Cmd.PAUSE, {}, by="test")
        start_bot(made)
        made.wait_trading(90)
        for one in programs(settings):
            stack.enter_context(_program(one, kept))
        story = Story(made, settings, kept, page, sink)
        story.wait(lambda: len(story.query("/api/v1/query?query=bot_up")["result"]) == 1)
        yield story
