"""The points at which a life is ended, each with where it lies and what brings the process there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Bring(StrEnum):
    """What the operator does so that a life comes to its point."""

    TRADE = "trade"  # entries and takes come of themselves; lots are closed by command
    START = "start"  # every start passes it
    DAY = "day"  # the ledger's day is put back to yesterday
    END = "end"  # SIGTERM
    KILL = "kill"  # the file KILL


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """`commit`: the table whose row the transaction writes, with how; `request`: "POST /orders" and so on."""

    name: str
    bring: Bring
    commit: str = ""  # "INSERT INTO orders", …
    at: str = ""  # of a commit: before, during, after; of a request: before, sent, answered, read
    request: str = ""
    booting: bool = False  # only before the boot is over


def _commit(name: str, bring: Bring, statement: str, at: str) -> CrashPoint:
    return CrashPoint(name, bring, commit=statement, at=at)


def _request(name: str, bring: Bring, request: str, at: str, *, booting: bool = False) -> CrashPoint:
    return CrashPoint(name, bring, request=request, at=at, booting=booting)


_INTENT, _ANSWER, _FILL = "INSERT INTO orders", "UPDATE orders", "INSERT INTO fills"
_POST, _CANCEL = "POST /orders", "POST /orders/batch_cancel"
_FILLS, _LIST, _BALANCES = "GET /orders/historical/fills", "GET /orders/historical/batch", "GET /accounts"
_POINTS = (
    _commit("intent: before its commit", Bring.TRADE, _INTENT, "before"),
    _commit("intent: during its commit", Bring.TRADE, _INTENT, "during"),
    _commit("intent: committed, nothing sent", Bring.TRADE, _INTENT, "after"),
    _request("order: bytes left, nothing awaited", Bring.TRADE, _POST, "sent"),
    _request("order: accepted, answer not read", Bring.TRADE, _POST, "answered"),
    _request("order: answer read, nobody told", Bring.TRADE, _POST, "read"),
    _commit("answer: before its commit", Bring.TRADE, _ANSWER, "before"),
    _commit("answer: committed, no fill yet", Bring.TRADE, _ANSWER, "after"),
    _request("fills: asked for", Bring.TRADE, _FILLS, "sent"),
    _commit("fill: before its commit", Bring.TRADE, _FILL, "before"),
    _commit("fill: during its commit", Bring.TRADE, _FILL, "during"),
    _commit("fill: committed", Bring.TRADE, _FILL, "after"),
    _request("cancel: taken, answer not read", Bring.TRADE, _CANCEL, "answered"),
    _request("boot: orders being listed", Bring.START, _LIST, "answered", booting=True),
    _request("boot: balances being read", Bring.START, _BALANCES, "answered", booting=True),
    _commit("day: before its commit", Bring.DAY, "INSERT INTO days", "before"),
    _commit("end: before the clean end's commit", Bring.END, "UPDATE boots", "before"),
    _commit("kill: latch committed, nothing cancelled", Bring.KILL, "INSERT INTO latches", "after"),
)
POINTS: Mapping[str, CrashPoint] = {point.name: point for point in _POINTS}
