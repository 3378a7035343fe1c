"""What COIN-LAB's jobs leave: a kept run, a sweep's points, a look at a file before anything is kept."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import orjson
import pytest

from lab_worker import work
from lab_worker.files import look
from lab_worker.reporting import JobReporter, LabRefusal
from lab_worker.sets import SetList, day_parts
from lab_worker.warm import WarmEngine
from research import backtest as bt
from research.coverage import APPLIED
from research.data import store
from shared.documents.kept_run import decode_kept_run
from shared.documents.lab import (
    LabFile,
    LabKind,
    LabLooked,
    LabRequest,
    LabRunDone,
    LabSet,
    LabSwept,
    LabTry,
    LabWalked,
    decode_result,
)
from shared.lab_files import LabFolder, new_hex_id
from shared.lab_settings import OFFERED
from tests.lab_worker.conftest import BARS, NAME, asked, candles, question


class ReporterDouble(JobReporter):
    def __init__(self) -> None:
        self.told: list[dict[str, object]] = []
        super().__init__(-1)

    def _write(self, told: dict[str, object]) -> None:
        self.told.append(told)


def done(lab: LabFolder, request: LabRequest) -> tuple[bytes, ReporterDouble]:
    folder, reporter = lab.put(request), ReporterDouble()
    job = lab.job(request.id)
    assert job is not None
    work.do(lab, job, reporter)
    return (folder / "result.json").read_bytes(), reporter


def test_the_form_offers_every_setting_that_a_backtest_applies_and_no_other() -> None:
    assert frozenset(APPLIED) == OFFERED


def test_a_run_is_kept_with_its_curve_beside_holding(lab_with_data: LabFolder) -> None:
    found, _ = done(lab_with_data, asked())
    result = decode_result(found, LabRunDone)
    data_dir = lab_with_data.root.parent
    kept = decode_kept_run((data_dir / "research" / "runs" / result.run_id / "run.json").read_bytes())
    assert kept.curve is not None and len(kept.curve.times_s) == 480 and kept.verdict.sentence == result.sentence
    # The last moment pays the exits of what is still open, for both: the figures and the curve end alike.
    assert kept.curve.equity[-1] == pytest.approx(kept.figures["final_equity"], abs=0.01)
    assert kept.curve.holding[-1] / kept.curve.cash - 1 == pytest.approx(kept.figures["buy_and_hold"], abs=1e-6)
    assert (data_dir / "research" / "trials.jsonl").read_bytes().count(b"\n") == 1, "a kept run is a trial"


def test_a_try_answers_as_the_kept_run_and_counts_nothing(lab_with_data: LabFolder) -> None:
    data_dir, engine = lab_with_data.root.parent, WarmEngine(lab_with_data.root.parent)
    for take in ("2.0", "4.0", "2.0"):
        tried = engine.answer(LabTry(page="a" * 24, seq=1, at_ms=1, question=question(TAKE_PROFIT_PCT=take)))
        assert tried.outcome is not None and not tried.error
        run = bt.run(data_dir, bt.BacktestRequest((NAME,), {"STRATEGY": "sma_cross", "TAKE_PROFIT_PCT": take}),
                     chances=False)  # fmt: skip
        assert tried.outcome.figures == {figure.key: figure.value for figure in run.figures}
    assert not (data_dir / "research" / "trials.jsonl").exists() and not (data_dir / "research" / "runs").exists()
    refused = engine.answer(LabTry(page="a" * 24, seq=2, at_ms=1, question=question(ENTRY_ORDER="maker")))
    assert refused.outcome is None and "ENTRY_ORDER" in refused.error


def test_a_sweep_leaves_its_points_and_more_than_a_page_can_show_is_refused(lab_with_data: LabFolder) -> None:
    grid = ["TAKE_PROFIT_PCT=1.5:2.5:0.5", "TRAIL_DISTANCE_PCT=0.2,0.4"]
    found, reporter = done(lab_with_data, asked(LabKind.SWEEP, grid=grid))
    swept = decode_result(found, LabSwept)
    assert swept.axes == ["TAKE_PROFIT_PCT", "TRAIL_DISTANCE_PCT"] and len(swept.points) == swept.of == 6
    assert swept.points[1].values == ["1.5", "0.4"] and swept.points[1].figures["total_return"] is not None
    assert reporter.told[-1] == {"unit": "points", "done": 6, "total": 6}
    with pytest.raises(LabRefusal, match="too many"):
        done(lab_with_data, asked(LabKind.SWEEP, grid=["TAKE_PROFIT_PCT=1:200:0.01"]))


def test_a_walk_forward_leaves_its_windows(lab_with_data: LabFolder) -> None:
    request = asked(LabKind.WALK, grid=["TAKE_PROFIT_PCT=1.5,2.5"], train="36h", test="12h")
    walked = decode_result(done(lab_with_data, request)[0], LabWalked)
    assert len(walked.windows) == 2 and len(walked.growth) == 3
    assert {w.chosen["TAKE_PROFIT_PCT"] for w in walked.windows if w.chosen} <= {"1.5", "2.5"} and walked.sentence


def drop(lab: LabFolder, text: str, name: str, **more: str) -> LabFile:
    upload = new_hex_id()
    lab.upload(upload).write_text(text)
    return LabFile(upload=upload, shown_name=name, **more)


def table(times_100: frozenset[int] = frozenset()) -> str:
    one, lines = candles(600), ["time,open,high,low,close,volume"]
    for i in range(len(one)):
        by = 100 if i in times_100 else 1
        row = (one.open[i] * by, one.high[i] * by, one.low[i] * by, one.close[i] * by, one.volume[i])
        lines.append(f"{one.start_s[i]}," + ",".join(f"{value:.2f}" for value in row))
    return "\n".join(lines) + "\n"


def test_a_dropped_file_is_looked_at_and_then_imported(lab: LabFolder) -> None:
    file = drop(lab, table(), "SOL-USD_1m.csv")
    seen = look(lab, file)
    assert seen.set is not None and not seen.asks and not seen.refused
    assert (seen.set.product_id, seen.set.bars, seen.set.missing, seen.set.gaps) == ("SOL-USD", 580, 20, 1)
    assert not (lab.root.parent / "candles").exists(), "a look keeps nothing"
    found, _ = done(lab, asked(LabKind.IMPORT, question=None, file=file))
    assert decode_result(found, LabSet).name == NAME
    assert len(store.load(store.find(lab.root.parent, NAME))) == 580
    assert not lab.upload(file.upload).exists()
    listed = lab.known_sets()
    assert listed is not None and [one.name for one in listed.sets] == [NAME]


def test_outliers_and_an_unnamed_product_are_asked_for_first(lab: LabFolder) -> None:
    odd = drop(lab, table(frozenset({300, 301})), "SOL-USD_1m.csv")
    seen = look(lab, odd)
    assert seen.asks == "outliers" and "--" not in seen.refused and seen.set is not None and seen.set.bars == 578
    with pytest.raises(LabRefusal):
        done(lab, asked(LabKind.IMPORT, question=None, file=odd))
    found, _ = done(lab, asked(LabKind.IMPORT, question=None, file=replace(odd, outliers="drop")))
    assert decode_result(found, LabSet).bars == 578
    unnamed = look(lab, drop(lab, table(), "candles.csv"))
    assert unnamed.asks == "product" and unnamed.set is None and "candles.csv" in unnamed.refused
    told = look(lab, drop(lab, table(), "candles.csv", product="sol-usd"))
    assert told.set is not None and told.set.product_id == "SOL-USD"


@pytest.mark.parametrize("name", ["../../etc/passwd", "x.exe", "", "a" * 300])
def test_a_files_own_name_is_never_a_path(lab: LabFolder, name: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(LabRefusal, match="is none of"):
        look(lab, drop(lab, table(), name))
    assert len(sorted(tmp_path.rglob("*"))) == len(before) + 1, "the upload itself"
    with pytest.raises(ValueError):
        lab.upload("../" + name)


def test_a_file_that_is_none_is_refused_in_a_sentence(lab: LabFolder) -> None:
    seen = look(lab, drop(lab, "not,candles\n1,2\n", "BTC-USD.csv"))
    assert seen.set is None and seen.refused and "BTC-USD.csv" in seen.refused
    assert decode_result(orjson.dumps({"set": None, "said": [], "refused": "x"}), LabLooked).refused == "x"


def test_days_tell_what_part_of_their_bars_is_there() -> None:
    whole = np.arange(0, 3 * 86_400, 3600, dtype=np.int64) + 1_730_419_200
    assert day_parts(whole, 3600) == [100, 100, 100]
    half = whole[(whole < 1_730_419_200 + 86_400 + 12 * 3600) | (whole >= 1_730_419_200 + 2 * 86_400)]
    assert day_parts(half, 3600) == [100, 50, 100]
    assert day_parts(whole[(whole < 1_730_419_200 + 86_400) | (whole >= 1_730_419_200 + 2 * 86_400)], 3600) == [
        100,
        0,
        100,
    ]
    assert day_parts(whole[:1], 3600) == [100] and day_parts(whole[:0], 3600) == []


def test_the_list_of_sets_reads_what_is_new_and_names_what_is_none(lab_with_data: LabFolder) -> None:
    (lab_with_data.root.parent / "candles" / "BAD.parquet").write_bytes(b"nothing")
    listed = SetList(lab_with_data).write()
    assert [one.name for one in listed.sets] == [NAME] and list(listed.refused) == ["BAD"]
    assert (listed.sets[0].bars, listed.sets[0].missing, listed.sets[0].longest_bars) == (BARS - 20, 20, 20)


def test_trades_are_written_where_the_run_page_reads_them(lab_with_data: LabFolder) -> None:
    result = decode_result(done(lab_with_data, asked())[0], LabRunDone)
    path = lab_with_data.root.parent / "research" / "runs" / result.run_id / "trades.csv"
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows and {"product_id", "opened", "marked_pnl"} <= rows[0].keys()
