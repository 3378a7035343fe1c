"""Programs of the watcher: none is waited for, none outlives its time, and what they say is taken once."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backups.continuous_record import ContinuousRecord, write_continuous
from backups.record import BackupRecord, write_record
from backups.schedule import Schedule
from sentinel.decision import Condition
from shared.bots import BotRef
from shared.documents.alerts import AlertKind, AlertSeverity
from shared.documents.state import encode_state
from shared.exits import Exit
from shared.paths import DataPaths
from shared.settings import Settings
from tests.watch.seen import bot
from watch.jobs import JobResult, Jobs
from watch.messages import AlertMessage
from watch.observations import DashboardObservation
from watch.process import Looks, WatchParts, WatchProcess
from watch.sentinel_duty import SentinelDuty, _report, _said
from watch.sinks.registry import SinkPlan
from watch.upkeep import Upkeep

DAY_MS = 86_400_000
NOW_MS = 1_796_000_000_000


def wait(jobs: Jobs, clock: Callable[[], float] = time.monotonic, limit_s: float = 20.0) -> list[JobResult]:
    until_s = time.monotonic() + limit_s
    while time.monotonic() < until_s:
        if found := jobs.ended(clock()):
            return found
        time.sleep(0.02)
    raise AssertionError("it did not end")


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Jobs]:
    """Jobs that can start a module `probe` with the given text."""

    def made(text: str) -> Jobs:
        (tmp_path / "probe.py").write_text(text)
        return Jobs({**os.environ, "PYTHONPATH": str(tmp_path), "pm_id": "3", "NODE_CHANNEL_FD": "4"})

    return made


def test_what_it_printed_comes_with_its_code_once(module: Callable[[str], Jobs]) -> None:
    probe = (
        "import os, sys\nprint(sys.argv[1:], os.environ.get('pm_id'), os.environ.get('NODE_CHANNEL_FD'))\nsys.exit(7)"
    )
    jobs = module(probe)
    assert jobs.start("a", "probe", "x", mono_s=0.0, limit_s=60.0)
    (found,) = wait(jobs, lambda: 0.0)
    assert (found.name, found.code, found.out) == ("a", 7, b"['x'] None None\n")
    assert jobs.ended(0.0) == [] and not jobs.runs("a")


def test_one_of_a_name_runs_at_a_time_and_one_that_hangs_is_killed(module: Callable[[str], Jobs]) -> None:
    jobs = module("import time\ntime.sleep(600)")
    assert jobs.start("a", "probe", mono_s=0.0, limit_s=5.0)
    assert not jobs.start("a", "probe", mono_s=0.0, limit_s=5.0)
    assert jobs.ended(4.0) == [], "not before its time"
    (found,) = wait(jobs, lambda: 6.0)
    assert found.code == -9


def test_a_module_that_is_not_there_is_a_failure_and_no_error(module: Callable[[str], Jobs]) -> None:
    jobs = module("")
    assert jobs.start("a", "no_such_module_here", mono_s=0.0, limit_s=60.0)
    assert wait(jobs, lambda: 0.0)[0].code != 0
    assert sys.executable


class Asked(Jobs):
    """Jobs that note what is started."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[tuple[str, ...]] = []

    def start(self, name: str, module: str, *arguments: str, mono_s: float, limit_s: float) -> bool:
        self.asked.append((name, module, *arguments))
        return True


def fired(name: str, at_ms: int, kind: AlertKind = AlertKind.FIRED) -> AlertMessage:
    return AlertMessage(
        number=1, alert=1, name=name, kind=kind, severity=AlertSeverity.CRITICAL, title=f"{name} it is", text="",
        todo="", subjects=("main",), rules=(name,), at_ms=at_ms, since_ms=at_ms,
    )  # fmt: skip


def upkeep(folder: Path, jobs: Jobs) -> Upkeep:
    paths = DataPaths(folder)
    paths.state.write_bytes(b"{}")
    return Upkeep(paths, jobs, Schedule(24.0, 14, 7.0))


