"""Alerts as states: every message is a change, at most ten an hour for a cause, and in the end the truth is told."""

from collections.abc import Iterable
from datetime import UTC
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from shared.documents.alerts import AlertKind, AlertPhase, AlertSeverity
from shared.times import epoch_ms, parse_time
from watch.alert_book import HOUR_MS, REPEAT_MS, Alert, AlertBook, HeldFinding
from watch.messages import AlertMessage
from watch.quiet_hours import QuietHours, quiet_hours

C, W = AlertSeverity.CRITICAL, AlertSeverity.WARNING
T0 = 1_800_000_000_000
FIRED, RESOLVED, REPEATED = AlertKind.FIRED, AlertKind.RESOLVED, AlertKind.REPEATED


def finding(
    cause: str = "exchange.sim", severity: AlertSeverity = C, rule: str = "r", subject: str = "main"
) -> HeldFinding:
    return HeldFinding(rule, subject, cause, severity, f"{subject} {rule}", "text", "todo")


def good(*findings: HeldFinding) -> set[tuple[str, str]]:
    return {(f.rule, f.subject) for f in findings}


class Run:
    """A book and what it told."""

    def __init__(self, quiet: QuietHours | None = None) -> None:
        self.book = AlertBook(quiet=quiet)
        self.now_ms = T0
        self.told: list[AlertMessage] = []
        self.told_at_ms: list[int] = []  # when each was made

    def at(self, ms: int, found: Iterable[HeldFinding] = (), well: Iterable[HeldFinding] = ()) -> list[AlertKind]:
        self.now_ms = T0 + ms
        messages = self.book.step(found, good(*well), self.now_ms).messages
        self.told += messages
        self.told_at_ms += [self.now_ms] * len(messages)
        return [message.kind for message in messages]


def test_one_message_a_change_from_first_to_last() -> None:
    run, bad = Run(), finding()
    assert run.at(0, [bad]) == [FIRED]
    assert run.at(250, [bad]) == [], "the same once more says nothing"
    assert run.book.acknowledge("exchange.sim", "jana", "I look", run.now_ms) is not None
    assert run.at(500, [bad]) == [AlertKind.ACKNOWLEDGED]
    assert run.told[-1].by == "jana" and "jana" in run.told[-1].head and run.told[-1].body == "I look"
    assert run.at(60_000, well=[bad]) == [], "clear for long enough comes first"
    assert run.at(63_000, well=[bad]) == [RESOLVED]
    assert run.told[-1].at_ms == T0 + 60_000, "it was over when it began to be clear"
    assert "after 1 min 0 s" in run.told[-1].head
    assert run.at(64_000, well=[bad]) == [] and run.book.active == []


DAY_MS = 24 * HOUR_MS


def test_a_clock_that_is_set_back_keeps_no_alert_open() -> None:
    run, bad = Run(), finding()
    assert run.at(DAY_MS, [bad]) == [FIRED]
    assert run.at(DAY_MS + 1_000, well=[bad]) == [], "it began to be clear by a clock that was a day ahead"
    assert run.at(2_000, well=[bad]) == []
    assert run.at(5_000, well=[bad]) == [RESOLVED]
    assert run.book.active == []


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    run, bad = Run(), finding()
    assert run.at(DAY_MS, [bad]) == [FIRED]
    assert run.at(1_000, [bad]) == []
    assert run.at(1_000 + REPEAT_MS[0], [bad]) == [REPEATED], "as long after the jump as after any message"


def test_forty_bots_of_one_exchange_are_one_alert() -> None:
    run = Run()
    assert run.at(0, [finding(subject=f"bot{i}") for i in range(40)]) == [FIRED]
    assert "and 39 more" in run.told[0].title and len(run.told[0].subjects) == 40
    assert run.at(250, [finding(subject=f"bot{i}", rule=r) for i in range(40) for r in "rs"]) == []
    few = [finding(subject="bot7")]
    assert run.at(500, few, well=[finding(subject=f"bot{i}", rule=r) for i in range(40) for r in "rs" if i != 7]) == []
    assert run.book.active[0].subjects[0] == "bot7"


def test_a_warning_that_becomes_critical_is_told_and_asks_again_for_somebody() -> None:
    run, low, high = Run(), finding("host.disk", W, "disk"), finding("host.disk", C, "disk_full")
    run.at(0, [low])
    run.book.acknowledge("host.disk", "jana", "", run.now_ms)
    run.at(250, [low])
    assert run.at(500, [low, high]) == [AlertKind.ESCALATED]
    assert run.book.active[0].phase is AlertPhase.FIRING and run.book.active[0].acknowledged_by is None
    assert run.at(750, [low], well=[high]) == [] and run.book.active[0].severity is C, "it does not sink"


