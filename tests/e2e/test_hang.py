"""A bot that hangs is ended within 15 s, with the reason told, and its next run has lots and latch."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.system import System

WITHIN_S = 15.0


@pytest.fixture
def system(tmp_path: Path) -> Iterator[System]:
    made = System(tmp_path)
    made.env |= {"STRATEGY": "hangs", "MAX_TOTAL_LOTS": "2", "TAKE_PROFIT_PCT": "50", "MAX_VOL_SPIKE": "0"}
    yield made
    made.close()


def bot(system: System) -> "subprocess.Popen[bytes]":
    return system.spawn("tests.e2e.hanging", {})


def lots(found: dict[str, Any]) -> dict[str, str]:
    return {lot["lot_id"]: lot["base_size_text"] for p in found["positions"] or [] for lot in p["lots"]}


def events(found: dict[str, Any]) -> list[str]:
    return [event["text"] for event in found["events"] if event["kind"] == "watchdog"]


@pytest.mark.parametrize("way", ["stopped", "endless", "native", "backtracking"])
def test_a_bot_that_hangs_is_ended_in_time_and_the_next_run_goes_on(system: System, way: str) -> None:
    system.sim()
    process = bot(system)
    before = system.until(lambda s: s["phase"] == "trading" and lots(s), 40, "a lot")
    if way == "endless":
        (system.folder / "KILL").touch()
        before = system.until(lambda s: s["kill"] and s["kill"]["cleared_ms"] is not None, 15, "killed, proven")
    else:
        system.write_control(command="pause", kill_switch=False)
        before = system.until(lambda s: s["status"] == "paused", why="paused")
    held = lots(before)
    if way == "stopped":
        process.send_signal(signal.SIGSTOP)
    else:
        (system.folder / "HANG").write_text(way)
    began_s = time.monotonic()
    code = process.wait(WITHIN_S + 10)
    took_s = time.monotonic() - began_s
    assert 6.0 < took_s < WITHIN_S, took_s
    # PM2 starts it anew after either: a death by a signal is code 0 to it, and 1 is no code of ours that it leaves.
    assert code == (-signal.SIGKILL if way == "stopped" else 1)

    process = bot(system)
    back = lambda s: s["boot_id"] != before["boot_id"] and s["status"] in ("paused", "killed")  # noqa: E731
    after = system.until(back, 40, "back again")
    assert held and held.items() <= lots(after).items(), "a purchase that was on its way may have added one"
    if way == "endless":
        assert after["status"] == "killed" and after["kill"]["latch_id"] == before["kill"]["latch_id"]
    else:
        assert after["status"] == "paused"
    said, log = events(after), system.log()
    assert len(said) == 1, said
    if way == "stopped":
        assert "ended without shutting down" in said[0] and "s after its last report" in said[0]
    else:
        assert "hung for 0:00:10 and was ended" in said[0] and "hanging.py" in said[0] and way in said[0]
        assert f"in {way}" in log and "most recent call first" in log, "the traceback is in the log"
    assert "CRITICAL bot watchdog: the previous run" in log
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert not (system.folder / "logs" / "COIN-BOT.hang.log").exists(), "an orderly end leaves no trace"


def told(found: dict[str, Any]) -> list[str]:
    return [event["text"] for event in found["events"] if event["kind"] == "strategy"]


def signal_gate(found: dict[str, Any]) -> dict[str, Any]:
    gates = (found["gates"] or {}).get("products") or [{"gates": []}]
    return next((gate for gate in gates[0]["gates"] if gate["name"] == "signal"), {"verdict": None})


def test_a_strategy_that_never_answers_enters_nothing_and_holds_up_neither_kill_nor_end(system: System) -> None:
    """An endless loop in plain Python beside the loop that trades: it is told, and everything else goes on."""
    system.sim()
    process = bot(system)
    before = system.until(lambda s: s["phase"] == "trading" and lots(s), 40, "a lot")
    (system.folder / "HANG_MODEL").write_text("endless")
    hung = system.until(lambda s: told(s) and signal_gate(s)["verdict"] == "fault", 90, "what is said of the hang")
    assert "no answer for" in signal_gate(hung)["value"]
    assert len(told(hung)) == 3 and all("has not answered for 10 s" in text for text in told(hung)), "once a product"
    assert "hanging.py line" in system.log() and "in endless" in system.log(), "the log says where it stands"
    assert hung["boot_id"] == before["boot_id"], "the bot itself did not hang"
    system.write_control(command="run", kill_switch=True)
    killed = system.until(lambda s: s["kill"] and s["kill"]["cleared_ms"] is not None, 15, "killed, proven")
    assert killed["kill"]["gate_shut_ms"] <= 20
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_hang_is_left_alone_where_the_watchdog_is_off_and_a_short_one_always(system: System) -> None:
    system.sim()
    off = System(system.folder / "off")
    off.folder.mkdir(mode=0o700)
    off.env |= {k: system.env[k] for k in ("STRATEGY", "SIM_PORT", "SIM_ADMIN_PORT")} | {"WATCHDOG_SEC": "0"}
    (off.folder / "sim").symlink_to(system.folder / "sim")
    try:
        first, second = bot(system), bot(off)
        for one in (system, off):
            one.until(lambda s: s["phase"] == "trading", 40, "trading")
        for process in (first, second):
            process.send_signal(signal.SIGSTOP)
        time.sleep(7.0)
        first.send_signal(signal.SIGCONT)
        time.sleep(9.0)
        assert first.poll() is None, "it came back before its limit"
        assert second.poll() is None, "WATCHDOG_SEC=0: a debugger may hold it for as long as it likes"
        second.send_signal(signal.SIGCONT)
        for one in (system, off):
            one.until(lambda s: s["status"] == "running" and s["ws_ok"], 30, "running again")
    finally:
        os.kill(second.pid, signal.SIGCONT)
        off.close()
