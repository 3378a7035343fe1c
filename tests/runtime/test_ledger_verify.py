"""`ledger verify` finds every planted damage and nothing in a whole ledger; an export reads back equal."""

import csv
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import orjson
import pytest

from bot.app.ledger import LedgerWriter
from bot.domain.intents import SaveDay
from shared.ledger.export import BadExport, Format, export, read_back
from shared.ledger.open import open_reader, open_writer
from shared.ledger.replay import first_difference, replay_files
from shared.ledger.verify import OF_ROWS, verify
from tests.runtime.ledger_story import make

FILL = "(SELECT rowid FROM fills WHERE side = 'BUY' LIMIT 1)"
LOT = "(SELECT rowid FROM lots WHERE closed_ms IS NOT NULL LIMIT 1)"

# What was done to the ledger → the statements, and the checks that must each find it (others may, too).
DAMAGES: dict[str, tuple[str, set[str]]] = {
    "a fill is missing": (f"DELETE FROM fills WHERE rowid = {FILL}", {"replay", "orders", "lots"}),
    "a fill is there twice": (
        "INSERT INTO fills SELECT order_id, 'twice', client_order_id, product_id, side, price, base_size, fee, "
        f"liquidity, exchange_ms, received_ms, lot_id FROM fills WHERE rowid = {FILL}",
        {"replay", "orders", "lots"},
    ),
    "a price was changed": (f"UPDATE fills SET price = '99.99' WHERE rowid = {FILL}", {"replay", "orders", "lots"}),
    "a fee was changed": (f"UPDATE fills SET fee = '0' WHERE rowid = {FILL}", {"replay", "lots"}),
    "a lot without fills": (
        "INSERT INTO lots SELECT 'ct-main-made-up', 99, product_id, kind, opened_ms, open_price, base_bought, "
        "base_left, cost, entry_fee, tp_pct, take_price, stop_price, trail_active, trail_peak, trail_stop, "
        "price_increment, exit_reason, exit_client_order_id, proceeds, exit_fee, closed_ms, realized_pnl, dust "
        f"FROM lots WHERE rowid = {LOT}",
        {"replay", "lots"},
    ),
    "a lot is gone": (f"DELETE FROM lots WHERE rowid = {LOT}", {"replay", "fills", "days"}),
    "a result was improved": (f"UPDATE lots SET realized_pnl = '100' WHERE rowid = {LOT}", {"replay", "lots", "days"}),
    "dust was swept away": ("UPDATE lots SET dust = '0' WHERE dust != '0'", {"replay", "lots"}),
    "a day's result is wrong": ("UPDATE days SET realized = '1' WHERE day = '2026-11-20'", {"replay", "days"}),
    "a day's fees are wrong": ("UPDATE days SET fees = '0' WHERE day = '2026-11-21'", {"replay", "days"}),
    "a transfer was hidden": ("UPDATE days SET transfers = '0'", {"replay", "days"}),
    "a day is gone": ("DELETE FROM days WHERE day = '2026-11-20'", {"replay"}),
    "an intent is gone": (
        "DELETE FROM orders WHERE rowid = (SELECT rowid FROM orders WHERE side = 'BUY' LIMIT 1)",
        {"replay", "fills"},
    ),
    "an order is said to be open again": ("UPDATE orders SET state = 'open' WHERE side = 'BUY'", {"replay", "orders"}),
    "an order says that it was filled more": (
        "UPDATE orders SET counted_size = '9' WHERE side = 'BUY'",
        {"replay", "orders"},
    ),
    "a state that there is not": ("UPDATE orders SET state = 'odd' WHERE side = 'BUY'", {"replay", "orders"}),
    "two orders of one exchange id": (
        "DROP TABLE IF EXISTS o; CREATE TABLE o AS SELECT * FROM orders; DROP TABLE orders; ALTER TABLE o RENAME TO "
        "orders; UPDATE orders SET order_id = 'same'",
        {"keys", "schema"},
    ),
    "an amount that is none": (f"UPDATE fills SET base_size = 'NaN' WHERE rowid = {FILL}", {"amounts", "replay"}),
    "an amount spelled with an exponent": (f"UPDATE fills SET price = '1E+2' WHERE rowid = {FILL}", {"amounts"}),
    "the journal was cut at its end": (
        "DELETE FROM events WHERE seq > (SELECT max(seq) - 3 FROM events)",
        {"replay"},
    ),
    "the journal was cut at its beginning": ("DELETE FROM events WHERE seq < 4", {"chain", "replay"}),
    "a row of the journal is gone": ("DELETE FROM events WHERE seq = 7", {"chain"}),
    "a row of the journal was changed": (
        'UPDATE events SET data = replace(data, \'"fee":"1.35"\', \'"fee":"0.35"\')',
        {"chain", "replay"},
    ),
    "a row of the journal is no JSON": ("UPDATE events SET data = '[[' WHERE seq = 9", {"chain", "replay"}),
    "the kill latch was wiped": ("DELETE FROM latches", {"replay"}),
    "two kill latches": (
        "INSERT INTO latches VALUES ('a', 'kill', 1, 'x', NULL, NULL, NULL), ('b', 'kill', 1, 'x', NULL, NULL, NULL)",
        {"replay", "commands"},
    ),
    "a line for people was rewritten": ("UPDATE activity_log SET text = 'all is well' WHERE seq = 1", {"replay"}),
    "a fact was changed": ("UPDATE key_values SET value = 'live' WHERE key = 'mode'", {"replay"}),
    "a table is gone": ("DROP TABLE latches", {"schema"}),
    "an index is gone": ("DROP INDEX fills_time", {"schema"}),
    "another revision": ("UPDATE alembic_version SET version_num = '0001'", {"schema"}),
}


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole ledger with a past."""
    path = tmp_path_factory.mktemp("past") / "ledger.db"
    make(path)
    return path


@pytest.fixture
def ledger(past: Path, tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    path.write_bytes(past.read_bytes())
    return path


def findings(path: Path) -> dict[str, tuple[str, ...]]:
    return {verdict.name: verdict.findings for verdict in verify(open_reader(path)) if verdict.findings}


def test_a_whole_ledger_has_no_finding(past: Path) -> None:
    assert findings(past) == {}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_planted_damage_is_found(ledger: Path, damage: str) -> None:
    statements, finders = DAMAGES[damage]
    with sqlite3.connect(ledger) as db:
        before = list(db.iterdump())
        db.executescript(statements)
        assert list(db.iterdump()) != before, "nothing was damaged"
    db.close()
    found = findings(ledger)
    assert finders <= set(found), found
    assert all(line and "\n" not in line for lines in found.values() for line in lines)


def test_each_check_is_needed_by_a_damage() -> None:
    """`derived` has its own test below: no statement makes an event."""
    named = {name for _, finders in DAMAGES.values() for name in finders}
    assert {name for name, _ in OF_ROWS} - named == {"derived"}


def test_money_that_no_fill_explains_is_found(ledger: Path) -> None:
    writer = LedgerWriter(open_writer(ledger), "boot-2")
    day = writer.restore(datetime(2026, 11, 21, tzinfo=UTC)).day
    assert day is not None
    writer.commit([SaveDay(replace(day, realized=Decimal(100)))], 1)
    found = findings(ledger)
    assert "sets realized of 2026-11-21" in found["derived"][0] and "days" in found
    before, after = replay_files(ledger, ledger.with_name("x.db"))
    assert before == after, "what was told is replayed all the same"


@pytest.mark.parametrize("spoil", [lambda data: data[:6000], lambda data: b"no database" * 999, lambda _: b""])
def test_a_file_that_is_no_ledger_is_a_finding(ledger: Path, spoil: Callable[[bytes], bytes]) -> None:
    ledger.write_bytes(spoil(ledger.read_bytes()))
    assert set(findings(ledger)) & {"file", "schema"}


def test_a_difference_is_told_in_words(ledger: Path) -> None:
    with sqlite3.connect(ledger) as db:
        db.execute(f"UPDATE lots SET realized_pnl = '100' WHERE rowid = {LOT}")
    before, after = replay_files(ledger, ledger.with_name("x.db"))
    said = first_difference(before, after)
    assert said is not None and said.startswith("lots: ") and "realized_pnl is 100, the journal gives 3.6" in said


def test_an_export_reads_back_equal(past: Path, tmp_path: Path) -> None:
    rows = export(open_reader(past), tmp_path / "out", Format.JSONL)
    assert rows["fills"] == 7 and rows["lots"] == 3
    made = open_writer(tmp_path / "again.db")
    assert read_back(tmp_path / "out", made) == sum(rows.values())
    made.dispose()
    assert findings(tmp_path / "again.db") == {}
    before, _ = replay_files(past, tmp_path / "x.db")
    after, again = replay_files(tmp_path / "again.db", tmp_path / "y.db")
    assert before == after == again
    export(open_reader(tmp_path / "again.db"), tmp_path / "second", Format.JSONL)
    for file in (tmp_path / "out").iterdir():
        assert file.read_bytes() == (tmp_path / "second" / file.name).read_bytes(), file.name
        assert file.stat().st_mode & 0o777 == 0o600


def test_an_export_that_was_changed_is_refused(past: Path, tmp_path: Path) -> None:
    export(open_reader(past), tmp_path / "out", Format.JSONL)
    fills = tmp_path / "out" / "fills.jsonl"
    fills.write_bytes(fills.read_bytes().replace(b'"1.35"', b'"1.34"'))
    made = open_writer(tmp_path / "again.db")
    with pytest.raises(BadExport, match="not those"):
        read_back(tmp_path / "out", made)
    fills.unlink()
    with pytest.raises(FileNotFoundError):
        read_back(tmp_path / "out", made)
    assert not any(verdict.findings for verdict in verify(made)), "nothing was written"


def test_a_spreadsheet_gets_the_exact_digits(past: Path, tmp_path: Path) -> None:
    export(open_reader(past), tmp_path, Format.CSV)
    with (tmp_path / "lots.csv").open() as file:
        lots = list(csv.DictReader(file))
    stored = sqlite3.connect(past).execute("SELECT realized_pnl, dust FROM lots ORDER BY lot_id").fetchall()
    assert [(row["realized_pnl"] or None, row["dust"]) for row in lots] == stored
    assert any(len(row["realized_pnl"]) > 20 for row in lots), "more digits than a float has"
    assert orjson.loads((tmp_path / "ledger.json").read_bytes())["rows"]["lots"] == len(lots)
    with pytest.raises(BadExport, match="only JSON lines"):
        read_back(tmp_path, open_writer(tmp_path / "again.db"))
