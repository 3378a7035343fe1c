"""The dashboard tells when COIN-WATCH is gone, and serves what it says as metrics; of an old word it says nothing."""

import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dashboard import metric_families
from dashboard.pages.health.view import _watcher_check
from dashboard.views.banner import most_urgent
from dashboard.views.snapshot import Snapshot, WatcherLook
from dashboard.watcher_reader import WatcherReader
from shared.documents.alerts import (
    WATCHER_GONE_S,
    AlertPhase,
    AlertRuleDoc,
    AlertsDoc,
    AlertSeverity,
    AlertSinkDoc,
    AlertStateDoc,
    RuleState,
    encode_alerts,
)
from shared.files import write_whole
from shared.paths import DataPaths
from shared.presence import Presence
from tests.dashboard.writer import Writer

C = AlertSeverity.CRITICAL
FIRING = AlertStateDoc(
    number=1, name="exchange.sim", severity=C, phase=AlertPhase.FIRING, title="t", text="x", subjects=["main"],
    rules=["exchange_gone"], since_ms=1,
)  # fmt: skip
RULE = AlertRuleDoc(
    name="disk", title="Disk", group="Machine", threshold="> 80 %", for_s=600.0, severity=C, runbook="d#disk",
    state=RuleState.QUIET, share=0.5,
)  # fmt: skip


def document(**more: object) -> AlertsDoc:
    made = AlertsDoc(
        ts_ms=round(time.time() * 1000), seq=1, pid=os.getpid(), started_ms=1, build="b", enabled=True, bots=["main"],
        firing=[FIRING], resolved=[], rules=[RULE],
        sinks=[AlertSinkDoc(name="slack", to="x", least=C, waiting=2, delivered_24h=1, failures=3)],
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


def snapshot(tmp_path: Path, look: WatcherLook) -> Snapshot:
    state = Writer(tmp_path / "w").state()
    return Snapshot(datetime.now(UTC), Presence.FRESH, state, 0.4, 100.0, "sim", False, watcher=look)


def values(s: Snapshot) -> dict[str, float]:
    return {
        f"{sample.name}{sorted(str(one) for one in sample.labels.values())}": sample.value
        for family in metric_families.of_the_alerts(s)
        for sample in family.samples
    }


def test_a_watcher_that_looks_is_served_and_one_that_does_not_is_told(tmp_path: Path) -> None:
    well = snapshot(tmp_path, WatcherLook(document(), 1.5))
    found = values(well)
    assert found["coin_watcher_up[]"] == 1 and found["coin_watcher_age_seconds[]"] == 1.5
    assert found["coin_alerts['critical', 'exchange.sim', 'exchange_gone', 'firing']"] == 1
    assert found["coin_alert_rule_share['disk']"] == 0.5 and found["coin_alert_messages_waiting['slack']"] == 2
    assert _watcher_check(well).state == "warn" and "1 alert fires" in _watcher_check(well).say
    banner = most_urgent(well)
    assert banner is None or banner.heading != "Nobody watches"

    gone = replace(well, watcher=WatcherLook(document(), WATCHER_GONE_S + 1))
    found = values(gone)
    assert found == {"coin_watcher_up[]": 0, "coin_watcher_age_seconds[]": WATCHER_GONE_S + 1}, "an old word is none"
    assert _watcher_check(gone).state == "bad"
    banner = most_urgent(gone)
    assert banner is not None and banner.heading == "Nobody watches" and "./coin start" in banner.rest


@pytest.mark.parametrize(("look", "state"), [(WatcherLook(wanted=False), "unk"), (WatcherLook(), "warn")])
def test_one_that_never_ran_or_is_not_wanted_is_no_alarm(tmp_path: Path, look: WatcherLook, state: str) -> None:
    s = snapshot(tmp_path, look)
    assert _watcher_check(s).state == state
    banner = most_urgent(s)
    assert banner is None or banner.heading != "Nobody watches"


def test_the_age_is_of_the_document_until_it_moves(tmp_path: Path) -> None:
    paths, now = DataPaths(tmp_path), [1000.0]
    reader = WatcherReader(paths, wanted=True, clock=lambda: now[0])
    assert not reader.look() and reader.seen.age_s is None and not reader.seen.gone
    write_whole(paths.alerts, encode_alerts(document(ts_ms=round(time.time() * 1000) - 60_000)), durable=False)
    assert reader.look() and reader.seen.gone, "it is of a minute ago, however young the file"
    write_whole(paths.alerts, encode_alerts(document(seq=2)), durable=False)
    assert reader.look() and reader.seen.age_s == 0 and not reader.seen.gone
    now[0] += WATCHER_GONE_S + 0.1
    assert reader.look() and reader.seen.gone
    now[0] += 5
    assert not reader.look(), "pages are drawn when it changes, not while it lasts"
    paths.alerts.write_bytes(b"{torn")
    assert reader.look() and reader.seen.error and reader.seen.doc is not None
