"""What a comparison found: what agreed, what did not, and what explains it."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

from shared.times import from_epoch_ms, iso_seconds


class What(StrEnum):
    """What was compared, one by one."""

    SIGNAL = "signals"
    ENTRY = "entries"
    EXIT = "exits"
    TAKE = "resting takes"
    LEVEL = "lots as opened"
    TRAIL = "moves of trailing stops"
    LIMIT = "limits of the day"


class Cause(StrEnum):
    """What explains a difference: something that bars or the tape do not hold, and the bot met."""

    NOTHING = ""
    GATE = "gate state"  # a gate that only a living bot has: the feed, an error rate, a person's pause
    LATENCY = "latency"  # the market was elsewhere before the bot's order or its answer arrived
    PARTIAL = "partial fill"
    PRICE = "price between two of the tape"
    BAR = "sized at the last trade, not at the bar's close"
    COMMAND = "by command"
    REFUSED = "refused before or by the exchange"
    WINDOW = "too few bars before it"


@dataclass(frozen=True, slots=True)
class ParityFinding:
    """One difference, in words. `why` NOTHING: nothing explains it."""

    what: What
    at_ms: int
    text: str
    why: Cause = Cause.NOTHING

    def line(self) -> str:
        mark, because = ("·", f" ({self.why})") if self.why else ("✗", "")
        return f"{mark} {iso_seconds(from_epoch_ms(self.at_ms))} {self.text}{because}"


@dataclass(slots=True)
class Findings:
    """Counts of what agreed, and every difference."""

    agreed: Counter[What] = field(default_factory=Counter)
    differences: list[ParityFinding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    judged: int = 0  # prices at which exits and entries were judged

    def same(self, what: What) -> None:
        self.agreed[what] += 1

    def differ(self, what: What, at_ms: int, text: str, why: Cause = Cause.NOTHING) -> None:
        self.differences.append(ParityFinding(what, at_ms, text, why))

    @property
    def unexplained(self) -> list[ParityFinding]:
        return [one for one in self.differences if not one.why]

    def compared(self, what: What | None = None) -> int:
        apart = sum(what in (None, one.what) for one in self.differences)
        return apart + (self.agreed.total() if what is None else self.agreed[what])

    def score(self) -> float | None:
        """Part of what was compared that agrees; None = nothing was compared."""
        whole = self.compared()
        return self.agreed.total() / whole if whole else None
