"""The state that a person asked for, a kill, and the receipts of commands."""

from dataclasses import dataclass
from enum import StrEnum


class ReceiptState(StrEnum):
    SEEN = "seen"
    DONE = "done"
    FAILED = "failed"
    EXPIRED = "expired"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlDoc:
    ok: bool
    error: str | None
    level: str | None  # run, pause, stop, kill: the desired state as the bot knows it
    seen_at: str | None
    seq: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KillDoc:
    """The latch. Null in the state = not killed."""

    latch_id: str
    at: str
    at_ms: int
    source: str  # command, kill_switch, KILL file, risk
    gate_shut_ms: float  # from first seen to gate shut
    flat: bool | None = None  # after a flatten: does the exchange show it flat?
    orders_found: int | None = None
    orders_cancelled: int | None = None
    verified: int = 0  # how many times in a row the exchange showed none left
    cleared_ms: float | None = None  # from latch to the second such look; null = not yet
    note: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptDoc:
    id: str
    cmd: str
    state: ReceiptState
    by: str
    sent_ms: int | None  # the sender's clock; null for a change by hand
    seen_ms: int
    done_ms: int | None = None
    reason: str | None = None
    result: dict[str, str] | None = None