def test_a_backup_is_started_when_it_is_due_and_not_before(tmp_path: Path) -> None:
    jobs = Asked()
    kept = upkeep(tmp_path, jobs)
    kept.step((), NOW_MS, 0.0)
    assert jobs.asked == [("backup", "backups")]
    write_record(tmp_path / "backups", BackupRecord(made_ms=NOW_MS, tried_ms=NOW_MS, drilled_ms=NOW_MS, archive="a"))
    kept.ended(JobResult("backup", 0, b""), 0.5)
    kept.step((), NOW_MS + 1, 1.0)
    assert kept.record.archive == "a" and len(jobs.asked) == 1
    kept.step((), NOW_MS + DAY_MS, 2.0)
    assert len(jobs.asked) == 1, "not looked at in every round"
    kept.step((), NOW_MS + DAY_MS, 400.0)
    assert len(jobs.asked) == 2


def test_where_no_bot_ever_ran_nothing_is_backed_up(tmp_path: Path) -> None:
    jobs = Asked()
    Upkeep(DataPaths(tmp_path), jobs, Schedule(24.0, 14, 7.0)).step((), NOW_MS, 0.0)
    assert jobs.asked == []


def test_something_serious_makes_one_bundle_and_a_storm_makes_no_more(tmp_path: Path) -> None:
    jobs = Asked()
    kept = Upkeep(DataPaths(tmp_path), jobs, Schedule(0.0, 14, 0.0))
    kept.step([fired("cpu", NOW_MS), fired("killed", NOW_MS, AlertKind.REPEATED)], NOW_MS, 0.0)
    assert jobs.asked == []
    kept.step([fired("killed", NOW_MS)], NOW_MS, 1.0)
    assert jobs.asked == [("incident", "incident", "--reason", "killed it is")]
    kept.step([fired("bot_safe", NOW_MS)], NOW_MS + 5_000, 6.0)
    assert len(jobs.asked) == 1
    kept.step([fired("bot_safe", NOW_MS)], NOW_MS + 700_000, 700.0)
    assert len(jobs.asked) == 2


@pytest.mark.parametrize(
    ("out", "code", "said"),
    [
        (b'{"ended":true,"found":20,"cancelled":20,"exits_left":3,"proven":true}\n', 0,
         "The process that hung was ended. 20 resting entries were cancelled; none is left. 3 exits stay."),
        (b'noise\n{"cancelled":1,"found":1,"proven":true}\n', 0, "1 resting entry was cancelled; none is left."),
        (b'{"proven":true}', 0, "No entry rested at the exchange; none is left."),
        (b'{"problem":"refused"}', 1, "Entries may still rest at the exchange: refused. It is tried again."),
        (b'{"proven":true,"flatten":true,"takes_cancelled":2,"lots_sold":2,"sold":{"BTC-USD":"0.5","ETH-USD":"3"}}', 0,
         "none is left. Sold: 0.5 BTC-USD, 3 ETH-USD of 2 lots, 2 resting exits were cancelled first."),
        (b'{"proven":true,"flatten":true}', 0, "none is left. There was nothing to sell."),
        (b'{"proven":true,"flatten":true,"lots_sold":1,"sold":{"BTC-USD":"0.5"},"unsold":"no price"}', 1,
         "Sold: 0.5 BTC-USD of 1 lot. Lots are left: no price. It is tried again."),
        (b'{"proven":true,"flatten":true,"forbidden":true,"unsold":"the bot is killed","exits_left":3}', 0,
         "Nothing was sold: the bot is killed. 3 exits stay."),
        (b"", -9, "Entries may still rest at the exchange: it ended with code -9 and said nothing."),
        (b"[1", 1, "it ended with code 1 and said nothing"),
    ],
)  # fmt: skip
def test_what_is_told_of_the_sentinel(out: bytes, code: int, said: str) -> None:
    report = _report(JobResult("sentinel", code, out))
    assert said in _said(Condition.HUNG, report, code == Exit.DONE)


class OneAtATime(Asked):
    """As the real ones: what runs under a name keeps others of it from starting."""

    running = False

    def start(self, name: str, module: str, *arguments: str, mono_s: float, limit_s: float) -> bool:
        if self.running:
            return False
        self.running = True
        return super().start(name, module, *arguments, mono_s=mono_s, limit_s=limit_s)


