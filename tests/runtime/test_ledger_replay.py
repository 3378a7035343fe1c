"""I16: the journal alone gives the whole ledger, byte for byte, wherever the process died."""

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event

from bot.app.ledger import LedgerWriter
from bot.domain.intents import Note, SaveKeyValue
from bot.domain.order_life import DONE
from shared.ledger import schema as t
from shared.ledger.db import DatabaseSession, LedgerUnavailable
from shared.ledger.dump import dump_of
from shared.ledger.events import EventType, JournalEvent, from_text, to_text
from shared.ledger.open import open_reader, open_writer
from shared.ledger.reduce import DONE_STATES
from shared.ledger.replay import first_difference, replay_files
from shared.ledger.verify import verify
from shared.paths import ROOT
from tests.core import engine_machine as machine
from tests.core.engine_walk import one_step
from tests.runtime.ledger_story import BACK_TO_0001, POINTS, Crash, Probed, Story, make


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory, where there is one: what is asked here is not the disk's speed."""
    made = Path(tempfile.mkdtemp(dir=machine.SHM)) if machine.SHM.is_dir() else tmp_path
    yield made
    shutil.rmtree(made)


def whole(path: Path) -> None:
    """Nothing to find, and the journal gives the same bytes."""
    assert {v.name: v.findings for v in verify(open_reader(path)) if v.findings} == {}
    before, after = replay_files(path, path.with_name("replayed.db"))
    assert before == after, first_difference(before, after)
    assert len(before) > 1000, "an empty ledger proves nothing"


def test_a_past_with_everything_in_it(tmp_path: Path) -> None:
    make(tmp_path / "ledger.db")
    whole(tmp_path / "ledger.db")
    with open_reader(tmp_path / "ledger.db").connect() as db:
        for table in (*t.DERIVED, t.events):
            assert db.value(f"SELECT count(*) FROM {table.name}"), f"{table.name} is empty"
        words = {event.word for data in db.column("SELECT data FROM events") for event in from_text(data)}
    assert words == set(EventType) - {EventType.ROW, EventType.LOT_SET, EventType.DAY_SET}, (
        "every kind of event, and no money set by hand"
    )


def test_what_is_replayed_is_a_ledger_that_can_be_gone_on_with(tmp_path: Path) -> None:
    make(tmp_path / "ledger.db")
    replay_files(tmp_path / "ledger.db", tmp_path / "again.db")
    LedgerWriter(open_writer(tmp_path / "again.db"), "boot-9").commit([Note("a", "line")], 1)
    whole(tmp_path / "again.db")


def _probe_at(number: int, point: str, error: Callable[[], BaseException]) -> Callable[[str], None]:
    seen = 0

    def probe(where: str) -> None:
        nonlocal seen
        if where == point:
            seen += 1
            if seen == number:
                raise error()

    return probe


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_each_commit(folder: Path, point: str) -> None:
    """Whatever was committed by then is whole, and nothing else is there."""
    number, died = 0, 0
    while died == number:
        number += 1
        path = folder / f"{number}" / "ledger.db"
        path.parent.mkdir()
        engine = open_writer(path)
        writer = LedgerWriter(Probed(engine, _probe_at(number, point, Crash)), "boot-1")  # type: ignore[arg-type]
        try:
            Story(writer).tell()
        except Crash:
            died += 1
        engine.dispose()
        assert {v.name: v.findings for v in verify(open_reader(path)) if v.findings} == {}, (number, point)
        before, after = replay_files(path, path.with_name("replayed.db"))
        assert before == after, first_difference(before, after)
    assert died >= 20, "each transaction of the story was the last one once"


@pytest.mark.parametrize("point", POINTS)
def test_a_commit_that_fails_is_written_once_when_tried_again(tmp_path: Path, point: str) -> None:
    """Also where it had reached the database, and only the answer was lost."""
    engine = open_writer(tmp_path / "ledger.db")
    fail = [True]

    def probe(where: str) -> None:
        if where == point and fail:
            fail.pop()
            raise LedgerUnavailable("the connection is gone")

    writer = LedgerWriter(Probed(engine, probe), "boot-1")  # type: ignore[arg-type]
    first = [Note("order", "bought"), SaveKeyValue("a", "1")]
    with pytest.raises(LedgerUnavailable):
        writer.commit(first, 1)
    writer.commit([*first, Note("order", "sold"), SaveKeyValue("a", "2")], 2)
    with engine.connect() as db:
        assert db.column("SELECT text FROM activity_log") == ["bought", "sold"]
    assert writer.facts() == {"a": "2"}
    whole_small(tmp_path / "ledger.db")


def whole_small(path: Path) -> None:
    assert {v.name: v.findings for v in verify(open_reader(path)) if v.findings} == {}
    before, after = replay_files(path, path.with_name("replayed.db"))
    assert before == after


