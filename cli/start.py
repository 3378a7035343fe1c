"""`./coin start`: everything that the mode needs, until the bot trades or says why it doesn't."""

import os
import subprocess
import time
from pathlib import Path
from typing import Annotated

import typer

from cli import enable_live, orphans, ports, ui
from cli.boot_watch import Ending, watch_boot
from cli.context import EXIT_CONFIG, data_paths, from_callers_folder, loaded, own_folder
from cli.pm2_process import ECOSYSTEM, demand_closed_home, is_ours, pm2_trouble_said, run
from dashboard.links import create_login_link
from shared import pm2_plan
from shared.bots import CHAT, DEFAULT_BOT, LAB, SIMULATOR, WATCHER
from shared.ledger.desired_state import make_control_file
from shared.ledger.location import ledger_location
from shared.liveness import bot_pid, look, read_state
from shared.paths import ROOT
from shared.pm2 import Effective, Pm2Client, Pm2Process, Pm2Unavailable, Trouble
from shared.settings import Loaded, Mode, Settings
from shared.strategy_choice import was_chosen

Timeout = Annotated[float, typer.Option(help="Seconds to wait until the bot trades.")]


@pm2_trouble_said
def start(
    timeout: Timeout = 60.0,
    link: Annotated[bool, typer.Option(help="Print a login link.")] = True,
) -> None:
    """Start what isn't running, restart what runs with other settings, leave the rest alone."""
    _start(timeout, force_restart=False, link=link)


@pm2_trouble_said
def restart(timeout: Timeout = 60.0) -> None:
    """Stop and start all of it, with the settings as they are now."""
    _start(timeout, force_restart=True, link=True)


def _start(timeout_s: float, *, force_restart: bool, link: bool) -> None:
    began = time.monotonic()
    _find_recording()
    found = loaded()
    paths = found.settings.paths
    for remark in found.remarks:
        ui.line(ui.DOT, remark)
    _check_shell(found)
    own_folder(paths)
    demand_closed_home()
    if found.settings.coin_mode is Mode.LIVE:
        enable_live.refuse_naked_lots(found.settings)
        enable_live.say_voided(found.settings)
    _make_control_file(found.settings)
    client = Pm2Client()
    running = known(client)
    check_clash(running)
    wanted = pm2_plan.processes(
        found.settings.coin_mode, watch=found.settings.watch, chat=bool(found.settings.chat_users)
    )
    unwanted = {SIMULATOR: "live mode trades on the real exchange", WATCHER: "WATCH=false", CHAT: "CHAT_USERS is empty"}
    if not found.settings.lab:
        unwanted[LAB] = "LAB=false"
    for name, why in unwanted.items():
        if name in running and name not in wanted:
            client.delete(name)
            ui.line(ui.GOOD, f"{name} removed from PM2: {why}")
            del running[name]
    stale = [name for name in wanted if force_restart or name not in running or not _unchanged(running[name])]
    before, _, _ = read_state(paths)
    _end_orphans(running)
    if stale:
        _check_ports(found.settings, stale, running)
    # COIN-LAB is made known to PM2 with the settings as they are now, and waits: whatever it does is asked for again.
    named = [*stale, LAB] if found.settings.lab and (stale or LAB not in running) else stale
    if named:
        for name in pm2_plan.ORDER_OF_STOP:
            if name in named and name in running:
                client.delete(name)
        _pm2_start(named)
    if stale:
        ui.line(ui.GOOD, f"started by PM2: {', '.join(stale)}")
    untouched = [name for name in wanted if name not in stale]
    if untouched:
        ui.line(ui.DOT, f"already running with these settings: {', '.join(untouched)}")
    boot_before = before.boot_id if before is not None and DEFAULT_BOT.process in stale else None
    ending = watch_boot(paths, client, boot_before, began, timeout_s)
    _say_what_next(found, ending, began, link=link)


def start_only(names: list[str]) -> None:
    """Start some of ours, without waiting for the bot; what runs already with these settings is left alone."""
    _find_recording()
    found = loaded().settings
    client = Pm2Client()
    running = known(client)
    check_clash(running)
    idle = [name for name in names if name not in running or not _unchanged(running[name])]
    if not idle:
        ui.line(ui.DOT, f"already running with these settings: {', '.join(names)}")
        return
    _check_ports(found, idle, running)
    for name in idle:
        if name in running:
            client.delete(name)
    _pm2_start(idle)
    ui.line(ui.GOOD, f"started by PM2: {', '.join(idle)}")


