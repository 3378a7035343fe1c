"""The bot as a user meets it: real processes, real files, kill -9, bad input; exit codes as promised."""

import json
import os
import signal
import sqlite3
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.command_table import Cmd
from shared.control import send_command
from shared.documents.state import decode_state
from shared.ledger.open import backup
from shared.paths import DataPaths
from shared.settings import load
from simulator import admin
from tests.coinbase.test_keys import NAME, pem
from tests.e2e.system import System, kill9

RSI = "STRATEGY_RSI_REVERSION_"


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shared_sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """One running exchange for all cases that need none of their own."""
    made = System(tmp_path_factory.mktemp("sim"))
    made.sim()
    for _ in range(200):
        if (made.folder / "sim" / "key.json").exists():
            break
        time.sleep(0.05)
    yield made
    made.close()


@pytest.fixture
def guest(tmp_path: Path, shared_sim: System) -> Iterator[System]:
    """A data folder of its own at the shared exchange."""
    made = System(tmp_path / "data")
    made.folder.mkdir(mode=0o700)
    made.env |= {name: shared_sim.env[name] for name in ("SIM_PORT", "SIM_ADMIN_PORT")}
    (made.folder / "sim").symlink_to(shared_sim.folder / "sim")
    yield made
    made.close()


def latch_of(found: dict[str, Any]) -> str:
    return str(found["kill"]["latch_id"])


def command(system: System, cmd: Cmd, **args: str) -> dict[str, Any]:
    """Send it as the dashboard would, and wait for the end of its receipt."""
    sent = send_command(DataPaths(system.folder), cmd, args, by="operator")

    def ended(found: dict[str, Any]) -> bool:
        return any(r["id"] == sent.id and r["state"] != "seen" for r in found["receipts"])

    found = system.until(ended, why=f"the receipt of {cmd}")
    return next(r for r in found["receipts"] if r["id"] == sent.id)


def test_a_whole_life(system: System) -> None:
    """Start, trade, crash, come back with lots, wish and latch, reset, end."""
    # Every bar buys, so that the first lot comes when the test needs one, not when the market gives one.
    system.env |= {"STRATEGY": "rsi_reversion", f"{RSI}BUY_BELOW": "99.9", f"{RSI}SELL_ABOVE": "100"}
    system.sim()
    bot = system.bot()
    found = system.trades()
    assert found["phase"] == "trading" and found["positions"] is not None and found["portfolio_value"] > 0
    decode_state((system.folder / "bot_state.json").read_bytes())

    # A lot of its own making.
    found = system.until(lambda s: s.get("positions"), 45, "a position")
    lots = {lot["lot_id"]: lot["base_size_text"] for p in found["positions"] for lot in p["lots"]}
    system.write_control(command="pause", kill_switch=False)
    system.until(lambda s: s["status"] == "paused", why="pause by hand")
    before = system.until(lambda s: s["status"] == "paused" and s["positions"])
    lots = {lot["lot_id"]: lot["base_size_text"] for p in before["positions"] for lot in p["lots"]}
    kill9(bot)
    json.loads((system.folder / "positions.json").read_bytes())

    bot = system.bot()
    found = system.until(lambda s: s["boot_id"] != before["boot_id"] and s["phase"] == "trading", why="back again")
    assert found["status"] == "paused", "the wish survived"
    back = {lot["lot_id"]: lot["base_size_text"] for p in found["positions"] for lot in p["lots"]}
    assert set(back) <= set(lots), "no lot from nowhere"
    assert back or "closed" in system.log(), "no lot is forgotten"

    # Kill by hand: the gate shuts, own orders go, the latch outlives kill -9 and the file.
    (system.folder / "KILL").touch()
    found = system.until(lambda s: s["kill"] and s["kill"]["cleared_ms"] is not None, why="kill proven")
    assert found["status"] == "killed" and found["kill"]["verified"] >= 2
    latch = latch_of(found)
    kill9(bot)
    (system.folder / "KILL").unlink()
    bot = system.bot()
    found = system.until(lambda s: s["boot_id"] != found["boot_id"] and s["kill"] and s["status"] == "killed")
    assert latch_of(found) == latch
    assert command(system, Cmd.RESET_KILL, latch_id="kill-wrong")["state"] == "rejected"
    assert command(system, Cmd.RESET_KILL, latch_id=latch)["state"] == "done"
    system.until(lambda s: s["status"] == "stopped")
    assert command(system, Cmd.START)["state"] == "done"
    system.until(lambda s: s["status"] == "running")
    assert command(system, Cmd.FLATTEN)["state"] == "done"
    found = system.until(lambda s: s["status"] == "stopped")
    assert not found["positions"]
    bot.send_signal(signal.SIGTERM)
    assert bot.wait(8) == 0
    assert system.state()["status"] == "stopped"
    assert not list(system.folder.glob("*.tmp"))


