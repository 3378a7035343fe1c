"""What risk remembers: results in a row, outcomes of orders, refusals and their pauses, the exchange's errors.

Plain data with verbs; what must survive a restart is written as facts by whoever calls (`losses`).
"""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from bot.rules.position_sizing import kelly_memory

OUTCOMES_KEPT = 20
OUTCOME_AGE_MS = 600_000
API_AGE_MS = 60_000
PAUSE_FIRST_MS = 60_000
PAUSE_MAX_MS = 3_600_000


@dataclass(slots=True)
class Results:
    """Closed lots so far; older ones count less and less. Gains and losses in percent of the cost, both positive."""

    wins: float = 0.0
    losses: float = 0.0
    gained_pct: float = 0.0
    lost_pct: float = 0.0

    def add(self, result_pct: float) -> None:
        self.wins, self.losses, self.gained_pct, self.lost_pct = kelly_memory(
            self.wins, self.losses, self.gained_pct, self.lost_pct, result_pct
        )


@dataclass(slots=True)
class Pause:
    """Of one product after refusals: until when, and how long the next one lasts."""

    until_ms: int
    next_ms: int = PAUSE_FIRST_MS * 2


@dataclass(slots=True)
class Trip:
    """A guard that shut entries: when it did, and when it was last seen shut."""

    at_ms: int
    shut_ms: int


@dataclass(slots=True)
class RiskMemory:
    loss_streak: int = 0
    results: Results = field(default_factory=Results)
    outcomes: deque[tuple[int, bool]] = field(default_factory=lambda: deque(maxlen=OUTCOMES_KEPT))
    pauses: dict[str, Pause] = field(default_factory=dict)
    api: deque[tuple[int, int, int]] = field(default_factory=lambda: deque(maxlen=120))  # (ms, calls, errors) so far
    entries_sent: deque[tuple[int, tuple[str, ...]]] = field(default_factory=lambda: deque(maxlen=1000))
    let_pass_ms: deque[int] = field(default_factory=lambda: deque(maxlen=1000))  # entries and exits, at the order gate
    tripped: dict[tuple[str, str], Trip] = field(default_factory=dict)  # (guard, product) → since when it shuts
    over_ms: dict[str, int] = field(default_factory=dict)  # plain limit → when it was last seen over (`last_trips`)
    # (product, other) → (their newest bars, correlation or None): taken once for each pair of bars
    correlations: dict[tuple[str, str], tuple[tuple[int, int], float | None]] = field(default_factory=dict)
    refused_in_a_row: dict[str, int] = field(default_factory=dict)  # product → entries refused since the last accepted
    order_times_ms: deque[int] = field(default_factory=lambda: deque(maxlen=1000))  # entries and exits sent
    failures: dict[tuple[str, str], int] = field(default_factory=dict)  # (severity, policy) → how often it raised
    failed: str | None = None  # a critical policy raised: no entries; within a second it is a latch
    last_vol_factor: float | None = None
    edge_told: str = ""  # what people were told of a lifted trail (`engine.execution.edge`)
    live_lock: str | None = "not judged yet"  # why live orders are locked; None = not locked; asked for in live only

    @classmethod
    def restored(cls, facts: Mapping[str, str], order_times_ms: Iterable[int] = ()) -> "RiskMemory":
        """From the ledger's key-value pairs; if one cannot be read, nothing counts as known."""
        memory = cls()
        memory.order_times_ms.extend(order_times_ms)
        try:
            memory.loss_streak = int(facts.get("loss_streak") or 0)
            kept = facts.get("results")
            if kept:
                wins, losses, gained_pct, lost_pct = (float(part) for part in kept.split())
                memory.results = Results(wins, losses, gained_pct, lost_pct)
            for row in filter(None, (facts.get("entries_sent") or "").split(";")):
                at_ms, *terms = row.split(" ")
                memory.entries_sent.append((int(at_ms), tuple(terms)))
        except ValueError:
            return cls.restored({}, order_times_ms)
        return memory

    def entries_text(self, since_ms: int) -> str:
        """The entries sent since, as `restored` reads them: a restart is no way round a limit."""
        return ";".join(" ".join((str(at_ms), *terms)) for at_ms, terms in self.entries_sent if at_ms > since_ms)

    def results_text(self) -> str:
        """The results as `restored` reads them."""
        r = self.results
        return f"{r.wins!r} {r.losses!r} {r.gained_pct!r} {r.lost_pct!r}"

    def outcome(self, ok: bool, now_ms: int) -> None:
        """One order was accepted, or was refused or got no answer."""
        self.outcomes.append((now_ms, ok))

    def recent_outcomes(self, now_ms: int) -> list[bool]:
        return [ok for at_ms, ok in self.outcomes if now_ms - at_ms <= OUTCOME_AGE_MS]

    def pause(self, product_id: str, now_ms: int) -> int:
        """Pause one product, twice as long as the last time; the answer is for how many milliseconds."""
        before = self.pauses.get(product_id)
        length_ms = before.next_ms if before is not None else PAUSE_FIRST_MS
        self.pauses[product_id] = Pause(now_ms + length_ms, min(length_ms * 2, PAUSE_MAX_MS))
        return length_ms

    def api_seen(self, calls: int, errors: int, now_ms: int) -> None:
        """How many requests there were in all, and how many of them failed."""
        self.api.append((now_ms, calls, errors))

    def recent_api(self, now_ms: int) -> tuple[int, int]:
        """(requests, failed ones) of the last minute."""
        if not self.api:
            return 0, 0
        newest = self.api[-1]
        oldest = next((sample for sample in self.api if now_ms - sample[0] <= API_AGE_MS), newest)
        return newest[1] - oldest[1], newest[2] - oldest[2]
