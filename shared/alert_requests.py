"""What a person asks of the watcher: acknowledge an alert, send a test. One small file for each, which it removes.

Whoever may write into the data folder may ask; the watcher alone changes what is an alert. A request that nobody
takes within a minute is old: the next watcher removes it unread.
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import msgspec

from shared import files
from shared.files import Unreadable, parse_object
from shared.paths import DataPaths

OLD_S = 60.0
MOST_WAITING = 100
_SUFFIX = ".json"


class AlertAsk(StrEnum):
    ACKNOWLEDGE = "acknowledge"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRequest:
    """`name`: the alert that is meant; of a test, the sink, empty = all of them."""

    ask: AlertAsk
    at_ms: int
    by: str
    name: str = ""
    note: str = ""


def put(paths: DataPaths, request: AlertRequest) -> Path:
    """Leave it for the watcher; the file that is gone once it was taken. Raises OSError."""
    paths.alert_requests.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = paths.alert_requests / f"{request.at_ms:013d}-{uuid.uuid4().hex[:8]}{_SUFFIX}"
    files.write_whole(target, msgspec.json.encode(request), durable=False)
    return target


def take_all(paths: DataPaths, now_ms: int) -> list[AlertRequest]:
    """Those that wait, oldest first; each file is removed before its request is returned. Raises OSError."""
    try:
        waiting = sorted(path for path in paths.alert_requests.iterdir() if path.suffix == _SUFFIX)
    except FileNotFoundError:
        return []
    found = []
    for path in waiting[:MOST_WAITING]:
        request = _read(path)
        path.unlink(missing_ok=True)
        if request is not None and now_ms - request.at_ms <= OLD_S * 1000:
            found.append(request)
    return found


def _read(path: Path) -> AlertRequest | None:
    """None for what is no request: another program's file is removed with it, as the folder is ours alone."""
    try:
        return msgspec.convert(parse_object(files.read_bytes(path, trusted=True)), AlertRequest)
    except (Unreadable, OSError, msgspec.ValidationError):
        return None