def test_an_exchange_that_is_not_there_is_waited_for(system: System) -> None:
    system.bot()
    found = system.until(lambda s: any(step["note"] for step in s["boot"] if step["state"] == "current"), 8)
    note = next(step["note"] for step in found["boot"] if step["state"] == "current")
    assert "COIN-SIM" in note and found["status"] == "starting"
    system.sim()
    system.trades()


def test_a_second_bot_waits_and_ends_with_75_naming_the_first(guest: System) -> None:
    first = guest.bot()
    guest.trades()
    second = guest.bot()
    assert second.wait(25) == 75
    assert f"another bot holds bot.lock: pid {first.pid}" in (guest.folder / "bot.out").read_text()
    assert guest.until(lambda s: s["pid"] == first.pid)["status"] == "running"


def test_a_replaced_lock_file_stops_the_sending(guest: System) -> None:
    guest.bot()
    guest.trades()
    (guest.folder / "bot.lock").unlink()
    found = guest.until(lambda s: s["error"], 5)
    assert "bot.lock" in found["error"] and "restart" in found["error"]


def refused(system: System, *words: str, **extra: str) -> dict[str, Any]:
    """A start that ends with 78 and says why in the state file and in the log."""
    bot = system.bot(**extra)
    assert bot.wait(15) == 78, system.log()[-1500:]
    found = system.state()
    assert (found["status"], found["phase"]) == ("error", "error")
    for word in words:
        assert word in found["error"], found["error"]
        assert word in system.log()
    return found


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ({"TAKE_PROFIT_PCT": "-1"}, ["TAKE_PROFIT_PCT=-1", "from 0.01 to 1000"]),
        ({"COIN_MODE": "demo"}, ["COIN_MODE=demo", "sim, replay, paper, live"]),
        ({"COINBASE_API_PRIVATE_KEY": "canary-7f3a"}, ["COINBASE_API_PRIVATE_KEY", ".env"]),
    ],
)
def test_wrong_settings_end_with_78_and_name_the_key(system: System, extra: dict[str, str], words: list[str]) -> None:
    refused(system, *words, **extra)
    everything = "".join(p.read_text(errors="replace") for p in system.folder.rglob("*") if p.is_file())
    assert "canary-7f3a" not in everything


def test_a_product_that_does_not_exist_is_named(guest: System) -> None:
    refused(guest, "PRODUCTS", "NOPE-USD", PRODUCTS="BTC-USD,NOPE-USD")


def test_bars_that_are_too_short_for_the_strategy_are_refused(guest: System) -> None:
    """PM2 would start an error of another kind ten times more, and the bot would come up in safe mode then."""
    refused(guest, "steady", "GRANULARITY", STRATEGY="steady", GRANULARITY="ONE_MINUTE")


def test_a_key_file_that_others_may_read_is_refused(tmp_path: Path, shared_sim: System) -> None:
    made = System(tmp_path / "data")
    made.folder.mkdir(mode=0o700)
    try:
        folder = made.folder / "sim"
        folder.mkdir()
        for name in ("ca.pem", "key.json"):
            (folder / name).write_bytes((shared_sim.folder / "sim" / name).read_bytes())
        (folder / "key.json").chmod(0o644)
        made.env["SIM_PORT"] = shared_sim.env["SIM_PORT"]
        refused(made, "key.json", "chmod 600")
        # Another key, well formed: the exchange refuses it.
        (folder / "key.json").write_text(json.dumps({"name": NAME, "privateKey": pem()}))
        (folder / "key.json").chmod(0o600)
        found = refused(made, "refuses the key")
        assert "PRIVATE KEY" not in json.dumps(found) + made.log()
    finally:
        made.close()


def test_a_damaged_ledger_stops_the_start_and_is_kept(guest: System) -> None:
    bot = guest.bot()
    guest.trades()
    bot.send_signal(signal.SIGTERM)
    bot.wait(8)
    path = guest.folder / "ledger.db"
    for leftover in guest.folder.glob("ledger.db-*"):
        leftover.unlink()
    path.write_bytes(b"not a database" * 1000)
    positions = (guest.folder / "positions.json").read_bytes()
    refused(guest, "ledger.db is damaged", "restore")
    assert path.read_bytes().startswith(b"not a database")
    assert list(guest.folder.glob("ledger.damaged-*.db"))
    assert (guest.folder / "positions.json").read_bytes() == positions, "the readable copy of the lots is left alone"