@pm2_trouble_said
def stop(
    keep_dashboard: Annotated[bool, typer.Option("--keep-dashboard", help="Leave the dashboard running.")] = False,
) -> None:
    """Stop the watcher, the bot, the simulator, then the dashboard, and say what each did."""
    client = Pm2Client()
    running = known(client)
    check_clash(running)
    before = look(data_paths())
    stopped = 0
    for name in pm2_plan.ORDER_OF_STOP:
        process = running.get(name)
        if process is None or (keep_dashboard and name == "COIN"):
            continue
        if process.effective in (Effective.STOPPED, Effective.ERRORED, Effective.DEAD):
            ui.line(ui.DOT, f"{name} was {process.label}")
            if process.effective is Effective.STOPPED:
                continue
        began = time.monotonic()
        client.stop(name)
        stopped += 1
        ui.line(ui.GOOD, f"{name} stopped ({time.monotonic() - began:.1f} s)")
    if not running:
        ui.line(ui.DOT, "no CoinTrader process runs under PM2")
    stopped += _end_orphans(running, spare="COIN" if keep_dashboard else None)
    _tell_of_others()
    if stopped and before.state is not None and before.state.positions:
        lots = sum(len(position.lots) for position in before.state.positions)
        if lots:
            held = "1 open lot is" if lots == 1 else f"{lots} open lots are"
            ui.line(ui.WARN, f"{held} not monitored until ./coin start; resting take profits stay")


def _end_orphans(running: dict[str, Pm2Process], spare: str | None = None) -> int:
    """End what a killed PM2 left behind: a bot that nobody sees must not trade on. How many."""
    ended = 0
    for orphan in orphans.find(process.pid for process in running.values()):
        if orphan.name == spare:
            continue
        how = "stopped" if orphans.end(orphan) else "killed, since it didn't stop"
        ui.line(ui.WARN, f"{orphan.name} (pid {orphan.pid}) was left running by a PM2 that was killed: {how}")
        ended += 1
    return ended


def _tell_of_others() -> None:
    holder = bot_pid(data_paths())
    if holder is not None:
        ui.line(ui.WARN, f"A bot that PM2 doesn't manage is still running on this data folder: pid {holder}")


def known(client: Pm2Client) -> dict[str, Pm2Process]:
    """Our processes by name; none where no daemon runs. Ends with a sentence where PM2 can't be asked."""
    try:
        return {p.name: p for p in client.processes() if p.name in pm2_plan.EVERY}
    except Pm2Unavailable as error:
        if error.trouble is Trouble.OFFLINE:
            return {}
        if error.trouble is Trouble.OPEN:
            demand_closed_home()
        ways = {
            Trouble.DENIED: "Run as that user, or use a PM2 of your own: PM2_HOME=~/.pm2-coin ./coin start",
            Trouble.HUNG: "End the stuck daemon: kill -9 $(cat ~/.pm2/pm2.pid), then ./coin start",
        }
        ui.give_up(str(error), ways.get(error.trouble, "./coin doctor says more"))


def check_clash(running: dict[str, Pm2Process]) -> None:
    """PM2 knows processes by name only: those of another checkout must not be taken for ours."""
    other = next((p for p in running.values() if p.cwd and Path(p.cwd).resolve() != ROOT), None)
    if other is not None:
        ui.give_up(
            f"PM2 already runs {other.name} from another checkout: {other.cwd}",
            f"Stop that one: {other.cwd}/coin stop && pm2 delete {' '.join(sorted(running))}",
            "or give this one a PM2 of its own: PM2_HOME=~/.pm2-second ./coin start (with ports of its own in .env)",
        )


def _find_recording() -> None:
    """Recordings that the caller's shell names from the caller's folder are found from anywhere."""
    wanted = os.environ.get("SIM_REPLAY", "")
    names = [wanted] if from_callers_folder(Path(wanted)).is_file() else wanted.split(",")
    found = []
    for named in filter(None, (name.strip() for name in names)):
        here = from_callers_folder(Path(named)).resolve()
        if not here.exists() and not (ROOT / named).exists():
            ui.give_up(
                f"SIM_REPLAY={named}: there is no such file.", f"Looked for {here} and {ROOT / named}", code=EXIT_CONFIG
            )
        found.append(str(here) if here.exists() else named)
    if found:
        os.environ["SIM_REPLAY"] = ",".join(found)


