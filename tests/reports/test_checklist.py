"""Each line of a checklist: done, failed, for a person, not known; at the boundary, and over real files."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backups.continuous_record import ContinuousRecord
from backups.record import BackupRecord, write_record
from reports.alert_history import AlertPast, SinkPast, alert_past, sinks_past
from reports.checklist import (
    DAY_MS,
    HOUR_MS,
    MONTHLY,
    WEEKLY,
    ChecklistFacts,
    ChecklistLine,
    LineState,
    filled_in,
    summary,
)
from reports.checklist_facts import gathered
from reports.sizes import KEPT, Sizes, measured, note_sizes, read_sizes
from shared.build import build_id
from shared.documents.alerts import (
    AlertKind,
    AlertPhase,
    AlertsDoc,
    AlertSeverity,
    AlertSinkDoc,
    AlertStateDoc,
    HeartbeatDoc,
)
from shared.documents.risk import AuditDoc
from shared.ledger import schema as t
from shared.ledger.open import open_writer
from shared.paths import DataPaths
from shared.settings import Mode, Secret, Settings
from tests.ledger_rows import put
from tests.watch.seen import state
from watch.alert_book import AlertBook, HeldFinding
from watch.alert_store import AlertStore
from watch.outbox import Outbox

C, W = AlertSeverity.CRITICAL, AlertSeverity.WARNING
DONE, FAILED, PERSON, UNKNOWN = LineState.DONE, LineState.FAILED, LineState.PERSON, LineState.UNKNOWN
NOW = state().ts_ms
SINK = AlertSinkDoc(name="mail", to="x", least=W, waiting=0, delivered_24h=0, failures=0)
GOOD_BACKUPS = BackupRecord(made_ms=NOW - HOUR_MS, drilled_ms=NOW - DAY_MS, drill_orders=12, drill_s=0.5, archive="a")
AUDIT = AuditDoc(at="x", at_ms=NOW - HOUR_MS, ok=True, text="", orders=5, fills=6)
ALERT = AlertStateDoc(number=1, name="x", severity=C, phase=AlertPhase.FIRING, title="x", text="", subjects=[],
                      rules=[], since_ms=NOW)  # fmt: skip
SAFE = Settings(heartbeat_url=Secret("https://x.test/abc"))


def doc(**more: Any) -> AlertsDoc:
    parts: dict[str, Any] = {"firing": [], "resolved": [], "rules": [], "bots": ["main"], "sinks": [SINK],
                             "heartbeat": HeartbeatDoc(last_ms=NOW)} | more  # fmt: skip
    return AlertsDoc(ts_ms=NOW, seq=1, pid=1, started_ms=1, build="b", enabled=True, **parts)


def bot(**more: Any) -> Any:
    base = state()
    assert base.risk is not None and base.feeds is not None
    feeds = replace(base.feeds, clock_offset_ms=more.pop("offset_ms", 5))
    risk = replace(base.risk, entries_blocked=more.pop("blocked", None))
    return replace(base, audit=AUDIT, feeds=feeds, risk=risk, build="1", **more)


def size(days_ago: int, total: int, free: int) -> Sizes:
    return Sizes(at_ms=NOW - days_ago * DAY_MS, total=total, free=free)


def facts(**more: Any) -> ChecklistFacts:
    parts: dict[str, Any] = {
        "settings": SAFE, "now_ms": NOW, "state": bot(), "watcher": doc(),
        "backups": GOOD_BACKUPS, "alerts": AlertPast(0, 0), "sinks": [SinkPast("mail", NOW - DAY_MS)], "days": 7,
        "sizes": [size(7, 10**8, 10**11), size(0, 11 * 10**7, 10**11)],
        "unclean_starts": 0, "kill_drill_ms": NOW - DAY_MS, "key_written_ms": NOW - DAY_MS,
        "permission_ends_ms": NOW + 5 * DAY_MS, "checkout": "1", "reboot_needed": False,
    } | more  # fmt: skip
    return ChecklistFacts(**parts)


AWAY = replace(SAFE, backup_url="/mnt/backup")


def copied(ago_ms: int, problem: str | None = None) -> ContinuousRecord:
    return ContinuousRecord(at_ms=NOW, proven_ms=NOW - ago_ms, proven_head=7, problem=problem)


LIVE = Settings(coin_mode=Mode.LIVE, coinbase_key_file="/k", heartbeat_url=Secret("https://x.test/abc"))


def line(name: str, **more: Any) -> ChecklistLine | None:
    found = [one for one in filled_in(facts(**more), (*WEEKLY, *MONTHLY)) if one.name == name]
    return found[0] if found else None


def test_all_is_well_but_what_nobody_can_do_for_a_person() -> None:
    assert {one.name: one.state for one in filled_in(facts(), WEEKLY) if one.state is not DONE} == {}
    assert {one.name for one in filled_in(facts(settings=LIVE), MONTHLY) if one.state is not DONE} == {"packages"}
    assert summary(filled_in(facts(), WEEKLY)) == "11 done"


@pytest.mark.parametrize(
    ("name", "more", "expected"),
    [
        ("backup", {"backups": BackupRecord()}, PERSON),
        ("backup", {"backups": replace(GOOD_BACKUPS, made_ms=NOW - 48 * HOUR_MS)}, DONE),
        ("backup", {"backups": replace(GOOD_BACKUPS, made_ms=NOW - 48 * HOUR_MS - 1)}, PERSON),
        ("backup", {"backups": replace(GOOD_BACKUPS, problem="disk full")}, FAILED),
        ("drill", {"backups": replace(GOOD_BACKUPS, drilled_ms=None)}, PERSON),
        ("drill", {"backups": replace(GOOD_BACKUPS, drilled_ms=NOW - 8 * DAY_MS)}, DONE),
        ("drill", {"backups": replace(GOOD_BACKUPS, drilled_ms=NOW - 8 * DAY_MS - 1)}, PERSON),
        ("drill", {"backups": replace(GOOD_BACKUPS, drill_problem="orders: x")}, FAILED),
        ("continuous", {"settings": AWAY}, PERSON),
        ("continuous", {"settings": AWAY, "copies": copied(DAY_MS)}, DONE),
        ("continuous", {"settings": AWAY, "copies": copied(DAY_MS + 1)}, PERSON),
        ("continuous", {"settings": AWAY, "copies": copied(1, problem="no folder")}, FAILED),
        ("open_alerts", {"watcher": None}, UNKNOWN),
        ("open_alerts", {"watcher": doc(firing=[ALERT])}, PERSON),
        ("open_alerts", {"now_ms": NOW + 60_001}, FAILED),
        ("acknowledged", {"alerts": None}, UNKNOWN),
        ("acknowledged", {"alerts": AlertPast(3, 0)}, DONE),
        ("acknowledged", {"alerts": AlertPast(3, 1)}, PERSON),
        ("sinks", {"watcher": doc(sinks=[])}, PERSON),
        ("sink.mail", {"watcher": doc(sinks=[replace(SINK, failures=1, last_answer="550 no")])}, FAILED),
        ("sink.mail", {"sinks": []}, PERSON),
        ("sink.mail", {"sinks": None}, UNKNOWN),
        ("sink.mail", {"sinks": [SinkPast("mail", None)]}, PERSON),
        ("sink.mail", {"sinks": [SinkPast("mail", NOW - 31 * DAY_MS)]}, DONE),
        ("sink.mail", {"sinks": [SinkPast("mail", NOW - 31 * DAY_MS - 1)]}, PERSON),
        ("heartbeat", {"settings": Settings()}, PERSON),
        ("heartbeat", {"watcher": doc(heartbeat=HeartbeatDoc())}, UNKNOWN),
        ("heartbeat", {"watcher": doc(heartbeat=HeartbeatDoc(last_ms=1, failures=2))}, FAILED),
        ("clock", {"state": bot(offset_ms=None)}, UNKNOWN),
        ("clock", {"state": bot(offset_ms=-1_000)}, DONE),
        ("clock", {"state": bot(offset_ms=-1_001)}, PERSON),
        ("clock", {"state": bot(offset_ms=5_001)}, FAILED),
        ("starts", {"unclean_starts": None}, UNKNOWN),
        ("starts", {"unclean_starts": 1}, PERSON),
        ("audit", {"state": None}, UNKNOWN),
        ("audit", {"state": replace(bot(), audit=replace(AUDIT, ok=False, text="BTC -1"))}, FAILED),
        ("audit", {"state": replace(bot(), audit=replace(AUDIT, at_ms=NOW - 36 * HOUR_MS))}, DONE),
        ("audit", {"state": replace(bot(), audit=replace(AUDIT, at_ms=NOW - 36 * HOUR_MS - 1))}, PERSON),
        ("disk", {"sizes": []}, UNKNOWN),
        ("disk", {"sizes": [size(0, 10**8, 4 * 10**9)]}, PERSON),
        ("disk", {"sizes": [size(6, 0, 1), size(0, 6 * 10**9, 3 * 10**10)]}, DONE),
        ("disk", {"sizes": [size(6, 0, 1), size(0, 6 * 10**9, 29 * 10**9)]}, FAILED),
        ("update", {"checkout": "2"}, PERSON),
        ("reboot", {"reboot_needed": True}, PERSON),
        ("permission", {"settings": LIVE, "permission_ends_ms": None}, PERSON),
        ("permission", {"settings": LIVE, "permission_ends_ms": NOW + 2 * DAY_MS}, DONE),
        ("permission", {"settings": LIVE, "permission_ends_ms": NOW + 2 * DAY_MS - 1}, PERSON),
        ("permission", {"settings": LIVE, "permission_ends_ms": NOW - 1}, PERSON),
        ("key_age", {"settings": LIVE, "key_written_ms": None}, UNKNOWN),
        ("key_age", {"settings": LIVE, "key_written_ms": NOW - 90 * DAY_MS}, DONE),
        ("key_age", {"settings": LIVE, "key_written_ms": NOW - 90 * DAY_MS - 1}, PERSON),
        ("key_rights", {"settings": LIVE, "state": bot(blocked="the key may transfer money away")}, FAILED),
        ("key_rights", {"settings": LIVE, "state": bot(blocked="drawdown")}, UNKNOWN),
        ("key_rights", {"settings": LIVE, "state": None}, UNKNOWN),
        ("kill_drill", {"kill_drill_ms": None}, PERSON),
        ("kill_drill", {"kill_drill_ms": NOW - 31 * DAY_MS}, DONE),
        ("kill_drill", {"kill_drill_ms": NOW - 31 * DAY_MS - 1}, PERSON),
    ],
)  # fmt: skip
def test_each_line_at_its_boundary(name: str, more: dict[str, Any], expected: LineState) -> None:
    found = line(name, **more)
    assert found is not None and found.state is expected, found
    assert bool(found.todo) or expected in (DONE, UNKNOWN), "what is not done says what to do"


def test_without_a_folder_for_it_there_is_no_line_about_a_continuous_copy() -> None:
    assert line("continuous") is None


@pytest.mark.parametrize("name", ["permission", "key_age", "key_rights"])
def test_play_money_has_no_key_to_look_after(name: str) -> None:
    assert line(name) is None and line(name, settings=LIVE) is not None


def test_an_old_state_says_nothing_of_now() -> None:
    old = facts(now_ms=NOW + 60_001)
    states = {one.name: one.state for one in filled_in(old, WEEKLY)}
    assert states["clock"] is UNKNOWN and "update" not in states


def test_the_summary_names_what_is_not_done() -> None:
    lines = filled_in(facts(alerts=None, backups=replace(GOOD_BACKUPS, problem="x"), watcher=doc(sinks=[])), WEEKLY)
    assert summary(lines) == "8 done, 1 failed (backup), 1 for a person (sinks), 1 not known (acknowledged)"


def test_what_is_gathered_is_what_lies_there(tmp_path: Path) -> None:
    paths = DataPaths(tmp_path / "data")
    paths.prepare()
    bare = gathered(Settings(data_dir=paths.root), NOW, 7)
    assert (bare.state, bare.watcher, bare.alerts, bare.sinks, bare.unclean_starts) == (None, None, None, None, None)
    write_record(paths.backups, GOOD_BACKUPS)
    engine = open_writer(paths.ledger)
    with engine.begin() as db:
        for number, (at, ended) in enumerate([(8, None), (6, None), (5, 4), (3, None), (1, None)]):
            put(db, t.boots, boot_id=f"b{number}", at_ms=NOW - at * DAY_MS, build="x",
                ended_ms=None if ended is None else NOW - ended * DAY_MS)  # fmt: skip
        for number, (state_, at) in enumerate([("done", 9), ("done", 2), ("failed", 1)]):
            put(db, t.commands, id=f"c{number}", cmd="drill", args={}, by="x", seen_ms=1, state=state_,
                done_ms=NOW - at * DAY_MS)  # fmt: skip
    found = gathered(Settings(data_dir=paths.root), NOW, 7)
    assert found.backups == GOOD_BACKUPS and found.checkout == build_id()
    assert (found.unclean_starts, found.kill_drill_ms) == (2, NOW - 2 * DAY_MS)
    assert found.sizes[-1].total > 50_000 and found.key_written_ms is None


def test_alerts_and_sinks_are_read_from_what_the_watcher_kept(tmp_path: Path) -> None:
    path, minute = tmp_path / "alerts.db", 60_000
    assert alert_past(path, 0, NOW) is None and sinks_past(path) is None
    book, store, outbox = AlertBook(), AlertStore(path), Outbox([("mail", W), ("slack", W)], None)
    store.load(NOW)
    for at_ms, names in ((NOW - 100 * minute, "ab"), (NOW - 97 * minute, "b"), (NOW - 96 * minute, "b")):
        held = [HeldFinding("r", n, f"cause.{n}", C, f"{n} is bad", "") for n in names]
        result = book.step(held, {("r", n) for n in "ab" if n not in names}, at_ms)
        queued = outbox.add(result.messages, at_ms)
        for entry in list(queued):
            if entry.sink == "mail":
                queued += outbox.sent([entry], at_ms + 1, "250 ok", None)
        store.save(result.changed, result.messages, queued)
    store.close()
    assert alert_past(path, NOW - DAY_MS, NOW) == AlertPast(2, 1), "one was over within five minutes"
    assert alert_past(path, NOW - 90 * minute, NOW) == AlertPast(1, 1)
    past = {one.name: one.sent_ms for one in sinks_past(path) or ()}
    assert past["slack"] is None and past["mail"] is not None and past["mail"] >= NOW - 100 * minute
    assert AlertKind.REPORT.value == "report"


def test_sizes_are_noted_at_each_report_and_the_oldest_go(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 5_000)
    now = measured(tmp_path, NOW)
    assert now is not None and now.total == 5_000 and now.free > 0
    for n in range(KEPT + 5):
        note_sizes(tmp_path, replace(now, at_ms=NOW + n))
    kept = read_sizes(tmp_path)
    assert len(kept) == KEPT and kept[-1].at_ms == NOW + KEPT + 4
    note_sizes(tmp_path, replace(now, at_ms=NOW + 10))
    assert read_sizes(tmp_path)[-1].at_ms == NOW + 10, "a clock that went back leaves no entry of the future"
    (tmp_path / "sizes.json").write_bytes(b"{")
    assert read_sizes(tmp_path) == []
