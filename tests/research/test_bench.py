"""The bench measures in processes of its own, counts what misses its goal, and writes what it saw."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bench.research import lab, page, run
from bench.research.market import minutes
from bench.research.null_test_log import LabCase, NullTestLog
from bench.research.peers import PeerResult
from research.data import store
from shared.paths import ROOT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bench")
    store.save(folder, "year", minutes(8000))
    return folder


@pytest.mark.parametrize("what", ["A", "B", "C:2", "read", "products:2", "bars:1", "logistic"])
def test_each_measurement_stands_alone(folder: Path, what: str) -> None:
    command = [sys.executable, "-m", "bench.research.one", str(folder), what, "1"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert 0 < found["best"] <= found["s"] < 60 and 0 <= found["cpu"] < 120 and 20 < found["mb"] < 2000
    if what in ("A", "B"):
        assert found["lots"] > 0 and found["final"] > 0


OURS = {"s": 0.005, "best": 0.004, "cpu": 0.004, "mb": 200.0, "trades": 7, "lots": 7, "final": 1000.0}


def table_of(lines: list[str]) -> page.BenchTable:
    return page.BenchTable(lines.append)


def rival(seconds: float, final: float = 1000.0) -> PeerResult:
    found = {"version": "1.2", "A_s": [9.0, seconds], "mb": 300.0, "final": final, "trades": 7}
    return PeerResult("vectorbt", found)


def test_ratios_are_held_against_their_goal() -> None:
    lines: list[str] = []
    table = table_of(lines)
    run.compare(table, {"A": OURS}, [rival(0.06), rival(0.04), PeerResult("other", None, "is not there")])
    assert table.missed == 1 and [row[5] for row in table.rows] == ["yes", "no"]
    assert table.rows[0][6] == "12 x ours" and "is not there" in table.notes[-1]


def test_another_result_is_a_miss() -> None:
    table = table_of([])
    run.compare(table, {"A": OURS}, [rival(0.06, final=1000.1)])
    assert table.missed == 1


def test_goals_of_time_and_memory() -> None:
    lines: list[str] = []
    table = table_of(lines)
    run.row(table, "fast", OURS, 0.010)
    run.row(table, "slow", OURS, 0.001)
    run.row(table, "large", OURS, 0.010, 100)
    run.row(table, "no goal", OURS)
    assert [row[5] for row in table.rows] == ["yes", "no", "no", ""] and table.missed == 2
    table.grow("twice", {"s": 0.011, "mb": 230.0}, OURS, 2)
    text = page.text(table, (0.2, 1.7), 525_600)
    assert "2.20 x the time | 2 x the work | +30 MB" in text and "Load 0.2 before, 1.7 after" in text
    assert "was shared" in page.text(table, (3.0, 4.0), 525_600)
    assert all(line.count("|") == len(page.HEAD) + 1 for line in text.splitlines() if "5.0 ms" in line)


def test_the_labs_null_tests_go_on_where_they_were_stopped(tmp_path: Path) -> None:
    cases = [LabCase("random_walk", seed, 3, 0.0) for seed in range(4)]
    asked: list[LabCase] = []

    class Pool(ThreadPoolExecutor):
        def submit(self, fn: Any, /, *args: Any, **_: Any) -> Any:
            asked.append(args[0])
            return super().submit(lambda: args[0].seed == 2)

    kept = tmp_path / "bench" / "lab.jsonl"
    with Pool() as pool:
        assert lab.count_go(pool, NullTestLog(kept), cases[:3]) == 1 and asked == cases[:3]
        kept.write_bytes(kept.read_bytes() + b'{"code": "torn')
        assert lab.count_go(pool, NullTestLog(kept), cases) == 1 and asked == cases
        kept.write_text(kept.read_text().replace('"code": "', '"code": "other'))
        assert lab.count_go(pool, NullTestLog(kept), cases[:1]) == 0 and asked == [*cases, cases[0]]
