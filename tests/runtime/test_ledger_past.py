"""A ledger that is gone, older or another one is noticed at the start; the one that was written never is."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from bot.app.ledger import LedgerWriter
from bot.app.ledger_past import doubt, lost, told
from bot.domain.intents import Note
from shared.ledger.connect import connect_reader, connect_writer
from shared.ledger.event_encoder import EventEncoder
from shared.ledger.journal_writer import write
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_writer
from shared.ledger.restore_mark import RESTORED, mark
from shared.ledger.verify import verify


def written(writer: LedgerWriter, lines: int, words: str = "line") -> dict[str, Any]:
    """Some commits, and what positions.json would tell after them."""
    for number in range(lines):
        writer.commit([Note("order", f"{words} {number}")], number)
    seq, chain = writer.head()
    return {"mode": "sim", "ledger": {"seq": seq, "chain": chain}}


def mark_file(path: Path, text: str, at_ms: int) -> None:
    engine = open_writer(path)
    write(engine, "restore", at_ms, lambda draft: mark(EventEncoder(draft), text, at_ms, None, []))
    engine.dispose()


def test_the_ledger_that_was_written_is_not_doubted(location: LedgerLocation) -> None:
    engine = connect_writer(location)
    writer = LedgerWriter(engine, "b")
    last = written(writer, 5)
    assert doubt(writer, last, {}) is None
    written(writer, 3)
    assert doubt(writer, last, {}) is None, "positions.json may be behind, never ahead"
    engine.dispose()
    assert doubt(LedgerWriter(connect_writer(location), "c"), last, {}) is None


def test_an_older_and_another_ledger_are_doubted(tmp_path: Path) -> None:
    last = written(LedgerWriter(open_writer(tmp_path / "a.db"), "b"), 5)
    older = LedgerWriter(open_writer(tmp_path / "older.db"), "b")
    written(older, 3)
    found = doubt(older, last, {})
    assert found is not None and "older than positions.json (row 3 of 5)" in found
    other = LedgerWriter(open_writer(tmp_path / "other.db"), "b")
    written(other, 9, "other words")
    found = doubt(other, last, {})
    assert found is not None and "not the one of positions.json (row 5 differs)" in found


def test_a_doubt_latches_entries_and_is_kept_in_the_journal(location: LedgerLocation) -> None:
    engine = connect_writer(location)
    writer = LedgerWriter(engine, "b")
    writer.doubted("it is older", 7, 3)
    facts = writer.facts()
    assert facts["entries_latched"] == "it is older" and facts["audit"] == "", "the audit is due at once"
    assert not [verdict for verdict in verify(connect_reader(location)) if verdict.findings]


def test_a_restored_ledger_says_so_once(tmp_path: Path) -> None:
    written(LedgerWriter(open_writer(tmp_path / "ledger.db"), "b"), 2)
    mark_file(tmp_path / "ledger.db", "restored from x", 5)
    writer = LedgerWriter(open_writer(tmp_path / "ledger.db"), "c")
    found = doubt(writer, {}, writer.facts())
    assert found == "restored from x"
    writer.doubted(found, 6, 4)
    assert writer.facts()[RESTORED] == "" and doubt(writer, {}, writer.facts()) is None


@pytest.mark.parametrize(
    "positions", [None, b"", b"{torn", b"[]", b"{}", b'{"mode":"live","lots":[{}]}', b'{"mode":"sim","ledger":"x"}']
)
def test_positions_that_tell_nothing_doubt_nothing(tmp_path: Path, positions: bytes | None) -> None:
    last = told(positions, "sim")
    assert doubt(LedgerWriter(open_writer(tmp_path / "ledger.db"), "b"), last, {}) is None
    assert lost(LedgerLocation(tmp_path / "ledger.db"), last) is None


def test_the_newest_copy_that_the_bot_kept_is_named(tmp_path: Path) -> None:
    for name in ("ledger.rescued-20261128T000000Z.db", "ledger.rescued-20261129T000000Z.db"):
        (tmp_path / name).touch()
    last = told(orjson.dumps({"mode": "sim", "lots": [{}, {}]}), "sim")
    found = lost(LedgerLocation(tmp_path / "ledger.db"), last)
    assert found is not None and f"./coin restore {tmp_path}/ledger.rescued-20261129T000000Z.db" in found
    assert "2 open lots" in found


def test_open_lots_without_a_ledger_are_a_loss() -> None:
    last = told(orjson.dumps({"mode": "sim", "lots": [{"lot_id": "a"}]}), "sim")
    found = lost(LedgerLocation(Path("ledger.db")), last)
    assert found is not None and "gone or empty" in found and "1 open lot." in found