def _check_shell(found: Loaded) -> None:
    lost = [k for k, source in found.sources.items() if source == "environment" and not is_ours(k)]
    if lost:
        ui.give_up(
            f"{', '.join(lost)} can't be set in the shell: PM2 would store it where other users can read it.",
            "Write it into .env (chmod 600 .env).",
            code=EXIT_CONFIG,
        )


def _make_control_file(settings: Settings) -> None:
    """So that a person can edit it before the first command."""
    if not settings.paths.control.exists():
        make_control_file(settings.paths, ledger_location(settings))


def _check_ports(wanted: Settings, stale: list[str], running: dict[str, Pm2Process]) -> None:
    ours = {process.pid for process in running.values()}
    needed = [("COIN", wanted.dashboard_host, wanted.dashboard_port, "DASHBOARD_PORT")]
    needed += [(SIMULATOR, "127.0.0.1", wanted.sim_port, "SIM_PORT")]
    needed += [(SIMULATOR, "127.0.0.1", wanted.sim_admin_port, "SIM_ADMIN_PORT")]
    if wanted.sim_plain_port:
        needed += [(SIMULATOR, "127.0.0.1", wanted.sim_plain_port, "SIM_PLAIN_PORT")]
    for name, host, port, key in needed:
        free = ports.dashboard_is_free if name == "COIN" else ports.is_free
        if name not in stale or free(host, port) or ports.listener_pid(port) in ours:
            continue
        who = ports.listener(port) or "another program (its name can't be read)"
        ui.give_up(
            f"Port {port} ({key}) is taken by {who}.", f"End that program, or choose another port: {key}={port + 10}"
        )


def _unchanged(process: Pm2Process) -> bool:
    """True where it runs and was started with the settings that a start now would give it."""
    if process.effective not in (Effective.ONLINE, Effective.LAUNCHING) or process.started_ms is None:
        return False
    try:
        if (ROOT / ".env").stat().st_mtime * 1000 > process.started_ms:
            return False
    except FileNotFoundError:
        pass
    try:
        raw = Path(f"/proc/{process.pid}/environ").read_bytes()
    except OSError:
        return False
    theirs = dict(entry.partition("=")[::2] for entry in raw.decode(errors="replace").split("\0") if "=" in entry)
    names = {name for name in (*theirs, *os.environ) if is_ours(name)}
    return all(theirs.get(name, "") == os.environ.get(name, "") for name in names)


def _pm2_start(names: list[str]) -> None:
    try:
        done = run("start", str(ECOSYSTEM), "--only", ",".join(names), "-s")
    except FileNotFoundError as error:
        ui.give_up(str(error))
    except subprocess.TimeoutExpired:
        ui.give_up("PM2 doesn't answer.", "End its daemon (pm2 kill) and run ./coin start again.")
    if done.returncode != 0:
        output = [text for text in (done.stdout + done.stderr).splitlines() if text.strip()][-12:]
        ui.give_up(f"PM2 could not start {', '.join(names)} (code {done.returncode}):", *output)


def _say_what_next(started: Loaded, ending: Ending, began: float, *, link: bool) -> None:
    found = started.settings
    ui.plain()
    seconds = time.monotonic() - began
    if ending is Ending.TRADING:
        ui.line(ui.GOOD, f"The bot is trading ({found.coin_mode}), {seconds:.1f} s after ./coin start")
    if link:
        ui.plain("\n  Open (single use, 5 minutes; a new one: ./coin login):")
        ui.plain(f"    {create_login_link(found.paths, found, role='operator')}")
    if not was_chosen(started) and found.coin_mode is not Mode.LIVE:
        ui.plain("\n  Nothing was chosen yet, so the default strategy runs: ./coin strategy, or the page Strategy.")
    ui.plain("\n  Next:  ./coin status   ./coin logs -f   ./coin pause   ./coin kill   ./coin stop   ./coin doctor")
    if ending is Ending.FAILED:
        raise SystemExit(1)
