"""What goes into a bundle, each part by itself: a part that fails says why and stops no other."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from shared.build import build_id
from shared.ledger import schema
from shared.ledger.connect import connect_reader
from shared.ledger.location import ledger_location
from shared.ledger.tables import Table
from shared.paths import ROOT
from shared.pm2 import Pm2Client
from shared.settings import Loaded, public_values
from shared.times import epoch_ms, parse_time

DOCUMENTS = (
    "bot_state.json", "positions.json", "market.json", "control.json", "alerts.json", "folder_id.json",
    "live_permission.json",
)  # fmt: skip
LOG_MAX = 3_000_000  # bytes of each log, the newest
ROWS_MAX = 20_000  # rows of each table, the newest
DOCTOR_S = 8.0
# Of each table, which column says when; a lot or a day counts by its newest time.
_TIMES: Mapping[Table, str] = {
    schema.orders: "updated_ms",
    schema.fills: "received_ms",
    schema.commands: "seen_ms",
    schema.boots: "at_ms",
    schema.activity_log: "at_ms",
    schema.events: "at_ms",
}
_WHOLE = (schema.lots, schema.days, schema.latches, schema.key_values)
_STAMP = re.compile(rb"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)")


@dataclass(frozen=True, slots=True)
class Part:
    """One file of the bundle. `cut`: its oldest part was left out for its size."""

    name: str
    data: bytes
    cut: bool = False


Source = Callable[[], Iterator[Part]]


def every_source(loaded: Loaded, since: datetime) -> dict[str, Source]:
    """Name → what reads it. Each raises whatever it meets."""
    root, doctor = loaded.settings.paths.root, Doctor()
    return {
        "documents": lambda: _documents(root),
        "logs": lambda: _logs(loaded.settings.paths.logs, since),
        "audit": lambda: _audit(loaded.settings.paths.audit, since),
        "ledger": lambda: _ledger(loaded, since),
        "settings": lambda: _settings(loaded),
        "processes": _processes,
        "versions": _versions,
        "machine": lambda: _machine(root),
        "doctor": doctor.part,  # last: it had the time of all others
    }


def _json(name: str, value: object) -> Part:
    return Part(name, orjson.dumps(value, default=str, option=orjson.OPT_INDENT_2))


def _documents(root: Path) -> Iterator[Part]:
    for name in DOCUMENTS:
        path = root / name
        if path.is_file() and not path.is_symlink():
            yield Part(f"documents/{name}", path.read_bytes())
    files = sorted(path for path in root.iterdir() if not path.is_dir())
    listed = [{"name": path.name, "bytes": path.lstat().st_size, "changed_ms": _changed_ms(path)} for path in files]
    yield _json("documents/files.json", listed)


def _changed_ms(path: Path) -> int:
    return round(path.lstat().st_mtime * 1000)


def _logs(folder: Path, since: datetime) -> Iterator[Part]:
    for path in sorted(folder.glob("*.log*")) + sorted(folder.glob("pm2/*.log")) + sorted(folder.glob("*.txt")):
        if path.is_symlink() or path.stat().st_mtime < since.timestamp():
            continue
        data, cut = newest(path)
        yield Part(f"logs/{path.relative_to(folder)}", lines_since(data, since), cut)


def _audit(path: Path, since: datetime) -> Iterator[Part]:
    if not path.is_file() or path.is_symlink():
        return
    data, cut = newest(path)
    kept = [line for line in data.splitlines(keepends=True) if _audit_time(line) >= since]
    yield Part("audit.jsonl", b"".join(kept), cut)


def _audit_time(line: bytes) -> datetime:
    """Of an entry; one without a time is kept."""
    try:
        return parse_time(orjson.loads(line)["at"])
    except (ValueError, KeyError, TypeError):
        return datetime.max.replace(tzinfo=parse_time("2000-01-01T00:00:00Z").tzinfo)


def newest(path: Path, most: int = LOG_MAX) -> tuple[bytes, bool]:
    """(the end of the file in whole lines, whether anything was left out). Raises OSError."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= most:
            return file.read(), False
        file.seek(size - most)
        file.readline()
        return file.read(), True


def lines_since(data: bytes, since: datetime) -> bytes:
    """From the first line on whose time is `since` or later; a log without times stays whole."""
    lines, timed = data.splitlines(keepends=True), False
    for number, line in enumerate(lines):
        found = _STAMP.match(line)
        if found is None:
            continue
        timed = True
        if parse_time(found[1].decode()) >= since:
            return b"".join(lines[number:])
    return b"" if timed else data


def _ledger(loaded: Loaded, since: datetime) -> Iterator[Part]:
    engine, since_ms = connect_reader(ledger_location(loaded.settings)), epoch_ms(since)
    try:
        with engine.snapshot() as db:
            for table, column in _TIMES.items():
                rows = db.rows(
                    f"SELECT * FROM {table.name} WHERE {column} >= :since ORDER BY {column} DESC LIMIT :most",  # noqa: S608
                    {"since": since_ms, "most": ROWS_MAX},
                    of=table,
                )
                yield Part(f"ledger/{table.name}.jsonl", _rows(reversed(rows)), len(rows) == ROWS_MAX)
            for table in _WHOLE:
                newest_first = f"SELECT * FROM {table.name} LIMIT :most"  # noqa: S608
                yield Part(f"ledger/{table.name}.jsonl", _rows(db.rows(newest_first, {"most": ROWS_MAX}, of=table)))
    finally:
        engine.dispose()


def _rows(rows: Any) -> bytes:
    return b"".join(orjson.dumps(row._asdict(), default=str) + b"\n" for row in rows)


def _settings(loaded: Loaded) -> Iterator[Part]:
    shown = public_values(loaded.settings)
    yield _json(
        "settings.json", {name: {"value": v, "from": loaded.sources.get(name, "")} for name, v in shown.items()}
    )


def _processes() -> Iterator[Part]:
    yield _json("pm2.json", [asdict(process) for process in Pm2Client().processes()])


def _versions() -> Iterator[Part]:
    installed = {one.metadata["Name"]: one.version for one in importlib.metadata.distributions()}
    yield _json(
        "versions.json",
        {
            "build": build_id(),
            "python": sys.version,
            "system": platform.platform(),
            "packages": dict(sorted(installed.items(), key=lambda item: str(item[0]).lower())),
        },
    )


def _machine(root: Path) -> Iterator[Part]:
    usage, memory = shutil.disk_usage(root), {}
    for row in Path("/proc/meminfo").read_text().splitlines()[:5]:
        name, _, value = row.partition(":")
        memory[name] = value.strip()
    facts = {"load": os.getloadavg(), "cores": os.cpu_count(), "memory": memory, "disk": usage._asdict()}
    yield _json("machine.json", facts | {"up_s": float(Path("/proc/uptime").read_text().split()[0])})


class Doctor:
    """The checks of `./coin doctor`, in a process beside the others' work; ended where it takes too long."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "cli", "doctor", "--json"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe)  # noqa: S603
        self._until_s = time.monotonic() + DOCTOR_S

    def part(self) -> Iterator[Part]:
        """What it found. Raises TimeoutExpired."""
        try:
            out, err = self._process.communicate(timeout=max(self._until_s - time.monotonic(), 0.0))
        finally:
            self._process.kill()
            self._process.wait()
        yield Part("doctor.json", out or err)
