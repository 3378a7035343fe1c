"""The ledger: one transaction for one event, what a new start finds, damage, a full disk, a kill in the middle."""

import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect

from bot.app.ledger import LedgerWriter
from bot.domain import events as ev
from bot.domain.day import TradingDay
from bot.domain.fills import Fill
from bot.domain.intents import Note, Record, SaveDay, SaveFill, SaveKeyValue, SaveLot, SaveOrder, SaveReceipt
from bot.domain.kinds import ExitReason, LotKind, OrderKind, Purpose, Side
from bot.domain.lots import Lot
from bot.domain.order_life import DONE, Order, OrderState
from bot.domain.orders import OrderSpec
from bot.engine.state.control import Latch
from shared.control import Command
from shared.documents.control import ReceiptState
from shared.ledger import schema as t
from shared.ledger.connect import connect_reader, connect_writer
from shared.ledger.db import Database, LedgerError
from shared.ledger.location import LedgerLocation
from shared.ledger.open import DamagedLedger, backup, migrate, open_writer
from shared.ledger.tables import select
from tests.core.harness import D, Rig, of, one, places

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
NOW_MS = 1_795_176_000_000
Again = Callable[..., LedgerWriter]


@pytest.fixture
def engine(location: LedgerLocation) -> Iterator[Database]:
    found = connect_writer(location)
    yield found
    found.dispose()


@pytest.fixture
def ledger(engine: Database) -> LedgerWriter:
    return LedgerWriter(engine, "boot-1")


@pytest.fixture
def again(location: LedgerLocation, engine: Database) -> Again:
    """The next run's ledger: the one before has ended."""

    def open_again(boot_id: str = "boot-2") -> LedgerWriter:
        engine.dispose()
        made.append(connect_writer(location))
        return LedgerWriter(made[-1], boot_id)

    made: list[Database] = []
    return open_again


