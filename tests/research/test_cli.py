"""The commands as a person types them: what they print, what they leave, how they refuse."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cli.app import application
from shared.paths import ROOT
from shared.settings import load
from tests.research.paths import path


def coin(folder: Path, *arguments: str, code: int = 0, columns: int = 160) -> str:
    env = {**os.environ, "DATA_DIR": str(folder), "COLUMNS": str(columns)}
    command = [sys.executable, "-m", "cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("coin")
    candles = path(np.random.default_rng(9), 4000, sigma=0.002)
    lines = ["time,open,high,low,close,volume"]
    columns = (candles.start_s, candles.open, candles.high, candles.low, candles.close, candles.volume)
    lines += [",".join(str(value) for value in row) for row in zip(*(c.tolist() for c in columns), strict=True)]
    file = tmp_path_factory.mktemp("elsewhere") / "recorded.csv.gz"
    file.write_bytes(gzip.compress("\n".join(lines).encode()))
    said = coin(folder, "data", "import", str(file), "--product", "BTC-USD", "--name", "mine")
    assert "bars are missing" in said and "time in seconds since 1970" in said and "✓ mine" in said
    return folder


def test_from_file_to_report_and_back(folder: Path) -> None:
    assert "mine" in coin(folder, "data", "list")
    asked = ["backtest", "-d", "mine", "-s", "EDGE_GATE=false", "-s", "STRATEGY=sma_cross", "--taker-pct", "0.1"]
    said = coin(folder, *asked)
    assert "Sharpe" in said and "touched" in said and "are missing in" in said
    run = next((folder / "research" / "runs").iterdir())
    assert {p.name for p in run.iterdir()} == {"report.html", "trades.csv", "run.json"}
    about = json.loads((run / "run.json").read_text())
    assert about["settings"]["EDGE_GATE"] == "False" and about["data"][0]["digest"] and about["code"]
    assert about["verdict"]["sentence"] + "." in said and said.index("while holding") < said.index("Sharpe")
    assert "defaults of profile dev (" in said and "--as live" in said and "by --set: EDGE_GATE=false" in said
    assert "✓ the same results" in coin(folder, "runs", "repeat", "last")
    coin(folder, *asked, "-s", "TAKE_PROFIT_PCT=3")
    listed = coin(folder, "runs")
    assert listed.count("mine") >= 3 and "TAKE_PROFIT_PCT=3" in listed
    ids = sorted(p.name for p in (folder / "research" / "runs").iterdir())
    assert "TAKE_PROFIT_PCT" in coin(folder, "runs", "compare", ids[0], ids[-1])
    _runs_are_shown(folder, ids)


def _runs_are_shown(folder: Path, ids: list[str]) -> None:
    """Every command over kept runs: list with or without its word, at each width, for scripts as well."""
    assert coin(folder, "runs", "list") == coin(folder, "runs")
    for columns in (60, 80, 120):
        listed = coin(folder, "runs", "list", columns=columns)
        assert max(map(len, listed.splitlines())) <= columns and all(run_id in listed for run_id in ids)
    told = json.loads(coin(folder, "runs", "list", "--json"))
    assert [run["run_id"] for run in told] == ids and told == json.loads(coin(folder, "runs", "--json"))
    final = told[-1]["figures"]["final_equity"]
    shown = coin(folder, "runs", "show", ids[-1], columns=80)
    assert f"{final:,.2f}\u00a0USD" in shown and "Final equity" in shown and "trades.csv" in shown
    assert json.loads(coin(folder, "runs", "show", "last", "--json"))["figures"]["final_equity"] == final
    compared = coin(folder, "runs", "compare", ids[0], ids[-1], columns=80)
    assert f"{final:,.2f}\u00a0USD" in compared and max(map(len, compared.splitlines())) <= 80
    assert not re.search(r"\de[+-]\d", compared), "an exponent is no figure for people"
    assert "figures" in json.loads(coin(folder, "runs", "compare", ids[0], ids[-1], "--json"))
    sets = coin(folder, "data", "list", columns=80)
    assert max(map(len, sets.splitlines())) <= 80 and "mine" in sets
    assert json.loads(coin(folder, "data", "list", "--json"))[0]["name"] == "mine"


def test_as_live_takes_the_defaults_of_live(folder: Path) -> None:
    said = coin(folder, "backtest", "-d", "mine", "--as", "live", "-s", "STRATEGY=sma_cross")
    assert "defaults of profile prod; overridden by --set: STRATEGY=sma_cross" in said
    newest = max((folder / "research" / "runs").glob("*/run.json"), key=lambda p: p.stat().st_mtime)
    about = json.loads(newest.read_text())
    prod = load(Path("/nonexistent"), {"PROFILE": "prod"}).settings
    assert float(about["settings"]["MAX_DRAWDOWN_PCT"]) == prod.max_drawdown_pct
    assert about["request"]["overrides"]["PROFILE"] == "prod"
    assert "contradict" in coin(folder, "backtest", "-d", "mine", "--as", "live", "-s", "PROFILE=dev", code=2)
    assert "--as paper" in coin(folder, "backtest", "-d", "mine", "--as", "paper", code=2)


def test_sweep_walk_and_check(folder: Path) -> None:
    asked = ["-d", "mine", "-g", "TAKE_PROFIT_PCT=1,2", "-s", "EDGE_GATE=false", "-s", "STRATEGY=sma_cross"]
    said = coin(folder, "sweep", *asked, "--jobs", "1")
    assert "by luck alone" in said and "table.csv" in said and "report.html" in said
    assert "2 of 2 points were already done" in coin(folder, "sweep", *asked, "--jobs", "2")
    walked = coin(folder, "walkforward", *asked, "--train", "1d", "--test", "12h", "--purge", "1h", "--jobs", "1")
    assert "All tests combined" in walked and "buy and hold" in walked and "sold at the end of a test" in walked
    assert walked.index("while holding") < walked.index("All tests")
    assert "✓ no look-ahead bias" in coin(folder, "check-strategy", "sma_cross", "-d", "mine")


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["backtest", "-d", "nothing"], "no candle set nothing; there are mine", 1),
        (["backtest", "-d", "mine", "-s", "TAKE_PROFIT=1"], "did you mean TAKE_PROFIT_PCT", 2),
        (["backtest", "-d", "mine", "-s", "TAKE_PROFIT_PCT=x"], "TAKE_PROFIT_PCT=x", 2),
        (["backtest", "-d", "mine", "-s", "STRATEGY=sma_cros"], "did you mean sma_cross", 1),
        (["backtest", "-d", "mine", "--fill", "never"], "next_open", 2),
        (["backtest", "-d", "mine", "--cash", "1e12"], "--cash 1000000000000 is out of range", 2),
        (["backtest", "-d", "mine", "--since", "soon"], "write it like 2024-01-31", 2),
        (["backtest", "-d", "mine", "-s", "ENTRY_ORDER=maker"], "--engine full", 1),
        (["backtest", "-d", "mine", "--since", "2030-01-01"], "no bars in the requested period", 1),
        (["data", "import", "missing.csv"], "is not a file", 1),
        (["sweep", "-d", "mine", "-g", "TAKE_PROFIT_PCT"], "write KEY=", 2),
        (["parity"], "not recorded anything yet", 1),
        (["runs", "repeat", "nothing"], "no run nothing", 1),
    ],
)
def test_refusals_are_one_line(
    folder: Path,
    arguments: list[str],
    words: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATA_DIR", str(folder))
    with pytest.raises(SystemExit) as ended:
        application()(arguments, prog_name="./coin")
    said = capsys.readouterr().err
    assert ended.value.code == code and words in said and said.lstrip().startswith("✗")
