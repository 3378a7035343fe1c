"""What the Lab's pages show of the disk: jobs, kept runs, candle sets. Nothing here parses a person's file."""

import functools
import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboard.hub import Hub
from shared.documents.kept_run import KeptRunDoc, decode_kept_run
from shared.documents.lab import LabSets
from shared.files import Unreadable, read_bytes
from shared.lab_files import LabFolder, LabJob
from shared.paths import DataPaths

SHOWN_RUNS = 40
SHOWN_JOBS = 40
TTL_S = 0.4
_NEEDED = ("numba", "pyarrow")


@dataclass(frozen=True, slots=True)
class LabLook:
    """One look. `unread`: candle sets that COIN-LAB has not listed yet; `lacking`: packages that are not installed."""

    jobs: Sequence[LabJob]
    runs: Sequence[KeptRunDoc]
    more_runs: int
    sets: LabSets | None
    unread: Sequence[str]
    alive: bool
    lacking: Sequence[str]
    enabled: bool


async def look(hub: Hub) -> LabLook:
    return await hub.cache.get(("lab",), TTL_S, lambda: read(hub.paths, enabled=hub.loaded.settings.lab))


def read(paths: DataPaths, *, enabled: bool = True) -> LabLook:
    """Blocks for some file reads; a run that did not change is not read again."""
    folder = LabFolder(paths)
    jobs = []
    for job in folder.listed():
        jobs.append(job)
        if len(jobs) >= SHOWN_JOBS:
            break
    names = run_ids(paths)
    found = [run for name in names[:SHOWN_RUNS] if (run := _read_run(paths, name)) is not None]
    sets = folder.known_sets()
    known = {one.name for one in sets.sets} | set(sets.refused) if sets is not None else set()
    unread = sorted(path.stem for path in (paths.root / "candles").glob("*.parquet") if path.stem not in known)
    return LabLook(jobs, found, max(0, len(names) - SHOWN_RUNS), sets, unread, folder.running(), lacking(), enabled)


@functools.cache
def lacking() -> tuple[str, ...]:
    """Packages of research that are not installed: the dashboard does not load them, it only says so."""
    return tuple(name for name in _NEEDED if importlib.util.find_spec(name) is None)


def runs_folder(paths: DataPaths) -> Path:
    return paths.root / "research" / "runs"


def run_ids(paths: DataPaths) -> list[str]:
    """Every kept run, the newest first."""
    try:
        found = [path.name for path in runs_folder(paths).iterdir() if not path.name.startswith(".")]
    except FileNotFoundError:
        return []
    return sorted(found, reverse=True)


def kept_run(paths: DataPaths, run_id: str) -> KeptRunDoc | None:
    """The run of that id; None = there is none that can be read. The id is looked up in the folder, never joined."""
    return _read_run(paths, run_id) if run_id in run_ids(paths) else None


def _read_run(paths: DataPaths, run_id: str) -> KeptRunDoc | None:
    """`run_id`: one that the folder was seen to hold."""
    path = runs_folder(paths) / run_id / "run.json"
    try:
        return _decoded(path, path.stat().st_mtime_ns)
    except (OSError, Unreadable):
        return None


@functools.lru_cache(maxsize=256)
def _decoded(path: Path, _changed_ns: int) -> KeptRunDoc:
    return decode_kept_run(read_bytes(path))
