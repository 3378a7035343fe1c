"""Checks of the machine: Python, Node.js, PM2, ports, clock."""

import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

import orjson

from cli import orphans, ports
from cli.doctor.check import DiagnosticRow, bad, good, note, warn
from cli.pm2_process import environment, executable, node_folder
from dashboard.auth.socket_owner import SocketOwners
from dashboard.listen import addresses
from shared import pm2_home
from shared.bots import SIMULATOR
from shared.paths import ROOT
from shared.pm2 import Effective, Pm2Client, Pm2Process, Pm2Unavailable, Trouble, home, pid_alive, supported
from shared.pm2_plan import EVERY, ON_DEMAND, OPTIONAL
from shared.settings import Mode, Settings


def python() -> DiagnosticRow:
    found = f"{platform.python_version()} in {Path(sys.prefix)}"
    if not sys.version_info >= (3, 11):
        return bad("Python", found, "Install Python 3.11 or newer, then ./coin setup")
    return good("Python", found)


def node() -> DiagnosticRow:
    folder = node_folder()
    command = str(folder / "node") if folder else shutil.which("node")
    if command is None:
        return bad("Node.js", "missing", "./coin setup")
    version = _first_line([command, "--version"])
    where = "packaged in .venv" if folder else command
    major = version.lstrip("v").partition(".")[0]
    if not major.isdecimal() or int(major) < 20:
        return bad("Node.js", f"{version or 'does not run'} ({where})", "rm -f .venv/.coin/node && ./coin setup")
    return good("Node.js", f"{version} ({where})")


def pm2(client: Pm2Client) -> list[DiagnosticRow]:
    """Its command line, its daemon, and whether the two fit."""
    command = executable()
    if command is None:
        return [bad("PM2", "missing", "./coin setup")]
    where = "of this folder" if command.is_relative_to(ROOT) else str(command)
    installed = _package_version(command)
    checks = [good("PM2", f"{installed} ({where})")]
    try:
        running = client.version()
    except Pm2Unavailable as error:
        return [*checks, _daemon_trouble(error)]
    if not supported(running):
        checks.append(
            warn("PM2 daemon", f"{running}, a version that was not tested", "npm install -g pm2@7 && pm2 update")
        )
    elif installed not in ("?", running):
        checks.append(warn("PM2 daemon", f"{running} runs, {installed} is installed", "./coin pm2 update"))
    else:
        checks.append(good("PM2 daemon", f"{running} in {client.folder}"))
    return checks


def _daemon_trouble(error: Pm2Unavailable) -> DiagnosticRow:
    pid_file = home() / "pm2.pid"
    try:
        pid = int(pid_file.read_text())
    except (OSError, ValueError):
        pid = 0
    if error.trouble is Trouble.OFFLINE:
        if pid and pid_alive(pid) and b"PM2" in _command_line(pid):
            return bad(
                "PM2 daemon", f"is running (pid {pid}), but its socket is missing", f"kill {pid}, then ./coin start"
            )
        if pid and not pid_alive(pid):
            return note(
                "PM2 daemon", "not running; the last one was killed (its socket is left): ./coin start starts a new one"
            )
        return note("PM2 daemon", "not running: ./coin start")
    unsafe = pm2_home.refusal(home())
    if unsafe is not None:
        return bad("PM2 daemon", unsafe.problem, "; ".join(unsafe.ways))
    ways = {
        Trouble.DENIED: "Run as that user, or use one of your own: PM2_HOME=~/.pm2-coin ./coin start",
        Trouble.HUNG: f"kill -9 {pid}, then ./coin start" if pid else "End it by hand, then ./coin start",
    }
    return bad("PM2 daemon", str(error), ways.get(error.trouble, "pm2 update"))


def processes(client: Pm2Client, mode: Mode | None) -> list[DiagnosticRow]:
    """Each of ours as PM2 has it; those of another checkout are a clash."""
    try:
        found = {p.name: p for p in client.processes() if p.name in EVERY}
    except Pm2Unavailable:
        return _orphans([])
    checks = _orphans([process.pid for process in found.values()])
    for name in EVERY:
        process = found.get(name)
        if process is None:
            if name in (*OPTIONAL, *ON_DEMAND):
                continue
            if name != SIMULATOR or mode is not Mode.LIVE:
                checks.append(note(name, "not started in PM2: ./coin start"))
        elif name not in ON_DEMAND or process.effective is not Effective.STOPPED:  # stopped, it waits to be asked for
            checks.append(_process(process, mode))
    return checks


