"""What the command line says of the live permission and of a data folder that is not its own."""

import time
from pathlib import Path

import pytest

from shared import folder_identity
from shared.documents import encode_state
from shared.live_permission import grant, terms
from shared.paths import DataPaths
from shared.settings import Secret, load
from tests.cli.conftest import Coin
from tests.dashboard.writer import Writer

LIVE = {"COIN_MODE": "live", "PROFILE": "prod", "COINBASE_KEY_FILE": "/nowhere/key.json"}


@pytest.fixture
def permitted(paths: DataPaths) -> DataPaths:
    """A folder of its own with a permission for the settings of LIVE."""
    folder_identity.make(paths, "a" * 32, "2026-11-20T12:00:00Z")
    settings = load(Path("/nonexistent/.env"), {**LIVE, "DATA_DIR": str(paths.root)}).settings
    now_ms = round(time.time() * 1000)
    paths.live_permission.write_bytes(grant(terms(settings, "a" * 32), 7.0, "key", Secret("secret"), now_ms, "test"))
    paths.live_permission.chmod(0o600)
    return paths


def test_settings_and_doctor_name_what_ends_the_permission(coin: Coin, permitted: DataPaths) -> None:
    for changes in ({}, {"LOG_LEVEL": "DEBUG", "DASHBOARD_PORT": "9000"}):
        same = coin("settings", "MAX_ORDER", **LIVE, **changes)
        assert same.returncode == 0 and "permission" not in same.stdout
        assert "for these settings, until" in coin("doctor", **LIVE, **changes).stdout
    changed = coin("settings", "MAX_ORDER", **LIVE, MAX_ORDER_USD="50", KILL_FLATTEN="true")
    assert (
        "These settings end the live permission: KILL_FLATTEN False → True, MAX_ORDER_USD 0.0 → 50.0" in changed.stdout
    )
    assert "ended by: REDUCE_ONLY False → True" in coin("doctor", **LIVE, REDUCE_ONLY="true").stdout
    assert permitted.live_permission.exists()


def test_disable_live_says_what_stays_open(coin: Coin, permitted: DataPaths) -> None:
    permitted.state.write_bytes(encode_state(Writer(permitted.root, mode="live").state()))
    said = coin("disable-live", **LIVE).stdout
    assert not permitted.live_permission.exists()
    assert "Live entries are locked" in said and "lots stay open" in said and "take-profit orders rest" in said
    again = coin("disable-live", **LIVE).stdout
    assert "no permission" in again and "lots stay open" in again


def test_a_copied_folder_is_named_and_adopted_by_a_typed_word(coin: Coin, permitted: DataPaths) -> None:
    assert "nothing to adopt" in coin("adopt-folder", **LIVE).stdout
    permitted.folder_id.write_bytes(permitted.folder_id.read_bytes().replace(b'"inode": "', b'"inode": "9'))
    permitted.folder_id.chmod(0o600)
    found = coin("doctor", **LIVE)
    assert found.returncode == 1 and "not its own" in found.stdout and "./coin adopt-folder" in found.stdout
    refused = coin("adopt-folder", text="yes\n", **LIVE)
    assert refused.returncode == 1 and "nothing was changed" in refused.stderr and permitted.live_permission.exists()
    adopted = coin("adopt-folder", text="adopt main\n", **LIVE)
    assert adopted.returncode == 0 and "its own now" in adopted.stdout, adopted.stderr
    assert not permitted.live_permission.exists()
    assert folder_identity.look(permitted).problem is None
