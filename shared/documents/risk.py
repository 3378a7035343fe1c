"""Limits, the daily audit, and why no entry is made now."""

from dataclasses import dataclass, field
from enum import StrEnum


class GateVerdict(StrEnum):
    """OPEN lets an entry pass; SHUT is a choice doing its job; FAULT is broken (and shuts, too)."""

    OPEN = "open"
    SHUT = "shut"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitDoc:
    """One risk limit with its current value."""

    name: str
    title: str  # for a person
    value: float | None
    limit: float | None
    unit: str
    state: str  # ok, warn, tripped, off; unknown: not measured yet, and entries pass
    tripped_at: str | None = None
    note: str | None = None
    at_least: bool = False  # the value must reach the limit, not stay below it


@dataclass(frozen=True, slots=True, kw_only=True)
class AdjustedDoc:
    """A setting whose default contradicts the account's fee tier: another value is in force."""

    key: str
    value: str  # in force
    why: str  # one sentence for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class KellyDoc:
    """What SIZING=kelly makes of the bot's own closed lots; older ones count less, so `trades` need not be whole."""

    trades: float
    trades_needed: int
    win_rate: float | None  # 0..1; None = no lot was closed yet
    average_win_pct: float | None  # of the lot's cost; None = no such lot
    average_loss_pct: float | None
    full: float | None  # Kelly's fraction of equity, 0..1; None = too few trades
    fraction: float | None  # with KELLY_CONFIDENCE and KELLY_CAP_PCT
    bound: str  # none, cap, no edge, too few trades
    sentence: str  # for a person


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskDoc:
    version: int = 1
    entries_blocked: str | None  # the reason in words; null = not blocked by risk
    limits: list[LimitDoc]
    adjusted: list[AdjustedDoc] = field(default_factory=list)
    kelly: KellyDoc | None = None  # with SIZING=kelly
    trips_since: str | None = None  # from when on trips are remembered; of what was before nothing is said


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDoc:
    """The last comparison of all orders, all fills and the balances with the exchange; null = there was none yet."""

    at: str
    at_ms: int
    ok: bool
    text: str  # what was compared, or what differs, for a person
    orders: int
    fills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDoc:
    name: str  # control, feed, signal, …
    title: str  # for a person
    verdict: GateVerdict
    value: str | None = None  # what it is now, as text with its unit
    limit: str | None = None  # what it needs
    opens: str | None = None  # what opens it: "at 111,905.06, 1.81 % lower"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductGatesDoc:
    product_id: str
    sentence: str  # "Buys, but the price is not low enough: needs 111,905.06, 1.81 % lower"
    shut: int
    gates: list[GateDoc]
    decided_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GatesDoc:
    version: int = 1
    products: list[ProductGatesDoc]
