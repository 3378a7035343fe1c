"""The ledger on a Postgres server: what holds for the file holds there; cut connections, a second bot, restarts."""

import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import orjson
import pytest

from bot.app.ledger import LedgerWriter
from bot.domain.intents import Note, SaveKeyValue
from dashboard.queries import LedgerQueries
from shared.ledger import postgres as server
from shared.ledger import schema as t
from shared.ledger.connect import connect_reader, connect_writer, ledger_exists
from shared.ledger.db import LedgerError, LedgerUnavailable
from shared.ledger.dump import dump_of
from shared.ledger.export import BadExport, copy_ledger
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger, open_reader, open_writer
from shared.ledger.replay import first_difference, replay
from shared.ledger.verify import verify
from shared.settings import Secret
from tests.postgres_server import Server
from tests.runtime.ledger_story import BACK_TO_0001, BACK_TO_0002, POINTS, Crash, Probed, Story, make

pytestmark = [pytest.mark.services, pytest.mark.needs("postgres")]
T = TypeVar("T")


@pytest.fixture
def at(postgres: Server, tmp_path: Path) -> LedgerLocation:
    return postgres.location(tmp_path)


def findings(location: LedgerLocation) -> dict[str, tuple[str, ...]]:
    return {verdict.name: verdict.findings for verdict in verify(connect_reader(location)) if verdict.findings}


def test_the_same_past_is_the_same_bytes_in_both(at: LedgerLocation, tmp_path: Path) -> None:
    engine = connect_writer(at)
    Story(LedgerWriter(engine, "boot-1")).tell()
    engine.dispose()
    make(tmp_path / "file.db")
    with connect_reader(at).snapshot() as one, open_reader(tmp_path / "file.db").snapshot() as other:
        assert first_difference(dump_of(one), dump_of(other)) is None
    assert findings(at) == {}
    fresh = open_writer(tmp_path / "replayed.db")
    before, after, transactions = replay(connect_reader(at), fresh)
    assert before == after and transactions > 20


@pytest.mark.parametrize("point", POINTS)
def test_a_crash_at_a_commit(at: LedgerLocation, tmp_path: Path, point: str) -> None:
    left = 12

    def probe(where: str) -> None:
        nonlocal left
        left -= where == point
        if not left:
            raise Crash

    engine = connect_writer(at)
    with pytest.raises(Crash):
        Story(LedgerWriter(Probed(engine, probe), "boot-1")).tell()  # type: ignore[arg-type]
    engine.dispose()
    assert findings(at) == {}
    before, after, _ = replay(connect_reader(at), open_writer(tmp_path / "replayed.db"))
    assert before == after


def test_a_damage_there_is_found_as_well(at: LedgerLocation) -> None:
    engine = connect_writer(at)
    Story(LedgerWriter(engine, "boot-1")).tell()
    with engine.begin() as db:
        db.run("UPDATE lots SET realized_pnl = '100' WHERE seq = 1")
        db.run("DELETE FROM events WHERE seq = 7")
        db.run("DROP INDEX fills_time")
    assert set(findings(at)) >= {"schema", "chain", "replay", "lots", "days"}


def test_a_session_that_is_cut_fails_one_commit_and_nothing_is_lost_or_doubled(at: LedgerLocation) -> None:
    engine = connect_writer(at)
    writer = LedgerWriter(engine, "boot-1")
    writer.commit([Note("order", "one")], 1)
    with engine.connect() as db:
        pid = db.value("SELECT pg_backend_pid()")
    _cut(at, pid)
    records = [Note("order", "two"), SaveKeyValue("a", "1")]
    with pytest.raises(LedgerError):
        writer.commit(records, 2)
    writer.commit([*records, Note("order", "three")], 3)
    with connect_reader(at).connect() as db:
        assert db.column("SELECT text FROM activity_log ORDER BY seq") == ["one", "two", "three"]
    assert findings(at) == {}


def _cut(at: LedgerLocation, pid: int) -> None:
    other = connect_reader(at)
    with other.connect() as db:
        assert db.value("SELECT pg_terminate_backend(:pid)", {"pid": pid})
        for _ in range(200):  # its end is not at once
            if not db.value("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid", {"pid": pid}):
                break
            db.run("SELECT pg_sleep(0.01)")
    other.dispose()


