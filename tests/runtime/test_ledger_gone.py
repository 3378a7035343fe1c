"""The ledger's files are removed or replaced under a running bot: nothing is sent, all is kept, and it is said."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.app.process import EXIT_SETTINGS
from bot.domain.intents import Note
from shared.documents.state import decode_state
from shared.verdict import Verdict
from tests.runtime.whole import Whole

NOTICED_S = 2.0


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(tmp_path / "data", monkeypatch)
    yield made
    made.close()


def files(whole: Whole) -> list[Path]:
    ledger = whole.paths.ledger
    return [ledger, ledger.with_name("ledger.db-wal"), ledger.with_name("ledger.db-shm")]


def remove_all(whole: Whole) -> None:
    for path in files(whole):
        path.unlink()


def replace(whole: Whole) -> None:
    """Another ledger is put in place, as a restore would do it."""
    copy = whole.paths.root / "copy.db"
    shutil.copyfile(whole.paths.ledger, copy)
    os.replace(copy, whole.paths.ledger)


WAYS = {
    "all": remove_all,
    "ledger.db": lambda whole: files(whole)[0].unlink(),
    "ledger.db-wal": lambda whole: files(whole)[1].unlink(),
    "ledger.db-shm": lambda whole: files(whole)[2].unlink(),
    "replaced": replace,
}


def posts(whole: Whole) -> int:
    return whole.net.seen.count("POST /orders")


def rows(path: Path) -> list[tuple[str, ...]]:
    with sqlite3.connect(path) as db:
        found = [
            tuple(map(str, row))
            for table in ("orders", "fills", "lots", "events")
            for row in db.execute(f"SELECT * FROM {table}")
        ]
    db.close()
    return found


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_sent_any_more_and_a_copy_of_everything_is_kept(whole: Whole, way: str) -> None:
    whole.begin()
    whole.trades()
    whole.until(lambda: whole.bot.engine.view.positions.lot_count > 1, why="lots")  # type: ignore[union-attr]
    whole.drive(3)
    before = rows(whole.paths.ledger)
    WAYS[way](whole)
    whole.drive(NOTICED_S)
    sent = posts(whole)
    state = decode_state(whole.paths.state.read_bytes())
    assert state.verdict is not None and state.verdict.word == Verdict.LEDGER_GONE
    reason = state.verdict.reason or ""
    assert "while the bot runs" in reason and "./coin restore" in reason and not state.io.ledger_ok
    whole.drive(300)
    assert posts(whole) == sent, "five bars said buy"
    kept = list(whole.paths.root.glob("ledger.rescued-*.db"))
    assert len(kept) == 1 and kept[0].stat().st_mode & 0o777 == 0o600
    assert rows(kept[0]) == before or set(before) <= set(rows(kept[0]))
    assert kept[0].name in (decode_state(whole.paths.state.read_bytes()).verdict.reason or "")  # type: ignore[union-attr]
    assert not list(whole.paths.root.glob(".*partial"))


def test_the_first_record_after_the_removal_finds_it_before_anything_is_sent(whole: Whole) -> None:
    """Record first, send second: no order can leave before the second in which somebody looks."""
    whole.begin()
    whole.trades()
    whole.drive(2)
    told: list[bool] = []
    remove_all(whole)
    assert whole.bot.gate.latches.ledger_ok
    whole.loop.call_soon(lambda: told.append(whole.bot.commit([Note("test", "one line")])))
    whole.drive(0)
    assert told == [False]
    assert not whole.bot.gate.latches.ledger_ok and "ledger.db was removed" in (whole.bot.ledger_error or "")


def test_put_back_it_is_the_ledger_again_and_nothing_is_missing(whole: Whole) -> None:
    whole.begin()
    whole.trades()
    whole.until(lambda: whole.bot.engine.view.positions.lot_count > 0, why="a lot")  # type: ignore[union-attr]
    aside = whole.paths.root / "aside"
    aside.mkdir()
    for path in files(whole):
        path.rename(aside / path.name)
    whole.until(lambda: not whole.bot.gate.latches.ledger_ok, 2)
    whole.drive(10)
    for path in files(whole):
        (aside / path.name).rename(path)
    whole.until(lambda: whole.bot.gate.latches.ledger_ok, 3, "written again")
    sent = posts(whole)
    whole.until(lambda: posts(whole) > sent, 200, "it trades again")


def test_a_kill_then_is_kept_by_its_file_and_one_from_before_too(whole: Whole) -> None:
    whole.begin()
    whole.trades()
    whole.paths.kill.touch()
    whole.until(lambda: whole.bot.commands.latch is not None)
    whole.paths.kill.unlink()
    whole.drive(2)
    assert not whole.paths.kill.exists(), "the ledger keeps it"
    remove_all(whole)
    whole.until(whole.paths.kill.exists, 3, "the ledger is gone: the file keeps it")


def test_the_next_run_refuses_to_begin_anew_and_goes_on_with_the_copy(whole: Whole) -> None:
    whole.begin()
    whole.trades()
    whole.until(lambda: whole.bot.engine.view.positions.lot_count > 0, why="a lot")  # type: ignore[union-attr]
    remove_all(whole)
    whole.drive(5)
    lots = {lot.lot_id: lot.base_left for lot in whole.bot.engine.view.positions.lots()}  # type: ignore[union-attr]
    whole.die()
    task = whole.begin()
    assert whole.loop.run_until_complete(task) == EXIT_SETTINGS
    assert "./coin restore" in (decode_state(whole.paths.state.read_bytes()).error or "")
    kept = next(whole.paths.root.glob("ledger.rescued-*.db"))
    remove_all_left(whole)
    kept.rename(whole.paths.ledger)
    whole.begin()
    whole.trades()
    assert {lot.lot_id: lot.base_left for lot in whole.bot.engine.view.positions.lots()} == lots  # type: ignore[union-attr]


def remove_all_left(whole: Whole) -> None:
    for path in files(whole):
        path.unlink(missing_ok=True)


def test_where_no_copy_can_be_made_it_says_so_and_goes_on_without(
    whole: Whole, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole.begin()
    whole.trades()

    def full(_target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(whole.bot.ledger, "rescue", full)
    remove_all(whole)
    whole.drive(5)
    state = decode_state(whole.paths.state.read_bytes())
    assert state.verdict is not None and "a backup" in (state.verdict.reason or "")


def test_gone_once_more_it_is_copied_once_more(whole: Whole) -> None:
    """The folder was moved and moved back; what was written since is in no copy of then."""
    whole.begin()
    whole.trades()
    aside = whole.paths.root / "aside"
    aside.mkdir()
    for path in files(whole):
        path.rename(aside / path.name)
    whole.until(lambda: whole.bot.rescue.kept, 5, "a copy")
    first = whole.bot.rescue.kept
    for path in files(whole):
        (aside / path.name).rename(path)
    whole.until(lambda: whole.bot.gate.latches.ledger_ok, 3, "written again")
    assert whole.bot.rescue.kept is None, "it is no copy of all that is in it any more"
    sent = posts(whole)
    whole.until(lambda: posts(whole) > sent, 200, "it trades on")
    whole.drive(3)
    before = rows(whole.paths.ledger)
    remove_all(whole)
    whole.until(lambda: whole.bot.rescue.kept, 5, "a second copy")
    assert whole.bot.rescue.kept != first
    assert set(before) <= set(rows(whole.paths.root / Path(whole.bot.rescue.kept or "").name))
