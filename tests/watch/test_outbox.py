"""The queue over virtual time: a sink that is down for a day loses nothing and floods nobody when it is back."""

from dataclasses import replace
from itertools import pairwise
from random import Random
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from shared.documents.alerts import AlertKind, AlertSeverity, SentState
from shared.ports import Rng
from watch.messages import AlertMessage
from watch.outbox import DAY_MS, LINES, MOST_S, MOST_WAITING, OLDEST_MS, Outbox
from watch.sinks.sink import text_of

T0 = 1_800_000_000_000
C, W = AlertSeverity.CRITICAL, AlertSeverity.WARNING


def message(number: int, at_ms: int = T0, kind: AlertKind = AlertKind.FIRED, severity: AlertSeverity = C,
            alert: int | None = None, not_before_ms: int = 0) -> AlertMessage:  # fmt: skip
    return AlertMessage(
        number=number, alert=number if alert is None else alert, name=f"a{number}", kind=kind, severity=severity,
        title=f"title {number}", text="text", todo="", subjects=("main",), rules=("r",), at_ms=at_ms, since_ms=at_ms,
        not_before_ms=not_before_ms,
    )  # fmt: skip


def box(*sinks: tuple[str, AlertSeverity], seed: int = 1) -> Outbox:
    return Outbox(sinks or (("slack", W),), cast(Rng, Random(seed)))


def test_a_day_without_the_sink_loses_nothing_and_comes_back_as_few_messages() -> None:
    outbox, numbers, tries = box(), 0, []
    for now_ms in range(T0, T0 + DAY_MS, 1_000):
        if (now_ms - T0) % 300_000 == 0:
            numbers += 1
            outbox.add([message(numbers, now_ms)], now_ms)
        due = outbox.due("slack", now_ms)
        if due:
            tries.append(now_ms)
            outbox.failed(due, now_ms, "503")
    assert numbers == 288 and len(tries) <= DAY_MS / (MOST_S * 500) + 20, "a server that is down is left alone"
    assert max(b - a for a, b in pairwise(tries)) <= MOST_S * 1000 + 300_000
    arrived, posts, now_ms = [], 0, T0 + DAY_MS + 200_000
    while due := outbox.due("slack", now_ms):
        posts += 1
        arrived += [entry.message.number for entry in due]
        head, body = text_of([entry.message for entry in due])
        assert len(due) <= LINES and all(f"title {entry.message.number}" in head + body for entry in due)
        assert len(head) + len(body) < 4_096, "Telegram takes no more"
        outbox.sent(due, now_ms, "200", None)
        now_ms += 1_000
    assert sorted(arrived) == list(range(1, numbers + 1)) and posts <= 9


def test_a_repeat_waits_for_what_it_repeats() -> None:
    outbox = box()
    outbox.add([message(1)], T0)
    assert outbox.add([message(2, T0 + 5, AlertKind.REPEATED, alert=1)], T0 + 5) == []
    outbox.sent(outbox.due("slack", T0 + 6), T0 + 6, "ok", None)
    assert [e.message.number for e in outbox.add([message(3, T0 + 7, AlertKind.REPEATED, alert=1)], T0 + 7)] == [3]


def test_each_sink_gets_what_is_severe_enough_for_it_and_a_test_always() -> None:
    outbox = box(("slack", W), ("telegram", C))
    outbox.add([message(1, severity=W), message(2, severity=C), message(3, kind=AlertKind.TEST, severity=W)], T0)
    assert [e.message.number for e in outbox.waiting("telegram")] == [2, 3]
    assert [e.message.number for e in outbox.waiting("slack")] == [1, 2, 3]


def test_what_waited_for_the_morning_comes_as_one_message() -> None:
    outbox, morning = box(), T0 + 8 * 3_600_000
    outbox.add([message(n, T0 + n, severity=W, not_before_ms=morning) for n in (1, 2, 3)], T0 + 9)
    assert outbox.due("slack", morning - 1) == []
    assert [e.message.number for e in outbox.due("slack", morning)] == [1, 2, 3]