def spec(number: int = 1, **changes: object) -> OrderSpec:
    entry = OrderSpec(
        client_order_id=f"ct-main-{number:032x}",
        product_id="BTC-USD",
        side=Side.BUY,
        kind=OrderKind.MARKET,
        purpose=Purpose.ENTRY,
        base_size=None,
        quote_size=D("2000.10"),
        limit_price=None,
        post_only=False,
        end_ms=None,
        expected_price=D("83261.50"),
        lot_kind=LotKind.RUNNER,
        tp_pct=D("3.8"),
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


def order(state: OrderState, number: int = 1, **changes: object) -> Order:
    return replace(Order(spec(number), state, NOW_MS, NOW_MS), **changes)  # type: ignore[arg-type]


def fill(number: int = 1, trade: str = "t1", size: str = "0.00000001") -> Fill:
    return Fill(
        f"v{number}", trade, spec(number).client_order_id, "BTC-USD", Side.BUY, D("83261.50"), D(size),
        D("0.0000749353500"), "taker", NOW_MS,
    )  # fmt: skip


def lot(number: int = 1, **changes: object) -> Lot:
    made = Lot(
        lot_id=spec(number).client_order_id, seq=number, product_id="BTC-USD", kind=LotKind.RUNNER, opened_ms=NOW_MS,
        base_bought=D("0.123456789012345678"), base_left=D("0.023456789012345678"), cost=D("10279.1973"),
        entry_fee=D("92.5127757"), tp_pct=D("3.8"), price_increment=D("0.01"), take_ticks=8642544, stop_ticks=7900000,
        trail_active=True, peak_ticks=8500001, trail_ticks=8466000, exit_reason=ExitReason.TRAIL,
        exit_client_order_id="ct-main-x", proceeds=D("1.5"), exit_fee=D("0.0135"),
    )  # fmt: skip
    return replace(made, **changes)  # type: ignore[arg-type]


def test_all_of_an_event_is_written_or_nothing(ledger: LedgerWriter) -> None:
    bad = SaveKeyValue("key", None)  # type: ignore[arg-type]
    with pytest.raises(LedgerError):
        ledger.commit([SaveOrder(order(OrderState.NEW)), SaveLot(lot()), Note("order", "x"), bad], NOW_MS)
    found = ledger.restore(NOW)
    assert (found.orders, found.lots, found.events, found.own_ids) == ((), (), (), frozenset())


def test_what_was_saved_comes_back_to_the_last_digit(ledger: LedgerWriter, again: Again) -> None:
    kept = lot()
    day = TradingDay(
        "2026-11-20", D("9999.123456789"), D("-1.5"), D("10001"), D("2.2715"), D("0.75"), D("-3"), NOW_MS, {"a": 2}
    )
    live = order(OrderState.OPEN, 2, order_id="v2", filled_size=D("0.00000001"))
    ledger.commit(
        [
            SaveOrder(live),
            SaveFill(fill(2), None, NOW_MS),
            SaveLot(kept),
            SaveDay(day),
            SaveKeyValue("last_add:BTC-USD", "5"),
        ],
        NOW_MS,
    )
    ledger.latch(Latch("kill-1", "KILL file", NOW_MS))
    found = again().restore(NOW)
    assert found.lots == (kept,)
    assert found.day == day
    assert found.latch == Latch("kill-1", "KILL file", NOW_MS)
    assert found.key_values["last_add:BTC-USD"] == "5"
    assert found.fill_keys == {("v2", "t1")}
    back = one(found.orders)
    assert (back.spec, back.order_id, back.filled_size) == (live.spec, "v2", D("0.00000001"))
    assert (back.counted_size, back.counted_quote) == (D("0.00000001"), D("0.00083261500"))
    assert found.totals == {"a": 2}


@pytest.mark.parametrize("state", list(OrderState))
def test_what_a_new_start_must_know_of_an_order(ledger: LedgerWriter, again: Again, state: OrderState) -> None:
    ledger.commit([SaveOrder(order(state))], NOW_MS)
    found = again().restore(NOW)
    assert found.own_ids == {spec().client_order_id}, "every own id is known for ever"
    wanted = state not in DONE or state in (OrderState.ABSENT, OrderState.FILLED)
    assert [o.state for o in found.orders] == ([state] if wanted else [])


def test_absent_orders_are_watched_for_a_day(ledger: LedgerWriter, again: Again) -> None:
    ledger.commit([SaveOrder(order(OrderState.ABSENT, updated_ms=NOW_MS - 86_400_001))], NOW_MS)
    assert again().restore(NOW).orders == ()


def test_a_fill_twice_is_one_row(ledger: LedgerWriter, engine: Database) -> None:
    ledger.commit([SaveFill(fill(), None, 1)], NOW_MS)
    ledger.commit([SaveFill(replace(fill(), price=D(1)), "lot", 2)], NOW_MS)
    with engine.connect() as db:
        row = one(db.rows(select(t.fills), of=t.fills))
    assert row.price == D("83261.50")


def test_closed_lots_stay_in_the_ledger_and_leave_the_start(ledger: LedgerWriter, again: Again) -> None:
    ledger.commit([SaveLot(lot(1)), SaveLot(lot(7, closed_ms=NOW_MS, realized_pnl=D(1), base_left=D(0)))], NOW_MS)
    found = again().restore(NOW)
    assert [kept.seq for kept in found.lots] == [1]
    assert found.next_lot_seq == 8, "a sequence number is never used twice"


def test_a_whole_story_is_restored_into_an_equal_state(ledger: LedgerWriter, again: Again) -> None:
    rig = Rig(stop_loss_pct=5.0)
    entry, take = rig.open_runner(size="1.5", price="100", fee="1.35")
    assert take is not None
    rig.accept(take)
    rig.price("102.5")  # trails
    records = [intent for intent in rig.intents if isinstance(intent, Record)]
    ledger.commit(records, rig.now_ms)
    after = Rig(restored=again().restore(NOW), now_ms=rig.now_ms, ready=False, stop_loss_pct=5.0)
    assert after.lots == rig.lots
    assert after.order(take).spec == replace(take, end_ms=None)
    assert after.market().last_add_ms == rig.market().last_add_ms
    assert after.market().used_bar_s == rig.market().used_bar_s
    assert after.view.account.day == rig.view.account.day
    assert entry.client_order_id in after.view.orders.own_ids


def test_the_next_exit_after_a_restart_has_an_id_of_its_own(ledger: LedgerWriter, again: Again) -> None:
    rig = Rig(take_profit_order="market", stop_loss_pct=5.0)
    rig.open_runner()
    first = one(places(rig.price("94")))
    rig.send(ev.VenueRejected(first.client_order_id, "halted"))
    ledger.commit([intent for intent in rig.intents if isinstance(intent, Record)], rig.now_ms)
    after = Rig(restored=again().restore(NOW), now_ms=rig.now_ms, take_profit_order="market", stop_loss_pct=5.0)
    second = one(places(after.price("94") + after.tick(2)))
    assert second.client_order_id != first.client_order_id


def test_commands_seen_and_not_finished_are_taken_up_again(ledger: LedgerWriter, again: Again) -> None:
    for number in (1, 2):
        ledger.command_seen(
            Command(seq=number, id=f"c{number}", cmd="flatten", at="", args={"a": "b"}), NOW_MS + number
        )
    ledger.commit([SaveReceipt("c1", ReceiptState.DONE, None, {"fills": "3"})], NOW_MS + 9)
    docs, seen, unfinished = again().receipts()
    assert [(doc.id, doc.state) for doc in docs] == [("c1", ReceiptState.DONE), ("c2", ReceiptState.SEEN)]
    assert docs[0].result == {"fills": "3"}
    assert seen == {"c1", "c2"}
    assert [(c.id, c.cmd, c.args, c.at) for c, _ in unfinished] == [("c2", "flatten", {"a": "b"}, "")]
    assert [seen_ms for _, seen_ms in unfinished] == [NOW_MS + 2]


def test_unclean_starts_are_those_that_did_not_end_by_themselves(engine: Database) -> None:
    for number, ended in enumerate([False, True, False], 1):
        writer = LedgerWriter(engine, f"boot-{number}")
        writer.boot_began(NOW_MS + number, "build")
        if ended:
            writer.boot_ended(NOW_MS + number)
    now = LedgerWriter(engine, "boot-now")
    now.boot_began(NOW_MS + 9, "build")
    assert now.unclean_starts(NOW_MS) == 2
    assert now.unclean_starts(NOW_MS + 3) == 1


# The file.


def test_the_migrations_make_what_the_schema_says(tmp_path: Path) -> None:
    open_writer(tmp_path / "new.db").dispose()
    migrate(f"sqlite:///{tmp_path / 'old.db'}")
    old, new = _shape(tmp_path / "old.db"), _shape(tmp_path / "new.db")
    assert old == new
    assert {name for name, *_ in old} >= {"orders", "fills", "lots", "latches", "commands", "activity_log"}


def _shape(path: Path) -> list[tuple[object, ...]]:
    found = inspect(create_engine(f"sqlite:///{path}"))
    out: list[tuple[object, ...]] = []
    for table in sorted(found.get_table_names()):  # type: ignore[union-attr]
        columns = [(c["name"], str(c["type"]), c["nullable"], c["primary_key"]) for c in found.get_columns(table)]  # type: ignore[union-attr]
        indexes = sorted((i["name"], tuple(i["column_names"]), i["unique"]) for i in found.get_indexes(table))  # type: ignore[union-attr]
        out.append((table, tuple(columns), tuple(indexes)))
    return out


def test_it_is_durable_and_private(tmp_path: Path) -> None:
    engine = open_writer(tmp_path / "ledger.db")
    with engine.connect() as db:
        assert db.value("PRAGMA journal_mode") == "wal"
        assert db.value("PRAGMA synchronous") == 2, "FULL: a committed intent outlives a power cut"
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600


def _scribble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)


