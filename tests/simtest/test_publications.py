"""What the rig adds to a run for the judge of what is published: commands that come too late, a stop beside a purchase,
a part that dies, a clock that is off, and the samples themselves."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simtest.judge import verdict
from simtest.plan import Act
from simtest.publications import MANY, SAMPLE_US, DistinctRows, LedgerProbe, Publications
from simtest.run import folder_for, remove, run_plan
from tests.simtest.conftest import SETTINGS, plan

SKEW_MS = -1200
ACTS = (
    Act(0, 70.0, "crash", 0.9),  # a part dies
    Act(1, 100.0, "drill", 0.8),
    Act(2, 130.0, "stop", 0.8),
    Act(3, 160.0, "start", 0.5),
    Act(4, 170.0, "close_lot", 0.8),
    Act(5, 200.0, "crash", 0.2),
)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    settings = {**SETTINGS, "strategy": "always", "pyramid_min_seconds_between": 0.0}
    outcome = run_plan(plan(minutes=5.0, acts=ACTS, skew_ms=SKEW_MS, settings=settings), folder_for(3))
    yield outcome.folder
    remove(outcome)


@pytest.fixture
def truth(folder: Path) -> Any:
    return json.loads((folder / "truth.json").read_bytes())


def rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(folder / "data" / "ledger.db") as db:
        found = db.execute(query).fetchall()
    db.close()
    return found


def test_the_run_breaks_nothing_and_judges_what_it_was_made_for(folder: Path) -> None:
    found = verdict(folder)
    assert not found.breaches
    for rule in ("expired", "stop", "flat", "once", "ended"):
        assert found.judged[f"P5 RECEIPTS/{rule}"], rule
    assert found.judged["P4 FEEDS/clock"] and found.judged["P6 BOOTS/crashes"] >= 3


def test_a_command_that_comes_too_late_expires_beside_the_one_in_time(folder: Path) -> None:
    states = rows(folder, "SELECT cmd, state, seen_ms - sent_ms FROM commands WHERE cmd IN ('drill', 'close_lot')")
    for cmd in ("drill", "close_lot"):
        late = [state for name, state, waited_ms in states if name == cmd and waited_ms > 30_000]
        assert late == ["expired"]
        assert [state for name, state, waited_ms in states if name == cmd and waited_ms <= 30_000] == ["done"]


def test_a_part_that_dies_ends_the_process_with_an_error_that_is_no_breach(folder: Path, truth: Any) -> None:
    ended = [life for life in truth["lives"] if life.get("part_died")]
    assert [life["end"] for life in ended] == ["exit 1"] and "a part died" in ended[0]["error"]
    assert rows(folder, "SELECT count(*) FROM boots WHERE ended_ms IS NULL") == [(len(truth["lives"]),)]


def test_a_stop_comes_while_a_purchase_is_under_way(truth: Any) -> None:
    sent = [act for act in truth["acts"] if act["kind"] == "stop" and "id" in act]
    assert len(sent) == 1
    assert any(post["side"] == "BUY" and post["at_us"] == sent[0]["us"] for post in truth["posts"])


def test_the_clocks_difference_is_seen_with_its_sign(truth: Any) -> None:
    seen = [s["feeds"]["clock_offset_ms"] for s in truth["published"]["samples"] if s["feeds"]]
    known = [offset for offset in seen if offset is not None]
    assert known and all(abs(offset + SKEW_MS) < 200 for offset in known)


def test_samples_name_rows_that_are_there(truth: Any) -> None:
    told = truth["published"]
    assert len(told["samples"]) > 20 and any(sample["positions"] for sample in told["samples"])
    for sample in told["samples"]:
        assert all(number < len(told["lots"]) for number in sample["ledger_lots"])
        assert all(number < len(told["orders"]) for number in sample["orders"] or ())
        assert -1 <= sample["file"] < len(told["files"])


class Nothing:
    """A ledger without rows."""

    def seen(self) -> tuple[list[Any], dict[str, Any]]:
        return [], {"latch": None}


def document(**changes: Any) -> dict[str, Any]:
    whole = dict.fromkeys(("positions", "orders", "account", "risk", "gates", "feeds", "metrics", "portfolio_value"))
    return whole | {
        "ts_ms": 1, "status": "running", "io": {"ledger_ok": True, "last_error": None}, "control": {"level": "run"},
        "alerts": [], "receipts": [],
    } | changes  # fmt: skip


def test_of_states_that_come_close_together_one_is_kept_and_each_that_brings_a_receipt() -> None:
    kept = Publications()
    kept.ledger = Nothing()  # type: ignore[assignment]
    receipt = {"id": "c1", "cmd": "pause", "state": "seen", "seen_ms": 1, "done_ms": None}
    kept.state(document(), 0, 1)
    kept.state(document(), SAMPLE_US - 1, 1)
    kept.state(document(receipts=[receipt]), SAMPLE_US - 1, 1)
    kept.state(document(receipts=[receipt | {"state": "done"}]), SAMPLE_US, 1)
    kept.state(document(), SAMPLE_US + 1, 2)  # of another process
    assert [sample["us"] for sample in kept.samples] == [0, SAMPLE_US - 1, SAMPLE_US, SAMPLE_US + 1]


def test_a_long_run_keeps_fewer_of_them() -> None:
    kept = Publications()
    kept.ledger = Nothing()  # type: ignore[assignment]
    for number in range(12 * MANY):
        kept.state(document(), number * SAMPLE_US, 1)
    assert 3 * MANY < len(kept.samples) < 6 * MANY


def test_the_ledger_is_read_anew_once_somebody_committed(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ledger.db"
    with sqlite3.connect(folder / "data" / "ledger.db") as db, sqlite3.connect(copy) as there:
        db.backup(there)
    db.close()
    probe, writer = LedgerProbe(copy), sqlite3.connect(copy)
    before = probe.seen()
    assert probe.seen() is before and before == (probe.open_lots(), probe.now())
    writer.execute("INSERT OR REPLACE INTO key_values (key, value) VALUES ('curve', '7')")
    assert probe.seen() is before, "nothing is committed yet"
    writer.commit()
    after = probe.seen()
    assert after[1]["kept"]["curve"] == "7" and after == (probe.open_lots(), probe.now())
    writer.close()
    probe.close()
    there.close()


def test_equal_rows_are_kept_once() -> None:
    distinct = DistinctRows()
    assert [distinct.number([1, "a"]), distinct.number([2, "a"]), distinct.number([1, "a"])] == [0, 1, 0]
    assert distinct.rows == [[1, "a"], [2, "a"]]
