"""PM2's command line, for what its socket can't do: start a daemon and read the ecosystem file."""

import os
import shutil
import subprocess
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import typer

from cli import ui
from shared import pm2_home, settings
from shared.exits import Exit
from shared.paths import ROOT
from shared.pm2 import Pm2Unavailable, home
from shared.setting_table import handed_over

P = ParamSpec("P")
ECOSYSTEM = ROOT / "ecosystem.config.js"
# The first call makes PM2's daemon, which keeps its environment for life: nothing else may be in it.
_SYSTEM = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LC_ALL", "TZ", "TMPDIR", "TERM",
    "PM2_HOME", "SYSTEMROOT",
)  # fmt: skip


def is_ours(name: str) -> bool:
    """True for a variable of the shell that a process is given as a setting."""
    return name in (*handed_over(), "PRODUCT_ID") or name.startswith(settings.STRATEGY_PREFIX)


def environment() -> dict[str, str]:
    """What PM2 is given: the system's own variables and our settings as far as they are no secrets."""
    env = {name: value for name, value in os.environ.items() if value and (name in _SYSTEM or is_ours(name))}
    env["PM2_DISABLE_VERSION_CHECK"] = "1"
    node = node_folder()
    if node is not None:
        env["PATH"] = f"{node}{os.pathsep}{env.get('PATH', os.defpath)}"
    return env


def node_folder() -> Path | None:
    """The folder of the packaged Node.js; None = the machine's own is used."""
    try:
        folder = Path((ROOT / ".venv" / ".coin" / "node").read_text().strip())
    except OSError:
        return None
    return folder if folder.is_relative_to(ROOT) and (folder / "node").exists() else None


def local_pm2() -> Path:
    """PM2 of the project's own node_modules."""
    return ROOT / "node_modules" / ".bin" / "pm2"


def executable() -> Path | None:
    """The global PM2 where there is one, else the project's own; None = neither."""
    found = shutil.which("pm2")
    if found is not None:
        return Path(found)
    return local_pm2() if local_pm2().exists() else None


def run(*arguments: str, timeout_s: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Run PM2's command line with the clean environment. Raises OSError or subprocess.TimeoutExpired."""
    pm2 = executable()
    if pm2 is None:
        raise FileNotFoundError("PM2 is missing: ./coin setup")
    demand_closed_home()
    return subprocess.run(
        [str(pm2), *arguments], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=timeout_s,
        check=False, umask=0o077,
    )  # fmt: skip


def demand_closed_home() -> None:
    """End with code 78 where others may command this PM2, before one is started there."""
    found = pm2_home.refusal(home())
    if found is not None:
        ui.give_up(found.problem, *found.ways, code=Exit.SETTINGS)


def pm2_trouble_said(work: Callable[P, None]) -> Callable[P, None]:
    """A command that asks PM2: where PM2 refuses, one sentence and code 1 instead of a traceback."""

    @wraps(work)
    def run_it(*given: P.args, **named: P.kwargs) -> None:
        try:
            work(*given, **named)
        except Pm2Unavailable as error:
            ui.give_up(f"PM2: {error}")

    return run_it


def setup() -> None:
    """Say that all is there: the script `coin` has prepared it."""
    ui.line(ui.GOOD, f"Everything is installed. PM2: {executable()}")


def pm2(context: typer.Context) -> int:
    """PM2's own command line with what was typed; its exit code."""
    found = executable()
    demand_closed_home()
    if found is None:
        ui.give_up("PM2 is missing: ./coin setup")
    return subprocess.call([str(found), *context.args], env=environment(), umask=0o077)
