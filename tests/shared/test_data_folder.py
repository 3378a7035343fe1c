"""Which folder counts as ours: somebody else's is never closed to others nor filled with our files."""

from pathlib import Path

import pytest

from shared.paths import ROOT, DataPaths


def holding(tmp_path: Path, *names: str) -> DataPaths:
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in names:
        if name.endswith("/"):
            (folder / name).mkdir()
        else:
            (folder / name).write_text("x")
    return DataPaths(folder)


OURS = [
    (),
    ("ledger.db", "notes.txt"),
    ("ledger-replay.db", "Photos/"),
    ("bot_state.json", "BTC-USD.csv"),
    ("logs/",),
    ("sim/", "logs/", "dashboard/", "research/", "tape-paper/", "backups/", "bots/", "watch/"),
    ("lost+found/",),
    (".profile", ".cache/"),
    ("KILL", "x"),
]


@pytest.mark.parametrize("names", OURS, ids=[" ".join(names) or "empty" for names in OURS])
def test_ours(tmp_path: Path, names: tuple[str, ...]) -> None:
    assert holding(tmp_path, *names).foreign() is None


OTHERS = [
    (("thesis.doc",), "thesis.doc"),
    (("logs/", "Photos/"), "Photos"),
    (("logs",), "logs"),
    (("ledger.dbx",), "ledger.dbx"),
    (("other.db",), "other.db"),
]


@pytest.mark.parametrize(("names", "named"), OTHERS)
def test_somebody_elses(tmp_path: Path, names: tuple[str, ...], named: str) -> None:
    assert holding(tmp_path, *names).foreign() == named


def test_what_is_not_there_yet_and_what_lies_in_the_project(tmp_path: Path) -> None:
    assert DataPaths(tmp_path / "new").foreign() is None
    assert DataPaths(ROOT / "tests").foreign() is None
