"""Two installations under one name and one key, as real processes: the one that runs sees the other's first order."""

import os
import subprocess
import sys
from pathlib import Path

from cli.status import EXIT
from shared.command_table import Cmd
from shared.control import send_command
from shared.paths import DataPaths
from shared.verdict import Verdict
from tests.e2e.system import ROOT, System, kill9

RSI = "STRATEGY_RSI_REVERSION_"
# Every bar buys: a bot enters as soon as it trades.
BUYS = {"STRATEGY": "rsi_reversion", f"{RSI}BUY_BELOW": "99.9", f"{RSI}SELL_ABOVE": "100"}


def test_the_first_order_of_a_second_bot_of_our_name_shuts_entries_on_every_page(tmp_path: Path) -> None:
    first, other = System(tmp_path / "first"), System(tmp_path / "other")
    for system in (first, other):
        system.folder.mkdir(mode=0o700)
        system.env |= BUYS
    try:
        first.sim()
        run = first.bot()
        first.until(lambda s: s["status"] == "running" and s.get("positions"), 40, "its own entry")
        send_command(DataPaths(first.folder), Cmd.PAUSE, {}, by="operator")  # so that the next order is the other's
        assert first.until(lambda s: s["status"] == "paused")["verdict"]["word"] == "paused"
        kill9(run)
        before = first.state()["boot_id"]
        first.bot()  # on a ledger with a past
        alone = first.until(lambda s: s["boot_id"] != before and s["status"] == "paused", 40)
        assert alone["verdict"]["word"] == "paused" and not alone["alerts"], "its own orders of an earlier run"
        other.env |= {name: first.env[name] for name in ("SIM_PORT", "SIM_ADMIN_PORT")}
        (other.folder / "sim").symlink_to(first.folder / "sim")
        other.bot()
        # Orders of its name that its ledger does not know: it waits for a person, who does not look closely.
        other.until(lambda s: s["status"] == "running" and s["risk"]["entries_blocked"], 60, "its own latch")
        # What was made within 5 s of a start counts as an order of before it.
        first.until(lambda s: s["ts_ms"] > alone["ts_ms"] + 7_000, 20, "its own state")
        send_command(DataPaths(other.folder), Cmd.START, {}, by="operator")
        second = other.until(lambda s: s.get("positions"), 100, "the other's entry, with the next bar")
        found = first.until(lambda s: s["verdict"]["word"] == "second_writer", 5, "within 5 s")
        epoch = second["boot_id"][:8]
        assert epoch in found["verdict"]["reason"] and epoch in found["risk"]["entries_blocked"]
        assert "second_writer" in [alert["code"] for alert in found["alerts"]]
        gates = [g for shown in found["gates"]["products"] for g in shown["gates"] if g["name"] == "second_writer"]
        assert gates and all(gate["verdict"] == "fault" and epoch in gate["value"] for gate in gates)
        line = next(line for line in first.log().splitlines() if "second writer" in line)
        assert "ERROR" in line and epoch in line and "BOT_NAME" in line
        said = subprocess.run(
            [sys.executable, "-m", "cli", "status"], cwd=ROOT, env=first.env | {"PM2_HOME": str(tmp_path / "pm2")},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert said.returncode == EXIT[Verdict.SECOND_WRITER], said.stdout + said.stderr
        assert "SECOND WRITER" in said.stdout and epoch in said.stdout
    finally:
        other.close()
        first.close()
    assert os.path.exists(first.folder / "ledger.db")
