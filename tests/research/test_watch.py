"""BACKTEST_SLEEP_MS: a watched backtest takes so long a bar and shows what the kept run says."""

import csv
import io
from pathlib import Path

import numpy as np
import pytest

from research import backtest as bt
from research import lots_table, watch
from research.engine import RawResult
from tests.research.paths import path


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(scope="module")
def result() -> RawResult:
    request = bt.BacktestRequest(("x",), {"STRATEGY": "sma_cross", "EDGE_GATE": "false"})
    return bt.run_on([path(np.random.default_rng(3), 600, sigma=0.004)], request, chances=False).result


def test_each_bar_takes_the_time_and_every_lot_is_shown_when_it_happened(result: RawResult, tmp_path: Path) -> None:
    waits: list[float] = []
    out = io.StringIO()
    watch.watch(result, 100, out, waits.append)
    assert len(waits) >= len(result.prepared.times) and set(waits) == {0.1}
    lines = out.getvalue().splitlines()
    lots_table.write_csv(tmp_path / "trades.csv", lots_table.rows(result))
    kept = list(csv.DictReader((tmp_path / "trades.csv").open()))
    assert kept, "the path must hold lots"
    assert sum("BUY " in line for line in lines) == len(kept)
    assert sum("SELL" in line for line in lines) == sum(1 for row in kept if row["closed"])
    first = kept[0]
    assert any(first["entry_price"] in line and "BUY " in line for line in lines)
    assert lines == sorted(lines, key=lambda line: line[:18]), "in the order of time"


def test_on_a_terminal_the_bars_pass_in_one_line_and_ctrl_c_goes_to_the_result(result: RawResult) -> None:
    out = Terminal()
    count = 0

    def sleep(_seconds: float) -> None:
        nonlocal count
        count += 1
        if count == 5:
            raise KeyboardInterrupt

    watch.watch(result, 100, out, sleep)
    assert count == 5 and "bar 5 of " in out.getvalue() and out.getvalue().endswith(watch.CLEAR)
