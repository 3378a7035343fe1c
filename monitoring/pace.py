"""How fast monitoring runs: at its own pace, or shortened by one factor, so that a test sees rules fire in seconds."""

import re
from dataclasses import dataclass

SCRAPE_S = 15.0
_FASTEST_S = 0.5  # between two scrapes: a page of figures takes a few milliseconds, on a busy machine more
_WINDOW = re.compile(r"\[(\d+)([smh])\]")
_BAR = "bot_bar_seconds"
_UNIT_S = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Pace:
    """`factor`: by how much every duration is divided. A threshold that is an age of something keeps its value."""

    factor: float = 1.0

    @property
    def scrape(self) -> str:
        """Between two scrapes, and two evaluations."""
        return self._text(max(SCRAPE_S / self.factor, _FASTEST_S))

    def duration(self, seconds: float) -> str:
        """As Prometheus and Alertmanager write it: 5m, 90s, 500ms."""
        return self._text(seconds / self.factor)

    def expression(self, text: str) -> str:
        """PromQL with its windows shortened, and the bar that a bot decides on with them."""
        scaled = _WINDOW.sub(lambda m: f"[{self.duration(int(m[1]) * _UNIT_S[m[2]])}]", text)
        return scaled if self.factor == 1 else scaled.replace(_BAR, f"({_BAR} / {self.factor:g})")

    @staticmethod
    def _text(seconds: float) -> str:
        ms = round(seconds * 1000)
        for unit, length_ms in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
            if ms and ms % length_ms == 0:
                return f"{ms // length_ms}{unit}"
        return f"{ms}ms"


REAL = Pace()
