"""How long `./coin` itself takes."""

import subprocess
import time

from bench.measurement import Measurement, measured
from cli.rig import rig
from shared.paths import ROOT

ROUNDS = 10


def measure() -> list[Measurement]:
    """`./coin status` from start to end, with everything running."""
    with rig() as made:
        made.start()
        made.wait_trading()
        took = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            subprocess.run([str(ROOT / "coin"), "status"], env=dict(made.env), capture_output=True, check=True)
            took.append(time.perf_counter() - began)
    return [Measurement("./coin status, p50", measured(took, 50), "s", 0.5, f"n={ROUNDS}")]
