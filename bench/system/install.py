"""The set-up in a fresh clone: time and size. The package servers' speed is part of it."""

import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench.measurement import Measurement
from shared.paths import ROOT

_SYSTEM = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "SSL_CERT_DIR", "PIP_CERT", "NODE_EXTRA_CA_CERTS")


def measure() -> list[Measurement]:
    """`./coin setup` in a clone of the last commit, without pip's cache of earlier downloads."""
    env = {name: os.environ[name] for name in _SYSTEM if name in os.environ} | {"PIP_NO_CACHE_DIR": "1"}
    with tempfile.TemporaryDirectory(prefix="coin-install-") as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True, capture_output=True)
        began = time.monotonic()
        subprocess.run([str(clone / "coin"), "setup"], env=env, check=True, capture_output=True)
        first_s = time.monotonic() - began
        began = time.monotonic()
        subprocess.run([str(clone / "coin"), "setup"], env=env, check=True, capture_output=True)
        again_s = time.monotonic() - began
        size = {name: _size_mb(clone / name) for name in (".venv", "node_modules")}
    return [
        Measurement("set-up of a fresh clone", first_s, "s", note="without cached downloads"),
        Measurement("the same again", again_s, "s", 0.5, "with Python's own start"),
        *(Measurement(f"size of {name}", value, "MB") for name, value in size.items()),
    ]


def _size_mb(folder: Path) -> float:
    blocks = sum(path.lstat().st_blocks for path in folder.rglob("*"))
    return blocks * 512 / 1e6
