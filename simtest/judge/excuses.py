"""When the bot may leave something undone, or do it late: faults that hide prices, answers or the clock, and commands.

Each excuse is a set of time. It begins with the fault and ends so long after it as the bot may need to recover from it;
what is not excused is judged.
"""

from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise

from simtest.judge.case import Case, Row
from simtest.reference.spans import TimeSpans

Span = tuple[int, int]
S = 1_000_000
BEFORE_US = 5 * S  # an answer that a fault made late was asked for before it
# Fault → seconds after its last strike. A fault that is not named here changes nothing that is judged.
READ_S = 35.0  # an answer is asked for again at the latest by the sync that comes each half minute
RECONNECT_S = 30.0  # silence is noticed after 5 s, and back-off waits for up to 15 s
UNKNOWN_S = 130.0  # an order without an answer is looked up, and absent only after 3 scans over a minute
LEDGER_S = 35.0  # what could not be written is written first
ANSWERS = {
    "late": READ_S, "lost_after": READ_S, "lost_before": READ_S, "refused": READ_S, "ghost": READ_S,
    "status_before": READ_S, "status_after": READ_S, "odd_status": READ_S, "lookups_fail": READ_S, "throttle": 60.0,
    "unauthorized": READ_S, "forbidden": READ_S, "mangle": READ_S,
    "list_lag": READ_S, "fill_lag": READ_S, "status_lag": READ_S,
    "page_lost": READ_S, "ws_hide": READ_S, "ws_late": READ_S + 30.0,
    "ledger_full": LEDGER_S, "disk_full": LEDGER_S, "crash_at_commit": READ_S, "crash_at_send": UNKNOWN_S,
}  # fmt: skip
STREAMS = dict.fromkeys(("ws_refuse", "ws_cut", "ws_silent", "ws_gap", "ws_garbage"), RECONNECT_S)
PRICES = {"ws_price": RECONNECT_S, "ws_mute_product": RECONNECT_S}
BALANCES = {"stale_balances": READ_S + 30.0}
# Act → seconds after it, or after its own end where it has one.
ACTS = {
    "suspend": READ_S, "suspend_long": READ_S, "clock_jump": 90.0, "lock_gone": 120.0, "control_garbage": 40.0,
    "state_garbage": 5.0, "broken_kill": 60.0, "drill": 60.0, "repeat_command": 5.0, "kill": 30.0, "kill_file": 30.0,
    "reset_kill": 30.0, "stop": 30.0, "pause": 5.0, "start": 5.0, "flatten": 100.0, "stray_orders": 60.0,
    "ledger_removed": 600.0, "fees": 5.0,
}  # fmt: skip
# A take that a person cancelled stays away for ten minutes.
EXIT_ACTS = {"close_lot": 100.0, "sell_part": 100.0, "cancel": 610.0}
ENTRY_ACTS = {"shock": 130.0, "transfer": 90.0}
UP = ("running", "paused", "stopping", "stopped", "killed")
MACHINE_ACTS = ("suspend", "suspend_long", "clock_jump", "lock_gone", "ledger_removed")
COMMANDS = frozenset({"start", "pause", "stop", "kill", "kill_file", "flatten", "rest"})
READY_S = 20.0  # after a start: the streams come up, and what was left in flight is looked up
PERMIT_S = 5.0  # the permission is read each second
RULES_S = 60.0  # the products' rules are read every 45 s


