"""The watch over virtual time, with real files: requests, a full disk, a damaged store, a document that tells."""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared import alert_requests
from shared.alert_requests import AlertAsk, AlertRequest
from shared.documents.alerts import AlertPhase, AlertsDoc, AlertSeverity, RuleState, SentState, decode_alerts
from shared.documents.state import encode_state
from shared.paths import DataPaths
from shared.settings import Settings
from tests.dashboard.writer import Writer
from tests.watch.receiver import Receiver
from watch import process
from watch.alert_store import AlertStore, AlertStoreError, history
from watch.observations import DashboardObservation, Observations
from watch.process import Looks, WatchParts, WatchProcess
from watch.rules.rule import AlertRule, RuleFinding, WatchLimits
from watch.rules.table import BY_NAME, RULES
from watch.sinks.registry import SinkPlan
from watch.sinks.webhook import JsonWebhook

W = AlertSeverity.WARNING


class Turned:
    """A watch whose clocks are turned by hand. The bot's document is real, and of this process."""

    def __init__(self, folder: Path) -> None:
        self.paths = DataPaths(folder)
        self.paths.prepare()
        self.receiver = Receiver()
        self.now_s = 1000.0
        self.epoch_ms = round(time.time() * 1000)
        self.looks = Looks(dashboard=lambda: DashboardObservation(0.0))
        self.begin()

    def begin(self, **settings: Any) -> None:
        plan = SinkPlan(((JsonWebhook(self.receiver.url), W),), ())
        parts = WatchParts(Settings(**settings), self.paths, plan, self.looks, None, supervised=False)
        self.watch = WatchProcess(parts, self.now_ms)

    @property
    def now_ms(self) -> int:
        return self.epoch_ms + round((self.now_s - 1000) * 1000)

    def turn(self, seconds: float = 0.25) -> None:
        for _ in range(max(1, round(seconds / 0.25))):
            self.now_s += 0.25
            self.watch.round(self.now_ms, self.now_s)

    def turn_until(self, what: Callable[[], object], why: str) -> None:
        """Rounds with a breath of real time between them, for the sink's thread."""
        for _ in range(400):
            self.turn()
            if what():
                return
            time.sleep(0.01)
        raise AssertionError(f"{why}: {self.document()}")

    def document(self) -> AlertsDoc:
        return decode_alerts(self.paths.alerts.read_bytes())

    def kinds(self) -> list[str]:
        return [message["kind"] for message in self.receiver.messages()]

    def ask(self, ask: AlertAsk, **more: str) -> Path:
        return alert_requests.put(self.paths, AlertRequest(ask=ask, at_ms=self.now_ms, by="jana", **more))


@pytest.fixture
def turned(tmp_path: Path) -> Iterator[Turned]:
    made = Turned(tmp_path / "data")
    yield made
    made.receiver.close()


def test_a_kill_is_told_acknowledged_and_over(turned: Turned) -> None:
    turned.paths.kill.touch()
    turned.turn_until(lambda: turned.kinds() == ["fired"], "told")
    turned.turn_until(lambda: turned.document().firing[0].sent[0].state is SentState.SENT, "marked")
    request = turned.ask(AlertAsk.ACKNOWLEDGE, name="kill.main", note="I look")
    turned.turn_until(lambda: turned.kinds()[1:] == ["acknowledged"], "the others are told who knows")
    alert = turned.document().firing[0]
    assert not request.exists() and alert.phase is AlertPhase.ACKNOWLEDGED
    assert (alert.acknowledged_by, alert.note) == ("jana", "I look")
    turned.paths.kill.unlink()
    turned.turn_until(lambda: turned.kinds()[2:] == ["resolved"], "over")
    assert turned.document().firing == [] and turned.document().resolved[0].name == "kill.main"
    assert [alert.cause for alert in history(turned.paths.watch / "alerts.db", 10)] == ["kill.main"]


