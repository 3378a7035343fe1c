"""The registry of trials, and the holdout that every trial leaves alone."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from research import walkforward as wf
from research.backtest import BacktestRequest, load_data
from research.data import store
from research.data.candles import CandleSet
from research.engine import MarketModel
from research.errors import Misused, ResearchError
from research.lab import holdout, trials
from research.lab.trials import TrialKind, TrialRegistry, TrialSource
from research.metrics.moments import moments
from research.sweep import points, run
from shared.paths import ROOT
from tests.research.paths import path

MODEL = MarketModel(maker_pct=0.05, taker_pct=0.1)
REQUEST = BacktestRequest(("mine",), {"EDGE_GATE": "false", "STRATEGY": "sma_cross", "MAX_DRAWDOWN_PCT": "0"}, MODEL)
GRID = points.parse(["TAKE_PROFIT_PCT=1,2", "MA_FAST=5,30", "MA_SLOW=20"])
HOUR = 3600


def hourly(seed: int, bars: int = 1500, product_id: str = "BTC-USD") -> CandleSet:
    """A random walk in hours, none missing."""
    walk = path(np.random.default_rng(seed), int(bars * 1.3), product_id, sigma=0.004)
    columns = [getattr(walk, name)[:bars] for name in ("open", "high", "low", "close", "volume")]
    return CandleSet(product_id, HOUR, 1_700_000_000 // HOUR * HOUR + HOUR * np.arange(bars), *columns)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.save(tmp_path, "mine", hourly(1))
    return tmp_path


def plan() -> run.SweepPlan:
    return run.SweepPlan(REQUEST, GRID, tuple(points.all_points(GRID)), "sharpe", "threads", 1)


def test_every_point_of_a_sweep_is_a_trial_once(folder: Path) -> None:
    swept = run.run(folder, plan())
    registry = TrialRegistry(folder)
    found = registry.read()
    ran = [row for row in swept.rows if "figures" in row]
    assert len(found.trials) == len(ran) == 2, "points whose settings contradict each other never ran"
    assert {trial.group for trial in found.trials} == {swept.folder.name}
    for trial, row in zip(found.trials, ran, strict=True):
        assert trial.settings == {**REQUEST.overrides, **row["point"]} and trial.strategy == "sma_cross"
        ratio = moments(trial.edge).sharpe
        assert ratio is not None and ratio * 365**0.5 == pytest.approx(row["figures"]["appraisal"], rel=1e-5)
        assert (trial.first_s, trial.until_s) == (hourly(1).start_s[0], hourly(1).start_s[-1] + HOUR)
    assert len({trial.bars for trial in found.trials}) == 1 and len({trial.key for trial in found.trials}) == 2
    run.run(folder, plan())
    assert len(registry.read().trials) == 2, "a resumed sweep tries nothing anew"
    (swept.folder / "points.jsonl").unlink()
    run.run(folder, plan())
    assert len(registry.read().trials) == 2, "the same question again is the same trial"
    assert registry.path.read_bytes().count(b"\n") == 4, "but nothing is ever taken away"


def test_each_window_of_a_walk_forward_adds_its_points(folder: Path) -> None:
    asked = wf.WalkForwardPlan(REQUEST, tuple(points.all_points(GRID)), 20 * 86_400, 10 * 86_400, 86_400)
    walked = wf.walk(folder, asked)
    found = TrialRegistry(folder).read().trials
    assert len(walked.windows) >= 3 and len(found) == 2 * len(walked.windows)
    spans = sorted({(trial.first_s, trial.until_s) for trial in found})
    assert len(spans) == len(walked.windows) and all(trial.kind is TrialKind.WALK_FORWARD for trial in found)
    assert all(until <= window.train_to + HOUR for (_, until), window in zip(spans, walked.windows, strict=True))


def test_a_damaged_line_is_counted_and_the_rest_read(folder: Path) -> None:
    run.run(folder, plan())
    registry = TrialRegistry(folder)
    with registry.path.open("ab") as file:
        file.write(b'{"record":"trial","key":"x')
    registry.note("lock", product_id="ETH-USD", from_s=1, until_s=2)
    found = registry.read()
    assert len(found.trials) == 2 and found.damaged == 1 and len(found.of("lock")) == 1


def test_writers_side_by_side_lose_no_line(tmp_path: Path) -> None:
    work = (
        "import sys; from pathlib import Path; from research.lab.trials import TrialRegistry\n"
        "for i in range(50): TrialRegistry(Path(sys.argv[1])).note('lock', product_id='x' * 3000, from_s=i, until_s=i)"
    )
    both = [subprocess.Popen([sys.executable, "-c", work, str(tmp_path)], cwd=ROOT) for _ in range(2)]
    assert [process.wait(60) for process in both] == [0, 0]
    found = TrialRegistry(tmp_path).read()
    assert len(found.of("lock")) == 100 and not found.damaged


def test_what_is_related_shares_a_product_and_a_day(folder: Path) -> None:
    candles = hourly(1)
    source = TrialSource.of(TrialKind.BACKTEST, "a", REQUEST, [candles])
    edge = np.zeros(10)
    one, later = source.trial({}, 100, edge), source.trial({"MA_FAST": "3"}, 200, edge)
    other = replace(one, products=("ETH-USD",))
    contents = trials.RegistryContents((one, later, other))
    assert trials.related(contents, ["BTC-USD"], 105, 106) == [one]
    assert trials.related(contents, ["BTC-USD"], 110, 200) == []
    assert trials.related(contents, ["ETH-USD", "BTC-USD"], 0, 999) == [one, later, other]
    assert one.key != later.key == source.trial({"MA_FAST": "3"}, 0, edge[:1]).key
    changed = TrialSource.of(TrialKind.BACKTEST, "a", REQUEST, [candles.rows(0, 900)])
    assert changed.bars != source.bars and changed.trial({}, 0, edge).key != one.key


def entry(folder: Path) -> store.StoredSet:
    return store.entry(store.find(folder, "mine"))


def test_a_locked_part_is_left_out_and_said(folder: Path) -> None:
    registry, whole = TrialRegistry(folder), entry(folder)
    made = holdout.lock(registry, whole)
    assert made is not None and made.until_s == whole.last_s + HOUR
    assert (made.until_s - made.from_s) / (made.until_s - whole.first_s) == pytest.approx(0.2, abs=0.001)
    assert holdout.lock(registry, whole) is None, "one lock is enough"
    spared = holdout.spare(folder, REQUEST, False)
    assert spared.request.until_s == made.from_s and "left out" in spared.note
    looked = holdout.spare(folder, REQUEST, True)
    assert looked.request.until_s is None and "counts as a look" in looked.note
    before = replace(REQUEST, until_s=made.from_s)
    assert holdout.spare(folder, before, False) == holdout.Spared(before, "")
    with pytest.raises(ResearchError, match="belong to the holdout"):
        holdout.spare(folder, replace(REQUEST, since_s=made.from_s), False)
    store.save(folder, "other", hourly(2, product_id="ETH-USD"))
    assert holdout.spare(folder, replace(REQUEST, data=("other",)), False).note == ""


@pytest.mark.parametrize("length_s", [2 * HOUR, 6 * HOUR, 24 * HOUR])
@pytest.mark.parametrize("until", ["none", "of the lock"])
def test_longer_bars_that_end_in_the_holdout_are_left_out_too(folder: Path, length_s: int, until: str) -> None:
    registry = TrialRegistry(folder)
    made = holdout.lock(registry, entry(folder))
    assert made is not None
    hours = hourly(1)
    phase = (made.from_s - HOUR) % length_s  # a bar begins an hour before the lock
    first = np.flatnonzero((hours.start_s % length_s) == phase)
    longer = replace(hours.rows(0, len(hours)), granularity_s=length_s, digest="", **{
        name: getattr(hours, name)[first] for name in ("start_s", "open", "high", "low", "close", "volume")
    })  # fmt: skip
    store.save(folder, "longer", longer)
    asked = replace(REQUEST, data=("longer",), until_s=None if until == "none" else made.from_s)
    spared = holdout.spare(folder, asked, False)
    kept = load_data(folder, spared.request.data, None, spared.request.until_s)[0]
    assert int(kept.start_s[-1]) + length_s <= made.from_s < int(kept.start_s[-1]) + 2 * length_s
    assert "left out" in spared.note
    source = TrialSource.of(TrialKind.LEARNING, "fits", spared.request, [kept])
    registry.add([source.trial({}, 0, np.zeros(9))])
    assert holdout.earlier_looks(registry.read(), [made], "me") == []


def test_who_saw_it_before_is_known(folder: Path) -> None:
    registry = TrialRegistry(folder)
    made = holdout.lock(registry, entry(folder))
    assert made is not None
    spared = replace(plan(), request=holdout.spare(folder, REQUEST, False).request)
    run.run(folder, spared)
    assert holdout.earlier_looks(registry.read(), [made], "me") == []
    seen = run.run(folder, plan())
    assert holdout.earlier_looks(registry.read(), [made], "me") == [f"sweep {seen.folder.name}"]
    registry.note("look", subject="me", products=["BTC-USD"], from_s=made.from_s, until_s=made.until_s)
    contents = registry.read()
    assert len(holdout.earlier_looks(contents, [made], "me")) == 1
    assert len(holdout.earlier_looks(contents, [made], "another")) == 2
    assert holdout.own_look(contents, "me") is not None and holdout.own_look(contents, "another") is None
    assert holdout.locks(contents) == [], "a lock is used up by the look"


def test_only_what_nothing_has_seen_can_be_locked(folder: Path) -> None:
    registry = TrialRegistry(folder)
    run.run(folder, plan())
    with pytest.raises(ResearchError, match="that no trial has seen"):
        holdout.lock(registry, entry(folder))
    longer = hourly(1, 1750)
    store.save(folder, "mine", longer)
    made = holdout.lock(registry, entry(folder))
    assert made is not None and made.from_s == hourly(1).start_s[-1] + HOUR, "20 % are more than what is new"
    for part in (0.0, 0.95):
        with pytest.raises(Misused):
            holdout.lock(registry, entry(folder), part)


def test_a_kill_while_writing_leaves_a_file_that_goes_on(tmp_path: Path) -> None:
    work = (
        "import sys; from pathlib import Path; from research.lab.trials import TrialRegistry\n"
        "while True: TrialRegistry(Path(sys.argv[1])).note('lock', product_id='x' * 200_000, from_s=1, until_s=2)"
    )
    process = subprocess.Popen([sys.executable, "-c", work, str(tmp_path)], cwd=ROOT)
    registry = TrialRegistry(tmp_path)
    while not registry.path.exists() or os.stat(registry.path).st_size < 2_000_000:
        assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    registry.note("look", subject="me", products=[], from_s=1, until_s=2)
    found = registry.read()
    assert len(found.of("look")) == 1 and found.damaged <= 1 and len(found.of("lock")) >= 10
