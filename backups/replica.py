"""Litestream, the program: what it is told, how far it has shipped, what it brings back. It only ever sees the copy."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec

from backups.place import ReplicaError, ReplicaPlace
from shared import files
from shared.errors import first_line

RESTORE_S, LOOK_S = 600.0, 30.0
# No text of a configuration is taken for a variable: what is told is told as it stands.
_TOLD = ("-no-expand-env", "-config")
# Its lines are `time=… level=… msg="…" error="…"`: for a person the last two.
_SAID = re.compile(r'(?:msg|error)="((?:[^"\\]|\\.)*)"')


class _ShippedFile(msgspec.Struct):
    """One row of `litestream ltx -json`."""

    max_txid: str


def program() -> Path:
    """Litestream's program, beside this Python or on the PATH. Raises ReplicaError where there is none."""
    beside = Path(sys.executable).with_name("litestream")
    found = str(beside) if beside.exists() else shutil.which("litestream")
    if found is None:
        raise ReplicaError("Litestream is not installed: .venv/bin/pip install -r requirements-backup.txt")
    return Path(found)


def configured(copy: Path, place: ReplicaPlace, folder: Path) -> Path:
    """Write what Litestream is told as a file in `folder`: JSON, which is YAML too. It holds no secret."""
    told = {
        # One snapshot a day; what was in between is kept for thirty days.
        "snapshot": {"interval": "24h", "retention": "720h"},
        "logging": {"level": "warn", "stderr": True},
        "dbs": [{"path": str(copy), "replica": {**place.told, "sync-interval": "1s"}}],
    }
    path = folder / "litestream.yml"
    files.write_whole(path, msgspec.json.encode(told) + b"\n", durable=False)
    return path


def replicate_command(config: Path) -> list[str]:
    return [str(program()), "replicate", *_TOLD, str(config)]


def environ_for(place: ReplicaPlace) -> dict[str, str]:
    """What Litestream gets of this process' environment: nothing of ours but the keys of that place."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "TZ", "LANG") if name in os.environ}
    return kept | dict(place.environ)


def local_position(copy: Path) -> int:
    """The newest transaction that Litestream has taken out of the copy; 0 = none."""
    names = (copy.parent / f".{copy.name}-litestream" / "ltx" / "0").glob("*.ltx")
    return max((int(path.stem.rpartition("-")[2], 16) for path in names), default=0)


def shipped_position(copy: Path, place: ReplicaPlace, folder: Path, limit_s: float = LOOK_S) -> int:
    """The newest transaction that lies at `place`; 0 = none. Raises ReplicaError."""
    config = configured(copy, place, folder)
    said = _run(["ltx", *_TOLD, str(config), "-json", "-level", "all", str(copy)], place, limit_s)
    try:
        rows = msgspec.json.decode(said or b"[]", type=list[_ShippedFile])
        return max((int(row.max_txid, 16) for row in rows), default=0)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ReplicaError("Litestream's list of what is away cannot be read") from error


def fetch(place: ReplicaPlace, out: Path) -> None:
    """The newest state of the replica at `place` as the SQLite file `out`, not there yet. Raises ReplicaError."""
    if place.folder is not None and not (place.folder / "ltx").is_dir():
        raise ReplicaError(f"{place.shown} holds no copy")
    origin = out.with_name("origin.db")  # a name to ask by; it is never there
    config = configured(origin, place, out.parent)
    _run(["restore", *_TOLD, str(config), "-integrity-check", "quick", "-o", str(out), str(origin)], place, RESTORE_S)
    if not out.exists():
        raise ReplicaError("Litestream brought nothing back")


def _run(arguments: list[str], place: ReplicaPlace, limit_s: float) -> bytes:
    command = [str(program()), *arguments]
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, timeout=limit_s, check=False, env=environ_for(place), stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise ReplicaError(f"{place.shown} has not answered for {limit_s:.0f} s") from None
    except OSError as error:
        raise ReplicaError(f"Litestream cannot be started: {first_line(error)}") from error
    if done.returncode:
        raise ReplicaError(f"{place.shown}: {plain(done.stderr or done.stdout) or f'code {done.returncode}'}")
    return done.stdout


def plain(output: bytes) -> str:
    """Litestream's last line as a person reads it, 200 characters at most; empty where it said nothing."""
    lines = output.decode(errors="replace").strip().splitlines()
    if not lines:
        return ""
    said = ": ".join(_SAID.findall(lines[-1])) or lines[-1].removeprefix("Error: ")
    return said if len(said) <= 200 else f"{said[:80]} … {said[-110:]}"
