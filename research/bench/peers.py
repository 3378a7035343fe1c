"""Other backtesters on the same bars, each in an environment of its own that is made here and kept."""

import json
import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from research.compiled import cache_root
from research.data.candles import Candles

log = logging.getLogger("research")
PEERS = {
    "backtesting.py": ("backtesting==0.6.6", "peer_backtesting.py"),
    "vectorbt": ("vectorbt==1.2.0", "peer_vectorbt.py"),
}
INSTALL_S, RUN_S = 600, 900


@dataclass(frozen=True, slots=True)
class Peer:
    """What a peer measured, or why it did not. Times in seconds, memory in MB."""

    name: str
    found: dict[str, Any] | None
    why_not: str = ""


def _environment(requirement: str) -> Path:
    """Python of the peer's environment. Raises OSError or subprocess.SubprocessError where it can't be made."""
    folder = cache_root().parent / "peers" / requirement.replace("==", "-")
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
    for command in ([sys.executable, "-m", "venv", str(folder)], pip):
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S)  # noqa: S603
    (folder / "ready").touch()
    return python


def measure(name: str, candles: Candles, work: Path, fee: float, cash: float, runs: int) -> Peer:
    """Workload A (and C where it has one) by the peer; skipped with the reason where it can't be installed or run."""
    requirement, script = PEERS[name]
    try:
        python = _environment(requirement)
    except (OSError, subprocess.SubprocessError) as error:
        return Peer(name, None, f"can't be installed here ({type(error).__name__})")
    file = work / "bars.npz"
    if not file.exists():
        columns = ("start_s", "open", "high", "low", "close", "volume")
        np.savez(file, **{column: getattr(candles, column) for column in columns})
    command = [str(python), str(Path(__file__).with_name(script)), str(file), repr(fee), repr(cash), str(runs)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=True)  # noqa: S603
    except subprocess.SubprocessError as error:
        text = getattr(error, "stderr", "") or str(error)
        return Peer(name, None, f"did not run: {str(text).strip().splitlines()[-1][:100]}")
    return Peer(name, json.loads(done.stdout.strip().splitlines()[-1]))