class Journaled(machine.Trading):
    """The engine at a faulty venue, with crashes at any commit; at the end the journal must give the ledger."""

    def __init__(self) -> None:
        self.dies_in = 0
        self.dies_at = POINTS[0]
        self.crashes = 0
        self.at_work = False
        super().__init__()

    def open_ledger(self) -> Any:
        return Probed(open_writer(self.folder / "ledger.db"), self.probe)

    def probe(self, where: str) -> None:
        if self.at_work and self.dies_in and where == self.dies_at:
            self.dies_in -= 1
            if not self.dies_in:
                self.crashes += 1
                raise Crash

    def dispatch(self, event: Any) -> None:
        self.at_work = True
        try:
            super().dispatch(event)
        except Crash:
            self.at_work = False
            self.boot()
        finally:
            self.at_work = False

    def come_to_rest(self) -> None:
        self.dies_in = 0
        super().come_to_rest()
        whole(self.folder / "ledger.db")


def _walk(seed: int) -> Journaled:
    rng = random.Random(seed)
    run = Journaled()
    run.start(rng.choice(["limit", "market"]))
    try:
        for step in range(200):
            if step % 25 == 0:
                run.a_buy_that_comes_through()
            if rng.random() < 0.1:
                run.dies_in, run.dies_at = rng.randint(1, 4), rng.choice(POINTS)
            one_step(run, rng)
        run.control("run")
    finally:
        run.teardown()
    return run


def test_long_walks_with_crashes_at_commits_are_replayed() -> None:
    walks = [_walk(seed) for seed in range(5)]
    assert sum(run.crashes for run in walks) >= 25, "walks without trouble prove nothing"
    assert sum(run.venue.trades for run in walks) >= 20, "and walks without trades neither"


NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=200)


@given(texts=st.lists(NAMES, min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_any_text_survives_the_journal(texts: list[str]) -> None:
    with tempfile.TemporaryDirectory(dir=machine.SHM if machine.SHM.is_dir() else None) as made:
        _keep_texts(Path(made) / "ledger.db", texts)


def _keep_texts(path: Path, texts: list[str]) -> None:
    engine = open_writer(path)
    writer = LedgerWriter(engine, "boot-1")
    for number, words in enumerate(texts):
        writer.commit(
            [Note("kind", words, data={"said": words, "n": number, "f": 0.1}), SaveKeyValue("k", words)], number
        )
    engine.dispose()
    whole_small(path)


def test_an_event_is_read_as_it_was_written() -> None:
    event = JournalEvent(EventType.TRANSFER, {"day": "2026-11-20", "amount": machine.D("-0.000000000000000001")})
    assert from_text(to_text([event])) == [event]


def test_the_reducer_knows_the_states_that_are_over() -> None:
    assert {state.value for state in DONE} == DONE_STATES


def test_a_ledger_of_the_first_schema_is_taken_over_whole(tmp_path: Path) -> None:
    """Its rows begin the journal; it is replayed, verified and gone on with like any other, and a copy is kept."""
    path = tmp_path / "ledger.db"
    make(path)
    before, _ = replay_files(path, tmp_path / "x.db")
    _older(path)
    writer = LedgerWriter(open_writer(path), "boot-3")
    assert (tmp_path / f"ledger.before-{t.HEAD_REVISION}.db").exists()
    after, again = replay_files(path, tmp_path / "y.db")
    assert after == again == before
    writer.commit([Note("a", "line")], 1)
    whole(path)


def _older(path: Path) -> None:
    """The ledger as a bot of the first schema left it."""
    engine = open_writer(path)
    with engine.begin() as db:
        for statement in BACK_TO_0001:
            db.run(statement)
    engine.dispose()


def _dies_opening(path: Path, number: int) -> bool:
    """Open the ledger in a process that is gone right before the statement of that number; whether it got there."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    left = [number]

    def before(*_given: object) -> None:
        left[0] -= 1
        if not left[0]:
            os._exit(9)

    run = DatabaseSession.run

    def counted(*given: Any) -> None:
        before()
        run(*given)

    try:
        DatabaseSession.run = counted  # type: ignore[method-assign]
        event.listen(Engine, "before_cursor_execute", before)
        open_writer(path)
    finally:
        os._exit(0)


@pytest.mark.parametrize("work", ["made", "migrated"])
def test_a_crash_while_a_ledger_is_made_or_migrated(folder: Path, work: str) -> None:
    """E2: at statements all along the way; the next start finds nothing of it, or all, and goes on."""
    make(folder / "past.db")
    before, _ = replay_files(folder / "past.db", folder / "x.db")
    _older(folder / "past.db")
    number, died = 0, True
    while died:
        number += 3 if work == "made" else 9
        path = folder / f"{number}.db"
        if work == "migrated":
            path.write_bytes((folder / "past.db").read_bytes())
        died = _dies_opening(path, number)
        open_writer(path).dispose()
        assert {v.name: v.findings for v in verify(open_reader(path)) if v.findings} == {}, number
        if work == "migrated":
            with open_reader(path).snapshot() as db:
                assert dump_of(db) == before, number
    assert number > 10, "it died on the way"


def test_each_word_is_explained() -> None:
    text = (ROOT / "docs" / "ledger.md").read_text(encoding="utf-8")
    assert not [word for word in EventType if f"`{word}`" not in text]
