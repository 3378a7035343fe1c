"""One run of the bot as the comparison knows it: the arrays, what the bot said, what was found."""

from typing import Any

from research import coverage
from research.errors import ResearchError
from research.parity.book import ReplayAccount
from research.parity.findings import Cause, Findings, What
from research.parity.limits import LatchComparison
from shared.settings import Settings

Line = dict[str, Any]


def not_on_tape(s: Settings) -> str | None:
    """Why entries can't be compared under these settings; None = they can."""
    try:
        coverage.check(s)
    except ResearchError as error:
        return str(error)
    lacking = {
        f"SIZING={s.sizing}": s.sizing not in ("percent", "fixed"),
        f"MAX_BASE={s.max_base}": bool(s.max_base),
        "REGIME_SCALES": s.regime,
        "VOLATILITY_MULT": bool(s.volatility_mult),
        "VOL_BAND_LOW_PCT, VOL_BAND_HIGH_PCT": bool(s.vol_band_low_pct or s.vol_band_high_pct),
    }
    found = [name for name, is_set in lacking.items() if is_set]
    return f"what {', '.join(found)} depends on is not in the recording" if found else None


class ReplayedRun:
    """From one `boot` line of the tape to the next. Only differences since `since_ms` are counted."""

    def __init__(self, settings: Settings, findings: Findings, since_ms: int) -> None:
        self.settings, self.findings, self.since_ms = settings, findings, since_ms
        self.products: dict[str, dict[str, str]] = {}
        self.book: ReplayAccount | None = None
        self.ready = False
        self.may = (False, False)
        self.early: list[Line] = []  # bars and fees before all products are known
        self.signal: dict[str, tuple[int, str]] = {}
        self.used: dict[str, int | None] = {}
        self.shut: dict[str, str | None] = {}
        self.marks: dict[str, int] = {}
        self.working: set[str] = set()
        self.pending: dict[str, tuple[int, float]] = {}  # entry → its product's place, quote
        self.sent: dict[str, Line] = {}  # orders by client order id
        self.refused_ms: dict[str, int] = {}  # lot → when an order of its exit was sent or refused
        self.touched_ms: dict[str, int] = {}  # lot → when a price reached its resting take
        self.late_takes: list[tuple[int, int, str, int]] = []  # filled at, ticks, text, product
        self.said: set[tuple[str, int, str]] = set()
        self.limits = LatchComparison(self.same, self.differ)
        self.entries = True
        why_not = not_on_tape(settings)
        if why_not:
            self.entries = False
            findings.notes.append(f"entries are not compared: {why_not}")

    def same(self, what: What, at_ms: int) -> None:
        """Count what agrees."""
        if at_ms >= self.since_ms:
            self.findings.same(what)

    def differ(self, what: What, at_ms: int, text: str, why: Cause = Cause.NOTHING) -> None:
        """Keep what does not."""
        if at_ms >= self.since_ms:
            self.findings.differ(what, at_ms, text, why)