def test_what_is_not_known_resolves_nothing() -> None:
    """A bot with a lost order dies: the order is not settled by that."""
    run, lost = Run(), finding("orders.main", C, "order_lost")
    run.at(0, [lost])
    for ms in range(1_000, 600_000, 5_000):
        assert RESOLVED not in run.at(ms)
    assert run.at(600_000, well=[lost]) == [] and run.at(603_100, well=[lost]) == [RESOLVED]


def test_what_was_not_seen_for_a_day_is_over() -> None:
    run, gone = Run(), finding("process.alice", C, "bot_dead", "alice")
    run.at(0, [gone])
    kinds = [kind for hour in range(1, 26) for ms in (0, 4_000) for kind in run.at(hour * HOUR_MS + ms)]
    assert kinds.count(RESOLVED) == 1 and kinds[-1] is RESOLVED


def test_repeats_come_with_growing_pauses_and_stop_for_a_day_when_somebody_knows() -> None:
    run, bad = Run(), finding()
    at = [ms for ms in range(0, 12 * HOUR_MS, 10_000) if run.at(ms, [bad]) == ([REPEATED] if ms else [FIRED])]
    pauses = [b - a for a, b in pairwise(at)]
    assert pauses[: len(REPEAT_MS)] == list(REPEAT_MS) and set(pauses[len(REPEAT_MS) :]) == {REPEAT_MS[-1]}
    run.book.acknowledge("exchange.sim", "jana", "", run.now_ms)
    later = [run.at(12 * HOUR_MS + ms, [bad]) for ms in range(0, 24 * HOUR_MS, 60_000)]
    assert [kind for kinds in later for kind in kinds] == [AlertKind.ACKNOWLEDGED]


def test_what_flaps_is_one_alert_that_stays() -> None:
    run, bad = Run(), finding()
    for ms in range(0, 2 * HOUR_MS, 250):
        well = ms // 10_000 % 2
        run.at(ms, [] if well else [bad], [bad] if well else [])
    kinds = [message.kind for message in run.told]
    assert kinds.count(FIRED) <= 4 and kinds.count(RESOLVED) <= 3, kinds
    assert len({message.alert for message in run.told}) == 1
    assert "again" in [m for m in run.told if m.kind is FIRED][-1].head


def test_a_cause_that_is_over_and_back_again_and_again_is_told_ten_times_an_hour_at_most() -> None:
    """Bad for a moment, then well until it counts as over, then bad again: each is a change, and would be a message."""
    run, bad = Run(), finding()
    for ms in range(0, 4 * HOUR_MS, 1_000):
        over = not run.book.active
        run.at(ms, [bad] if over else [], [] if over else [bad])
    told_ms = run.told_at_ms
    busiest = max(sum(at <= other < at + HOUR_MS for other in told_ms) for at in told_ms)
    assert busiest == 10, "the limit binds, and holds"
    assert len({message.alert for message in run.told}) == 1, "it is one alert all the while"
    run.at(4 * HOUR_MS, [bad])
    for ms in range(4 * HOUR_MS + 1_000, 6 * HOUR_MS, 10_000):
        run.at(ms, well=[bad])
    assert run.told[-1].kind is RESOLVED and run.book.active == [], "what was held back is told in the end"


def test_the_limit_is_the_causes_also_over_a_new_alert() -> None:
    run, bad, ms = Run(), finding(), 0
    while len(run.told) < 10:
        over = not run.book.active
        run.at(ms, [bad] if over else [], [] if over else [bad])
        ms += 1_000
    assert ms < 600_000 and run.told[-1].kind is RESOLVED
    later = ms + 20 * 60_000
    assert run.at(later, [bad]) == [] and run.book.active[0].number == 2, "another alert, and the hour is not over"
    assert run.at(HOUR_MS + 1_000, [bad]) == [FIRED], "told as soon as the hour allows it"


def test_warnings_wait_for_the_end_of_the_quiet_hours_and_critical_ones_do_not() -> None:
    night = quiet_hours("22:00-07:00 Europe/Berlin")
    run = Run(night)
    run.now_ms = T0
    at = epoch_ms(parse_time("2026-11-30T23:30:00Z")) - T0  # half past midnight in Berlin
    run.at(at, [finding("host.disk", W), finding("process.main", C)])
    held = {message.severity: message.not_before_ms for message in run.told}
    assert held == {W: epoch_ms(parse_time("2026-12-01T06:00:00Z")), C: 0}


