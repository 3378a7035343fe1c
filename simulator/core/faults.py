"""Faults by name: when each strikes, and how often it did.

A fault is armed with a rate (per million of its occasions), with a list of occasions to hit, or with a window of
time, once or again and again; every strike is counted, so that a test can prove that it happened. Draws are seeded:
equal runs strike equally.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from simulator.core.draws import Draws


class Fault(StrEnum):
    """Every fault there is, with the occasion on which it may strike."""

    LATENCY = "latency"  # a REST answer: held back min_ms..max_ms (shape: uniform, or long_tail: mostly near min_ms)
    RATE_LIMIT = "rate_limit"  # a REST request: 429 (body: json, grpc, html; or unauthorized, a 401)
    SERVER_ERROR = "server_error"  # a REST request: 5xx before anything is done (status)
    SLOW_BODY = "slow_body"  # a REST answer: its body trickles over ms
    CUT_BODY = "cut_body"  # a REST answer: the connection dies in the middle of it
    CONNECTION_REFUSED = "connection_refused"  # a TCP connection: dropped at once
    RESPONSE_LOST = "response_lost"  # a request that was carried out: connection dies without an answer
    DUPLICATE_FILL = "duplicate_fill"  # a user update with a fill: sent twice
    DELAYED_FILL = "delayed_fill"  # a user update with a fill: held back ms
    QUEUE_DELAY = "queue_delay"  # a cancel or an edit that was accepted: stays queued for ms longer
    WS_CLOSE = "ws_close"  # a stream message: the connection is closed with code
    SILENT_DEATH = "silent_death"  # a stream message: nothing comes any more, the socket stays open
    DROP_MESSAGE = "drop_message"  # a stream message: lost, its number is used up
    DOUBLE_MESSAGE = "double_message"  # a stream message: sent twice
    REORDER_MESSAGE = "reorder_message"  # a stream message: sent after its successor
    SEQUENCE_GAP = "sequence_gap"  # a stream message: its number jumps
    CLOCK_SKEW = "clock_skew"  # state: the venue's clock is off by ms
    MAINTENANCE = "maintenance"  # state: every request gets 503, streams close, products are halted


class BadFault(ValueError):
    """A fault that cannot be armed; the text says why."""


@dataclass(slots=True)
class ArmedFault:
    """One armed fault."""

    fault: Fault
    rate_ppm: int = 0
    hits: frozenset[int] = frozenset()  # occasions that it strikes, counted from 1
    from_us: int | None = None  # strikes only in this window of time
    until_us: int | None = None
    every_us: int = 0  # the window comes back so often; 0 = it does not
    limit: int | None = None  # strikes at most so often
    match: str = ""  # only where the path or channel contains this text
    method: str = ""  # REST only: only requests of this method
    params: Mapping[str, Any] = field(default_factory=dict)
    occasions: int = 0
    strikes: int = 0

    def within(self, now_us: int) -> bool:
        """Whether the window is open."""
        if self.from_us is not None and now_us < self.from_us:
            return False
        if self.until_us is None:
            return True
        if self.every_us and self.from_us is not None:
            return (now_us - self.from_us) % self.every_us < self.until_us - self.from_us
        return now_us < self.until_us

    def number(self, name: str, default: float) -> float:
        return float(self.params.get(name, default))


_KNOWN = frozenset({"rate", "hits", "from_us", "until_us", "after_s", "for_s", "every_s", "limit", "match", "method"})
_LONGEST_S = 366 * 86_400
_PARAMS: Mapping[Fault, Mapping[str, tuple[float, float]]] = {
    Fault.LATENCY: {"min_ms": (0, 600_000), "max_ms": (0, 600_000)},
    Fault.SERVER_ERROR: {"status": (500, 599)},
    Fault.SLOW_BODY: {"ms": (0, 600_000)},
    Fault.DELAYED_FILL: {"ms": (0, 600_000)},
    Fault.QUEUE_DELAY: {"ms": (0, 600_000)},
    Fault.WS_CLOSE: {"code": (1000, 4999)},
    Fault.SEQUENCE_GAP: {"jump": (1, 1_000_000)},
    Fault.CLOCK_SKEW: {"ms": (-86_400_000, 86_400_000)},
}
_TEXTS = {"body": ("json", "grpc", "html", "unauthorized"), "shape": ("uniform", "long_tail")}


def parse_fault(name: str, raw: Mapping[str, Any], now_us: int = 0) -> ArmedFault:
    """An armed fault from its JSON; its schedule in seconds counts from `now_us`. Raises BadFault."""
    try:
        fault = Fault(name)
    except ValueError:
        raise BadFault(f"{name} is no fault; known: {', '.join(Fault)}") from None
    params = _parameters(fault, raw)
    rate = raw.get("rate", 0)
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
        raise BadFault(f"{name}: rate is a number from 0 to 1")
    hits = raw.get("hits", [])
    if not isinstance(hits, list) or not all(isinstance(hit, int) and hit > 0 for hit in hits):
        raise BadFault(f"{name}: hits is a list of occasions, counted from 1")
    from_us, until_us, every_us = _schedule(name, raw, now_us)
    return ArmedFault(
        fault, round(rate * 1_000_000), frozenset(hits), from_us, until_us, every_us, _whole(name, raw, "limit"),
        str(raw.get("match", "")), str(raw.get("method", "")).upper(), params,
    )  # fmt: skip


def _parameters(fault: Fault, raw: Mapping[str, Any]) -> dict[str, Any]:
    """What this fault alone takes. Raises BadFault."""
    params: dict[str, Any] = {}
    for key, value in raw.items():
        if key in _KNOWN:
            continue
        bounds = _PARAMS.get(fault, {}).get(key)
        if (bounds is not None and isinstance(value, int | float) and bounds[0] <= value <= bounds[1]) or (
            key in _TEXTS and value in _TEXTS[key]
        ):
            params[key] = value
        else:
            raise BadFault(f"{fault}: {key}={value!r} is not understood")
    return params


def _whole(name: str, raw: Mapping[str, Any], key: str) -> int | None:
    value = raw.get(key)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
        raise BadFault(f"{name}: {key} is a whole number")
    return value


def _schedule(name: str, raw: Mapping[str, Any], now_us: int) -> tuple[int | None, int | None, int]:
    """(from, until, every): absolute, or in seconds from now."""
    seconds: dict[str, int] = {}
    for key in ("after_s", "for_s", "every_s"):
        value = raw.get(key)
        if value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LONGEST_S:
            raise BadFault(f"{name}: {key} is a number of seconds")
        seconds[key] = round(value * 1_000_000)
    if not seconds:
        return _whole(name, raw, "from_us"), _whole(name, raw, "until_us"), 0
    if "from_us" in raw or "until_us" in raw:
        raise BadFault(f"{name}: from_us and until_us, or after_s and for_s")
    length, every_us = seconds.get("for_s"), seconds.get("every_s", 0)
    if every_us and (length is None or every_us <= length):
        raise BadFault(f"{name}: every_s is longer than for_s")
    from_us = now_us + seconds.get("after_s", 0)
    return from_us, None if length is None else from_us + length, every_us


class Faults:
    """All armed faults of one exchange."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._draws: dict[Fault, Draws] = {}
        self.armed: dict[Fault, ArmedFault] = {}
        self.strikes: dict[Fault, int] = dict.fromkeys(Fault, 0)

    def arm(self, armed: ArmedFault) -> None:
        """Arm or replace a fault; without rate, hits and window it is disarmed."""
        fault = armed.fault
        if not (armed.rate_ppm or armed.hits or armed.until_us):
            self.armed.pop(fault, None)
            return
        self.armed[fault] = armed
        self._draws[fault] = Draws(self._seed, fault)

    def clear(self) -> None:
        """Disarm everything; the counts stay."""
        self.armed.clear()

    def strike(self, fault: Fault, now_us: int, where: str = "", method: str = "") -> ArmedFault | None:
        """Ask on an occasion: the armed fault when it strikes."""
        armed = self.armed.get(fault)
        if armed is None:
            return None
        if (armed.match and armed.match not in where) or (armed.method and armed.method != method):
            return None
        if armed.limit is not None and armed.strikes >= armed.limit:
            return None
        if not armed.within(now_us):
            return None
        armed.occasions += 1
        by_time = armed.until_us is not None and not armed.rate_ppm and not armed.hits
        due = by_time or armed.occasions in armed.hits
        if not due and not (armed.rate_ppm and self._draws[fault].below(1_000_000) < armed.rate_ppm):
            return None
        armed.strikes += 1
        self.strikes[fault] += 1
        return armed

    def state(self, fault: Fault, now_us: int) -> ArmedFault | None:
        """Whether a fault that is a state (clock skew, maintenance) holds now; counted when first seen."""
        armed = self.armed.get(fault)
        if armed is None or not armed.within(now_us):
            return None
        if not armed.strikes:
            armed.strikes = 1
            self.strikes[fault] += 1
        return armed

    def counters(self) -> dict[str, int]:
        """Strikes of every fault since the start."""
        return {fault.value: count for fault, count in self.strikes.items()}

    def view(self) -> dict[str, Any]:
        """The armed faults with their counts."""
        return {
            fault.value: {
                "rate": armed.rate_ppm / 1_000_000, "hits": sorted(armed.hits), "from_us": armed.from_us,
                "until_us": armed.until_us, "every_us": armed.every_us, "limit": armed.limit, "match": armed.match,
                "method": armed.method, **armed.params, "occasions": armed.occasions, "strikes": armed.strikes,
            }
            for fault, armed in self.armed.items()
        }  # fmt: skip
