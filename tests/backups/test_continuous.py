"""Continuous copies: the copy is the ledger, Litestream ships it, and any moment of it can be had again."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backups.continuous import Continuous, EveryBot
from backups.continuous_record import ContinuousRecord, read_continuous
from backups.ledger_copy import LedgerCopy
from backups.moment import _chained, ledger_at
from backups.place import ReplicaError, ReplicaPlace, place_of
from backups.replica import configured, environ_for, replicate_command, shipped_position
from bot.app.ledger import LedgerWriter
from bot.domain.intents import Note
from shared import control
from shared.bots import BotRef
from shared.documents.state import encode_state
from shared.ledger import schema as t
from shared.ledger.dump import dump_of
from shared.ledger.event_encoder import EventEncoder
from shared.ledger.events import EventType
from shared.ledger.journal_writer import write
from shared.ledger.key_values import read_key_values
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_reader, open_writer
from shared.ledger.replay import JournalRow, journal_of
from shared.ledger.verify import verify
from shared.paths import DataPaths
from shared.settings import Settings
from shared.times import from_epoch_ms, iso_seconds
from tests.conftest import ROOT
from tests.dashboard.writer import Writer

shipped = pytest.mark.needs("litestream")


class Ledger:
    """A ledger that is written to as a bot does: days, facts, lines, one transaction each."""

    def __init__(self, folder: Path) -> None:
        self.paths = DataPaths(folder)
        self.paths.prepare()
        self.engine = open_writer(self.paths.ledger)
        self.number = 0
        self.at_ms = 1_800_000_000_000

    def go_on(self, count: int = 1) -> None:
        for _ in range(count):
            self.number += 1
            self.at_ms += 1_000
            write(self.engine, "boot", self.at_ms, self._describe)

    def _describe(self, unit: object) -> None:
        encoder = EventEncoder(unit)  # type: ignore[arg-type]
        encoder.changed(EventType.FACT, {"key": f"key-{self.number % 7}", "value": str(self.number)})
        encoder.note({"kind": "order", "level": "info", "text": f"line {self.number}"})
        encoder.close()

    def dump(self) -> bytes:
        return dump(self.paths.ledger)


def dump(path: Path) -> bytes:
    with open_reader(path).snapshot() as db:
        return dump_of(db)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    made = Ledger(tmp_path / "data")
    yield made
    made.engine.dispose()


def caught_up(copy: LedgerCopy) -> None:
    while copy.step().behind:
        pass


def test_the_copy_is_the_ledger_byte_for_byte_however_it_grows(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "copy" / "ledger.db"
    copy = LedgerCopy(LedgerLocation(ledger.paths.ledger), path)
    assert copy.step().head == 0
    for count in (1, 3, 700, 0, 2):
        ledger.go_on(count)
        caught_up(copy)
        assert dump(path) == ledger.dump()
    copy.close()
    ledger.go_on(5)
    again = LedgerCopy(LedgerLocation(ledger.paths.ledger), path)  # a later process
    assert again.step().taken == 5 and dump(path) == ledger.dump()
    assert [v.findings for v in verify(open_reader(path)) if v.findings] == []
    again.close()


def test_a_ledger_that_was_replaced_by_an_older_or_another_one_is_followed_anew(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "copy.db"
    copy = LedgerCopy(LedgerLocation(ledger.paths.ledger), path)
    ledger.go_on(10)
    caught_up(copy)
    older = Ledger(tmp_path / "older")
    older.go_on(4)
    older.at_ms += 77
    older.go_on(1)
    ledger.engine.dispose()
    for part in ("", "-wal", "-shm"):
        ledger.paths.ledger.with_name(f"ledger.db{part}").unlink(missing_ok=True)
    older.engine.dispose()
    os.replace(older.paths.ledger, ledger.paths.ledger)
    found = copy.step()
    assert found.began_anew and (found.head, found.behind) == (5, 0) and dump(path) == ledger.dump()
    copy.close()


class Running:
    """Following in a thread, as the process does."""

    def __init__(self, ledger: Ledger, target: Path) -> None:
        self.settings = Settings(data_dir=ledger.paths.root, backup_url=str(target))
        self.stop = threading.Event()
        self.made = Continuous(self.settings, self.stop)
        self.made.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.made.prove_s = 0.0
        self.thread = threading.Thread(target=self.made.run)
        self.thread.start()

    def until(self, what: Callable[[], object], why: str, limit_s: float = 60.0) -> None:
        until_s = time.monotonic() + limit_s
        while not what():
            assert time.monotonic() < until_s, (why, self.made.record, self.made.said())
            time.sleep(0.1)

    def end(self) -> None:
        self.stop.set()
        self.thread.join(30)


@shipped
@pytest.mark.slow
def test_every_moment_that_was_shipped_can_be_had_again_to_the_transaction(ledger: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "away"
    moments: dict[int, bytes] = {}
    running = Running(ledger, target)
    try:
        for _ in range(4):
            ledger.go_on(5)
            moments[ledger.at_ms] = ledger.dump()
            time.sleep(1.2)
        running.until(lambda: running.made.record.head == 20, "followed")
        running.until(lambda: running.made.record.proven_head == 20 or _prove(running), "proven")
    finally:
        running.end()
    # The ledger vanishes, and the copy beside it; what is away is all that is left.
    ledger.engine.dispose()
    for path in (*ledger.paths.root.glob("ledger.db*"), *(ledger.paths.backups / "continuous").glob("ledger*")):
        path.unlink()
    replica = place_of(running.settings)
    for number, (at_ms, expected) in enumerate(moments.items()):
        (scratch := tmp_path / str(number)).mkdir()
        found = ledger_at(replica, at_ms + 999, scratch / "ledger.db", scratch)
        assert dump(scratch / "ledger.db") == expected and found.left_out == 20 - 5 * (number + 1)
        assert [v.findings for v in verify(open_reader(scratch / "ledger.db")) if v.findings] == []
        with open_reader(scratch / "ledger.db").connect() as db:
            assert not db.column("SELECT name FROM sqlite_master WHERE name LIKE '_litestream%'")
    (scratch := tmp_path / "newest").mkdir()
    assert ledger_at(replica, None, scratch / "ledger.db", scratch).left_out == 0
    assert dump(scratch / "ledger.db") == list(moments.values())[-1]
    with pytest.raises(ReplicaError, match="nothing of that moment"):
        (scratch := tmp_path / "before").mkdir()
        ledger_at(replica, 1_700_000_000_000, scratch / "ledger.db", scratch)


def _prove(running: Running) -> bool:
    running.made.prove_s = 0.0
    time.sleep(0.5)
    return False


@shipped
@pytest.mark.slow
def test_kill_9_ends_litestream_too_and_the_next_one_goes_on(ledger: Ledger, tmp_path: Path) -> None:
    ledger.go_on(3)
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(ledger.paths.root), "BACKUP_URL": str(tmp_path / "away")}

    def begin() -> "subprocess.Popen[bytes]":
        return subprocess.Popen([sys.executable, "-m", "backups.continuous"], cwd=ROOT, env=env)

    def until(what: Callable[[], object]) -> None:
        until_s = time.monotonic() + 60
        while not what():
            assert time.monotonic() < until_s, read_continuous(ledger.paths.backups)
            time.sleep(0.1)

    def head() -> int:
        record = read_continuous(ledger.paths.backups)
        return record.head if record is not None else 0

    def ships() -> list[str]:
        mine = str(ledger.paths.backups / "continuous" / "litestream.yml")
        found = subprocess.run(["pgrep", "-f", mine], capture_output=True, text=True, check=False)
        return found.stdout.split()

    first = begin()
    until(lambda: head() == 3 and ships())
    second = begin()
    assert second.wait(60) == 75, "one follows a ledger at a time"
    first.send_signal(signal.SIGKILL)
    first.wait(10)
    until(lambda: not ships())
    ledger.go_on(4)
    third = begin()
    until(lambda: head() == 7 and ships())
    third.terminate()
    assert third.wait(60) == 0 and not ships()


@shipped
@pytest.mark.slow
def test_a_place_that_is_emptied_behind_litestreams_back_is_said_within_two_looks(
    ledger: Ledger, tmp_path: Path
) -> None:
    """Litestream alone goes on in silence: only a look at the place tells."""
    ledger.go_on(3)
    running = Running(ledger, tmp_path / "away")
    made = running.made
    made.prove_s = 1e12
    try:
        made.shipped_s = 0.0
        running.until(lambda: made.record.shipped_ms is not None, "level")
        running.until(lambda: shipped_position(made.copy_file, made.place, tmp_path) > 0, "shipped")
        made.shipped_s = 0.0  # from here on it is known what must be there
        running.until(lambda: made.shipped_s > 0.0 and made.must_be_there > 0, "known")
        assert made.record.problem is None
        assert made.place.folder is not None
        shutil.rmtree(made.place.folder / "ltx")
        made.shipped_s = 0.0
        running.until(lambda: made.record.problem is not None, "told")
        assert "lacks what was due there" in (made.record.problem or "")
    finally:
        running.end()


@shipped
@pytest.mark.slow
def test_every_bot_of_the_folder_is_followed_to_a_place_of_its_own(ledger: Ledger, tmp_path: Path) -> None:
    root, away = ledger.paths.root, tmp_path / "away"
    alice = Ledger(BotRef("alice").folder(root))
    Ledger(BotRef("Main").folder(root)).paths.state.write_bytes(b"{}")  # its copy would lie where the default bot's is
    BotRef("idle").folder(root).mkdir()  # it never ran
    ledger.go_on(3)
    alice.go_on(5)
    every = EveryBot(Settings(data_dir=root, backup_url=str(away)))

    def record(name: str) -> ContinuousRecord:
        return read_continuous(BotRef(name).paths(root).backups) or ContinuousRecord(at_ms=0)

    def until(what: Callable[[], object]) -> None:
        until_s = time.monotonic() + 60
        while not what():
            assert time.monotonic() < until_s, [(name, record(name)) for name in ("main", "alice", "Main")]
            every.look()
            time.sleep(0.1)

    try:
        every.look()
        assert set(every.follows()) == {"main"}, "alice has not run yet"
        alice.paths.state.write_bytes(encode_state(replace(Writer(root).state(), mode="sim")))
        until(lambda: set(every.follows()) == {"main", "alice"})
        for made in every.follows().values():
            made.prove_s = 0.0
        until(lambda: (record("main").proven_head, record("alice").proven_head) == (3, 5) or _prove_all(every))
        assert "BOT_NAME is taken" in (record("Main").problem or "") and record("idle").at_ms == 0
        assert sorted(path.name for path in away.iterdir()) == ["cointrader-alice", "cointrader-main"]
        alice.paths.state.write_bytes(encode_state(replace(Writer(root).state(), mode="paper")))
        every.look()
        assert every.follows()["alice"].copy_file.name == "ledger-paper.db", "in another mode it has another ledger"
        shutil.rmtree(alice.paths.root)
        every.look()
        assert set(every.follows()) == {"main"}
    finally:
        every.close()
    assert not every.follows()


def _prove_all(every: EveryBot) -> bool:
    for made in every.follows().values():
        made.prove_s = min(made.prove_s, time.monotonic() + 1.0)
    return False


def test_settings_that_do_not_hold_are_told_by_the_record(tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path / "data"), "BACKUP_URL": "sftp://coin@host/x"}
    (tmp_path / "data" / "backups").mkdir(parents=True)
    (tmp_path / "data" / ".cointrader").touch()
    command = [sys.executable, "-m", "backups.continuous"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 78, done.stderr
    record = read_continuous(tmp_path / "data" / "backups")
    assert record is not None and "BACKUP_SFTP_HOST_KEY" in (record.problem or "")


def test_a_follower_whose_starter_ended_before_it_began_ends_at_once(ledger: Ledger, tmp_path: Path) -> None:
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(ledger.paths.root), "BACKUP_URL": str(tmp_path / "away")}
    command = [sys.executable, "-m", "backups.continuous", str(1 << 22)]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0 and read_continuous(ledger.paths.backups) is None


def test_a_ledger_that_is_gone_is_said_and_nothing_is_copied_from_it(ledger: Ledger, tmp_path: Path) -> None:
    made = Continuous(Settings(data_dir=tmp_path / "none", backup_url=str(tmp_path / "away")), threading.Event())
    with pytest.raises(ReplicaError, match="there is no ledger yet"):
        made.step()
    assert not list(tmp_path.glob("away/*"))


def test_a_journal_that_was_changed_gives_no_ledger(ledger: Ledger) -> None:
    ledger.go_on(6)
    with ledger.engine.connect() as db:
        journal = list(journal_of(db))
    _chained(journal)
    changed = JournalRow(3, journal[2].at_ms, "boot", journal[2].data.replace("3", "4"), journal[2].chain)
    for broken in ([*journal[:2], changed, *journal[3:]], journal[1:], [*journal[:2], *journal[3:]], journal[::-1]):
        with pytest.raises(ReplicaError, match="does not hold at row"):
            _chained(broken)
    assert t.events.name == "events"


@pytest.mark.needs("litestream")
@pytest.mark.slow
def test_the_command_puts_the_ledger_of_a_moment_back(tmp_path: Path) -> None:
    """A ledger as the bot's writer makes it vanishes with its copy; what is away is enough."""
    paths, at_ms = DataPaths(tmp_path / "data"), 1_800_000_000_000
    paths.prepare()
    control.ensure_control_file(paths, None)
    engine = open_writer(paths.ledger)
    writer = LedgerWriter(engine, "run-1")
    writer.fact("mode", "sim", at_ms)
    writer.fact("wish", "run", at_ms)
    writer.boot_began(at_ms + 1_000, "build")
    for second in range(2, 8):
        writer.commit([Note("order", f"second {second}")], at_ms + second * 1_000)
    engine.dispose()
    copy = paths.backups / "continuous" / "ledger.db"
    place = place_of(Settings(data_dir=paths.root, backup_url=str(tmp_path / "away")))
    made = LedgerCopy(LedgerLocation(paths.ledger), copy)
    caught_up(made)
    made.close()
    shipped_by_litestream(copy, place)
    for path in (*paths.root.glob("ledger.db*"), copy):
        path.unlink()
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(paths.root), "BACKUP_URL": str(tmp_path / "away"),
           "HOME": str(tmp_path)}  # fmt: skip

    def coin(*words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "cli", *words]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=90, check=False)

    both = coin("restore", "x.tar.gz", "--at", "now")
    assert both.returncode == 2 and "Name one archive" in both.stderr
    early = coin("restore", "--at", "2026-01-01T00:00:00Z")
    assert early.returncode == 1 and "nothing of that moment" in early.stderr and not paths.ledger.exists()
    done = coin("restore", "--at", iso_seconds(from_epoch_ms(at_ms + 4_000)))
    assert done.returncode == 0, done.stderr
    assert "6 transactions" in done.stdout and "3 later ones are left out" in done.stdout
    with open_reader(paths.ledger).connect() as db:
        lines = db.column("SELECT text FROM activity_log WHERE kind = 'order' ORDER BY seq")
        facts = read_key_values(db)
    assert lines == ["second 2", "second 3", "second 4"] and facts["restored"] and facts["lacks_since_ms"]
    assert [v.findings for v in verify(open_reader(paths.ledger)) if v.findings] == []


def shipped_by_litestream(copy: Path, place: ReplicaPlace) -> None:
    """Run it until what the copy holds is away."""
    assert place.folder is not None
    place.folder.mkdir(parents=True)
    command = replicate_command(configured(copy, place, copy.parent))
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=environ_for(place))
    until_s = time.monotonic() + 30
    while not list(place.folder.glob("ltx/9/*.ltx")):
        assert time.monotonic() < until_s
        time.sleep(0.2)
    process.terminate()
    process.wait(15)
