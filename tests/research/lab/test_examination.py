"""The lab on a data folder: a known edge gets its GO and one look, chance gets none, and nobody looks twice."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from research import backtest, runs
from research.backtest import BacktestRequest, settings_for
from research.data import store
from research.data.candles import CandleSet
from research.engine import MarketModel, Style
from research.errors import ResearchError
from research.lab import holdout, nulls, subject
from research.lab.examination import Examination, examine
from research.lab.judgement import LabAnswer
from research.lab.survivorship import missing_products
from research.lab.trials import TrialRegistry, add_run
from research.report.lab import page
from research.sweep import points, run
from shared import lab_verdicts
from shared.settings import Mode
from tests.research.lab.test_trials import hourly

GRID = points.parse(["MA_FAST=2,12,40", "MA_SLOW=41,80,160,400"])
REQUEST = BacktestRequest(("mine",), {"STRATEGY": "sma_cross"}, MarketModel(taker_pct=0.01), Style.FLIP)


def trending(seed: int, bars: int = 14_000) -> CandleSet:
    """Hours whose drift keeps its sign for four days on average: what a moving average finds."""
    g = np.random.default_rng(seed)
    sign = np.where(np.cumsum(g.random(bars) > 0.99) % 2 == 0, 1.0, -1.0)
    return nulls.market(g, bars, 0.0014 * sign)


def swept(folder: Path, candles: CandleSet, *, part: float = 0.2, request: BacktestRequest = REQUEST) -> run.Swept:
    store.save(folder, "mine", candles)
    if part:
        holdout.lock(TrialRegistry(folder), store.entry(store.find(folder, "mine")), part)
    asked = holdout.spare(folder, request, False).request
    return run.run(folder, run.SweepPlan(asked, GRID, tuple(points.all_points(GRID)), "sharpe", "threads", 1))


def said(done: Examination) -> dict[str, bool]:
    return {gate.key: gate.passed for gate in done.judged.gates}


def test_a_known_edge_is_found_with_one_look(tmp_path: Path) -> None:
    first = swept(tmp_path, trending(1))
    done = examine(tmp_path, subject.find(tmp_path, first.folder.name), cpcv=(8, 2))
    assert done.judged.answer is LabAnswer.GO, done.judged.sentence
    assert done.crossed is not None and done.crossed.splits == 28 and done.crossed.ratios.min() > 0
    assert all(said(done).values()) and done.judged.sentence.startswith("GO: deflated sharpe: ")
    assert done.outcome is not None and done.outcome.edge.mean() > 0 and len(done.own) == 12
    assert done.stressed.plateau is not None and done.stressed.permutation_p == pytest.approx(1 / 201)
    contents = TrialRegistry(tmp_path).read()
    assert len(contents.of("look")) == 1 and len(contents.of("verdict")) == 1 and not holdout.locks(contents)
    kept = json.loads((first.folder / "lab.json").read_text())
    assert kept["answer"] == "GO" and kept["gates"][3]["key"] == "holdout"
    assert kept["cpcv"]["ratios"] == done.crossed.ratios.tolist() and len(kept["cpcv"]["ratios"]) == 7
    assert "in the middle of 7 histories" in page(done)
    _enable_live_finds_it(tmp_path, done)
    # The same question again: the same answer from the look that was taken, no second one.
    again = examine(tmp_path, subject.find(tmp_path, first.folder.name[:6]))
    assert again.judged == done.judged and len(TrialRegistry(tmp_path).read().of("look")) == 1
    _the_next_one_may_not_look(tmp_path, done)


def _enable_live_finds_it(folder: Path, done: Examination) -> None:
    """The verdict is about these settings, but for the style of the question, which is not what the bot trades."""
    chosen = settings_for(done.subject.request.overrides, done.subject.candles)
    (kept,) = lab_verdicts.read(folder / lab_verdicts.REGISTRY)
    assert (kept.answer, kept.strategy, kept.style, kept.fees) == (
        "GO", "sma_cross", "flip", " at 0.5 % maker, 0.01 % taker"
    )  # fmt: skip
    assert lab_verdicts.differences(kept, chosen) == ["--style flip, which the bot does not trade"]
    assert lab_verdicts.differences(kept, replace(chosen, coin_mode=Mode.LIVE, log_level="DEBUG")) == [
        "--style flip, which the bot does not trade"
    ]
    assert lab_verdicts.differences(kept, replace(chosen, ma_slow=79))[0].startswith("MA_SLOW ")


def _the_next_one_may_not_look(folder: Path, done: Examination) -> None:
    """Another choice on the same data: the holdout was seen, by whom is said, and no GO is left for it."""
    axes = points.parse(["MA_FAST=3,14", "MA_SLOW=60,170"])
    before = replace(REQUEST, until_s=done.holdout_from_s)
    other = run.run(folder, run.SweepPlan(before, axes, tuple(points.all_points(axes)), "sharpe", "threads", 1))
    judged = examine(folder, subject.find(folder, other.folder.name)).judged
    assert judged.answer is LabAnswer.NO_GO
    gate = judged.gates[-1]
    assert gate.said == "seen 1 time" and "look of 20" in gate.reason and "proves nothing any more" in gate.reason
    # And what was looked at later does not void the look that came before it.
    assert examine(folder, subject.find(folder, done.subject.group)).judged.answer is LabAnswer.GO


def test_chance_gets_no_look(tmp_path: Path) -> None:
    first = swept(tmp_path, nulls.market(np.random.default_rng(2), 14_000))
    done = examine(tmp_path, subject.find(tmp_path, "last"))
    assert done.subject.group == first.folder.name and done.judged.answer is LabAnswer.NO_GO and done.outcome is None
    assert not said(done)["deflated"] and done.judged.gates[-1].said == "locked"
    assert len(holdout.locks(TrialRegistry(tmp_path).read())) == 1, "what fails before it does not use it up"
    assert "not looked at" not in done.judged.sentence, "that is no reason of its own"


def test_a_sweep_that_saw_everything_gets_no_go(tmp_path: Path) -> None:
    whole = swept(tmp_path, trending(1), part=0.0)
    judged = examine(tmp_path, subject.find(tmp_path, "last")).judged
    assert judged.answer is LabAnswer.NO_GO and "no part of the data is locked" in judged.gates[-1].reason
    # Locking afterwards what it saw is refused.
    with pytest.raises(ResearchError, match="no trial has seen"):
        holdout.lock(TrialRegistry(tmp_path), store.entry(store.find(tmp_path, "mine")))
    assert whole.ranked()


def test_every_trial_on_the_same_history_makes_luck_larger(tmp_path: Path) -> None:
    first = swept(tmp_path, trending(3))
    before = examine(tmp_path, subject.find(tmp_path, first.folder.name)).evidence
    noise = points.parse(["MA_FAST=2:30:2", "MA_SLOW=31:60:4"])
    asked = first.plan.request
    more = tuple(points.all_points(noise))
    run.run(tmp_path, run.SweepPlan(asked, noise, more, "sharpe", "threads", 1))
    after = examine(tmp_path, subject.find(tmp_path, first.folder.name))
    assert after.related == 12 + len(more)
    assert after.evidence.trials > before.trials + 1 and after.evidence.deflation.by_chance > before.deflation.by_chance


def test_a_single_run_is_judged_among_its_neighbours(tmp_path: Path) -> None:
    store.save(tmp_path, "mine", trending(1, 6000))
    holdout.lock(TrialRegistry(tmp_path), store.entry(store.find(tmp_path, "mine")))
    request = replace(REQUEST, overrides={"STRATEGY": "sma_cross", "MA_FAST": "12", "MA_SLOW": "80"})
    done = backtest.run(tmp_path, holdout.spare(tmp_path, request, False).request)
    kept = runs.keep(tmp_path, done)
    add_run(tmp_path, done, kept.run_id)
    found = examine(tmp_path, subject.find(tmp_path, kept.run_id))
    moved = [
        {key: value for key, value in one.settings.items() if request.overrides.get(key) != value} for one in found.own
    ]
    assert moved[0] == {} and {"MA_FAST": "10"} in moved and {"MA_SLOW": "100"} in moved
    assert found.stressed.neighbours == len(found.own) - 1 >= 8 and found.evidence.overfitting is not None
    assert (kept.folder / "lab.json").exists()
    with pytest.raises(ResearchError, match="no run and no sweep"):
        subject.find(tmp_path, "nothing")
    store.save(tmp_path, "mine", trending(2, 6000))
    with pytest.raises(ResearchError, match="another than it was"):
        subject.find(tmp_path, kept.run_id)


def test_the_page_says_the_answer_first_and_loads_nothing(tmp_path: Path) -> None:
    swept(tmp_path, nulls.market(np.random.default_rng(5), 4000))
    done = examine(tmp_path, subject.find(tmp_path, "last"))
    html = page(done)
    assert html.index('id="verdict">NO-GO') < html.index("<canvas") and "default-src 'none'" in html
    assert not re.search(r"(src|href)=", html) and "{{" not in html
    data = json.loads(re.search(r'id="data">(.*?)</script>', html)[1])  # type: ignore[index]
    equity = data["equity"]
    assert len(equity["run"]) == len(equity["holding"]) == len(done.training.returns) and len(data["ratios"]) == 12
    assert equity["run"][-1] == pytest.approx(10_000 * np.prod(1 + done.training.returns), abs=0.01)
    assert data["ratio"] == pytest.approx(max(data["ratios"]), abs=1e-3) or data["ratio"] in data["ratios"]


def test_survivors_are_named(tmp_path: Path) -> None:
    """Three products at the start, one dies half-way, and the run takes the two that live."""
    a, b = hourly(1), hourly(2, product_id="ETH-USD")
    dead = hourly(3, 700, product_id="LUNA-USD")
    for name, one in (("a", a), ("b", b), ("dead", dead)):
        store.save(tmp_path, name, one)
    (told,) = missing_products([a, b], store.entries(tmp_path))
    assert told.startswith("survivorship: all 2 products live to the end") and "LUNA-USD (ended 20" in told
    assert missing_products([a, b, dead], store.entries(tmp_path)) == ()
    assert missing_products([a], store.entries(tmp_path)) == ()
    late = store.entries(tmp_path)
    assert missing_products([a, b], [one for one in late if one.product_id != "LUNA-USD"]) == ()