class Excuses:
    """Of one case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._end_us = int(case.truth["end_us"])

    @cached_property
    def exits(self) -> TimeSpans:
        """No exit may be expected."""
        acts = [span for kind, after_s in EXIT_ACTS.items() for span in self._timed(kind, after_s)]
        return self._common | TimeSpans(acts) | self._without(("running", "paused"))

    @cached_property
    def entries(self) -> TimeSpans:
        """No entry may be expected, whatever the market says."""
        spans = [(int(act["us"]), self._end_us) for act in self._case.truth["acts"] if act["kind"] == "manual_trade"]
        spans += [span for kind, after_s in ENTRY_ACTS.items() for span in self._timed(kind, after_s)]
        spans += [span for kind, after_s in BALANCES.items() for span in self._hits(kind, after_s)]
        spans += self._blocked()
        spans += self._without_permission()
        return self._common | TimeSpans(spans) | self._without(("running",))

    @cached_property
    def news(self) -> TimeSpans:
        """What happened at the exchange may have reached the bot late."""
        kinds = {**ANSWERS, **STREAMS}
        hits = [span for kind, after_s in kinds.items() for span in self._hits(kind, after_s)]
        # With a clock that is days off no token is valid, so nothing is heard until it is right.
        deaf = [span for kind in ("suspend", "suspend_long", "clock_jump") for span in self._timed(kind, ACTS[kind])]
        return TimeSpans(hits + deaf) | self._without(UP)

    @cached_property
    def machine(self) -> TimeSpans:
        """The process, its clock, its ledger or its answers may not have been in order; commands excuse nothing."""
        kinds = {**ANSWERS, **STREAMS}
        spans = [span for kind, after_s in kinds.items() for span in self._hits(kind, after_s)]
        spans += [span for kind in MACHINE_ACTS for span in self._timed(kind, ACTS[kind])]
        return TimeSpans(spans) | self._without(UP)

    def product(self, product_id: str) -> TimeSpans:
        """The exchange did not trade the product as ever, its rules changed, or an order of it has no answer."""
        case, spans, shut_us = self._case, list[Span](), None
        for us, name, gate in case.truth["venue"]["gates"]:
            if name != product_id:
                continue
            if gate != "online" and shut_us is None:
                shut_us = int(us)
            elif gate == "online" and shut_us is not None:
                spans.append((shut_us, int(us + RULES_S * S)))
                shut_us = None
        if shut_us is not None:
            spans.append((shut_us, self._end_us))
        if (regrid := self.regrid(product_id)) is not None:
            spans.append(regrid)
        for row in case.tables["orders"]:
            if row["product_id"] == product_id and row["state"] in ("absent", "lost", "unknown"):
                spans += self._unanswered(row)
        return TimeSpans(spans)

    def regrid(self, product_id: str) -> Span | None:
        """When the product's increments or least sizes were not what they were at first; None = never."""
        acts = self._case.truth["acts"]
        begins = [int(act["us"]) for act in acts if act["kind"] == "regrid" and act["product_id"] == product_id]
        calm = [int(act["us"]) for act in acts if act["kind"] == "calm"]
        end_us = int(calm[0] + RULES_S * S) if calm else self._end_us
        return (begins[0], end_us) if begins else None

    def _unanswered(self, row: Row) -> list[Span]:
        """A process that finds the order without an answer looks it up anew, and so does one that slept meanwhile or
        got no answer to its lookups, until it is settled."""
        at_us, settled_us = self._case.us_of_ms(row["created_ms"]), self._case.us_of_ms(row["updated_ms"])
        starts = [int(life["from_us"]) for life in self._case.truth["lives"] if life["from_us"] > at_us]
        more = [last for kind in ("suspend", "suspend_long") for _, last, _ in self._case.spans.get(kind, ())]
        for kind in ANSWERS:
            more += [last for _, last, where in self._case.spans.get(kind, ()) if where.startswith("GET /orders")]
        looked = [at_us, *starts[:1], *(us for us in (*starts[1:], *more) if at_us < us < settled_us)]
        return [(us, us + round(UNKNOWN_S * S)) for us in looked]

    @cached_property
    def _common(self) -> TimeSpans:
        kinds = {**ANSWERS, **STREAMS, **PRICES}
        spans = [span for kind, after_s in kinds.items() for span in self._hits(kind, after_s)]
        spans += [span for kind, after_s in ACTS.items() for span in self._timed(kind, after_s)]
        spans += [(int(act["us"]), self._end_us) for act in self._case.truth["acts"] if act["kind"] == "rest"]
        return TimeSpans(spans)

    def _hits(self, kind: str, after_s: float) -> Iterator[Span]:
        for first, last, where in self._case.spans.get(kind, ()):
            more_s = max(after_s, UNKNOWN_S) if where == "POST /orders" else after_s
            yield first - BEFORE_US, last + round(more_s * S)

    def _timed(self, kind: str, after_s: float) -> list[Span]:
        return [(first - S, last + round(after_s * S)) for first, last, _ in self._case.spans.get(kind, ())]

    def _blocked(self) -> Iterator[Span]:
        """The bot said that entries are latched: whether rightly, others judge."""
        states = self._case.states
        ends = [*(int(state["us"]) for state in states[1:]), self._end_us]
        for number, (state, end_us) in enumerate(zip(states, ends, strict=True)):
            if state["blocked"] or state["second_writer"]:
                begin_us = int(states[number - 1]["us"]) if number else 0
                yield begin_us, end_us + 5 * S

    def _without_permission(self) -> Iterator[Span]:
        """Live: when no person had allowed entries, and the moment until the bot knew that one had."""
        if not self._case.truth["plan"]["live"]:
            return
        off_us: int | None = 0
        for change in self._case.truth["permits"]:
            if change["on"] and off_us is not None:
                yield off_us, int(change["us"] + PERMIT_S * S)
            off_us = None if change["on"] else int(change["us"]) if off_us is None else off_us
        if off_us is not None:
            yield off_us, self._end_us

    def _without(self, good: tuple[str, ...]) -> TimeSpans:
        """When the bot did not say one of these words, twice in a row, in one life; and the time after that.

        It says so at once where a command changes it, so until the command the word before held.
        """
        spans = list[Span]()
        states = self._case.states
        commands = [int(act["us"]) for act in self._case.truth["acts"] if act["kind"] in COMMANDS]
        for before, after in pairwise(states):
            same = before["life"] == after["life"] and before["status"] in good and after["status"] in good
            if not same or not before["ledger_ok"] or not after["ledger_ok"]:
                begin_us = int(before["us"])
                if before["life"] == after["life"] and before["status"] in good:
                    begin_us = min((us for us in commands if begin_us < us <= after["us"]), default=begin_us)
                spans.append((begin_us, int(after["us"]) + round(READY_S * S)))
        if states:
            spans.append((0, int(states[0]["us"])))
            spans.append((int(states[-1]["us"]), self._end_us))
        else:
            spans.append((0, self._end_us))
        for life in self._case.truth["lives"]:
            if life["to_us"] is not None:
                spans.append((int(life["to_us"]) - S, int(life["to_us"]) + round(READY_S * S)))
        return TimeSpans(spans)
