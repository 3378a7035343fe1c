"""Follows `.env`: what it says of alerts is taken up while the watch runs; everything else waits for a restart."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared import push_devices
from shared import settings as settings_module
from shared.paths import DataPaths
from shared.settings import Settings, SettingsError
from watch.sinks.registry import SinkPlan, sinks_of

log = logging.getLogger("settings")
EVERY_S = 1.0


@dataclass(frozen=True, slots=True)
class NewSettings:
    """What `.env` says now, with the sinks made of it. `file_ms`: when it was written; 0 = there is none."""

    settings: Settings
    plan: SinkPlan
    file_ms: int


class SettingsFollower:
    """`look` is called in a thread of its own, since it reads a file and may load a sink's library."""

    def __init__(
        self, env_file: Path, environ: Mapping[str, str] | None = None, paths: DataPaths | None = None
    ) -> None:
        """`paths`: where the devices that asked for push are kept."""
        self._path, self._paths = env_file, paths
        self._devices = self._key_of_devices()
        self._environ = os.environ if environ is None else environ
        self._key = _key(env_file)
        self._found: NewSettings | None = None
        self.file_ms = self._key[1] // 1_000_000
        self.problem: str | None = None  # why what the file says now is not taken up

    def take(self) -> NewSettings | None:
        """What was found since the last call; None = nothing new."""
        found, self._found = self._found, None
        return found

    def look(self) -> float:
        """Look once; the seconds until the next look."""
        key, devices = _key(self._path), self._key_of_devices()
        if (key, devices) == (self._key, self._devices):
            return EVERY_S
        self._key, self._devices = key, devices
        try:
            settings = settings_module.load(self._path, self._environ).settings
            self._found = NewSettings(settings, sinks_of(settings, self._paths), key[1] // 1_000_000)
        except (SettingsError, OSError, ValueError) as error:
            first = error.problems[0] if isinstance(error, SettingsError) else type(error).__name__
            self.problem = f"{self._path.name} was changed and cannot be used: {first}. The sinks of before go on."
            log.error("settings.refused %s", self.problem)
            return EVERY_S
        self.problem = None
        return EVERY_S

    def _key_of_devices(self) -> tuple[int, int, int]:
        return _key(push_devices.push_file(self._paths)) if self._paths is not None else (0, 0, 0)


def _key(path: Path) -> tuple[int, int, int]:
    """(inode, mtime in ns, size); zeros = there is no file."""
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_ino, found.st_mtime_ns, found.st_size
