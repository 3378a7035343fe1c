"""The three programs: what Debian calls them, how they are started on loopback, and what PM2 is told."""

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.bots import ALERTMANAGER, NODE_EXPORTER, PROMETHEUS
from shared.paths import ROOT
from shared.settings import Settings

LOOPBACK = "127.0.0.1"
RETENTION = "2GB"
_MEMORY_MIB = {PROMETHEUS: 400, ALERTMANAGER: 150, NODE_EXPORTER: 100}  # above it PM2 starts the program anew
# What the rules and dashboards read; every other collector stays off.
COLLECTORS = ("cpu", "diskstats", "filesystem", "loadavg", "meminfo", "netdev", "stat", "uname", "vmstat")


@dataclass(frozen=True, slots=True)
class MonitoringProgram:
    """One of the three. `name`: under PM2; `command`: its file; `package`, `unit`: Debian's; `ready`: the path that
    answers 200 once it works."""

    name: str
    command: str
    package: str
    unit: str
    port: int
    port_key: str
    ready: str

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    @property
    def file(self) -> str | None:
        """Where it is installed; None = it is not."""
        return shutil.which(self.command)


def programs(settings: Settings) -> tuple[MonitoringProgram, ...]:
    """All of them, in the order in which they start."""
    return (
        MonitoringProgram(
            NODE_EXPORTER, "prometheus-node-exporter", "prometheus-node-exporter", "prometheus-node-exporter.service",
            settings.node_exporter_port, "NODE_EXPORTER_PORT", "/metrics",
        ),
        MonitoringProgram(
            ALERTMANAGER, "prometheus-alertmanager", "prometheus-alertmanager", "prometheus-alertmanager.service",
            settings.alertmanager_port, "ALERTMANAGER_PORT", "/-/ready",
        ),
        MonitoringProgram(
            PROMETHEUS, "prometheus", "prometheus", "prometheus.service",
            settings.prometheus_port, "PROMETHEUS_PORT", "/-/ready",
        ),
    )  # fmt: skip


def arguments(program: MonitoringProgram, folder: Path) -> list[str]:
    """Its command line. Nothing secret is in it: every user of the machine can read it."""
    listens = [f"--web.listen-address={program.address}"]
    if program.name == NODE_EXPORTER:
        return [*listens, "--collector.disable-defaults", *(f"--collector.{name}" for name in COLLECTORS)]
    own = [*listens, f"--web.config.file={folder / 'web.yml'}", f"--web.external-url=http://{program.address}/"]
    if program.name == ALERTMANAGER:
        return [
            *own, f"--config.file={folder / 'alertmanager.yml'}", f"--storage.path={folder / 'alertmanager'}",
            "--cluster.listen-address=",  # one alone has no cluster, and so no port for it
        ]  # fmt: skip
    return [
        *own, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--storage.tsdb.retention.size={RETENTION}", "--query.max-concurrency=4",
    ]  # fmt: skip


def ecosystem(wanted: tuple[MonitoringProgram, ...], folder: Path, environ: Mapping[str, str] = os.environ) -> str:
    """PM2's file for these programs, as JSON. Their output is in `folder`; of the shell they get the PATH alone."""
    return json.dumps({"apps": [_app(one, folder, environ) for one in wanted]}, indent=2) + "\n"


def _app(program: MonitoringProgram, folder: Path, environ: Mapping[str, str]) -> dict[str, object]:
    log = str(log_file(program, folder))
    memory_mib = _MEMORY_MIB[program.name]
    return {
        "name": program.name,
        "namespace": "cointrader-monitoring",
        "cwd": str(ROOT),
        "script": program.file,
        "interpreter": "none",
        "args": arguments(program, folder),
        "exec_mode": "fork",
        "filter_env": [""],  # drops the whole shell environment
        "env": {"PATH": environ.get("PATH", os.defpath), "GOMEMLIMIT": f"{memory_mib * 3 // 4}MiB"},
        "watch": False,
        "vizion": False,
        "pmx": False,
        "autorestart": True,
        "exp_backoff_restart_delay": 500,
        "min_uptime": "20s",
        "max_restarts": 15,
        "kill_timeout": 8000,
        "max_memory_restart": f"{memory_mib}M",
        "out_file": log,
        "error_file": log,
    }


def log_file(program: MonitoringProgram, folder: Path) -> Path:
    """Where its lines go."""
    return folder / f"{program.name.removeprefix('COIN-').lower()}.log"
