"""What the three programs answer over HTTP on loopback."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from monitoring.configuration import USER
from monitoring.folder import MonitoringFolder
from monitoring.programs import MonitoringProgram
from shared.bots import NODE_EXPORTER, PROMETHEUS

TIMEOUT_S = 3.0


class NoAnswer(Exception):
    """A program does not answer, or not as its kind does; the text says which."""


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """One page that Prometheus reads. `health`: up, down or unknown; `error`: of the last reading, "" = none."""

    job: str
    address: str
    health: str
    error: str


class MonitoringApi:
    """Asks with the password of the folder. No proxy of the shell is used."""

    def __init__(self, folder: MonitoringFolder) -> None:
        self._folder = folder
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ready(self, program: MonitoringProgram) -> bool:
        """Whether it works."""
        try:
            self._text(program, program.ready)
        except NoAnswer:
            return False
        return True

    def targets(self, wanted: Iterable[MonitoringProgram]) -> list[ScrapeTarget]:
        """Every page that is scraped. Raises NoAnswer."""
        found = self.query(wanted, "/api/v1/targets?state=active")["activeTargets"]
        return [
            ScrapeTarget(one["labels"]["job"], one["labels"]["instance"], one["health"], one["lastError"])
            for one in found
        ]

    def alerts(self, wanted: Iterable[MonitoringProgram]) -> list[dict[str, str]]:
        """Every alert that is pending or fires: name, state, text. Raises NoAnswer."""
        found = self.query(wanted, "/api/v1/alerts")["alerts"]
        return [
            {"name": one["labels"]["alertname"], "state": one["state"], "text": one["annotations"].get("summary", "")}
            for one in found
        ]

    def query(self, wanted: Iterable[MonitoringProgram], path: str) -> Mapping[str, Any]:
        """The data of one answer of Prometheus' API. Raises NoAnswer."""
        program = next(one for one in wanted if one.name == PROMETHEUS)
        try:
            found = json.loads(self._text(program, path))["data"]
        except (ValueError, KeyError, TypeError) as error:
            raise NoAnswer(f"{program.name} answers something else: {error}") from error
        if not isinstance(found, Mapping):
            raise NoAnswer(f"{program.name} answers something else")
        return found

    def _text(self, program: MonitoringProgram, path: str) -> str:
        headers = {}
        if program.name != NODE_EXPORTER and self._folder.password.exists():
            word = base64.b64encode(f"{USER}:{self._folder.password.read_text()}".encode()).decode()
            headers["Authorization"] = f"Basic {word}"
        request = urllib.request.Request(f"http://{program.address}{path}", headers=headers)
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                text: str = answer.read().decode()
                return text
        except (OSError, ValueError) as error:
            raise NoAnswer(f"{program.name} does not answer: {error}") from error