def test_a_lost_ledger_is_not_begun_anew_over_open_lots(guest: System) -> None:
    told = {"version": 1, "mode": "sim", "lots": [{"lot_id": "ct-main-1"}]}
    (guest.folder / "positions.json").write_text(json.dumps(told))
    (guest.folder / "ledger.db").touch()
    refused(guest, "ledger.db is gone or empty", "1 open lot", "restore")
    assert json.loads((guest.folder / "positions.json").read_bytes()) == told
    (guest.folder / "positions.json").unlink()
    guest.bot()
    guest.trades()


def test_an_older_ledger_put_in_place_is_noticed_and_makes_no_entry(guest: System) -> None:
    path = guest.folder / "ledger.db"

    def run_once() -> None:
        bot = guest.bot()
        guest.trades()
        bot.send_signal(signal.SIGTERM)
        bot.wait(8)

    run_once()
    backup(path, guest.folder / "old.db")
    run_once()
    for leftover in guest.folder.glob("ledger.db*"):
        leftover.unlink()
    (guest.folder / "old.db").rename(path)
    guest.bot()
    found = guest.trades()
    gates = json.dumps(found)
    assert "the ledger is older than positions.json" in gates
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        (kept,) = db.execute("SELECT value FROM key_values WHERE key = 'entries_latched'").fetchone()
    db.close()
    assert "older than positions.json" in kept


def test_a_ledger_of_another_mode_is_not_touched(guest: System) -> None:
    bot = guest.bot()
    guest.trades()
    bot.send_signal(signal.SIGTERM)
    bot.wait(8)
    with sqlite3.connect(guest.folder / "ledger.db") as db:
        db.execute("UPDATE key_values SET value='live' WHERE key='mode'")
    db.close()
    refused(guest, "COIN_MODE=live", "DATA_DIR")


@pytest.mark.parametrize("content", [b"", b"{torn", b'{"command":"fly"}'])
def test_a_damaged_control_file_comes_up_paused_and_says_so(guest: System, content: bytes) -> None:
    (guest.folder / "control.json").write_bytes(content)
    guest.bot()
    found = guest.until(lambda s: s["phase"] == "trading")
    assert found["status"] == "paused" and found["control"]["ok"] is False
    assert "control.json" in found["control"]["error"]
    guest.write_control(command="start", kill_switch=False)
    guest.until(lambda s: s["status"] == "running" and s["control"]["ok"])


def test_damaged_positions_and_charts_are_made_anew(guest: System) -> None:
    (guest.folder / "positions.json").write_bytes(b"{torn")
    (guest.folder / "market.db").write_bytes(b"garbage" * 999)
    guest.bot()
    guest.trades()
    assert list(guest.folder.glob("positions.damaged-*.json"))
    guest.until(lambda s: (guest.folder / "positions.json").exists())
    assert json.loads((guest.folder / "positions.json").read_bytes())["version"] == 1
    with sqlite3.connect(f"file:{guest.folder / 'market.db'}?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM candles").fetchone()[0] > 100
    db.close()


