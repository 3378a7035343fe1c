"""The rig of real processes: its traps spring where they say, and its verdict sees what is wrong."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.system.account import build
from shared.ledger.db import SqliteDatabase
from shared.settings import load
from simtest.processes import verdict
from simtest.processes.crash_points import POINTS, CrashPoint
from simtest.processes.fault_injection import CrashInjector, WatchedDatabase
from simtest.processes.report_section import section

FUNDS = "10000.00"


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lane's folder whose bot traded soundly."""
    folder = tmp_path_factory.mktemp("lane")
    env = {"DATA_DIR": str(folder / "data"), "SIM_FUNDS": "10000", "PRODUCTS": "BTC-USD,ETH-USD"}
    assert build(load(Path(os.devnull), env).settings, 30, 4) >= 30
    return folder


def at_ledger(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "data" / "ledger.db") as db:
        db.execute(statement)
    db.close()


def at_venue(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "data" / "sim" / "account.db") as db:
        db.execute(statement)
    db.close()


def test_a_sound_lane_has_no_breach(lane: Path) -> None:
    assert verdict.after_death(lane / "data", "ct-main-") == []
    assert {name: found for name, found in verdict.full(lane, "main", FUNDS).items() if found} == {}
    assert verdict.unfinished(lane / "data") == 4, "resting takes have no end yet"


ONE_ORDER = "(SELECT client_order_id FROM orders WHERE state = 'filled' ORDER BY created_ms LIMIT 1)"
BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "an order without its intent": (
        lambda f: at_ledger(f, f"DELETE FROM orders WHERE client_order_id = {ONE_ORDER}"), "I4 NO-ORPHAN"
    ),
    "a fill that was lost": (
        lambda f: at_ledger(f, "DELETE FROM fills WHERE trade_id = (SELECT min(trade_id) FROM fills)"), "I1 FILLS"
    ),
    "a fill of another fee": (
        lambda f: at_ledger(f, "UPDATE fills SET fee = '9' WHERE trade_id = (SELECT min(trade_id) FROM fills)"),
        "I1 FILLS",
    ),
    "a lot that is too large": (
        lambda f: at_ledger(f, "UPDATE lots SET base_left = '5' WHERE lot_id = (SELECT max(lot_id) FROM lots)"),
        "I2 POSITION",
    ),
    "an open order that is filled there": (
        lambda f: at_venue(f, "UPDATE orders SET body = replace(CAST(body AS TEXT), '\"OPEN\"', '\"CANCELLED\"') "
                              "WHERE status = 'OPEN'"), "I14 FSM",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_wrong_is_seen(case: str, lane: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lane"
    shutil.copytree(lane, folder)
    damage, name = BROKEN[case]
    damage(folder)
    assert verdict.full(folder, "main", FUNDS)[name]


def test_a_second_order_of_one_intent_is_seen_at_once(lane: Path, tmp_path: Path) -> None:
    folder = tmp_path / "lane"
    shutil.copytree(lane, folder)
    columns = "portfolio, client_order_id, product_id, side, status, kind, tif, created_us, last_fill_us, limit_ticks"
    at_venue(folder, f"INSERT INTO orders (sequence, order_id, {columns}, body) SELECT 99999, 'twice', {columns}, "
                     "replace(CAST(body AS TEXT), order_id, 'twice') FROM orders WHERE sequence = 1")  # fmt: skip
    assert any(text.startswith("twice ") for text in verdict.after_death(folder / "data", "ct-main-"))
    assert verdict.full(folder, "main", FUNDS)["I3 ONE-INTENT"]
    at_ledger(folder, f"DELETE FROM orders WHERE client_order_id = {ONE_ORDER}")
    assert any(text.startswith("orphan ") for text in verdict.after_death(folder / "data", "ct-main-"))


class RecordingInjector(CrashInjector):
    """Tells where it would have ended the process."""

    def __init__(self, point: CrashPoint, occasion: int = 1, *, sells_only: bool = False) -> None:
        super().__init__(point, occasion, Path("never"), sells_only=sells_only)
        self.hit: list[str] = []
        self.now = ""

    def kill(self) -> None:
        self.hit.append(self.now)


def ledger() -> SqliteDatabase:
    engine = SqliteDatabase(lambda: sqlite3.connect(":memory:", isolation_level=None), kept=True)
    with engine.begin() as db:
        for name in ("orders", "fills", "days", "latches", "boots"):
            db.run(f"CREATE TABLE {name} (a TEXT)")
    return engine


def watched(injector: CrashInjector) -> WatchedDatabase:
    return WatchedDatabase(ledger(), injector)


@pytest.mark.parametrize("name", [name for name, point in POINTS.items() if point.commit and point.at != "during"])
def test_a_commits_trap_springs_at_its_side_of_its_own_transaction(name: str) -> None:
    point = POINTS[name]
    engine = ledger()
    for table in ("orders", "fills", "days", "latches", "boots"):
        for statement in (f"INSERT INTO {table} VALUES ('x')", f"UPDATE {table} SET a = 'y'"):
            injector = RecordingInjector(point)
            with WatchedDatabase(engine, injector).begin() as db:
                db.run(statement)
            assert bool(injector.hit) == statement.startswith(point.commit), statement
    with engine.connect() as db:
        assert db.value(f"SELECT count(*) FROM {point.commit.split(' ')[-1]}") == 1


def test_only_the_wanted_occasion_and_only_sales() -> None:
    point = POINTS["intent: committed, nothing sent"]
    injector = RecordingInjector(point, 2, sells_only=True)
    engine = watched(injector)
    for side in ("BUY", "SELL", "BUY", "SELL"):
        injector.now = side
        with engine.begin() as db:
            db.run("INSERT INTO orders VALUES (:a)", {"a": side})
    assert injector.hit == ["SELL"]
    assert injector.passes("POST /orders", b'{"side": "BUY"}') and not injector.passes(
        "POST /orders", b'{"side": "SELL"}'
    )
    assert not injector.passes("GET /accounts", b"")


@pytest.mark.parametrize("name", [name for name, point in POINTS.items() if point.request])
def test_a_requests_trap_springs_on_its_own_request(name: str) -> None:
    point = POINTS[name]
    method, _, path = point.request.partition(" ")
    injector = RecordingInjector(point)
    for where in ("before", "sent", "answered", "read"):
        injector.request(where, method, path)
        injector.request(where, "GET", "/elsewhere")
    assert len(injector.hit) == 1
    if point.booting:
        late = RecordingInjector(point)
        late.booted = lambda: True
        late.request(point.at, method, path)
        assert not late.hit


def test_the_page_tells_what_was_kept() -> None:
    assert section({}) is None
    run = {
        "hits": dict.fromkeys(POINTS, 7), "elsewhere": 3, "wall_s": 120, "lanes": 2, "load": 1.5,
        "modes": {"reject": 2}, "boot_ms": {"p50": 900.0, "p99": 2000.0}, "orders": 11, "fills": 12, "breaches": [],
    }  # fmt: skip
    page = section({"kill9": [run, run]}) or ""
    assert f"{14 * len(POINTS):,} kills at points and 6 elsewhere" in page and "Violations: 0" in page
    assert all(f"| {name} | 14 |" in page for name in POINTS)
    assert "BROKEN lost" in (section({"kill9": [{**run, "breaches": ["lost"]}]}) or "")