def test_every_bot_of_the_folder_is_guarded_by_its_name_and_one_that_wants_none_is_left(tmp_path: Path) -> None:
    jobs = OneAtATime()
    duty = SentinelDuty(tmp_path, jobs, 10.0)  # type: ignore[arg-type]
    seen = (bot(alive=False), bot(ref=BotRef("alice"), alive=False))
    for one in seen:
        folder = one.ref.folder(tmp_path)
        folder.mkdir(parents=True, exist_ok=True)
        assert one.state is not None
        (folder / "bot_state.json").write_bytes(encode_state(replace(one.state, pid=1 << 22)))
    for second in range(30):
        duty.step(seen, float(second))
    assert jobs.asked == [("sentinel", "sentinel", "dead", str(1 << 22))]
    jobs.asked.clear()
    jobs.running = False
    duty.ended(JobResult("sentinel", 0, b'{"proven":true}'), NOW_MS)
    assert set(duty.notes) == {"main"}
    duty.step(seen, 31.0)
    assert jobs.asked == [("sentinel", "sentinel", "dead", str(1 << 22), "alice")]
    jobs.asked.clear()
    jobs.running = False
    duty.ended(JobResult("sentinel", 0, b'{"off":true}'), NOW_MS)
    for second in range(32, 200):
        duty.step(seen, float(second))
    assert jobs.asked == [] and set(duty.notes) == {"main"}


def test_the_continuous_copy_is_started_where_a_bot_has_run_and_again_when_it_ends(tmp_path: Path) -> None:
    jobs, paths = OneAtATime(), DataPaths(tmp_path)
    kept = Upkeep(paths, jobs, Schedule(0.0, 14, 0.0), continuous=True)
    kept.step([], NOW_MS, 0.0)
    assert jobs.asked == [], "no bot has run here"
    paths.state.touch()
    for second in (10.0, 20.0, 30.0):
        kept.step([], NOW_MS, second)
    assert jobs.asked == [("continuous", "backups.continuous", str(os.getpid()))] and kept.copies == {}
    other = BotRef("alice").paths(tmp_path)
    for one, head in ((paths, 7), (other, 8)):
        one.backups.mkdir(parents=True)
        write_continuous(one.backups, ContinuousRecord(at_ms=NOW_MS, head=head))
    jobs.running = False
    kept.ended(JobResult("continuous", Exit.SETTINGS, b""), 32.0)
    kept.step([], NOW_MS, 90.0)
    assert len(jobs.asked) == 1, "what its settings forbid is tried once a minute"
    kept.step([], NOW_MS, 92.0)
    assert len(jobs.asked) == 2
    assert {name: record.head for name, record in kept.copies.items()} == {"main": 7, "alice": 8}
    without = Upkeep(paths, Asked(), Schedule(0.0, 14, 0.0))
    without.step([], NOW_MS, 0.0)
    assert without.copies == {}


@pytest.mark.parametrize(("sentinel", "acts"), [("cancel", True), ("flatten", True), ("off", False)])
def test_the_watch_guards_the_default_bot_unless_its_settings_say_off(
    tmp_path: Path, sentinel: str, acts: bool
) -> None:
    """Both that cancel and that sell are the sentinel's; which of them, its own process reads."""
    jobs, paths, one = Asked(), DataPaths(tmp_path / "data"), bot(alive=False)
    paths.prepare()
    assert one.state is not None
    paths.state.write_bytes(encode_state(replace(one.state, pid=1 << 22)))
    settings = Settings(data_dir=paths.root, sentinel=sentinel, sentinel_after_s=10.0, backup_every_h=0.0)
    looks = Looks(dashboard=lambda: DashboardObservation(0.0))
    watch = WatchProcess(WatchParts(settings, paths, SinkPlan((), ()), looks, None, False, jobs), NOW_MS)
    for turn in range(60):
        watch.round(NOW_MS + turn * 1_000, float(turn))
    watch.close(NOW_MS + 61_000)
    assert (("sentinel", "sentinel", "dead", str(1 << 22)) in jobs.asked) is acts