@pytest.mark.needs("root")
def test_a_disk_that_fills_up_stops_the_sending_and_not_the_bot(tmp_path: Path, shared_sim: System) -> None:
    """In a mount of its own of 3 MB; what could not be written is written when there is room again."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    probe = subprocess.run(
        ["unshare", "-m", "mount", "-t", "tmpfs", "none", str(data)], capture_output=True, check=False
    )
    if probe.returncode:
        pytest.skip("no mounts of one's own here")
    made = System(tmp_path)
    made.folder = data
    made.env |= {"DATA_DIR": str(data)} | {name: shared_sim.env[name] for name in ("SIM_PORT", "SIM_ADMIN_PORT")}
    ready = f"touch {data}/.cointrader && ln -s {shared_sim.folder}/sim {data}/sim"
    script = f'umask 077; mount -t tmpfs -o size=3m,mode=700 none {data} && {ready} && exec "$@"'
    bot = made.bot(prefix=("unshare", "-m", "sh", "-c", script, "sh"))
    inside = System(tmp_path)
    inside.folder = Path(f"/proc/{bot.pid}/root{data}")
    try:
        inside.until(lambda s: s["status"] == "running", 20)
        (inside.folder / "filler").write_bytes(b"")
        with (inside.folder / "filler").open("ab", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        (inside.folder / "KILL").touch()
        time.sleep(2.5)
        assert bot.poll() is None, "a full disk ends nothing"
        (inside.folder / "filler").unlink()
        found = inside.until(
            lambda s: s["status"] == "killed" and s["io"]["ledger_ok"] and s["kill"]["verified"] >= 2, 15
        )
        assert found["io"]["write_errors"] > 0 and found["phase"] == "stopped"
    finally:
        made.close()


@pytest.mark.needs("root")
def test_a_folder_that_cannot_be_used_is_78_in_the_log(tmp_path: Path) -> None:
    made = System(tmp_path)
    (tmp_path / "file").write_text("no folder")
    bot = made.bot(DATA_DIR=str(tmp_path / "file" / "data"))
    assert bot.wait(10) == 78
    out = (tmp_path / "bot.out").read_text()
    assert "DATA_DIR" in out and "file/data" in out


def test_no_proxy_and_no_other_authority_changes_where_it_talks(guest: System, tmp_path: Path) -> None:
    """S20: neither HTTPS_PROXY nor REQUESTS_CA_BUNDLE counts."""
    bundle = tmp_path / "other.pem"
    bundle.write_text("".join(ssl.DER_cert_to_PEM_cert(c) for c in ssl.create_default_context().get_ca_certs(True)[:1]))
    odd = {
        "HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "ALL_PROXY": "http://127.0.0.1:9",
        "REQUESTS_CA_BUNDLE": str(bundle), "CURL_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle),
    }  # fmt: skip
    guest.bot(**odd)
    guest.trades()


def test_another_authoritys_certificate_is_never_trusted(tmp_path: Path, shared_sim: System) -> None:
    made = System(tmp_path / "data")
    made.folder.mkdir(mode=0o700)
    other = System(tmp_path / "other")
    other.folder.mkdir(mode=0o700)
    try:
        other.sim()
        for _ in range(200):
            if (other.folder / "sim" / "key.json").exists():
                break
            time.sleep(0.05)
        (made.folder / "sim").symlink_to(other.folder / "sim")
        made.env["SIM_PORT"] = shared_sim.env["SIM_PORT"]  # its certificate is of another authority
        made.bot()
        found = made.until(lambda s: any("certificate" in (step["note"] or "") for step in s["boot"]), 10)
        assert found["status"] == "starting"
    finally:
        made.close()
        other.close()


def test_secrets_stand_nowhere(guest: System) -> None:
    guest.bot()
    guest.trades()
    secret = json.loads((guest.folder / "sim" / "key.json").read_bytes())["privateKey"]
    marks = [line for line in secret.replace("\\n", "\n").splitlines() if len(line) > 30 and "-" not in line]
    assert marks
    files = [p for p in guest.folder.iterdir() if p.is_file()] + list((guest.folder / "logs").iterdir())
    assert len(files) > 4
    pid = guest.state()["pid"]
    blobs = [p.read_bytes() for p in files] + [Path(f"/proc/{pid}/{n}").read_bytes() for n in ("environ", "cmdline")]
    for mark in marks:
        assert not any(mark.encode() in blob for blob in blobs)
    for path in files:
        if path.name not in ("bot.out", "simulator.out", "fresh.tmp"):
            assert path.stat().st_mode & 0o077 == 0, path
    assert os.stat(guest.folder).st_mode & 0o077 == 0


def test_a_wrong_clock_ends_with_78_and_says_by_how_much(system: System) -> None:
    system.sim()
    for _ in range(200):
        if (system.folder / "sim" / "admin_token").exists() and (system.folder / "sim" / "key.json").exists():
            break
        time.sleep(0.05)
    settings = load(environ=system.env).settings
    for attempt in range(100):
        try:
            admin.set_faults(DataPaths(system.folder), settings, {"clock_skew": {"rate": 1.0, "ms": 300_000}})
            break
        except admin.SimError:
            assert attempt < 99
            time.sleep(0.05)
    refused(system, "clock", "+300 s", "set it")


def test_a_short_history_is_said_and_trades_nothing(tmp_path: Path) -> None:
    """A recording with five minutes of past: the bot runs, says what it lacks, and buys nothing."""
    recording = tmp_path / "BTC-USD_1m.csv"
    rows = [f"{1_700_000_040 + 60 * n},100,101,99,{100 + n % 3},5" for n in range(400)]
    recording.write_text("time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    system = System(tmp_path / "data")
    system.folder.mkdir(mode=0o700)
    system.env |= {"COIN_MODE": "replay", "SIM_REPLAY": str(recording), "STRATEGY": "sma_cross", "MA_SLOW": "5000"}
    try:
        system.sim()
        system.bot()
        found = system.until(lambda s: s["status"] == "running" and s["gates"]["products"], why="running")
        (product,) = found["gates"]["products"]
        assert product["product_id"] == "BTC-USD"
        signal_gate = next(gate for gate in product["gates"] if gate["name"] == "signal")
        assert signal_gate["verdict"] == "shut"
        assert "5000 bars" in signal_gate["limit"]
        assert found["orders"] == []
    finally:
        system.close()
