"""What the command line says of the live permission and of a data folder that is not adopted."""

import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
import typer

from cli import start
from shared import folder_identity
from shared.documents.state import encode_state
from shared.lab_verdicts import LabStanding
from shared.ledger import schema as t
from shared.ledger.folder import bind
from shared.ledger.location import LedgerLocation
from shared.ledger.open import open_writer
from shared.live_permission import grant, terms
from shared.paths import DataPaths
from shared.settings import Secret, load
from tests.cli.conftest import Coin
from tests.dashboard.writer import Writer
from tests.ledger_rows import put

LAB = LabStanding("NO-GO", "a run of yesterday", "0" * 16)
LIVE = {"COIN_MODE": "live", "PROFILE": "prod", "COINBASE_KEY_FILE": "/nowhere/key.json"}


@pytest.fixture
def permitted(paths: DataPaths) -> DataPaths:
    """A folder of its own with a permission for the settings of LIVE."""
    folder_identity.make(paths, "a" * 32, "2026-11-20T12:00:00Z")
    settings = load(Path("/nonexistent/.env"), {**LIVE, "DATA_DIR": str(paths.root)}).settings
    now_ms = round(time.time() * 1000)
    paths.live_permission.write_bytes(
        grant(terms(settings, "a" * 32), 7.0, "key", Secret("secret"), now_ms, "test", LAB, "only a test of it")
    )
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


def test_status_says_what_the_lab_said_and_why_it_trades_nonetheless(coin: Coin, permitted: DataPaths) -> None:
    writer = Writer(permitted.root, mode="live")
    permitted.state.write_bytes(encode_state(replace(writer.state(), live_lock="open until 2026-12-08")))
    said = coin("status", **LIVE).stdout
    assert "Lab       NO-GO: a run of yesterday" in said
    assert 'Lab       allowed without a GO by test: "only a test of it"' in said
    permitted.live_permission.unlink()
    assert "Lab " not in coin("status", **LIVE).stdout


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
    assert found.returncode == 1 and "not adopted" in found.stdout and "./coin adopt-folder" in found.stdout
    refused = coin("adopt-folder", text="yes\n", **LIVE)
    assert refused.returncode == 1 and "nothing was changed" in refused.stderr and permitted.live_permission.exists()
    adopted = coin("adopt-folder", text="adopt main\n", **LIVE)
    assert adopted.returncode == 0 and "Adopted: " in adopted.stdout, adopted.stderr
    assert not permitted.live_permission.exists()
    assert folder_identity.look(permitted).problem is None


def with_lot(paths: DataPaths, folder: str) -> None:
    """A live ledger of that folder with an open lot."""
    bind(LedgerLocation(paths.ledger), folder, "made for a test", 1)
    engine = open_writer(paths.ledger)
    one, none = Decimal(1), Decimal(0)
    with engine.begin() as db:
        put(db, t.key_values, key="mode", value="live")
        put(
            db, t.lots, lot_id="l1", seq=1, product_id="BTC-USD", kind="runner", opened_ms=1, dust=none, open_price=one,
            base_bought=one, base_left=one, cost=one, entry_fee=none, tp_pct=one, take_price=Decimal(2),
            trail_active=False, price_increment=Decimal("0.01"), proceeds=none, exit_fee=none,
        )  # fmt: skip
    engine.dispose()


@pytest.mark.parametrize("word", ["start", "restart"])
def test_a_start_with_dry_run_leaves_the_bot_that_guards_lots_alone(
    permitted: DataPaths, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_lot(permitted, "a" * 32)
    found = load(Path("/nonexistent/.env"), {**LIVE, "DATA_DIR": str(permitted.root), "DRY_RUN": "true"})
    monkeypatch.setattr(start, "loaded", lambda: found)
    for name in ("_find_recording", "_check_shell", "own_folder", "demand_closed_home"):
        monkeypatch.setattr(start, name, lambda *_: None)
    monkeypatch.setattr(start, "Pm2Client", lambda: pytest.fail("PM2 was asked"))
    with pytest.raises(typer.Exit) as end:
        getattr(start, word)()
    assert end.value.exit_code == 78
    said = capsys.readouterr().err
    assert "REDUCE_ONLY=true" in said and "1 live lots are open" in said


def test_a_restore_in_place_keeps_the_folder_and_one_elsewhere_is_a_copy(
    coin: Coin, permitted: DataPaths, tmp_path: Path
) -> None:
    with_lot(permitted, "a" * 32)
    archive = tmp_path / "backup.tar.gz"
    assert coin("backup", str(archive), **LIVE).returncode == 0
    assert coin("restore", str(archive), **LIVE).returncode == 0
    assert "the same as in the ledger" in coin("doctor", **LIVE).stdout
    elsewhere = {**LIVE, "DATA_DIR": str(tmp_path / "other")}
    assert coin("restore", str(archive), **elsewhere).returncode == 0
    said = coin("doctor", **elsewhere).stdout
    assert "not adopted: folder_id.json is missing, and the ledger belongs to the folder aaaaaaaa" in said
    assert coin("adopt-folder", text="adopt main\n", **elsewhere).returncode == 0
    assert "the same as in the ledger" in coin("doctor", **elsewhere).stdout