def test_urgent_rules_judge_every_round_and_the_others_with_what_is_new_or_once_a_second(
    turned: Turned, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, list[float]] = {"killed": [], "feed_stale": []}

    def counted(name: str) -> AlertRule:
        def judge(seen: Observations, _: WatchLimits) -> list[RuleFinding]:
            asked[name].append(seen.mono_s)
            return []

        return replace(BY_NAME[name], judge=judge)

    monkeypatch.setattr(process, "RULES", tuple(counted(name) for name in asked))
    writer = Writer(turned.paths.root)
    began_s = turned.now_s
    turned.turn(3.0)
    assert len(asked["killed"]) == 12 and asked["feed_stale"] == [began_s + 0.25, began_s + 1.25, began_s + 2.25]
    turned.paths.state.write_bytes(encode_state(writer.state()))
    turned.turn(0.25)
    assert asked["feed_stale"][-1] == turned.now_s, "a document is judged in the round in which it is read"
    turned.turn(0.25)
    turned.paths.kill.touch()
    turned.turn(0.25)
    assert asked["feed_stale"][-1] == turned.now_s and len(asked["feed_stale"]) == 5


def test_a_test_goes_through_each_sink_and_shows_its_answer(turned: Turned) -> None:
    turned.receiver.answer = lambda _: (503, b"not today", {})
    turned.ask(AlertAsk.TEST)
    turned.turn_until(lambda: turned.document().sinks[0].test_answer, "an answer")
    sink = turned.document().sinks[0]
    assert sink.test_ok is False and sink.test_answer == "503 not today" and turned.document().tests_done == 1
    turned.receiver.answer = lambda _: (200, b"ok", {})
    turned.turn_until(lambda: turned.document().sinks[0].test_ok, "the same message arrives later")
    assert turned.kinds()[-1] == "test"


def test_old_requests_and_what_is_none_are_removed_and_do_nothing(turned: Turned) -> None:
    turned.paths.kill.touch()
    turned.turn(1)
    old = AlertRequest(ask=AlertAsk.ACKNOWLEDGE, at_ms=turned.now_ms - 61_000, by="x", name="kill.main")
    files = [alert_requests.put(turned.paths, old), turned.paths.alert_requests / "junk.json"]
    files[1].write_text("{")
    turned.turn(1)
    assert not any(file.exists() for file in files)
    assert turned.document().firing[0].phase is AlertPhase.FIRING


