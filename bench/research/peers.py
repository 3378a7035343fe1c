"""Other backtesters on the same bars, each in an environment of its own that is made here and kept."""

import dataclasses
import json
import logging
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.research.workloads import MODEL, work_b
from research.compiled import cache_root
from research.data.candles import CandleSet

log = logging.getLogger("research")
LEFT_OUT = (
    "it knows one fee for all orders, so both sides ran with the taker's; takes that the open jumps over fill at the "
    "open there, which gained it {jumped:,.2f}: taken off"
)


@dataclass(frozen=True, slots=True)
class Rival:
    """A library and its programs for A (and C) and for B. `left_out`: what of B it can't say."""

    requirement: str
    crosses: str
    lots: str
    left_out: str = ""


PEERS = {
    "backtesting.py": Rival("backtesting==0.6.6", "peer_backtesting.py", "peer_backtesting_lots.py", LEFT_OUT),
    "vectorbt": Rival("vectorbt==1.2.0", "peer_vectorbt.py", "peer_vectorbt_lots.py"),
}
INSTALL_S, RUN_S = 600, 900
AGREE = 1e-6  # relative difference of the final equity


@dataclass(frozen=True, slots=True)
class PeerResult:
    """What a peer measured, or why it did not. Times in seconds, memory in MB."""

    name: str
    found: dict[str, Any] | None
    why_not: str = ""


def environment(requirement: str) -> Path:
    """Python of the peer's environment. Raises OSError or subprocess.SubprocessError where it can't be made."""
    folder = cache_root().parent / "peers" / requirement.replace("==", "-")
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", requirement]
    for command in ([sys.executable, "-m", "venv", str(folder)], pip):
        subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_S)
    (folder / "ready").touch()
    return python


def measure(name: str, candles: CandleSet, work: Path, fee: float, cash: float, runs: int) -> PeerResult:
    """Workloads A and B (and C where it has one) by the peer; skipped with the reason where it can't be done."""
    rival = PEERS[name]
    try:
        python = environment(rival.requirement)
    except (OSError, subprocess.SubprocessError) as error:
        return PeerResult(name, None, f"can't be installed here ({type(error).__name__})")
    file = work / "bars.npz"
    if not file.exists():
        columns = ("start_s", "open", "high", "low", "close", "volume")
        np.savez(file, **{column: getattr(candles, column) for column in columns})
    try:
        found = _run(python, rival.crosses, str(file), repr(fee), repr(cash), str(runs))
        found |= _lots(python, name, rival, candles, file, runs)
    except subprocess.SubprocessError as error:
        text = getattr(error, "stderr", "") or str(error)
        return PeerResult(name, None, f"did not run: {str(text).strip().splitlines()[-1][:100]}")
    return PeerResult(name, found)


def _run(python: Path, script: str, *arguments: str) -> dict[str, Any]:
    """What a program prints last. Raises subprocess.SubprocessError."""
    command = [str(python), str(Path(__file__).with_name(script)), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_S, check=True)
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def _lots(python: Path, name: str, rival: Rival, candles: CandleSet, file: Path, runs: int) -> dict[str, Any]:
    """Workload B by the peer, and whether it came out as ours under the same assumptions."""
    model = MODEL if not rival.left_out else dataclasses.replace(MODEL, maker_pct=MODEL.taker_pct)
    fees = (repr(model.maker_pct / 100), repr(model.taker_pct / 100))
    found = _run(python, rival.lots, str(file), *fees, repr(model.cash), str(runs))
    ours = work_b([candles], model)
    final = found["final"] - found.get("jumped", 0.0)
    apart = abs(final / float(ours.equity[-1]) - 1)
    agrees = apart <= AGREE and found["lots"] == len(ours.ints)
    note = f"B in {name} {found['version']}: {found['lots']:,} lots (ours {len(ours.ints):,}), final equity "
    note += f"{apart:.1e} apart (relative)"
    if rival.left_out:
        note += "; " + rival.left_out.format(jumped=found["jumped"])
    return {"B_s": found["B_s"], "B_mb": found["mb"], "B_disagrees": int(not agrees), "notes": [note]}
