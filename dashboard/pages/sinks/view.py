"""The sinks that can be set up, as rows: whether each is set and since when, and what the watcher says of it."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dashboard import sink_forms
from dashboard.pages.alerts.view import silence
from dashboard.sink_forms import KINDS, SinkKind
from dashboard.views import format as f
from dashboard.views.snapshot import WatcherLook
from shared import push_devices
from shared.alert_settings import SINK_NAMES, parse_least_severity, parse_quiet_hours
from shared.files import Unreadable
from shared.paths import DataPaths
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class SinkSetRow:
    """One kind of sink. `at` None with `set`: it was set by hand."""

    kind: SinkKind
    set: bool
    at: datetime | None
    places: int  # how many there are, where one kind makes several
    by_environment: str  # the setting that the environment holds; empty = none


@dataclass(frozen=True, slots=True)
class DeviceRow:
    """One browser that is told by push."""

    id: str
    name: str
    by: str
    added: datetime | None
    mark: str


@dataclass(frozen=True, slots=True)
class SinkRules:
    """Least severities and quiet hours as the form shows them."""

    least: dict[str, str]
    start: str
    end: str
    zone: str


@dataclass(frozen=True, slots=True)
class TakenUp:
    """Whether the watcher uses what is saved. `state`: ok, wait, warn."""

    state: str
    icon: str
    text: str
    at: datetime | None


def rows(settings: Settings, environ: dict[str, str]) -> list[SinkSetRow]:
    return [_row(kind, settings, environ) for kind in KINDS]


def _row(kind: SinkKind, settings: Settings, environ: dict[str, str]) -> SinkSetRow:
    found = sink_forms.is_set(kind, settings)
    places = len(settings.alert_urls.reveal().split()) if kind.appends else int(found)
    held = next((key for key in kind.keys if environ.get(key)), "")
    return SinkSetRow(kind, found, sink_forms.since(kind, settings), places, held)


def rules(settings: Settings) -> SinkRules:
    """What cannot be read of a setting made by hand is shown as its default; the watcher says what is wrong with it."""
    try:
        least = dict(parse_least_severity(settings.alert_min_severity))
    except ValueError:
        least = {"": "warning"}
    text = settings.alert_quiet_hours.strip()
    try:
        parse_quiet_hours(text)
    except ValueError:
        text = ""
    span, _, zone = text.partition(" ")
    start, _, end = span.partition("-")
    return SinkRules({name: least.get(name, "") for name in ("", *SINK_NAMES)}, start, end, zone.strip())


def saved_ms(env_file: Path) -> int | None:
    """When `.env` was last changed; None = there is none."""
    try:
        return env_file.stat().st_mtime_ns // 1_000_000
    except OSError:
        return None


def devices(paths: DataPaths) -> tuple[list[DeviceRow], str]:
    """(those that asked for push, why they cannot be listed)."""
    try:
        found = push_devices.read(paths)
    except (Unreadable, OSError) as error:
        return [], f"The list of devices cannot be read: {f.clean(str(error))}"
    return [
        DeviceRow(one.id, f.clean(one.name), f.clean(one.by), f.of_ms(one.added_ms), _mark(one.endpoint))
        for one in found
    ], ""


def _mark(endpoint: str) -> str:
    """By which a browser knows its own line: a hash, since the address itself is what messages are sent by."""
    return hashlib.sha256(endpoint.encode()).hexdigest()[:16]


def taken(look: WatcherLook, saved: int | None) -> TakenUp:
    """What the watcher says of the settings that lie on the disk now."""
    doc = look.doc
    if doc is None or silence(look) is not None:
        return TakenUp("warn", "warns", "The watcher does not answer: what is saved waits until it runs.", None)
    if doc.settings_problem:
        return TakenUp("warn", "warns", f.clean(doc.settings_problem), None)
    if doc.settings_ms is None:
        return TakenUp("unk", "unk", "This watcher does not say which settings it uses.", None)
    if saved is not None and saved > doc.settings_ms:
        return TakenUp("wait", "wait", "Saved. The watcher has not taken it up yet.", None)
    return TakenUp("ok", "ok", "The watcher uses what is saved, since", f.of_ms(doc.settings_taken_ms))
