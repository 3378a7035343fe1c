"""STATE_FILE: the state is kept at an older set-up's place as well; trouble there is counted and harms nothing."""

import asyncio
from pathlib import Path

import orjson
import pytest

from bot.app.state_copy import StateCopy
from shared.files import read_bytes
from shared.ports import SystemFs
from tests.runtime.bot_rig import BotRig


def write(rig: BotRig) -> None:
    asyncio.run(rig.bot.writer.write())


def test_the_copy_is_the_state(tmp_path: Path) -> None:
    rig = BotRig(tmp_path / "data", state_file=str(tmp_path / "old" / "bot_state.json"))
    (tmp_path / "old").mkdir()
    rig.begin()
    write(rig)
    copy = tmp_path / "old" / "bot_state.json"
    assert copy.read_bytes() == rig.settings.paths.state.read_bytes()
    assert copy.stat().st_mode & 0o777 == 0o600
    write(rig)
    assert orjson.loads(copy.read_bytes())["seq"] == orjson.loads(rig.settings.paths.state.read_bytes())["seq"]
    assert [path.name for path in copy.parent.iterdir()] == ["bot_state.json"]


def test_a_place_that_can_not_be_written_is_counted_and_shown_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rig = BotRig(tmp_path / "data", state_file=str(tmp_path / "missing" / "bot_state.json"))
    rig.begin()
    for _ in range(3):
        write(rig)
    health = rig.bot.writer.health
    assert health.write_errors == 3 and health.positions_ok
    assert health.last_error is not None and "STATE_FILE" in health.last_error
    assert orjson.loads(rig.settings.paths.state.read_bytes())["io"]["write_errors"] == 2  # known when it was written
    assert len([line for line in caplog.messages if "STATE_FILE" in line]) == 1, "said once, not twice a second"
    (tmp_path / "missing").mkdir()
    write(rig)
    write(rig)
    assert health.write_errors == 3 and health.last_error is None
    assert (tmp_path / "missing" / "bot_state.json").exists()


@pytest.mark.parametrize("there", [b'{"lots": [1, 2]}', b"not JSON", b"[]"])
def test_the_file_of_another_bot_is_set_aside_never_overwritten(tmp_path: Path, there: bytes) -> None:
    path = tmp_path / "bot_state.json"
    (tmp_path / "bot_state.json.older").write_bytes(b"an older one")
    path.write_bytes(there)
    copy = StateCopy(path, SystemFs())
    ours = b'{"boot_id": "b", "interval_ms": 500}'
    assert copy.write(ours) is None and copy.write(ours) is None
    assert read_bytes(path) == ours
    assert (tmp_path / "bot_state.json.older-2").read_bytes() == there
    assert (tmp_path / "bot_state.json.older").read_bytes() == b"an older one"
    assert StateCopy(path, SystemFs()).write(ours) is None  # the next start finds its own
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, f"{path.name}.older", f"{path.name}.older-2"]


def test_what_can_not_be_kept_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"somebody's")
    path = tmp_path / "bot_state.json"
    path.symlink_to(tmp_path / "target")
    assert "STATE_FILE" in (StateCopy(path, SystemFs()).write(b"{}") or "")
    assert path.is_symlink() and (tmp_path / "target").read_bytes() == b"somebody's"
