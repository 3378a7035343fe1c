"""Which code made a result: the commit, or a hash of the sources where there is no git, or they were edited."""

import hashlib
import shutil
import subprocess

from shared.paths import ROOT

_ROOMS = ("bot/domain", "bot/engine", "bot/rules", "bot/strategies", "research", "strategies")


def code_version() -> str:
    """Like 4f2c1ab90d3e, with +edited where the working tree differs in what decides; else sha:… of the sources."""
    git = shutil.which("git")
    if git is None:
        return f"sha:{source_hash()}"
    try:
        commit = _answer(git, "rev-parse", "--short=12", "HEAD")
        edited = _answer(git, "status", "--porcelain", "--", *_ROOMS)
    except (OSError, subprocess.SubprocessError):
        return f"sha:{source_hash()}"
    return f"{commit}+edited:{source_hash()}" if edited else commit


def _answer(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=5)  # noqa: S603
    return done.stdout.strip()


def source_hash() -> str:
    """Of every Python file that can change a result."""
    sha = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            sha.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()[:12]
