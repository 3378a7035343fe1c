"""How much of the bot's code seeds run is counted from the first import on, by room and by file."""

import json
from pathlib import Path

import pytest

from simtest import coverage, report


@pytest.mark.simulation
@pytest.mark.timeout(600)
def test_a_short_seed_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage.main(["--seeds", "1", "--minutes", "1", "--out", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "coverage.json").read_text())
    rooms = result["rooms"]
    assert list(rooms) == list(coverage.ROOMS)
    for name, room in rooms.items():
        ran, there = room["lines"]
        assert 0.3 < ran / there < 1, name
        assert 0 < room["branches"][0] < room["branches"][1], name
    engine = rooms["bot/engine"]["files"]["bot/engine/engine.py"]
    assert engine["lines"][0] / engine["lines"][1] > 0.5, "what is run at the import counts as well"
    assert "bot/engine:" in capsys.readouterr().out
    page = report.page({"coverage": result})
    assert "| bot/engine/ | " in page and "1 seeds of 1 minutes" in page
