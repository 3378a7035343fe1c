"""Follows the bot's boot from its state file and PM2, and says each step as it passes."""

import time
from enum import StrEnum
from pathlib import Path

from cli import ui
from cli.text import tail
from shared.bots import DEFAULT_BOT
from shared.documents.state import BotState
from shared.documents.status import Phase, Status
from shared.liveness import read_state
from shared.paths import DataPaths
from shared.pm2 import Effective, Pm2Client, Pm2Process, Pm2Unavailable

LOOK_EVERY_S = 0.05
WAIT_NOTE_AFTER_S = 8.0


class Ending(StrEnum):
    """How the watch ended."""

    TRADING = "trading"
    HELD = "held"  # up, but not trading by somebody's wish
    WAITING = "waiting"  # still booting when the time was up
    FAILED = "failed"


def watch_boot(paths: DataPaths, client: Pm2Client, boot_before: str | None, began: float, timeout_s: float) -> Ending:
    """Wait until the bot trades, is held, failed, or `timeout_s` is over. A state of `boot_before` doesn't count."""
    told: Phase | None = None
    noted: str | None = None
    error: str | None = None
    next_pm2 = 0.0
    state: BotState | None = None
    while (now := time.monotonic()) - began < timeout_s:
        state, error, _ = read_state(paths)
        if state is not None and state.boot_id == boot_before:
            state = None
        if state is not None:
            if state.phase != told and state.phase not in (Phase.TRADING, Phase.STOPPED, Phase.ERROR):
                told = state.phase
                ui.line(ui.DOT, f"{now - began:4.1f} s  {told}")
            ending = _ending(state)
            if ending is not None:
                return ending
            note = _note(state)
            if note and note != noted and now - began > WAIT_NOTE_AFTER_S:
                noted = note
                ui.line(ui.WARN, f"{state.phase} is waiting: {note}")
        if now >= next_pm2:
            next_pm2 = now + 0.5
            dead = _given_up(client)
            if dead is not None:
                return _tell_failed(paths, dead, state)
        time.sleep(LOOK_EVERY_S)
    return _tell_waiting(state, error, timeout_s)


def _ending(state: BotState) -> Ending | None:
    if state.phase == Phase.TRADING:
        if state.status == Status.RUNNING:
            return Ending.TRADING
        ui.line(ui.WARN, f"The bot is running but {state.status}: it makes no entries. To trade: ./coin run")
        return Ending.HELD
    if state.phase == Phase.ERROR:
        ui.line(ui.BAD, f"The bot refuses to start: {state.error or 'no reason given'}")
        return Ending.FAILED
    if state.phase == Phase.STOPPED:
        ways = {
            Status.KILLED: "The kill switch is latched. ./coin reset-kill releases it; then ./coin run",
            Status.SAFE: "It crashed too often and now only cancels orders (SAFE). See ./coin logs; then ./coin run",
        }
        ui.line(
            ui.WARN,
            ways.get(state.status, f"The bot is running and {state.status}, as requested. To trade: ./coin run"),
        )
        return Ending.HELD
    return None


def _note(state: BotState) -> str | None:
    return next((step.note for step in state.boot if step.state == "current" and step.note), None)


def _given_up(client: Pm2Client) -> Pm2Process | None:
    try:
        process = client.find(DEFAULT_BOT.process)
    except Pm2Unavailable:
        return None
    return process if process and process.effective in (Effective.STOPPED, Effective.ERRORED) else None


def _tell_failed(paths: DataPaths, process: Pm2Process, state: BotState | None) -> Ending:
    meaning = {"stopped (78)": "wrong settings, key or clock", "stopped (75)": "another bot holds the lock"}
    ui.line(
        ui.BAD,
        f"{DEFAULT_BOT.process} is {process.label}"
        + (f": {meaning[process.label]}" if process.label in meaning else ""),
    )
    fresh, _, _ = read_state(paths)
    state = fresh or state
    if state is not None and state.error:
        ui.line(ui.BAD, state.error)
    else:
        for text in tail(Path(process.error_log), 8):
            ui.plain(f"      {text}")
    return Ending.FAILED


def _tell_waiting(state: BotState | None, error: str | None, timeout_s: float) -> Ending:
    if state is None:
        ui.line(
            ui.WARN,
            f"The new bot wrote no state within {timeout_s:.0f} s{f' ({error})' if error else ''}: ./coin logs",
        )
    else:
        note = _note(state)
        ui.line(
            ui.WARN,
            f"Still in {state.phase} after {timeout_s:.0f} s{f': {note}' if note else ''}. It continues by itself.",
        )
    return Ending.WAITING
