"""`./coin monitoring …`: Prometheus, Alertmanager and node-exporter under PM2, on loopback."""

import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from cli import ui
from cli.context import from_callers_folder, loaded, own_folder
from cli.monitoring_api import MonitoringApi, NoAnswer
from cli.monitoring_files import SCRAPE_TOKEN, write_all
from cli.options import Json
from cli.pm2_process import demand_closed_home, pm2_trouble_said, run
from cli.ports import is_free, listener, listener_pid, listening_beyond_loopback
from dashboard.auth import tokens
from monitoring.folder import MonitoringFolder, NoHash
from monitoring.grafana.files import all_files
from monitoring.programs import MonitoringProgram, ecosystem, log_file, programs
from shared.bots import PROMETHEUS
from shared.files import write_whole
from shared.paths import ROOT
from shared.pm2 import Effective, Pm2Client, Pm2Process, Pm2Unavailable, Trouble

READY_S = 30.0


@pm2_trouble_said
def start() -> None:
    """Write the files, start what doesn't run or runs with other files, wait until all three answer."""
    settings = loaded().settings
    own_folder(settings.paths)
    demand_closed_home()
    wanted = programs(settings)
    _demand_installed(wanted)
    client = Pm2Client()
    running = _known(client, wanted)
    _demand_ports(wanted, running)
    folder = MonitoringFolder(settings.paths)
    try:
        folder.keep_password()
    except NoHash as error:
        ui.give_up(f"The pages can't be protected by a password: {error}")
    changed = write_all(settings, folder)
    changed |= folder.write("pm2.json", ecosystem(wanted, folder.root))
    stale = [one for one in wanted if changed or not _online(running.get(one.name))]
    for one in stale:
        if one.name in running:
            client.delete(one.name)
        folder.log(log_file(one, folder.root))
    if stale:
        _pm2_start(folder.root / "pm2.json", stale)
        ui.line(ui.GOOD, f"started by PM2: {', '.join(one.name for one in stale)}")
    else:
        ui.line(ui.DOT, "already running with these settings")
    _wait_ready(wanted, folder, client)
    if settings.paths.host_is_told.exists():
        ui.line(ui.GOOD, "alerts of this machine are told by Alertmanager, those of bots by COIN-WATCH")
    else:
        ui.line(ui.DOT, "Alertmanager has no sink (SLACK_WEBHOOK, TELEGRAM_BOT_TOKEN): COIN-WATCH tells of all")
    _tell_of_units()
    prometheus = next(one for one in wanted if one.name == PROMETHEUS)
    ui.plain(f"\n  Open http://{prometheus.address}/ as user coin; the password: cat '{folder.password}'")
    ui.plain("  Next:  ./coin monitoring status   docs/monitoring.md")


@pm2_trouble_said
def stop() -> None:
    """End all three, take them off PM2's list, and revoke the token that Prometheus asked the dashboard with."""
    settings = loaded().settings
    own_folder(settings.paths)
    wanted = programs(settings)
    client = Pm2Client()
    running = _known(client, wanted)
    for one in reversed(wanted):
        if one.name in running:
            client.delete(one.name)
            ui.line(ui.GOOD, f"{one.name} stopped")
    if not running:
        ui.line(ui.DOT, "nothing of monitoring runs under PM2")
    tokens.revoke(settings.paths.dashboard, SCRAPE_TOKEN)
    MonitoringFolder(settings.paths).token.unlink(missing_ok=True)
    settings.paths.host_is_told.unlink(missing_ok=True)


@pm2_trouble_said
def status(json: Json = False) -> None:
    """What runs, what is scraped, what fires. 1 = a program doesn't answer, or a target is down."""
    settings = loaded().settings
    own_folder(settings.paths)
    wanted = programs(settings)
    folder = MonitoringFolder(settings.paths)
    running = _known(Pm2Client(), wanted)
    api = MonitoringApi(folder)
    answers = {one.name: api.ready(one) for one in wanted}
    try:
        targets, alerts = api.targets(wanted), api.alerts(wanted)
    except NoAnswer:
        targets, alerts = [], []
    good = all(answers.values()) and bool(targets) and all(one.health == "up" for one in targets)
    if json:
        ui.say_json(
            {
                "programs": {name: {"answers": answer} for name, answer in answers.items()},
                "targets": [{"job": one.job, "address": one.address, "health": one.health} for one in targets],
                "alerts": alerts,
                "disk_bytes": _size(folder.root),
            }
        )
        raise typer.Exit(0 if good else 1)
    rows = []
    for one in wanted:
        process = running.get(one.name)
        state = process.label if process is not None else "not started"
        memory = f"{process.memory_bytes / 2**20:.0f} MiB" if process is not None and process.memory_bytes else ""
        rows.append((one.name, one.address, state, "answers" if answers[one.name] else "no answer", memory))
    ui.table(("program", "address", "PM2", "now", "memory"), "ntttn", rows)
    for target in targets:
        mark = ui.GOOD if target.health == "up" else ui.BAD
        ui.line(mark, f"{target.job} {target.address}: {target.health} {target.error}".rstrip())
    for alert in alerts:
        ui.line(ui.BAD if alert["state"] == "firing" else ui.WARN, f"{alert['name']} {alert['state']}: {alert['text']}")
    if targets and not alerts:
        ui.line(ui.GOOD, "no alert")
    ui.line(ui.DOT, f"data/monitoring takes {_size(folder.root) / 2**20:.1f} MiB")
    _tell_of_units()
    raise typer.Exit(0 if good else 1)


