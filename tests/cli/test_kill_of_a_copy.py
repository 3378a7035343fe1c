"""What `./coin kill` says where the bot sends nothing at all: its folder is not adopted."""

from dataclasses import replace

import pytest
import typer

from cli import kill
from shared.documents.events import FOLDER_NOT_OWN, AlertDoc
from shared.paths import DataPaths
from tests.dashboard.writer import Writer


def test_it_says_at_once_that_nothing_is_cancelled_and_by_what_it_would_be(
    paths: DataPaths, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    alert = AlertDoc(code=FOLDER_NOT_OWN, text="No orders are sent, not even exits: it is a copy; ./coin adopt-folder")
    state = replace(Writer(paths.root, mode="live").state(), alerts=[alert])
    now = [0.0]

    def later() -> float:
        now[0] += 1.0
        return now[0]

    monkeypatch.setattr(kill, "read_state", lambda _paths: (state, None, None))
    monkeypatch.setattr(kill.time, "monotonic", later)
    monkeypatch.setattr(kill.time, "sleep", lambda _s: None)
    with pytest.raises(typer.Exit) as end:
        kill.follow_clearing(paths, 0.0)
    said = capsys.readouterr().err
    assert end.value.exit_code == 1 and now[0] < 5
    assert "is not cancelling orders" in said and "it is a copy" in said and "./coin halt, then ./coin kill" in said
    assert "keeps trying" not in said