def test_a_server_that_goes_and_comes_back(postgres: Server, at: LedgerLocation) -> None:
    writer = LedgerWriter(connect_writer(at), "boot-1")
    writer.fact("a", "1", 1)
    postgres.stop()
    try:
        for _ in range(3):
            with pytest.raises(LedgerError) as error:
                writer.commit([SaveKeyValue("a", "2")], 2)
            assert "throw-away" not in str(error.value) + repr(error.value)
        with pytest.raises(LedgerUnavailable):
            ledger_exists(at)
        assert LedgerQueries(at).fills() is None, "the dashboard says that it does not know"
    finally:
        postgres.start()
    for _ in range(100):  # the server is left alone for a while after it did not answer
        try:
            writer.commit([SaveKeyValue("a", "2")], 3)
            break
        except LedgerUnavailable:
            time.sleep(0.1)
    assert writer.facts()["a"] == "2" and findings(at) == {}


def test_a_server_that_says_nothing_holds_the_loop_once(at: LedgerLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its socket is open, but nobody is behind it: the second try is refused at once."""
    engine = connect_writer(at)
    writer = LedgerWriter(engine, "boot-1")
    writer.fact("a", "1", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        engine.dispose()
        found, port = server._connect_args, silent.getsockname()[1]
        monkeypatch.setattr(server, "_connect_args", lambda *given: {**found(*given), "port": port})
        spent = []
        for _ in range(3):
            began = time.monotonic()
            with pytest.raises(LedgerUnavailable):
                writer.fact("a", "2", 2)
            spent.append(time.monotonic() - began)
    assert 1 < spent[0] < 10 and max(spent[1:]) < 0.5, spent


def test_a_serialization_failure_is_a_commit_that_failed(at: LedgerLocation) -> None:
    """F8: whatever the server's reason, the gate shuts, and the same records are written by the next try."""
    engine = connect_writer(at)
    writer = LedgerWriter(engine, "boot-1")
    writer.commit([SaveKeyValue("a", "1")], 1)
    with engine.begin() as db:
        db.run(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001'; END $$"
        )
        db.run("CREATE TRIGGER refuse BEFORE INSERT ON events EXECUTE FUNCTION refuse()")
    with pytest.raises(LedgerUnavailable, match="could not serialize"):
        writer.commit([SaveKeyValue("a", "2"), Note("order", "two")], 2)
    with engine.begin() as db:
        db.run("DROP TRIGGER refuse ON events")
    assert writer.facts()["a"] == "1"
    writer.commit([SaveKeyValue("a", "2"), Note("order", "two")], 3)
    assert writer.facts()["a"] == "2" and findings(at) == {}


def _once_free(wanted: Callable[[], T]) -> T:
    """The server frees a lock a moment after its holder's connection was closed."""
    until_s = time.monotonic() + 10
    while True:
        try:
            return wanted()
        except LedgerUnavailable:
            if time.monotonic() > until_s:
                raise
            time.sleep(0.02)


def test_a_second_bot_is_refused_until_the_first_has_ended(at: LedgerLocation) -> None:
    first = connect_writer(at)
    LedgerWriter(first, "boot-1").fact("a", "1", 1)
    with pytest.raises(LedgerUnavailable, match="another bot writes this ledger"):
        connect_writer(at)
    with pytest.raises(LedgerUnavailable, match="another bot"):
        server.set_aside(at, "aside")
    first.dispose()
    again = _once_free(lambda: connect_writer(at))
    assert LedgerWriter(again, "boot-2").facts() == {"a": "1"}
    again.dispose()
    kept = _once_free(lambda: server.set_aside(at, "aside"))
    assert kept is not None and not ledger_exists(at) and ledger_exists(replace(at, schema=kept))


def test_bots_and_kinds_of_market_have_schemas_of_their_own(postgres: Server, tmp_path: Path) -> None:
    one, other = postgres.location(tmp_path), postgres.location(tmp_path)
    LedgerWriter(connect_writer(one), "b").fact("a", "1", 1)
    assert LedgerWriter(connect_writer(other), "b").facts() == {}


def test_durable_whatever_the_server_s_default(at: LedgerLocation) -> None:
    """The test's own server has synchronous_commit off."""
    with connect_writer(at).connect() as db:
        assert db.value("SHOW synchronous_commit") == "on"
        assert db.value("SHOW transaction_isolation") == "serializable"
        assert db.value("SHOW statement_timeout") == "3s"


def test_readers_cannot_write(at: LedgerLocation) -> None:
    connect_writer(at)
    with connect_reader(at).connect() as db:
        assert db.value("SHOW transaction_read_only") == "on"


def test_the_dashboard_reads_it(at: LedgerLocation) -> None:
    Story(LedgerWriter(connect_writer(at), "boot-1")).tell()
    ledger = LedgerQueries(at)
    fills, lots, days, notes = ledger.fills(), ledger.closed_lots(), ledger.days(), ledger.activity()
    assert fills is not None and len(fills) == 7
    assert lots is not None and len(lots) == 2
    assert days is not None and [day.day for day in days] == ["2026-11-20", "2026-11-21"]
    assert notes and ledger.commands() and ledger.latches() and ledger.orders(working=False)
    assert LedgerQueries(replace(at, schema="cointrader_none")).fills() is None


@pytest.mark.parametrize("back", [BACK_TO_0001, BACK_TO_0002], ids=["0001", "0002"])
def test_migrated_there_with_a_copy_kept_before(at: LedgerLocation, tmp_path: Path, back: tuple[str, ...]) -> None:
    engine = connect_writer(at)
    Story(LedgerWriter(engine, "boot-1")).tell()
    with connect_reader(at).snapshot() as db:
        before = dump_of(db)
    with engine.begin() as db:
        for statement in back:
            db.run(statement)
    engine.dispose()
    writer = LedgerWriter(connect_writer(at), "boot-2")
    assert findings(at) == {}
    with connect_reader(at).snapshot() as db:
        assert dump_of(db) == before
    writer.commit([Note("a", "line")], 1)
    copy = at.path.with_name(f"{at.schema}.before-{t.HEAD_REVISION}.jsonl")
    rows = [orjson.loads(line) for line in copy.read_bytes().splitlines()]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert sum(row["table"] == "fills" for row in rows) == 7


def test_the_schema_is_the_one_of_the_migrations(at: LedgerLocation) -> None:
    made = connect_writer(at)
    query = "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_schema = :schema AND "
    with made.connect() as db:
        for table in t.BY_NAME.values():
            there = db.rows(f"{query}table_name = :name", {"schema": at.schema, "name": table.name})
            assert dict(there) == {c.name: "YES" if c.null else "NO" for c in table.columns}, table.name
        assert db.value("SELECT version_num FROM alembic_version") == t.HEAD_REVISION


def test_from_the_file_to_the_server_and_back(at: LedgerLocation, tmp_path: Path) -> None:
    make(tmp_path / "file.db")
    target = connect_writer(at)
    copy_ledger(open_reader(tmp_path / "file.db"), target)
    assert findings(at) == {}
    with pytest.raises(BadExport, match="not an empty ledger"):
        copy_ledger(open_reader(tmp_path / "file.db"), target)
    writer = LedgerWriter(target, "boot-2")
    writer.commit([Note("a", "line")], 1)
    back = open_writer(tmp_path / "back.db")
    copy_ledger(connect_reader(at), back)
    with connect_reader(at).snapshot() as one, back.snapshot() as other:
        assert dump_of(one) == dump_of(other)
        assert other.value("SELECT count(*) FROM events") > 20
    assert writer.restore(datetime(2026, 11, 22, tzinfo=UTC)).lots


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://coin:canary@127.0.0.1:1/coin", "postgresql://coin:canary@no.such.host.invalid/coin",
        "mysql://coin:canary@127.0.0.1/coin", "canary", "postgresql://coin:canary@[::/x",
    ],
)  # fmt: skip
def test_what_cannot_be_reached_or_read_is_said_without_the_password(tmp_path: Path, url: str) -> None:
    location = LedgerLocation(tmp_path / "ledger.db", Secret(url), "cointrader_x")
    assert "canary" not in f"{location} {location!r}"
    with pytest.raises((DamagedLedger, LedgerUnavailable)) as error:
        connect_writer(location)
    assert "canary" not in str(error.value) + repr(error.value)


def test_a_wrong_password_is_said_without_it(postgres: Server, tmp_path: Path) -> None:
    url = postgres.url.replace("throw-away", "canary")
    with pytest.raises(LedgerUnavailable, match="password authentication failed") as error:
        connect_writer(LedgerLocation(tmp_path / "ledger.db", Secret(url), "cointrader_x"))
    assert "canary" not in str(error.value) + repr(error.value)
