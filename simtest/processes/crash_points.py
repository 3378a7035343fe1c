"""The points at which a process is killed, each with its place and what brings the process there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Stimulus(StrEnum):
    """What the operator does so that a process reaches its point."""

    TRADE = "trade"  # entries and takes come of themselves; lots are closed by command
    START = "start"  # every start passes it
    DAY = "day"  # the ledger's day is put back to yesterday
    END = "end"  # SIGTERM
    KILL = "kill"  # the file KILL


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """`commit`: the table whose row the transaction writes, with how; `request`: "POST /orders" and so on."""

    name: str
    stimulus: Stimulus
    commit: str = ""  # "INSERT INTO orders", …
    at: str = ""  # of a commit: before, during, after; of a request: before, sent, answered, read
    request: str = ""
    booting: bool = False  # only before the boot is over


def _commit(name: str, stimulus: Stimulus, statement: str, at: str) -> CrashPoint:
    return CrashPoint(name, stimulus, commit=statement, at=at)


def _request(name: str, stimulus: Stimulus, request: str, at: str, *, booting: bool = False) -> CrashPoint:
    return CrashPoint(name, stimulus, request=request, at=at, booting=booting)


_INTENT, _ANSWER, _FILL = "INSERT INTO orders", "UPDATE orders", "INSERT INTO fills"
_POST, _CANCEL = "POST /orders", "POST /orders/batch_cancel"
_FILLS, _LIST, _BALANCES = "GET /orders/historical/fills", "GET /orders/historical/batch", "GET /accounts"
_POINTS = (
    _commit("intent: before its commit", Stimulus.TRADE, _INTENT, "before"),
    _commit("intent: during its commit", Stimulus.TRADE, _INTENT, "during"),
    _commit("intent: committed, nothing sent", Stimulus.TRADE, _INTENT, "after"),
    _request("order: bytes left, nothing awaited", Stimulus.TRADE, _POST, "sent"),
    _request("order: accepted, answer not read", Stimulus.TRADE, _POST, "answered"),
    _request("order: answer read, nobody told", Stimulus.TRADE, _POST, "read"),
    _commit("answer: before its commit", Stimulus.TRADE, _ANSWER, "before"),
    _commit("answer: committed, no fill yet", Stimulus.TRADE, _ANSWER, "after"),
    _request("fills: asked for", Stimulus.TRADE, _FILLS, "sent"),
    _commit("fill: before its commit", Stimulus.TRADE, _FILL, "before"),
    _commit("fill: during its commit", Stimulus.TRADE, _FILL, "during"),
    _commit("fill: committed", Stimulus.TRADE, _FILL, "after"),
    _request("cancel: taken, answer not read", Stimulus.TRADE, _CANCEL, "answered"),
    _request("boot: orders being listed", Stimulus.START, _LIST, "answered", booting=True),
    _request("boot: balances being read", Stimulus.START, _BALANCES, "answered", booting=True),
    _commit("day: before its commit", Stimulus.DAY, "INSERT INTO days", "before"),
    _commit("end: before the clean end's commit", Stimulus.END, "UPDATE boots", "before"),
    _commit("kill: latch committed, nothing cancelled", Stimulus.KILL, "INSERT INTO latches", "after"),
)
POINTS: Mapping[str, CrashPoint] = {point.name: point for point in _POINTS}
