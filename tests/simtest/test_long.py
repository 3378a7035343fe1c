"""The long lane keeps each unit as it ends and goes on from there."""

import json
from pathlib import Path

import pytest

from simtest import long_runs


def test_what_is_kept_is_not_done_again(tmp_path: Path) -> None:
    kept = long_runs.ResultLog(tmp_path / "x" / "seeds.jsonl")
    kept.add("1", {"breaches": {}})
    kept.add("2", {"breaches": {"I1": ["lost"]}})
    again = long_runs.ResultLog(tmp_path / "x" / "seeds.jsonl")
    assert again.open(["1", "2", "3"]) == ["3"]
    assert again.rows["2"] == {"breaches": {"I1": ["lost"]}}


@pytest.mark.parametrize("cut", [b'{"unit": "2", "rec', b"{}\n", b"\x00\x00\n", b'{"unit": "2", "record": {"x": 1}}'])
def test_a_line_that_a_crash_cut_off_costs_that_unit_only(tmp_path: Path, cut: bytes) -> None:
    path = tmp_path / "seeds.jsonl"
    long_runs.ResultLog(path).add("1", {"x": 0})
    with path.open("ab") as out:
        out.write(cut)
    kept = long_runs.ResultLog(path)
    whole = cut.endswith(b"}}")
    assert kept.open(["1", "2"]) == ([] if whole else ["2"])
    kept.add("3", {"x": 3})
    assert set(long_runs.ResultLog(path).rows) == {"1", "3", *(["2"] if whole else [])}
    assert all(json.loads(line) for line in path.read_bytes().splitlines())


def test_seeds_are_run_once_and_their_summary_counts_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    words = ["seeds", "--minutes", "0.2", "--parallel", "1", "--out", str(tmp_path)]
    assert long_runs.main([*words, "--seeds", "1"]) == 0
    assert long_runs.main([*words, "--seeds", "2", "--hours", "0"]) == 1, "not all of them are done"
    assert long_runs.main([*words, "--seeds", "2"]) == 0
    summary = json.loads((tmp_path / "run.json").read_text())
    assert summary["seeds"] == 2 and summary["failed"] == []
    lines = (tmp_path / "long" / long_runs.digest() / "seeds.jsonl").read_text().splitlines()
    assert len({json.loads(line)["unit"] for line in lines}) == len(lines) == 2
    assert long_runs.main([*words, "--seeds", "2", "--status"]) == 0
    assert "2 of 2 seeds done, 0 broke something" in capsys.readouterr().out


def test_an_unknown_job_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        long_runs.main(["sedes"])
    assert refused.value.code == 2 and "there are seeds" in capsys.readouterr().err
