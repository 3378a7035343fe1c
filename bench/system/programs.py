"""The project's own processes for a measurement, on free ports and a data folder of their own, without PM2."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cli.rig import free_ports
from shared.bots import DEFAULT_FOLDER
from shared.paths import ROOT

END_S = 10.0


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """All that a process is given: nothing of the caller's but PATH, free ports, and these settings."""
    sim, admin_port, dashboard = free_ports(3)
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "DATA_DIR": str(folder / DEFAULT_FOLDER),
        "SIM_PORT": str(sim),
        "SIM_ADMIN_PORT": str(admin_port),
        "DASHBOARD_PORT": str(dashboard),
        "SAFE_STARTS": "0",
        **settings,
    }


@contextmanager
def program(module: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module` while the block runs; ended with SIGTERM, after ten seconds with SIGKILL."""
    process = subprocess.Popen(
        [sys.executable, "-m", module], cwd=ROOT, env=dict(env), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