def _drop(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE fills")
    db.close()


DAMAGE = {
    "garbage": lambda path: path.write_bytes(b"no database at all " * 500),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:5000]),
    "a page overwritten": _scribble,
    "a table gone": _drop,
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_ledger_is_refused_and_kept_aside_never_started_empty(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "ledger.db"
    engine = open_writer(path)
    LedgerWriter(engine, "b").commit([SaveLot(lot(n)) for n in range(1, 200)], NOW_MS)
    engine.dispose()
    for leftover in ("-wal", "-shm"):
        Path(f"{path}{leftover}").unlink(missing_ok=True)
    DAMAGE[kind](path)
    data = path.read_bytes()
    for _ in range(2):
        with pytest.raises(DamagedLedger, match=r"damaged .*kept as ledger.damaged-.*restore") as error:
            open_writer(path)
        assert path.read_bytes() == data, "the file stays as it is"
        assert error.value.kept is not None and error.value.kept.read_bytes() == data
    assert len(list(tmp_path.glob("ledger.damaged-*.db"))) == 1, "one copy for one damage"


def test_what_was_committed_outlives_kill_9(tmp_path: Path) -> None:
    """A WAL left behind by a killed writer belongs to the ledger."""
    program = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from bot.app.ledger import LedgerWriter
        from shared.ledger.open import open_writer
        writer = LedgerWriter(open_writer(Path({str(tmp_path / "ledger.db")!r})), "boot-1")
        for number in range(50):
            writer.fact("last", str(number), number)
        os.kill(os.getpid(), signal.SIGKILL)
    """)
    ended = subprocess.run([sys.executable, "-c", program], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert (tmp_path / "ledger.db-wal").exists()
    assert LedgerWriter(open_writer(tmp_path / "ledger.db"), "boot-2").facts()["last"] == "49"


def test_a_stale_wal_beside_a_new_ledger_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "ledger.db-wal").write_bytes(os.urandom(40_000))
    writer = LedgerWriter(open_writer(tmp_path / "ledger.db"), "boot-2")
    writer.fact("a", "b", NOW_MS)
    assert writer.facts() == {"a": "b"}


@pytest.mark.needs("root")
def test_a_full_disk_is_an_error_and_then_it_is_written_again(tmp_path: Path) -> None:
    """On a file system of 1 MB of its own: commits fail whole, and work again when there is room."""
    program = textwrap.dedent(f"""
        import sys
        sys.path.insert(0, {str(ROOT)!r})
        from pathlib import Path
        from bot.domain.intents import Note, SaveKeyValue
        from bot.app.ledger import LedgerWriter
        from shared.ledger.db import LedgerUnavailable
        from shared.ledger.open import open_writer
        folder = Path({str(tmp_path)!r})
        writer = LedgerWriter(open_writer(folder / "ledger.db"), "boot-1")
        (folder / "filler").write_bytes(b"x" * 600_000)
        failed = written = 0
        for number in range(400):
            try:
                writer.commit([SaveKeyValue("n", str(number)), Note("order", "y" * 2000)], number)
                written = number
            except LedgerUnavailable as error:
                assert "full" in str(error), error
                failed += 1
                if failed == 3:
                    break
        assert failed == 3 and writer.facts()["n"] == str(written), (failed, written, writer.facts())
        (folder / "filler").unlink()
        writer.commit([SaveKeyValue("n", "after")], 1)
        assert writer.facts()["n"] == "after"
        print("as it should be")
    """)
    mounted = f"mount -t tmpfs -o size=1m none {tmp_path} && exec {sys.executable} -"
    ended = subprocess.run(
        ["unshare", "-m", "sh", "-c", mounted], input=program, capture_output=True, text=True, check=False
    )
    if "mount" in ended.stderr and "denied" in ended.stderr:
        pytest.skip("no mounts of one's own here")
    assert "as it should be" in ended.stdout, ended.stderr


def test_readers_do_not_stop_the_writer(location: LedgerLocation, ledger: LedgerWriter) -> None:
    ledger.fact("n", "1", NOW_MS)
    with connect_reader(location).connect() as reader:
        assert reader.rows(select(t.key_values))
        ledger.fact("n", "2", NOW_MS)
    with connect_reader(location).connect() as reader, pytest.raises(LedgerError, match=r"read-?only"):
        reader.run("DELETE FROM key_values")


def test_a_backup_is_whole_while_the_bot_writes(tmp_path: Path) -> None:
    ledger = LedgerWriter(open_writer(tmp_path / "ledger.db"), "boot-1")
    ledger.fact("n", "1", NOW_MS)
    backup(tmp_path / "ledger.db", tmp_path / "copy.db")
    assert LedgerWriter(open_writer(tmp_path / "copy.db"), "b").facts() == {"n": "1"}
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


def test_notes_keep_their_order_and_the_newest_record_of_a_thing_wins(ledger: LedgerWriter, engine: Database) -> None:
    ledger.commit(
        [Note("a", "1"), SaveKeyValue("k", "old"), Note("b", "2"), SaveKeyValue("k", "new"), Note("c", "3")], NOW_MS
    )
    with engine.connect() as db:
        assert [row.text for row in db.rows(f"{select(t.activity_log)}ORDER BY seq", of=t.activity_log)] == [
            "1",
            "2",
            "3",
        ]
    assert ledger.facts() == {"k": "new"}
    assert of([], Note) == []
