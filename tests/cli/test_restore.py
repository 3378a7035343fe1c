"""A restore never loosens a brake: what was on before it is on after it, and the command says what it kept."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest

from bot.app.ledger import LedgerWriter
from bot.app.ledger_restore import restored
from bot.domain.day import TradingDay
from bot.domain.intents import Note, SaveDay
from bot.engine.state.control import Latch
from shared import control
from shared.command_table import Cmd
from shared.control import TradingState, decode_control
from shared.ledger import schema
from shared.ledger.key_values import read_key_values
from shared.ledger.open import open_reader, open_writer
from shared.ledger.replay import first_difference, replay_files
from shared.ledger.verify import verify
from shared.paths import DataPaths
from shared.times import epoch_ms
from tests.cli.conftest import Coin
from tests.core.harness import D

NOW = datetime.now(UTC)
NOW_MS = epoch_ms(NOW)
TODAY = f"{NOW:%Y-%m-%d}"


class Folder:
    """A data folder with a ledger, as a bot leaves it."""

    def __init__(self, paths: DataPaths) -> None:
        self.paths, self._runs = paths, 0
        control.ensure_control_file(paths, None)

    def write(self) -> LedgerWriter:
        """A further run of the bot; `end` ends it."""
        self._runs += 1
        self._engine = open_writer(self.paths.ledger)
        writer = LedgerWriter(self._engine, f"run-{self._runs}")
        if self._runs == 1:
            writer.fact("mode", "sim", NOW_MS - 90_000)
            writer.fact("wish", "run", NOW_MS - 90_000)
        writer.boot_began(NOW_MS - 60_000 + self._runs, "build")
        writer.commit([Note("order", f"run {self._runs}")], NOW_MS - 50_000)
        return writer

    def end(self) -> None:
        self._engine.dispose()

    def facts(self) -> dict[str, str]:
        with open_reader(self.paths.ledger).connect() as db:
            return read_key_values(db)

    def whole(self, tmp_path: Path) -> None:
        """Its own checks find nothing, and its journal makes it again."""
        found = {v.name: v.findings for v in verify(open_reader(self.paths.ledger)) if v.findings}
        assert found == {}
        assert first_difference(*replay_files(self.paths.ledger, tmp_path / "again.db")) is None
        (tmp_path / "again.db").unlink()

    def latch(self) -> Latch | None:
        with open_reader(self.paths.ledger).connect() as db:
            return restored(db, NOW, "next").latch

    def said(self) -> control.ControlFile:
        return decode_control(self.paths.control.read_bytes())


@pytest.fixture
def folder(paths: DataPaths) -> Iterator[Folder]:
    made = Folder(paths)
    made.write()
    made.end()
    yield made


def test_a_kill_after_the_backup_outlives_the_restore(coin: Coin, folder: Folder, tmp_path: Path) -> None:
    assert coin("backup", "out.tar.gz").returncode == 0
    folder.paths.audit.write_text('{"what":"kill"}\n')
    control.send_command(folder.paths, Cmd.KILL, by="operator")
    folder.write().latch(Latch("kill-1", "operator", NOW_MS))
    folder.end()
    done = coin("restore", "out.tar.gz")
    assert done.returncode == 0, done.stderr
    held = folder.latch()
    assert held is not None and held.latch_id == "kill-1"
    assert folder.paths.kill.exists(), "KILL stays where it is"
    assert folder.said().kill_switch and folder.said().level is TradingState.KILL
    assert folder.facts()["wish"] == "stop"
    lines = folder.paths.audit.read_bytes().splitlines()
    assert lines[0] == b'{"what":"kill"}', "the audit trail only grows"
    assert orjson.loads(lines[1])["what"] == "restore"
    assert "kept: the kill latch kill-1 (operator" in done.stdout
    checked = coin("ledger", "verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "no order is known to have happened after the backup" in checked.stdout
    assert "the next ./coin start fetches what is missing from the exchange" in checked.stdout
    folder.whole(tmp_path)


@pytest.mark.parametrize("word", ["pause", "stop"])
@pytest.mark.parametrize("by", ["ledger", "file", "backup"])
def test_the_stricter_wish_holds(coin: Coin, folder: Folder, tmp_path: Path, word: str, by: str) -> None:
    def say() -> None:
        writer = folder.write()
        if by == "ledger":
            writer.fact("wish", word, NOW_MS)
        else:
            control.send_command(folder.paths, Cmd(word), by="operator")
        folder.end()

    if by == "backup":
        say()
    assert coin("backup", "out.tar.gz").returncode == 0
    if by == "backup":
        control.send_command(folder.paths, Cmd.START, by="operator")
    else:
        say()
    done = coin("restore", "out.tar.gz")
    assert done.returncode == 0, done.stderr
    assert folder.said().command == word and not folder.said().commands
    assert folder.facts()["wish"] == word, "else the next run takes the file for one that was changed by hand"
    assert f"kept: the requested state is {word}" in done.stdout
    folder.whole(tmp_path)


def test_an_old_latch_of_the_backup_holds_again(coin: Coin, folder: Folder) -> None:
    folder.write().latch(Latch("kill-old", "operator", NOW_MS))
    folder.end()
    assert coin("backup", "out.tar.gz").returncode == 0
    folder.write().lift("kill-old", NOW_MS + 1, "operator")
    folder.end()
    done = coin("restore", "out.tar.gz")
    held = folder.latch()
    assert held is not None and held.latch_id == "kill-old"
    assert "the kill latch kill-old of the backup holds" in done.stdout
    assert folder.said().kill_switch


def test_of_two_latches_the_newer_one_holds_alone(coin: Coin, folder: Folder, tmp_path: Path) -> None:
    folder.write().latch(Latch("kill-old", "operator", NOW_MS))
    folder.end()
    assert coin("backup", "out.tar.gz").returncode == 0
    writer = folder.write()
    writer.lift("kill-old", NOW_MS + 1, "operator")
    writer.latch(Latch("kill-new", "KILL file", NOW_MS + 2))
    folder.end()
    assert coin("restore", "out.tar.gz").returncode == 0
    held = folder.latch()
    assert held is not None and held.latch_id == "kill-new"
    folder.whole(tmp_path)


def day_of(**changes: object) -> TradingDay:
    made = TradingDay(
        day=TODAY, start_equity=D("1000"), start_unrealized=D("0"), peak_equity=D("1010"), counters={"orders": 2}
    )
    return replace(made, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("before", [None, TODAY, "2026-01-05"])
def test_the_day_s_loss_limit_stays_tripped(coin: Coin, folder: Folder, tmp_path: Path, before: str | None) -> None:
    if before is not None:
        folder.write().commit([SaveDay(day_of(day=before))], NOW_MS)
        folder.end()
    assert coin("backup", "out.tar.gz").returncode == 0
    folder.write().commit([SaveDay(day_of(breaker_ms=NOW_MS, transfers=D("5")))], NOW_MS)
    folder.end()
    done = coin("restore", "out.tar.gz")
    assert f"kept: the loss limit of {TODAY} stays tripped" in done.stdout
    with open_reader(folder.paths.ledger).connect() as db:
        day = restored(db, NOW, "next").day
    assert day is not None and day.day == TODAY
    assert (day.start_equity, day.transfers, day.breaker_ms) == (D("1000"), D("5"), NOW_MS)
    folder.whole(tmp_path)


def test_days_that_ended_since_the_backup_keep_their_results(coin: Coin, folder: Folder, tmp_path: Path) -> None:
    folder.write().commit([SaveDay(day_of(day="2026-01-05"))], NOW_MS)
    folder.end()
    assert coin("backup", "out.tar.gz").returncode == 0
    ended = [("2026-01-05", "-5", "1"), ("2026-01-06", "7", "2"), (TODAY, "0", "0")]
    made = [SaveDay(day_of(day=day, realized=D(result), fees=D(fees))) for day, result, fees in ended]
    folder.write().commit(made, NOW_MS)
    folder.end()
    assert coin("restore", "out.tar.gz").returncode == 0
    with open_reader(folder.paths.ledger).connect() as db:
        rows = db.rows("SELECT day, realized, fees FROM days ORDER BY day", of=schema.days)
    assert [(row.day, row.realized, row.fees) for row in rows] == [(day, D(r), D(f)) for day, r, f in ended]
    folder.whole(tmp_path)


def test_remembered_limits_and_runs_go_over(coin: Coin, folder: Folder, tmp_path: Path) -> None:
    assert coin("backup", "out.tar.gz").returncode == 0
    writer = folder.write()
    for key, value in {
        "entries_latched": "drawdown from the peak: 12 %", "curve": "1.2 1200 1.5", "peak_equity": "1500",
        "loss_streak": "4", "differences": "USD -100", "balances": "5|USD=900|", "used_bar:BTC-USD": "99",
        "a_brake_of_a_later_version": "on", "results": "1 2 3 4", "fills_through_ms": "77",
    }.items():  # fmt: skip
        writer.fact(key, value, NOW_MS)
    folder.end()
    for _ in range(4):
        folder.write()
        folder.end()
    assert coin("restore", "out.tar.gz").returncode == 0
    facts = folder.facts()
    assert "drawdown from the peak" in facts["entries_latched"] and facts["peak_equity"] == "1500"
    assert facts["loss_streak"] == "4" and facts["differences"] == "USD -100"
    assert facts["a_brake_of_a_later_version"] == "on", "what is not known here is carried, not dropped"
    assert int(facts["balances"].partition("|")[0]) >= NOW_MS - 60_000, "no fill that is fetched again moves them twice"
    assert "results" not in facts and "fills_through_ms" not in facts, "what is fetched again is counted again"
    engine = open_writer(folder.paths.ledger)
    assert LedgerWriter(engine, "next").unclean_starts(NOW_MS - 600_000) == 6, "unclean ends lead to SAFE all the same"
    engine.dispose()
    folder.whole(tmp_path)


def damage(paths: DataPaths) -> None:
    for ending in ("-wal", "-shm"):
        paths.ledger.with_name(paths.ledger.name + ending).unlink(missing_ok=True)
    paths.ledger.write_bytes(b"not a database" * 1000)


def test_a_damaged_ledger_s_brakes_are_told_by_the_files(coin: Coin, folder: Folder, tmp_path: Path) -> None:
    assert coin("backup", "out.tar.gz").returncode == 0
    damage(folder.paths)
    latch = {"latch_id": "kill-9", "at_ms": NOW_MS, "source": "operator"}
    told = {"version": 1, "mode": "sim", "lots": [], "latch": latch, "wish": "stop"}
    folder.paths.positions.write_bytes(orjson.dumps(told))
    done = coin("restore", "out.tar.gz")
    assert done.returncode == 0, done.stderr
    held = folder.latch()
    assert held is not None and held.latch_id == "kill-9" and folder.said().kill_switch
    assert folder.facts()["wish"] == "stop"
    (aside,) = folder.paths.root.glob("before-restore-*")
    assert (aside / "ledger.db").read_bytes().startswith(b"not a database")
    folder.whole(tmp_path)


@pytest.mark.parametrize("how", ["damaged", "gone", "empty folder"])
def test_where_nothing_can_be_known_it_comes_up_paused(coin: Coin, folder: Folder, how: str, tmp_path: Path) -> None:
    assert coin("backup", "out.tar.gz").returncode == 0
    damage(folder.paths)
    more = {}
    if how == "gone":
        folder.paths.ledger.unlink()
    if how == "empty folder":
        more = {"DATA_DIR": str(tmp_path / "new")}
        folder.paths = DataPaths(tmp_path / "new")
    done = coin("restore", "out.tar.gz", **more)
    assert done.returncode == 0, done.stderr
    assert folder.said().command == "pause" and folder.facts()["wish"] == "pause"
    assert "because the previous state is not known" in done.stdout
    assert "kept: the requested state is pause until Start is pressed" in done.stdout


def test_a_control_file_that_does_not_hold_is_a_pause(coin: Coin, folder: Folder) -> None:
    assert coin("backup", "out.tar.gz").returncode == 0
    folder.paths.control.write_text("{torn")
    assert coin("restore", "out.tar.gz").returncode == 0
    assert folder.said().command == "pause"


def test_a_command_that_was_under_way_is_not_done_again(coin: Coin, folder: Folder) -> None:
    writer = folder.write()
    command = control.Command(seq=1, id="c-1", cmd="close_lot", at="2026-11-21T12:00:00Z", args={"lot_id": "x"})
    writer.command_seen(command, NOW_MS)
    folder.end()
    assert coin("backup", "out.tar.gz").returncode == 0
    assert coin("restore", "out.tar.gz").returncode == 0
    engine = open_writer(folder.paths.ledger)
    assert LedgerWriter(engine, "next").receipts()[2] == []
    engine.dispose()


def test_a_kill_that_is_pressed_meanwhile_is_not_lost(coin: Coin, folder: Folder) -> None:
    assert coin("backup", "out.tar.gz").returncode == 0
    killer = threading.Thread(target=lambda: control.send_command(folder.paths, Cmd.KILL, by="dashboard"))
    killer.start()
    done = coin("restore", "out.tar.gz")
    killer.join()
    assert done.returncode == 0, done.stderr
    assert folder.paths.kill.exists() and folder.said().level is TradingState.KILL


def test_live_permission_is_in_no_backup(coin: Coin, folder: Folder) -> None:
    folder.paths.live_permission.write_text("{}")
    assert coin("backup", "out.tar.gz").returncode == 0
    folder.paths.live_permission.unlink()
    assert coin("restore", "out.tar.gz").returncode == 0
    assert not folder.paths.live_permission.exists(), "what ended does not come back"
