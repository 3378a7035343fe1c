"""One look at a bot: its age, its process, whether it was ended in order; what is remembered between looks."""

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.bots import DEFAULT_BOT
from shared.documents.state import BotState, encode_state
from shared.documents.status import Phase, Status
from shared.paths import DataPaths
from shared.pm2 import Effective, Pm2Process
from shared.verdict import Verdict
from tests.dashboard.writer import Writer
from watch.bot_memory import BotMemory, KeptFacts, ended_in_order
from watch.bot_observer import START_GRACE_S, BotObserver
from watch.observations import BotObservation, Pm2Observation

pytestmark = pytest.mark.needs("proc")


class Seen:
    """An observer over a document whose process is a real one."""

    def __init__(self, folder: Path) -> None:
        self.paths = DataPaths(folder)
        self.paths.prepare()
        self.process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        self.base = replace(Writer(folder / "w").state(), pid=self.process.pid)
        self.mono_s, self.seq, self.asked = 100.0, 1, 0
        self.pm2: Pm2Observation | None = None
        self.observer = self.made()

    def made(self, kept: KeptFacts | None = None) -> BotObserver:
        def ask() -> None:
            self.asked += 1

        return BotObserver(DEFAULT_BOT, self.paths.root, kept=kept, ask_pm2=ask, mono_s=self.mono_s)

    def writes(self, **fields: object) -> BotState:
        self.seq += 1
        state = replace(self.base, seq=self.seq, ts_ms=round(time.time() * 1000), **fields)  # type: ignore[arg-type]
        self.paths.state.write_bytes(encode_state(state))
        return state

    def look(self, after_s: float = 0.25) -> BotObservation:
        self.mono_s += after_s
        return self.observer.look(round(time.time() * 1000), self.mono_s, self.pm2)

    def lives(self) -> None:
        self.writes()
        self.look()
        self.writes()
        assert self.look().alive is True

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def says(self, effective: Effective, code: int = 0) -> None:
        process = Pm2Process("COIN-BOT", 0, 0, "x", effective, "x", 0, None, 0, 0.0, "", code, 0, 1600, "", "")
        self.pm2 = Pm2Observation(self.mono_s + 0.01, (process,))


@pytest.fixture
def seen(tmp_path: Path) -> Iterator[Seen]:
    made = Seen(tmp_path / "data")
    yield made
    made.kill()


def test_a_bot_that_writes_is_fresh_and_one_that_does_not_grows_old(seen: Seen) -> None:
    assert seen.look().state is None
    seen.lives()
    found = seen.look()
    assert found.fresh is not None and found.judged.word is Verdict.RUNNING and found.age_s == 0.25
    assert seen.look(5.0).judged.word is Verdict.STALE
    assert seen.look(11.0).judged.word is Verdict.HUNG


def test_a_bot_that_writes_again_after_a_silence_has_resumed_and_one_that_always_wrote_has_not(seen: Seen) -> None:
    seen.lives()
    seen.writes()
    assert seen.look(4.9).resumed_s is None
    assert seen.look(6.0).resumed_s is None, "silent, and not back yet"
    seen.writes()
    assert seen.look().resumed_s == 0.0
    seen.writes()
    assert seen.look(2.5).resumed_s == 2.5


def test_a_silence_that_began_at_the_first_look_counts_as_one(seen: Seen) -> None:
    seen.writes()
    seen.look()
    seen.look(6.0)
    seen.writes()
    assert seen.look().resumed_s == 0.0


def test_a_killed_bot_is_dead_from_the_first_look_on(seen: Seen) -> None:
    seen.lives()
    seen.kill()
    assert (first := seen.look()).alive is False and first.dead_s == 0
    assert seen.look(1.1).dead_s == pytest.approx(1.1)
    assert seen.asked == 1, "PM2 is asked at once, not in a second"


def test_another_process_of_the_same_number_is_not_the_bot(seen: Seen) -> None:
    seen.writes(started_at="2001-01-01T00:00:00Z")
    assert seen.look().alive is False


def test_a_number_that_was_given_to_another_process_meanwhile_is_not_the_bot(seen: Seen) -> None:
    seen.lives()
    seen.observer._process = (seen.process.pid, "1")  # it began at another tick of the kernel
    assert seen.look().alive is False


def test_what_pm2_said_before_the_death_does_not_count(seen: Seen) -> None:
    seen.lives()
    seen.says(Effective.ONLINE)
    seen.kill()
    assert seen.look().dead_s is None and seen.look(1.0).dead_s is None
    assert seen.look(1.1).dead_s == pytest.approx(2.1), "it is not waited for longer"


@pytest.mark.parametrize(
    ("effective", "code", "dead"),
    [
        (Effective.WAITING, 0, True),
        (Effective.DEAD, 0, True),
        (Effective.ERRORED, 1, True),
        (Effective.STOPPED, 78, True),
        (Effective.STOPPED, 0, False),
        (Effective.STOPPING, 0, False),
    ],
)
def test_who_ended_it_decides(seen: Seen, effective: Effective, code: int, dead: bool) -> None:
    seen.lives()
    seen.kill()
    seen.look()
    seen.says(effective, code)
    found = seen.look()
    assert (found.dead_s is not None) == dead
    assert found.ended_in_order == (effective is Effective.STOPPED and code == 0)