def grafana(
    folder: Annotated[Path, typer.Argument(help="Where Grafana shall read them.")],
) -> None:
    """Write data source, dashboards and the password of Prometheus for a Grafana on this machine."""
    settings = loaded().settings
    own_folder(settings.paths)
    own = MonitoringFolder(settings.paths)
    if not own.password.exists():
        ui.give_up("Prometheus has no password yet.", "./coin monitoring start")
    target = from_callers_folder(folder).resolve()
    password = target / "prometheus_password"
    address = next(one.address for one in programs(settings) if one.name == PROMETHEUS)
    try:
        for name, text in all_files(f"http://{address}", str(target), str(password)).items():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            (target / name).write_text(text, encoding="utf-8")
        write_whole(password, own.password.read_bytes(), durable=False)
    except OSError as error:
        ui.give_up(f"{target} can't be written: {error.strerror or error}")
    ui.line(ui.GOOD, f"written into {target}; the password is 0600: chown it to Grafana's user")
    ui.plain(f"  Then set for Grafana: GF_PATHS_PROVISIONING={target / 'provisioning'}")


def _demand_installed(wanted: Iterable[MonitoringProgram]) -> None:
    missing = [one for one in wanted if one.file is None]
    if missing:
        units, packages = " ".join(one.unit for one in missing), " ".join(one.package for one in missing)
        ui.give_up(
            f"{', '.join(one.package for one in missing)} not installed. On Debian:",
            f"sudo systemctl mask {units}",
            f"sudo apt-get install -y --no-install-recommends {packages}",
            "The first line keeps Debian's own units off: they would listen on every address of this machine.",
        )


def _known(client: Pm2Client, wanted: Iterable[MonitoringProgram]) -> dict[str, Pm2Process]:
    """Those of ours that PM2 knows. Ends where they belong to another checkout."""
    names = {one.name for one in wanted}
    try:
        found = {process.name: process for process in client.processes() if process.name in names}
    except Pm2Unavailable as error:
        if error.trouble is Trouble.OFFLINE:
            return {}
        raise
    other = next((one for one in found.values() if one.cwd and Path(one.cwd).resolve() != ROOT), None)
    if other is not None:
        ui.give_up(
            f"PM2 already runs {other.name} from another checkout: {other.cwd}",
            f"{other.cwd}/coin monitoring stop, or a PM2 of its own here: PM2_HOME=~/.pm2-second",
        )
    return found


def _online(process: Pm2Process | None) -> bool:
    return process is not None and process.effective in (Effective.ONLINE, Effective.LAUNCHING)


def _demand_ports(wanted: Iterable[MonitoringProgram], running: dict[str, Pm2Process]) -> None:
    ours = {process.pid for process in running.values()}
    for one in wanted:
        host, _, _ = one.address.partition(":")
        if is_free(host, one.port) or listener_pid(one.port) in ours:
            continue
        who = listener(one.port) or "another program (its name can't be read)"
        ui.give_up(
            f"Port {one.port} ({one.port_key}) is taken by {who}.",
            f"Debian's own unit: sudo systemctl disable --now {one.unit}",
            f"another program: end it, or choose another port: {one.port_key}={one.port + 10}",
        )


def _pm2_start(file: Path, stale: Iterable[MonitoringProgram]) -> None:
    try:
        done = run("start", str(file), "--only", ",".join(one.name for one in stale), "-s")
    except FileNotFoundError as error:
        ui.give_up(str(error))
    except subprocess.TimeoutExpired:
        ui.give_up("PM2 doesn't answer.", "End its daemon (pm2 kill) and run ./coin monitoring start again.")
    if done.returncode != 0:
        output = [text for text in (done.stdout + done.stderr).splitlines() if text.strip()][-12:]
        ui.give_up(f"PM2 could not start them (code {done.returncode}):", *output)


def _wait_ready(wanted: Iterable[MonitoringProgram], folder: MonitoringFolder, client: Pm2Client) -> None:
    api = MonitoringApi(folder)
    ends = time.monotonic() + READY_S
    for one in wanted:
        while not api.ready(one):
            process = client.find(one.name)
            dead = process is not None and process.effective in (Effective.ERRORED, Effective.STOPPED)
            if dead or time.monotonic() > ends:
                log = log_file(one, folder.root)
                last = log.read_text(errors="replace").splitlines()[-6:] if log.exists() else []
                ui.give_up(f"{one.name} doesn't answer on {one.address}:", *last)
            time.sleep(0.1)
        ui.line(ui.GOOD, f"{one.name} answers on {one.address}")


def _tell_of_units() -> None:
    """Debian's units bind every address: say so where one of these ports, or Alertmanager's cluster port, is open."""
    usual = {9090: "prometheus", 9093: "prometheus-alertmanager", 9094: "prometheus-alertmanager",
             9100: "prometheus-node-exporter"}  # fmt: skip
    for port, unit in usual.items():
        if listening_beyond_loopback(port):
            ui.line(ui.WARN, f"port {port} is open beyond loopback: sudo systemctl disable --now {unit}")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
