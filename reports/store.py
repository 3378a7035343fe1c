"""`reports/` in the data folder: each report as it was told, as JSON, with the week's picture beside it."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from reports.document import ReportDoc, decode_report
from reports.period import ReportKind, ReportPeriod, period_of
from shared.files import read_bytes, write_whole

KEPT = {ReportKind.DAY: 400, ReportKind.WEEK: 120}


def file_of(folder: Path, period: ReportPeriod, ending: str = "json") -> Path:
    return folder / f"{period.kind.value}-{period.key}.{ending}"


def keep(folder: Path, period: ReportPeriod, report: ReportDoc, picture: bytes | None) -> Path:
    """Write it, 0600; the oldest beyond some hundred are forgotten. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if picture is not None:
        write_whole(file_of(folder, period, "png"), picture, durable=False)
    path = file_of(folder, period)
    write_whole(path, msgspec.json.encode(report) + b"\n", durable=True)
    for old in kept(folder, period.kind)[KEPT[period.kind] :]:
        for ending in ("json", "png"):
            file_of(folder, old, ending).unlink(missing_ok=True)
    return path


def kept(folder: Path, kind: ReportKind) -> Sequence[ReportPeriod]:
    """The periods of that kind whose report is kept, newest first."""
    found = []
    for path in folder.glob(f"{kind.value}-*.json"):
        try:
            found.append(period_of(path.stem.partition("-")[2]))
        except ValueError:
            continue
    return sorted(found, reverse=True)


def read(folder: Path, period: ReportPeriod) -> ReportDoc | None:
    """As it was kept; None = it is not there. Raises Unreadable, OSError."""
    try:
        return decode_report(read_bytes(file_of(folder, period)))
    except FileNotFoundError:
        return None
