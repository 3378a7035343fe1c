"""Commands to the bot over control.json, each until its receipt."""

import time
import uuid
from collections.abc import Mapping

import typer

from cli import audit, ui
from cli.context import data_paths, refuse_foreign
from cli.options import Yes
from shared.command_table import Cmd
from shared.control import Command, NotSent, TradingState, refusal, send_command
from shared.documents.control import ReceiptDoc, ReceiptState
from shared.documents.state import BotState
from shared.documents.status import Status
from shared.liveness import bot_alive, read_state
from shared.paths import DataPaths

SEEN_WITHIN_S = 2.0
DONE_WITHIN_S = 60.0
LEVELS = {Cmd.START: TradingState.RUN, Cmd.PAUSE: TradingState.PAUSE, Cmd.STOP: TradingState.STOP}
BY = "cli"


def run() -> None:
    """The level "run"."""
    command(Cmd.START)


def pause() -> None:
    """The level "pause"."""
    command(Cmd.PAUSE)


def halt() -> None:
    """The level "stop"."""
    command(Cmd.STOP)


def flatten(yes: Yes = False) -> None:
    """Sell everything, after a typed word."""
    if not yes and typer.prompt('This sells every lot at the market. Type "flatten"') != "flatten":
        raise typer.Exit(1)
    command(Cmd.FLATTEN)


def close_product(product_id: str) -> None:
    """Sell every lot of one product."""
    command(Cmd.CLOSE_PRODUCT, {"product_id": product_id.upper()})


def command(cmd: Cmd, args: Mapping[str, str] | None = None) -> None:
    """Send one command and show its way: sent, seen, done. Ends with code 1 where it isn't done."""
    paths = data_paths()
    state, error, missing = read_state(paths)
    there = state is not None and bot_alive(paths, state)
    if state is not None and there:
        why_not = refusal(cmd, args or {}, state.status)
        if why_not is not None:
            ui.give_up(why_not, _way_out(state))
    elif cmd not in LEVELS:
        reason = error or ("it has never run here" if missing else "its process is gone")
        ui.give_up(f"The bot isn't running ({reason}), so it can't do this.", "./coin start")
    elif cmd is Cmd.START and (paths.kill.exists() or (state is not None and state.kill is not None)):
        ui.give_up("The kill switch is latched, and the bot isn't running.", "./coin start, then ./coin reset-kill")
    sent = send(paths, cmd, args, state)
    if not there:
        ui.line(ui.WARN, f"{cmd} is saved; the bot isn't running and will apply it when it starts: ./coin start")
        return
    show_receipt(paths, sent)


def send(paths: DataPaths, cmd: Cmd, args: Mapping[str, str] | None, state: BotState | None) -> Command:
    """Write the command. Ends with a sentence where the file can't be written."""
    refuse_foreign(paths)
    found = audit.written("command", {"cmd": cmd.value, "args": dict(args or {}), "id": str(uuid.uuid4())}, paths)
    seen = [receipt.id for receipt in state.receipts] if state is not None else []
    try:
        return send_command(paths, cmd, args, by=BY, seen_ids=seen, command_id=found["id"])
    except NotSent as error:
        audit.written("not_sent", {**found, "why": str(error)}, paths)
        ui.give_up(f"{cmd} was not sent: {error}", "./coin doctor looks at the data folder and its disk")


def show_receipt(paths: DataPaths, sent: Command) -> None:
    """Wait for the receipt and say each step with its time; ends with code 1 where it isn't done."""
    began = time.monotonic()
    receipt = wait_receipt(paths, sent.id, began, SEEN_WITHIN_S, any_state=True)
    if receipt is None:
        ui.give_up(
            f"{sent.cmd}: NOT DELIVERED. The bot has not seen it within {SEEN_WITHIN_S:.0f} s.",
            "./coin status says whether it is running; ./coin kill works without it.",
        )
    seen_ms = (time.monotonic() - began) * 1000
    if receipt.state is ReceiptState.SEEN:
        ui.line(ui.DOT, f"{sent.cmd}: seen after {seen_ms:.0f} ms")
        receipt = wait_receipt(paths, sent.id, began, DONE_WITHIN_S, any_state=False) or receipt
    total_ms = (time.monotonic() - began) * 1000
    detail = "".join(f"  {key} {value}" for key, value in (receipt.result or {}).items())
    if receipt.state is ReceiptState.DONE:
        ui.line(ui.GOOD, f"{sent.cmd}: done after {total_ms:.0f} ms{detail}")
        return
    if receipt.state is ReceiptState.SEEN:
        ui.give_up(
            f"{sent.cmd}: seen, but not done within {DONE_WITHIN_S:.0f} s. It is still in progress: ./coin status"
        )
    ui.give_up(f"{sent.cmd}: {receipt.state}: {receipt.reason or 'no reason given'}{detail}")


def wait_receipt(
    paths: DataPaths, command_id: str, began: float, within_s: float, *, any_state: bool
) -> ReceiptDoc | None:
    """The command's receipt, in any state or only once it is final; None = not in time."""
    while True:
        state, _, _ = read_state(paths)
        for receipt in state.receipts if state is not None else ():
            if receipt.id == command_id and (any_state or receipt.state is not ReceiptState.SEEN):
                return receipt
        if time.monotonic() - began > within_s:
            return None
        time.sleep(0.01)


def reset_kill() -> None:
    """Lift the latch that stands now, by its id. The level after it is stop."""
    paths = data_paths()
    state, _, _ = read_state(paths)
    if state is None or not bot_alive(paths, state):
        ui.give_up(
            "Only the bot can release its kill latch, and it isn't running.", "./coin start, then ./coin reset-kill"
        )
    if state.kill is None:
        ui.give_up("The bot isn't killed: there is nothing to reset.")
    show_receipt(paths, send(paths, Cmd.RESET_KILL, {"latch_id": state.kill.latch_id}, state))
    ui.line(ui.DOT, "The bot is stopped now. ./coin run lets it trade.")


def adopt(yes: Yes = False) -> None:
    """Say what differs, ask, and have exactly that booked as a transfer."""
    paths = data_paths()
    state, _, _ = read_state(paths)
    if state is None or not bot_alive(paths, state):
        ui.give_up("The bot compares the account with its ledger, and it isn't running.", "./coin start")
    if state.differences is None:
        ui.line(ui.GOOD, "No difference: the bot's own trades explain the account's balances.")
        return
    ui.line(ui.WARN, f"Balance beyond (+) or below (-) what the bot's own trades explain: {state.differences}")
    if not yes and typer.prompt('Is that right? It is booked as a transfer. Type "adopt"') != "adopt":
        ui.give_up("Nothing was adopted; entries stay blocked until it is.")
    show_receipt(paths, send(paths, Cmd.ADOPT, {"differences": state.differences}, state))


def _way_out(state: BotState) -> str:
    if state.status is Status.KILLED:
        return "./coin reset-kill releases the kill switch"
    return "./coin status shows what it does now"
