"""A report as a document: what a person is told of one period, as figures. What is not known is null, never zero.

Times are milliseconds since 1970; amounts are in the account's quote currency.
"""

from dataclasses import dataclass, field

from shared.documents.versioned import decode_versioned

REPORT_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class GateTime:
    """What one gate did to entries, by closed bars. `span_s`: bars of one moment on several products count once."""

    gate: str
    title: str
    bars: int
    buys: int  # of them, bars with a buy signal
    span_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ShutSpan:
    """A latch or a limit that shut entries for a while within the period."""

    what: str
    from_ms: int
    until_ms: int | None  # None = it still holds


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldAlert:
    """One alert that fired, or still did, within the period."""

    name: str
    severity: str
    title: str
    since_ms: int
    resolved_ms: int | None
    acknowledged: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BotReport:
    """One bot in the period. `now_ms`: of the figures that a period does not have."""

    bot: str
    mode: str | None = None
    currency: str = "USD"
    equity_start: float | None = None
    equity_end: float | None = None
    result: float | None = None  # of the account, money that moved left out
    result_pct: float | None = None  # of the equity at the start
    realised: float | None = None  # of lots closed, after all their fees
    open_change: float | None = None  # what open lots and other holdings gained or lost
    fees: float | None = None  # of every fill; they are in the result
    transfers: float | None = None  # in less out
    drawdown_pct: float | None = None  # the deepest, from the peak of the curve
    lots_opened: int | None = None
    lots_closed: int | None = None
    won: int | None = None
    lost: int | None = None
    gates: list[GateTime] | None = None  # the longest first; entries that were made are not among them
    entered_bars: int | None = None
    recorded_s: float | None = None  # for how long decisions are on record
    shut: list[ShutSpan] | None = None
    starts: int | None = None
    unclean: int | None = None  # starts after a run that did not end by itself
    now_ms: int | None = None
    equity_now: float | None = None
    lots_open: int | None = None
    open_pnl: float | None = None
    unknown: list[str] = field(default_factory=list)  # a sentence each


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDoc:
    """The whole report. `alerts` None = not known."""

    version: int = REPORT_VERSION
    kind: str
    key: str
    start_ms: int
    end_ms: int
    made_ms: int
    bots: list[BotReport]
    alerts: list[ToldAlert] | None = None
    unwatched_s: float | None = None  # of the period, in which nobody watched: what fired then is not known
    picture: str | None = None  # file name of a PNG beside it
    checklists: dict[str, str] = field(default_factory=dict)  # weekly, monthly → what is done and what is not


def decode_report(data: bytes) -> ReportDoc:
    """The document in `data`. Raises Unreadable; unknown fields are ignored."""
    return decode_versioned(data, ReportDoc, REPORT_VERSION, "a report")
