"""A text in `control.json` that no ledger can keep: the bot goes on, and a kill beside it kills."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.runtime.whole import Whole


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Whole]:
    made = Whole(tmp_path / "data", monkeypatch)
    yield made
    made.close()


@pytest.mark.parametrize("by", [rb"\ud800", rb"\u0000", rb"me\udfff\u0000"])
@pytest.mark.parametrize("cmd", [b"drill", b"kill"])
def test_half_a_character_ends_no_bot_and_loses_no_kill(whole: Whole, by: bytes, cmd: bytes) -> None:
    whole.begin()
    whole.trades()
    whole.paths.control.write_bytes(
        b'{"commands":[{"seq":9,"id":"a' + by + b'","cmd":"' + cmd + b'","at":"","by":"' + by + b'"}]}'
    )
    whole.drive(5)
    assert whole.bot.failure is not None and not whole.bot.failure.done(), "a part died"
    assert (whole.bot.commands.latch is not None) is (cmd == b"kill")
    whole.die()
    whole.begin()
    whole.trades()
    assert (whole.bot.commands.latch is not None) is (cmd == b"kill")


def test_a_kill_whose_own_key_cannot_be_kept(whole: Whole) -> None:
    whole.begin()
    whole.trades()
    whole.paths.control.write_bytes(rb'{"\ud800kill": true}')
    whole.drive(5)
    assert whole.bot.failure is not None and not whole.bot.failure.done()
    assert whole.bot.commands.latch is not None and whole.bot.commands.latch_kept
