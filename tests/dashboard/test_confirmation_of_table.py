"""A command without a dialog of its own gets one from its entry in the table; one that asks nothing gets none."""

from dataclasses import replace

import pytest

from dashboard import confirmation
from dashboard.auth.roles import Principal, Role
from shared.command_table import COMMANDS, Cmd
from shared.presence import Presence
from tests.dashboard.test_header import snapshot
from tests.dashboard.writer import Writer

WHO = Principal(Role.OPERATOR, "session", "k")


@pytest.mark.parametrize("typed", ["", "REALLY"])
def test_a_plain_dialog_says_what_the_table_says(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    s = snapshot(Writer(tmp_path_factory.mktemp("w")).state(), Presence.FRESH)
    rule = replace(COMMANDS[Cmd.RELOAD], typed=typed, args=("target",), help="Does one thing.")
    monkeypatch.setattr(confirmation, "COMMANDS", {**COMMANDS, Cmd.RELOAD: rule})
    found = confirmation.confirmation_for(s, "reload:BTC-USD", WHO)
    assert found is not None
    assert (found.cmd, found.args, found.word) == ("reload", {"target": "BTC-USD"}, typed)
    assert found.steps == [("Does one thing.", "")] and not found.danger


def test_one_that_asks_nothing_has_no_dialog(tmp_path_factory: pytest.TempPathFactory) -> None:
    s = snapshot(Writer(tmp_path_factory.mktemp("w")).state(), Presence.FRESH)
    assert confirmation.confirmation_for(s, "drill", WHO) is None
    assert confirmation.confirmation_for(s, "nonsense", WHO) is None