def test_a_night_in_which_the_clock_changes_ends_by_the_clock_on_the_wall() -> None:
    night = QuietHours(22 * 60, 7 * 60, ZoneInfo("Europe/Berlin"))
    spring = epoch_ms(parse_time("2026-03-28T22:30:00Z"))
    assert night.until_ms(spring) == epoch_ms(parse_time("2026-03-29T05:00:00Z"))
    autumn = epoch_ms(parse_time("2026-10-24T22:30:00Z"))
    assert night.until_ms(autumn) == epoch_ms(parse_time("2026-10-25T06:00:00Z"))


@given(st.integers(0, 1439), st.integers(0, 1439), st.integers(T0, T0 + 3 * 86_400_000))
def test_quiet_hours_end_at_their_end_and_are_over_then(start: int, end: int, now_ms: int) -> None:
    if start == end:
        return
    hours = QuietHours(start, end, UTC)
    until = hours.until_ms(now_ms)
    minute = now_ms // 60_000 % 1440
    inside = start <= minute < end if start < end else minute >= start or minute < end
    assert (until is not None) == inside
    if until is not None:
        assert now_ms < until <= now_ms + 86_400_000 and until // 60_000 % 1440 == end
        assert hours.until_ms(until) is None


# ---- properties over any history ----

CAUSES = ("a", "b")
RULES = (("r1", C), ("r2", W))
STEP = st.tuples(
    st.integers(100, 400_000),  # milliseconds since the step before
    st.dictionaries(st.tuples(st.sampled_from(CAUSES), st.sampled_from(RULES)), st.sampled_from(("bad", "good", "?"))),
    st.sampled_from((None, None, None, *CAUSES)),  # acknowledged in this step
)


Marks = dict[tuple[str, tuple[str, AlertSeverity]], str]


def played(steps: list[tuple[int, Marks, str | None]], book: AlertBook) -> list[AlertMessage]:
    now_ms, told = T0, []
    for pause_ms, marks, known in steps:
        now_ms += pause_ms
        found = [finding(c, s, f"{c}{r}") for (c, (r, s)), mark in marks.items() if mark == "bad"]
        well = [finding(c, s, f"{c}{r}") for (c, (r, s)), mark in marks.items() if mark == "good"]
        if known is not None:
            book.acknowledge(known, "jana", "", now_ms)
        told += book.step(found, good(*well), now_ms).messages
        assert book.step(found, good(*well), now_ms).messages == [], "the same moment twice tells nothing twice"
    return told


@given(st.lists(STEP, max_size=60))
def test_the_order_of_messages_and_their_number_hold_for_any_history(steps: list) -> None:  # type: ignore[type-arg]
    told = played(steps, AlertBook())
    assert [message.number for message in told] == sorted({message.number for message in told})
    for cause in CAUSES:
        mine = [message for message in told if message.name == cause]
        made_ms = sorted(message.at_ms for message in mine if message.kind is not RESOLVED)
        assert all(b - a > HOUR_MS for a, b in zip(made_ms, made_ms[10:], strict=False))
        for before, after in pairwise(mine):
            if before.kind is RESOLVED:
                assert after.kind is FIRED, "after the end comes a beginning"
            if after.kind is FIRED:
                assert before.kind is RESOLVED, "what was not over does not begin"
        if mine:
            assert mine[0].kind is FIRED


@given(st.lists(STEP, max_size=40))
def test_in_the_end_whoever_was_told_of_it_is_told_that_it_is_over(steps: list) -> None:  # type: ignore[type-arg]
    book = AlertBook()
    told = played(steps, book)
    everything = [finding(c, s, f"{c}{r}") for c in CAUSES for r, s in RULES]
    now_ms = T0 + sum(step[0] for step in steps)
    for minute in range(130):
        told += book.step([], good(*everything), now_ms + minute * 60_000).messages
    assert book.active == []
    for cause in CAUSES:
        mine = [message.kind for message in told if message.name == cause]
        assert not mine or mine[-1] is RESOLVED


@given(st.lists(STEP, max_size=30), st.integers(0, 30))
def test_a_restart_at_any_moment_changes_nothing_of_what_is_told(steps: list, cut: int) -> None:  # type: ignore[type-arg]
    whole = played(steps, AlertBook())
    first = AlertBook()
    told, now_ms = played(steps[:cut], first), T0 + sum(step[0] for step in steps[:cut])
    kept = msgspec.json.encode([*first.active, *first.resolved])
    again = AlertBook(msgspec.json.decode(kept, type=list[Alert]), next_message=len(told) + 1)
    rest = [(pause + (now_ms - T0 if place == 0 else 0), *more) for place, (pause, *more) in enumerate(steps[cut:])]
    assert told + played(rest, again) == whole  # type: ignore[arg-type]
