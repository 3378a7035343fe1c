"""What is kept of an alert's life: each step once, over restarts as well, and how much of a day was watched."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from dashboard import alert_history
from shared.alert_requests import AlertAsk
from shared.documents.alert_life import WATCHED_FACT, AlertStep, KeptAlert
from shared.documents.alerts import AlertKind, AlertPhase, AlertSeverity, SentState
from tests.watch.test_process import Turned
from watch.alert_book import Alert
from watch.alert_changes import VALUE_EVERY_MS, AlertChanges
from watch.watched_days import WatchedDays

W, C = AlertSeverity.WARNING, AlertSeverity.CRITICAL
MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
def turned(tmp_path: Path) -> Iterator[Turned]:
    made = Turned(tmp_path / "data")
    yield made
    made.receiver.close()


def alert(**more: object) -> Alert:
    given: dict[str, object] = {
        "number": 3, "cause": "disk", "severity": W, "phase": AlertPhase.FIRING, "title": "The disk is 86 % full",
        "text": "9 GB are left.", "todo": "", "sources": (("disk_full", "machine"),), "since_ms": 1_000,
        "seen_ms": 1_000,
    }  # fmt: skip
    return Alert(**(given | more))  # type: ignore[arg-type]


def steps(changes: AlertChanges, one: Alert, now_ms: int) -> list[AlertStep]:
    return [change.step for change in changes.steps([one], now_ms)]


def test_each_step_is_kept_once_and_rounds_that_change_nothing_keep_nothing() -> None:
    changes = AlertChanges()
    assert steps(changes, alert(), 1_000) == [AlertStep.BEGAN]
    assert steps(changes, alert(seen_ms=1_250), 1_250) == []
    assert steps(changes, alert(severity=C), 2_000) == [AlertStep.WORSE]
    known = alert(
        severity=C, phase=AlertPhase.ACKNOWLEDGED, acknowledged_by="jana", acknowledged_ms=3_000, note="I look"
    )
    (change,) = changes.steps([known], 3_250)
    assert (change.step, change.by, change.note, change.at_ms) == (AlertStep.ACKNOWLEDGED, "jana", "I look", 3_000)
    assert steps(changes, replace(known, seen_ms=3_500), 3_500) == []
    over = replace(known, phase=AlertPhase.RESOLVED, resolved_ms=9_000)
    (end,) = changes.steps([over], 12_000)
    assert (end.step, end.at_ms) == (AlertStep.RESOLVED, 9_000)
    assert steps(changes, over, 12_250) == []
    again = alert(severity=C, since_ms=20_000, came_back=1)
    assert steps(changes, again, 20_000) == [AlertStep.AGAIN]
    assert steps(changes, replace(again, phase=AlertPhase.ACKNOWLEDGED, acknowledged_by="jana"), 21_000) == [
        AlertStep.ACKNOWLEDGED
    ], "who knew of it before knew of another time"


def test_figures_are_kept_now_and_then_and_rarer_the_older_it_is() -> None:
    changes = AlertChanges()
    changes.steps([alert()], 1_000)
    kept = sum(len(changes.steps([alert(text=f"{second} s")], 1_000 + second * 1000)) for second in range(1, 24 * 3600))
    assert 60 < kept < 200
    soon = AlertChanges()
    soon.steps([alert()], 1_000)
    assert steps(soon, alert(text="other"), 1_000 + VALUE_EVERY_MS - 1) == []
    assert steps(soon, alert(text="other"), 1_000 + VALUE_EVERY_MS) == [AlertStep.VALUE]


def test_another_subject_of_the_same_cause_is_a_step() -> None:
    changes = AlertChanges()
    changes.steps([alert()], 1_000)
    more = alert(sources=(("disk_full", "machine"), ("disk_full", "attic")))
    (change,) = changes.steps([more], 1_250)
    assert change.step is AlertStep.SPREAD and change.subjects == ("machine", "attic")


def test_the_life_of_a_kill_as_a_reader_finds_it_after_a_restart(turned: Turned) -> None:
    turned.paths.kill.touch()
    turned.turn_until(lambda: turned.kinds() == ["fired"], "told")
    turned.ask(AlertAsk.ACKNOWLEDGE, name="kill.main", note="I look")
    turned.turn_until(lambda: turned.kinds()[1:] == ["acknowledged"], "acknowledged")
    # A message that was under way at the end is sent again, under its number.
    turned.turn_until(lambda: all(not sink.waiting for sink in turned.document().sinks), "kept as sent")
    turned.watch.close(turned.now_ms)
    turned.begin()
    turned.turn(3)
    turned.paths.kill.unlink()
    turned.turn_until(lambda: turned.kinds()[2:] == ["resolved"], "over")
    turned.turn(2)
    file = turned.paths.watch / "alerts.db"
    (number,) = [one.number for one in turned.document().resolved]
    found = alert_history.life(file, number)
    assert found is not None and found.alert.cause == "kill.main" and found.alert.rules
    assert [one.step for one in found.changes if one.step is not AlertStep.VALUE] == [
        AlertStep.BEGAN, AlertStep.ACKNOWLEDGED, AlertStep.RESOLVED,
    ]  # fmt: skip
    assert [(one.message.kind, one.state, one.answer) for one in found.sent] == [
        (kind, SentState.SENT, "200 ok") for kind in (AlertKind.RESOLVED, AlertKind.ACKNOWLEDGED, AlertKind.FIRED)
    ]
    assert alert_history.life(file, 4711) is None
    month = alert_history.month(file, turned.now_ms)
    assert month is not None
    (episode,) = month.episodes
    assert episode.cause == "kill.main" and episode.end_ms == found.alert.resolved_ms and len(month.told_s) == 1


def test_every_field_that_a_reader_decodes_is_one_that_the_watcher_writes() -> None:
    written = msgspec.json.encode(alert(resolved_ms=5_000, acknowledged_by="x", note="y", came_back=2))
    read = msgspec.json.decode(written, type=KeptAlert)
    assert {name: getattr(read, name) for name in KeptAlert.__dataclass_fields__} == {
        name: getattr(alert(resolved_ms=5_000, acknowledged_by="x", note="y", came_back=2), name)
        for name in KeptAlert.__dataclass_fields__
    }


def test_what_was_not_watched_is_not_counted() -> None:
    days = WatchedDays()
    for quarter in range(40):
        days.note(quarter * 250, 100.0 + quarter * 0.25)
    assert days.by_day == {"1970-01-01": 9_750}
    days.note(DAY, 700.0)  # the machine slept for ten minutes
    assert days.by_day == {"1970-01-01": 9_750}
    days.note(DAY + 250, 700.25)
    again = WatchedDays(days.encoded())
    assert again.by_day == {"1970-01-01": 9_750, "1970-01-02": 250}
    again.note(DAY + 500, 3.0)  # another run: another monotonic clock
    assert again.by_day == {"1970-01-01": 9_750, "1970-01-02": 250}
    assert WatchedDays(b"[1]").by_day == {}
    for day in range(200):
        again.note(day * DAY, 3.0 + (day + 1) * 0.25)
    assert len(again.by_day) == 90 and min(again.by_day) > "1970-03"


def test_the_watched_time_is_kept_over_a_restart(turned: Turned) -> None:
    turned.turn(30)
    turned.watch.close(turned.now_ms)
    turned.begin()
    turned.turn(10)
    turned.watch.close(turned.now_ms)
    month = alert_history.month(turned.paths.watch / "alerts.db", turned.now_ms)
    assert month is not None and WATCHED_FACT == "watched"
    assert sum(month.watched.values()) == pytest.approx(39_500, abs=300)