def test_a_bot_that_said_that_it_ends_is_not_dead(seen: Seen) -> None:
    seen.lives()
    seen.writes(status=Status.STOPPED, phase=Phase.STOPPED)
    seen.kill()
    found = seen.look()
    assert found.dead_s is None and found.ended_in_order


def test_a_halted_bot_looks_the_same_and_is_dead_all_the_same(seen: Seen) -> None:
    halted = replace(seen.base.control, level="stop")
    assert not ended_in_order(replace(seen.base, status=Status.STOPPED, phase=Phase.STOPPED, control=halted))


def test_a_bot_that_was_never_seen_alive_may_be_about_to_start(seen: Seen) -> None:
    seen.writes()
    seen.kill()
    assert seen.look().dead_s is None
    assert seen.look(START_GRACE_S + 1).dead_s is not None


def test_ends_without_order_are_counted_and_the_next_run_recovers_when_it_trades(seen: Seen) -> None:
    seen.lives()
    seen.writes(boot_id="b2", status=Status.STARTING, phase=Phase.SYNCING)
    assert (found := seen.look()).recovering and len(found.facts.restarts_ms) == 1
    seen.writes(boot_id="b2")
    assert not seen.look().recovering
    seen.writes(boot_id="b2", status=Status.STOPPED, phase=Phase.STOPPED)
    seen.look()
    seen.writes(boot_id="b3", status=Status.STARTING, phase=Phase.SYNCING)
    assert not (found := seen.look()).recovering and len(found.facts.restarts_ms) == 1, "that one was in order"


def test_what_is_kept_outlives_the_watcher(seen: Seen) -> None:
    seen.lives()
    seen.writes(boot_id="b2", status=Status.STARTING, phase=Phase.SYNCING)
    seen.look()
    seen.observer = seen.made(seen.observer.memory.kept)
    assert len(seen.look().facts.restarts_ms) == 1


def test_a_document_that_tears_keeps_the_last_good_one_and_says_so(seen: Seen) -> None:
    seen.lives()
    seen.paths.state.write_bytes(b"{")
    found = seen.look()
    assert found.judged.word is Verdict.UNREADABLE and found.state is not None


def test_still_records_backups_and_the_kill_file_are_seen(seen: Seen) -> None:
    seen.lives()
    seen.paths.ledger.write_bytes(b"x")
    (seen.paths.root / "backups").mkdir()
    (seen.paths.root / "backups" / "cointrader-20260101T000000Z.tar.gz").write_bytes(b"x")
    seen.paths.kill.touch()
    found = seen.look(100.0)
    assert found.kill_file and found.backup_age_s is not None and found.backup_age_s < 60
    assert found.records_still_s is not None and found.records_still_s < 60 and found.permission_ends_ms is None


# ---- memory ----


def test_equity_that_stands_still_counts_only_with_lots_and_to_the_cent(seen: Seen) -> None:
    memory, state = BotMemory(), seen.base
    account = state.account
    assert account is not None
    memory.seen(state, 1000)
    memory.seen(replace(state, account=replace(account, equity=account.equity + 0.001)), 2000)
    assert memory.facts(3000).equity_since_ms == 1000
    memory.seen(replace(state, account=replace(account, equity=account.equity + 0.02)), 4000)
    assert memory.facts(5000).equity_since_ms == 4000
    memory.seen(replace(state, positions=[]), 6000)
    assert memory.facts(7000).equity_since_ms is None


def test_trades_and_429s_are_counted_by_what_grows(seen: Seen) -> None:
    memory, state = BotMemory(), seen.base
    metrics, feeds = state.metrics, state.feeds
    assert metrics is not None and feeds is not None
    memory.seen(state, 1000)
    more = {"buy": metrics.decisions["buy"] + 7}
    memory.seen(replace(state, metrics=replace(metrics, decisions=metrics.decisions | more)), 2000)
    assert (memory.facts(3000).traded_ms, memory.facts(3000).buys_since_trade) == (1000, 7)
    limited = replace(feeds, rest_rate_limited=(feeds.rest_rate_limited or 0) + 4)
    memory.seen(replace(state, feeds=limited), 4000)
    memory.seen(replace(state, feeds=replace(limited, rest_rate_limited=0)), 5000)
    assert memory.facts(6000).rate_limited == 4, "a bot that counts anew has not taken them back"
    assert memory.facts(4000 + 300_001).rate_limited == 0
    memory.seen(replace(state, feeds=None), 7000)
    assert memory.facts(8000).rate_limited is None, "not known is not zero"


def test_an_order_is_unsettled_since_it_was_first_seen_so(seen: Seen) -> None:
    memory, state = BotMemory(), seen.base
    assert state.orders
    made = [replace(state.orders[0], state="sent")]
    memory.seen(replace(state, orders=made), 1000)
    memory.seen(replace(state, orders=made), 9000)
    assert memory.facts(9000).unsettled_since_ms == ((made[0].client_order_id, 1000),)
    memory.seen(replace(state, orders=[replace(made[0], state="open")]), 9500)
    assert memory.facts(9500).unsettled_since_ms == ()
