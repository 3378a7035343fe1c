"""`./coin test` and `./coin lint`: one command each, the same on a desk and in CI.

Tests have three lanes: `./coin test` (all that needs neither a browser, nor PM2, nor a server of others), `./coin test
--services` (these, and Lighthouse), `./coin test --long` (seeds, planted bugs, kills, a soak, blind mutants, for hours;
what is done is kept).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cli import ui
from cli.pm2_process import is_ours, node_folder
from shared.paths import ROOT

# What the tests need of the system, as Debian calls it: command -> package.
SYSTEM_TOOLS = {"jq": "jq", "ps": "procps", "git": "git"}
SERVICE_TOOLS = {
    **SYSTEM_TOOLS,
    "chromium": "chromium",
    "chromium-headless-shell": "chromium-headless-shell",
    "initdb": "postgresql",
    "ip": "iproute2",
    "promtool": "prometheus",
    "amtool": "prometheus-alertmanager",
    "prometheus-node-exporter": "prometheus-node-exporter",
    "sshd": "openssh-server",
}
# Their units start with the installation and listen on every address; masked before it, they never do.
UNITS = {
    "prometheus": ("prometheus",),
    "prometheus-alertmanager": ("prometheus-alertmanager",),
    "prometheus-node-exporter": ("prometheus-node-exporter",),
    "openssh-server": ("ssh", "ssh.socket"),
}
# What serves as well: other names of the same tool, and what a browser of another source brings with it.
_CHROMES = ("chromium-browser", "google-chrome")
_ALSO = {"chromium": _CHROMES, "chromium-headless-shell": _CHROMES}


def test(context: typer.Context) -> NoReturn:
    """Install what the tests of a lane need of the system, and become pytest (or the long lane) with the arguments.

    The whole suite runs file by file in one process more than there are cores, as it waits half of its time; what is
    named runs in one process, easier to follow, whatever lane it belongs to.
    pytest takes this process' place, so that an interrupt reaches it and it still says what it found.
    """
    services, long = "--services" in context.args, "--long" in context.args
    arguments = [word for word in context.args if word not in ("--services", "--long")]
    if services and long:
        ui.give_up("--services and --long cannot be combined: run one after the other.", code=2)
    os.chdir(ROOT)
    if long:
        _become([sys.executable, "-m", "simtest.long_runs", *arguments])
    named = any(not word.startswith("-") for word in arguments)
    _system_tools(SERVICE_TOOLS if services or named else SYSTEM_TOOLS)
    if services:
        _lighthouse()
        arguments = ["-m", "services or browser or pm2", "-n", "2", "--dist", "loadfile", *arguments]
    elif not arguments:
        arguments = ["-m", "not services and not browser and not pm2", *_spread()]
    _become([sys.executable, "-m", "pytest", *arguments])


def _spread() -> list[str]:
    """The whole suite over processes, in the order that tests/conftest.py gives the files."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return ["-n", str(min(cores, 4) + 1), "--dist", "loadfile", "--no-loadscope-reorder"]


def _become(command: list[str]) -> NoReturn:
    sys.stdout.flush()
    os.execve(command[0], command, environment())  # noqa: S606


def _lighthouse() -> None:
    """Lighthouse's npm packages, from their own lock."""
    folder = ROOT / "bench" / "lighthouse"
    if (folder / "node_modules" / ".package-lock.json").exists():
        return
    ui.line(ui.DOT, "Installing Lighthouse's npm packages")
    command = [*npm(), "ci", "--no-progress", "--no-update-notifier", "--prefix", str(folder)]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        ui.plain(done.stdout[-2000:] + done.stderr[-2000:])
        ui.give_up("npm ci for Lighthouse failed.")


def bench(names: Annotated[list[str] | None, typer.Argument(help="Which ones.")] = None) -> int:
    """The named measurements, in a process apart."""
    return subprocess.run([sys.executable, "-m", "bench", *(names or [])], cwd=ROOT, check=False).returncode


def lint() -> int:
    """Every check; all of them run, whatever the first one finds. 0 = all good."""
    tool = [sys.executable, "-m"]
    checks = {
        "lint": [*tool, "ruff", "check", "."],
        "format": [*tool, "ruff", "format", "--check", "."],
        "types": [*tool, "mypy", "--strict"],
        "imports": [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        "picture": [*tool, "cli.architecture", "--check"],
        "shell": ["/bin/sh", "-n", "coin"],
        "javascript": [str(_node()), "--check", "ecosystem.config.js"],
    }
    failed = []
    for name, command in checks.items():
        done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
        if done.returncode == 0:
            ui.line(ui.GOOD, name)
        else:
            failed.append(name)
            ui.line(ui.BAD, name)
            ui.plain(done.stdout + done.stderr)
    if failed:
        ui.line(ui.BAD, f"{', '.join(failed)} failed")
    return 1 if failed else 0


def _system_tools(tools: Mapping[str, str]) -> None:
    missing = [
        package
        for tool, package in tools.items()
        if not any(shutil.which(name) for name in (tool, *_ALSO.get(tool, ()))) and not _off_the_path(tool)
    ]
    if not missing:
        return
    words = " ".join(missing)
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        sudo = "sudo " if shutil.which("apt-get") else ""
        ui.line(ui.WARN, f"Tests that need {words} are skipped. To run them: {sudo}apt-get install -y {words}")
        return
    ui.line(ui.DOT, f"Installing the system packages that the tests need with apt-get: {words}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    units = [unit if "." in unit else f"{unit}.service" for package in missing for unit in UNITS.get(package, ())]
    for command in (
        *([["systemctl", "mask", *units]] if units and shutil.which("systemctl") else []),
        ["apt-get", "update", "-qq"],
        ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing],
    ):
        done = subprocess.run(command, env=quiet, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            ui.plain(done.stdout[-2000:] + done.stderr[-2000:])
            ui.give_up(f"{' '.join(command[:2])} failed, so the tests that need {words} can't run.")


def _off_the_path(tool: str) -> bool:
    """Debian keeps Postgres' own programs in a folder for each version, and servers where only root looks."""
    return Path("/usr/sbin", tool).exists() or any(Path("/usr/lib/postgresql").glob(f"*/bin/{tool}"))


def npm() -> list[str]:
    """npm's command: the one on the PATH, else the one that came with the packaged Node.js."""
    found = shutil.which("npm", path=environment()["PATH"])
    packaged = _node().parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if found is None and not packaged.exists():
        ui.give_up("npm is missing, so its packages can't be installed or checked.", "./coin setup installs Node.js")
    return [found] if found else [str(_node()), str(packaged)]


def _node() -> Path:
    folder = node_folder()
    return folder / "node" if folder else Path(shutil.which("node") or "node")


def environment() -> dict[str, str]:
    """The shell's variables without settings of the user's own bot, and with Node.js on the PATH."""
    env = {name: value for name, value in os.environ.items() if not is_ours(name) and name != "PM2_HOME"}
    env["PATH"] = f"{_node().parent}{os.pathsep}{env.get('PATH', os.defpath)}" if _node().is_absolute() else env["PATH"]
    return env
