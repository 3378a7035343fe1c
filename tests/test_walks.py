"""The walks of docs/architecture.md: their files exist, and a simulated run passes the bot's part of them."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import pytest

from shared.paths import ROOT
from simtest.judged_run import judged
from simtest.plan import Act
from tests.simtest.conftest import plan

FIRST_MOST = 15
TRACED = ("A price to an order", "A button to a receipt", "A fill to the page")
DECLARED_ONLY = "bot/engine/risk/policies/registry.py"  # a table: none of its lines runs after the import


def walks() -> dict[str, tuple[int, list[str]]]:
    """Title → (the number of files as the heading says, the files in order)."""
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    text = text.partition("## Five walks")[2].partition("\n## ")[0]
    parts = re.split(r"^\*\*(.+?)\*\* \((\d+) files\)$", text, flags=re.M)[1:]
    titles, counts, bodies = parts[::3], parts[1::3], parts[2::3]
    return {
        title: (int(count), re.findall(r"^\d+\. `([^`]+)`", body, flags=re.M))
        for title, count, body in zip(titles, counts, bodies, strict=True)
    }


@pytest.fixture(scope="module")
def called() -> Iterator[set[str]]:
    """Every file of the project of which a function was called in one simulated run with trades and commands."""
    seen: set[str] = set()

    def note(frame: FrameType, _event: str, _arg: object) -> None:
        seen.add(frame.f_code.co_filename)

    acts = (Act(0, 200.0, "pause"), Act(1, 220.0, "start"), Act(2, 300.0, "flatten"))
    sys.setprofile(note)
    try:
        record = judged(plan(acts=acts))
    finally:
        sys.setprofile(None)
    assert not record["breaches"] and record["counts"]["fills"] > 10, record
    yield {Path(name).relative_to(ROOT).as_posix() for name in seen if name.startswith(f"{ROOT}/")}


def test_there_are_five_and_each_file_exists() -> None:
    found = walks()
    assert len(found) == 5
    for title, (count, files) in found.items():
        assert count == len(files) == len(set(files)), title
        assert not [name for name in files if not (ROOT / name).is_file()], title


def test_a_price_passes_few_files() -> None:
    assert walks()["A price to an order"][0] <= FIRST_MOST


@pytest.mark.parametrize("title", TRACED)
def test_a_run_passes_them(title: str, called: set[str]) -> None:
    files = [name for name in walks()[title][1] if name.startswith("bot/") and name != DECLARED_ONLY]
    assert len(files) >= 5
    assert not [name for name in files if name not in called], "not called in a run that buys, sells and is told to"
