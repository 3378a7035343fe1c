"""Makes the bundle: collects, scrubs, fits it into its size, writes it 0600."""

import io
import os
import zipfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from incident.scrub import scrub, values
from incident.sources import Part, every_source
from incident.timeline import page
from shared import settings as settings_module
from shared.errors import first_line
from shared.settings import Loaded, Settings, SettingsError
from shared.times import epoch_ms, iso_seconds

SIZE_MAX = 20_000_000
FOLDER = "incidents"  # in the data folder
KEPT = 20  # bundles that were made without being asked for


@dataclass(slots=True)
class Bundle:
    """What was made. `failed`: source → why it is not there."""

    path: Path
    size: int
    files: int
    failed: dict[str, str] = field(default_factory=dict)


def make(loaded: Loaded, since: timedelta, reason: str, now: datetime, out: Path, size_max: int = SIZE_MAX) -> Bundle:
    """Write the bundle of the last `since` to `out`. Raises OSError where it cannot be written."""
    parts, failed = _collect(loaded, now - since)
    secrets = values(loaded.settings, loaded.env_file)
    parts = [replace(part, data=scrub(part.data, secrets)) for part in parts]
    failed = {name: scrub(why.encode(), secrets).decode() for name, why in failed.items()}
    reason = scrub(reason.encode(), secrets).decode()
    shown = page(parts, reason, epoch_ms(now - since), epoch_ms(now), failed)
    data, files = _fitted([Part("timeline.html", shown), *parts], failed, reason, now, size_max)
    out.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.tmp")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
    os.replace(partial, out)
    return Bundle(out, len(data), files, failed)


def _collect(loaded: Loaded, since: datetime) -> tuple[list[Part], dict[str, str]]:
    parts: list[Part] = []
    failed: dict[str, str] = {}
    for name, source in every_source(loaded, since).items():
        try:
            parts.extend(source())
        except Exception as error:  # whatever is broken is why the bundle is made
            failed[name] = f"{type(error).__name__}: {first_line(error)}"
    return parts, failed


def _fitted(parts: list[Part], failed: dict[str, str], reason: str, now: datetime, most: int) -> tuple[bytes, int]:
    """(archive, number of files). While it is too large, the largest part loses its older half."""
    while True:
        data, sizes = _zipped([*parts, _contents(parts, failed, reason, now)])
        if len(data) <= most:
            return data, len(parts) + 1
        largest = max(parts, key=lambda part: sizes[part.name])
        if len(largest.data) < 2:
            return data, len(parts) + 1
        parts = [_halved(part) if part is largest else part for part in parts]


def _halved(part: Part) -> Part:
    half = part.data[len(part.data) // 2 :]
    begin = half.find(b"\n") + 1
    return replace(part, data=half[begin:], cut=True)


def _contents(parts: list[Part], failed: dict[str, str], reason: str, now: datetime) -> Part:
    listed = [{"name": part.name, "bytes": len(part.data), "older_part_left_out": part.cut} for part in parts]
    document = {"made_at": iso_seconds(now), "reason": reason, "files": listed, "not_there": failed}
    return Part("contents.json", orjson.dumps(document, option=orjson.OPT_INDENT_2))


def _zipped(parts: list[Part]) -> tuple[bytes, dict[str, int]]:
    """(archive, size of each part in it)."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for part in parts:
            archive.writestr(part.name, part.data)
        sizes = {info.filename: info.compress_size for info in archive.infolist()}
    return out.getvalue(), sizes


def file_name(now: datetime) -> str:
    """Of a bundle made at `now`; by it `forget_older` knows them."""
    return f"incident-{now:%Y%m%dT%H%M%SZ}.zip"


def forget_older(folder: Path, kept: int = KEPT) -> None:
    """Remove the oldest bundles of this folder beyond `kept`."""
    found = sorted(folder.glob("incident-*.zip"), key=lambda path: path.stat().st_mtime)
    for path in found[:-kept]:
        path.unlink(missing_ok=True)


def loaded_anyway() -> Loaded:
    """The settings; where they do not hold, the defaults of the folder they name."""
    try:
        return settings_module.load()
    except SettingsError:
        return Loaded(Settings(data_dir=settings_module.paths_anyway().root), {})