def test_a_fresh_critical_one_is_sent_alone_and_at_once() -> None:
    outbox = box()
    outbox.add([message(1), message(2)], T0)
    assert [e.message.number for e in outbox.due("slack", T0)] == [1]
    outbox.sent(outbox.due("slack", T0), T0, "ok", "ts1")
    assert outbox.reference("slack", 1) == "ts1" and [e.message.number for e in outbox.due("slack", T0)] == [2]


def test_a_sink_says_when_it_wants_to_be_asked_again() -> None:
    outbox = box()
    outbox.add([message(1)], T0)
    outbox.failed(outbox.due("slack", T0), T0, "429", retry_after_s=30.0)
    assert outbox.due("slack", T0 + 29_999) == [] and len(outbox.due("slack", T0 + 30_000)) == 1
    outbox.failed(outbox.due("slack", T0 + 30_000), T0 + 30_000, "429", retry_after_s=1e9)
    assert len(outbox.due("slack", T0 + 30_000 + 3_600_000)) == 1, "no server puts us off for ever"


def test_a_clock_that_is_set_back_delays_nothing() -> None:
    outbox = box()
    outbox.add([message(1)], T0)
    outbox.failed(outbox.due("slack", T0), T0, "503", retry_after_s=600)
    assert outbox.due("slack", T0 + 1000) == []
    assert len(outbox.due("slack", T0 - 3_600_000)) == 1


def test_a_long_line_is_cut_and_still_says_what_it_is_about() -> None:
    long = [replace(message(n), title="x" * 500) for n in range(LINES)]
    head, body = text_of(long)
    assert len(head) + len(body) < 4_096 and body.count("CRITICAL: xxx") == LINES


def test_the_queue_has_an_end_and_repeats_go_first() -> None:
    outbox = box()
    outbox.add([message(n, kind=AlertKind.REPEATED) for n in range(1, 11)], T0)
    dropped = outbox.add([message(n) for n in range(11, MOST_WAITING + 16)], T0)
    gone = [e.message.number for e in dropped if e.state is SentState.DROPPED]
    assert gone == [*range(1, 11), 11, 12, 13, 14, 15] and len(outbox.waiting("slack")) == MOST_WAITING


def test_what_is_a_week_old_is_given_up_and_what_was_sent_is_forgotten_after_a_day() -> None:
    outbox = box()
    outbox.add([message(1), message(2)], T0)
    outbox.sent(outbox.due("slack", T0), T0, "ok", None)
    assert [e.message.number for e in outbox.forget(T0 + OLDEST_MS + 1)] == [2]
    assert outbox.waiting("slack") == [] and outbox.delivered_since("slack", 0) == 0


@given(st.lists(st.tuples(st.integers(0, 90_000), st.sampled_from(("add", "ok", "no", "again")))), st.integers(0, 99))
def test_whatever_a_sink_does_each_message_arrives_or_waits(steps: list[tuple[int, str]], seed: int) -> None:
    outbox, now_ms, number, arrived = box(seed=seed), T0, 0, list[int]()
    for pause_ms, what in steps:
        now_ms += pause_ms
        if what == "add":
            number += 1
            outbox.add([message(number, now_ms)], now_ms)
        elif what == "again":  # the process begins anew from what it kept
            outbox = Outbox([("slack", W)], cast(Rng, Random(seed)), list(outbox._entries.values()))
        elif due := outbox.due("slack", now_ms):
            if what == "ok":
                arrived += [entry.message.number for entry in due]
                outbox.sent(due, now_ms, "ok", None)
            else:
                outbox.failed(due, now_ms, "no")
    waiting = [entry.message.number for entry in outbox.waiting("slack")]
    assert sorted(arrived + waiting) == list(range(1, number + 1)), "none is lost, none comes twice"