def test_the_disk_takes_nothing_and_alerts_are_told_all_the_same(
    turned: Turned, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = AlertStore.save

    def full(*_: object, **__: object) -> None:
        raise AlertStoreError("alerts.db: database or disk is full")

    monkeypatch.setattr(AlertStore, "save", full)
    turned.paths.kill.touch()
    turned.turn_until(lambda: "fired" in turned.kinds(), "told from memory")
    turned.turn(1)
    assert "alerts_not_kept" in [rule for alert in turned.document().firing for rule in alert.rules]
    assert turned.document().store_error == "alerts.db: database or disk is full"
    monkeypatch.setattr(AlertStore, "save", whole)
    turned.turn_until(lambda: turned.document().store_error is None, "kept again")
    turned.begin()
    turned.turn(1)
    assert turned.kinds().count("fired") == 2, "the kill and the store, each once, over the restart as well"


def test_a_damaged_store_is_put_aside_and_numbers_go_on(turned: Turned) -> None:
    turned.paths.kill.touch()
    turned.turn_until(lambda: turned.kinds() == ["fired"], "told")
    turned.watch.close(turned.now_ms)
    file = turned.paths.watch / "alerts.db"
    for part in ("", "-wal"):
        path = file.with_name(file.name + part)
        if path.exists():
            path.write_bytes(os.urandom(20_000))
    turned.begin()
    turned.turn(1)
    assert [p.name for p in turned.paths.watch.iterdir() if "damaged" in p.name]
    assert turned.document().firing[0].name == "kill.main"


def test_a_silent_bot_is_told_after_five_seconds_and_resolved_when_it_writes(turned: Turned) -> None:
    writer = Writer(turned.paths.root)
    for _ in range(8):
        writer.write()
        turned.turn(0.5)
    turned.turn(4.75)
    assert turned.kinds() == []
    turned.turn_until(turned.receiver.messages, "told")
    (message,) = turned.receiver.messages()
    assert message["name"] == "process.main" and message["rules"] == ["bot_silent"]
    for _ in range(12):
        writer.write()
        turned.turn(0.5)
    turned.turn_until(lambda: turned.kinds() == ["fired", "resolved"], "over")


def test_a_rule_or_a_document_that_breaks_silences_nothing_else(
    turned: Turned, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = Writer(turned.paths.root)
    whole = writer.state()
    turned.paths.state.write_bytes(encode_state(replace(whole, started_at="yesterday")))
    turned.paths.kill.touch()
    turned.turn(10)
    assert "process.main" in [alert.name for alert in turned.document().firing], "it cannot be judged, and that is told"
    broken = replace(BY_NAME["cpu"], judge=lambda *_: 1 / 0)
    monkeypatch.setattr("watch.process.RULES", [broken, *(rule for rule in RULES if rule.name != "cpu")])
    turned.paths.state.write_bytes(encode_state(whole))
    turned.turn(2)
    assert "kill.main" in [alert.name for alert in turned.document().firing]
    assert turned.document().rules[0].state is RuleState.UNKNOWN


def test_a_second_bots_folder_is_watched_as_soon_as_it_is_there(turned: Turned) -> None:
    turned.turn(1)
    other = turned.paths.root / "bots" / "alice"
    other.mkdir(parents=True, mode=0o700)
    turned.turn(11)
    (other / "KILL").touch()
    turned.turn(1)
    assert [alert.name for alert in turned.document().firing] == ["kill.alice"]
    assert turned.document().bots == ["main", "alice"]


def test_the_document_is_a_heartbeat_and_says_what_each_rule_sees(turned: Turned) -> None:
    turned.turn(1)
    first = turned.document()
    turned.turn(2.5)
    assert turned.document().seq > first.seq and turned.document().ts_ms - first.ts_ms >= 2000
    raw = json.loads(turned.paths.alerts.read_bytes())
    assert len(raw["rules"]) > 40 and all({"name", "state", "threshold", "runbook"} <= set(r) for r in raw["rules"])
    assert turned.paths.alerts.stat().st_mode & 0o777 == 0o600


def test_what_goes_on_firing_is_not_written_in_every_round(turned: Turned, monkeypatch: pytest.MonkeyPatch) -> None:
    """A minute of one alert whose figures change each round: a handful of commits, and the document shows them all."""
    commits: list[int] = []
    save = AlertStore.save

    def counted(store: AlertStore, *given: Any, **more: Any) -> None:
        save(store, *given, **more)
        commits.append(turned.now_ms)

    monkeypatch.setattr(AlertStore, "save", counted)
    gone_s = {"now": 11.0}
    turned.looks.dashboard = lambda: DashboardObservation(gone_s["now"], "no answer")
    turned.turn_until(lambda: turned.kinds() == ["fired"], "told")
    commits.clear()
    texts = set()
    for _ in range(240):
        gone_s["now"] += 0.25
        turned.turn()
        texts |= {one.text for one in turned.document().firing}
    assert len(texts) > 5, "its figures are shown as they change"
    assert 1 <= len(commits) <= 6, commits
    turned.looks.dashboard = lambda: DashboardObservation(0.0)
    turned.turn_until(lambda: "resolved" in turned.kinds(), "over")
    (kept,) = history(turned.paths.watch / "alerts.db", 5)
    assert kept.phase is AlertPhase.RESOLVED