def _orphans(known_pids: list[int]) -> list[DiagnosticRow]:
    way = "./coin stop and ./coin start end them"
    left = orphans.find(known_pids)
    return [bad(found.name, f"pid {found.pid} is running without PM2, whose daemon was killed", way) for found in left]


def _process(process: Pm2Process, mode: Mode | None) -> DiagnosticRow:
    name = process.name
    if process.cwd and Path(process.cwd).resolve() != ROOT:
        way = f"{process.cwd}/coin stop, or a PM2 of its own here: PM2_HOME=~/.pm2-second ./coin start"
        return bad(name, f"belongs to another checkout: {process.cwd}", way)
    if name == SIMULATOR and mode is Mode.LIVE:
        return bad(name, "is running although the mode is live", "./coin start removes it")
    if process.effective is Effective.ONLINE:
        young = process.started_ms is not None and time.time() - process.started_ms / 1000 < 60
        if process.restarts > 5 or (process.restarts and young):
            return warn(name, f"online, restarts {process.restarts}", f"./coin logs {name}")
        return good(name, f"online, pid {process.pid}, restarts {process.restarts}")
    if process.effective in (Effective.LAUNCHING, Effective.STOPPING):
        return note(name, process.label)
    ways = {
        "stopped": "./coin start",
        "stopped (75)": "Another bot holds the lock (see below); end it, then ./coin start",
        "stopped (78)": "Wrong settings, key or clock: see below and ./coin logs bot; then ./coin start",
        "waiting restart": f"It keeps crashing: ./coin logs {name}",
    }
    return bad(name, process.label, ways.get(process.label, f"./coin logs {name}; then ./coin start"))


def port_checks(client: Pm2Client, settings: Settings) -> list[DiagnosticRow]:
    """Each port: free, ours, or whose."""
    try:
        pids = {p.pid: p.name for p in client.processes() if p.name in EVERY}
    except Pm2Unavailable:
        pids = {}
    wanted = [("DASHBOARD_PORT", settings.dashboard_host, settings.dashboard_port)]
    if settings.coin_mode is not Mode.LIVE:
        wanted += [
            ("SIM_PORT", "127.0.0.1", settings.sim_port),
            ("SIM_ADMIN_PORT", "127.0.0.1", settings.sim_admin_port),
        ]
        if settings.sim_plain_port:
            wanted.append(("SIM_PLAIN_PORT", "127.0.0.1", settings.sim_plain_port))
    checks = []
    for key, host, port in wanted:
        name = f"port {port}"
        pid = ports.listener_pid(port)
        if pid in pids:
            checks.append(good(name, f"{pids[pid]} listens"))
        elif ports.dashboard_is_free(host, port) if key == "DASHBOARD_PORT" else ports.is_free(host, port):
            checks.append(note(name, f"free ({key})"))
        else:
            who = ports.listener(port) or "a program whose name can't be read"
            checks.append(bad(name, f"taken by {who}", f"End it, or {key}={port + 10} in .env"))
    return checks


def sign_ins(settings: Settings) -> DiagnosticRow:
    """Whether a session can be kept to the unix user who signed in."""
    name, way = "sign-ins", SocketOwners().way
    if not way:
        found = "a session cookie works for every user of this machine: the system can't tell who connects"
        return warn(name, found, "Don't let other people log in to this machine")
    if settings.dashboard_behind_proxy:
        return note(name, "sessions work only through the proxy, which counts as one user for all its clients")
    if len(addresses(settings.dashboard_host)) == 1:
        return note(name, "each session works only for the unix user, or the network, that signed in")
    return good(name, f"each session works only for the unix user who signed in ({way})")


def _package_version(command: Path) -> str:
    """PM2's version from its package.json: asking its command line would start a daemon."""
    for folder in command.resolve().parents:
        package = folder / "package.json"
        if package.exists():
            return str(orjson.loads(package.read_bytes()).get("version", "?"))
    return "?"


def _first_line(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False, env=environment())
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip().partition("\n")[0]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return os.fsencode("")
