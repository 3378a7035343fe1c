"""The bundles that lie in a data folder: when each was made, and why."""

import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from incident.bundle import FOLDER
from shared.times import epoch_ms

_NAME = re.compile(r"incident-(\d{8}T\d{6}Z)\.zip")
_CONTENTS_MAX = 1_000_000  # bytes of a bundle's own list of contents; more is none of ours


@dataclass(frozen=True, slots=True)
class KeptBundle:
    """`made_ms`: ms since 1970, by its name. `reason` None = the file cannot be read as a bundle."""

    path: Path
    made_ms: int
    size: int
    reason: str | None


class _Contents(msgspec.Struct):
    reason: str


def kept_bundles(data_dir: Path) -> list[KeptBundle]:
    """Those that were not written elsewhere, newest first; none where there is no such folder. Raises OSError."""
    try:
        paths = [path for path in (data_dir / FOLDER).iterdir() if _NAME.fullmatch(path.name) and path.is_file()]
    except FileNotFoundError:
        return []
    found = [_kept(path) for path in paths]
    return sorted(found, key=lambda one: one.made_ms, reverse=True)


def bundle_path(data_dir: Path, name: str) -> Path | None:
    """The file of that name; None = there is no bundle of it, or it is no bundle's name."""
    path = data_dir / FOLDER / name
    return path if _NAME.fullmatch(name) and path.is_file() and not path.is_symlink() else None


def _kept(path: Path) -> KeptBundle:
    made = datetime.strptime(path.name, "incident-%Y%m%dT%H%M%SZ.zip").replace(tzinfo=UTC)
    return KeptBundle(path, epoch_ms(made), path.stat().st_size, _reason(path))


def _reason(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            info = archive.getinfo("contents.json")
            if info.file_size > _CONTENTS_MAX:
                return None
            return msgspec.json.decode(archive.read(info), type=_Contents).reason
    except (OSError, KeyError, zipfile.BadZipFile, msgspec.MsgspecError, RuntimeError):
        return None
