"""`./coin kill`: works with the bot alive, hung or dead."""

import time
import uuid

from cli import audit, orphans, ui
from cli.commands import BY, wait_receipt
from cli.context import data_paths
from shared import data_folder, settings
from shared.bots import DEFAULT_BOT
from shared.command_table import Cmd
from shared.control import NotSent, SentCommand, send, send_kill_file
from shared.documents.events import FOLDER_NOT_OWN
from shared.documents.state import BotState, alert_of
from shared.liveness import bot_pid, read_state
from shared.paths import DataPaths
from shared.pm2 import pid_stopped
from shared.settings import SettingsError
from shared.verdict import UNFIT, Verdict

ANSWER_WITHIN_S = 2.0
CLEARED_WITHIN_S = 30.0
AUDIT_S = 0.5


def kill() -> None:
    """Shut the order path and cancel every own order. Ends with code 1 where it can't be shown that none is left."""
    paths = data_paths()
    _prepare(paths)
    began, named = time.monotonic(), str(uuid.uuid4())
    sent = _send(paths, named)
    try:
        _follow(paths, sent, began)
    finally:  # nothing waits for the audit trail, the proof that no order is left neither
        facts = {"cmd": Cmd.KILL.value, "id": named, **({} if sent is not None else {"why": "not sent"})}
        audit.written("command" if sent is not None else "not_sent", facts, paths, wait_s=AUDIT_S)


def _follow(paths: DataPaths, sent: SentCommand | None, began: float) -> None:
    """Until it is shown that no order is left. Ends with code 1 where it can't be."""
    pid = _bot_process(paths)
    answered = _bot_answers(paths, sent.command.id if sent is not None else None, began) if pid is not None else None
    if answered is None:
        ui.line(ui.WARN, f"{_why_silent(pid)}: cancelling its orders directly")
        _cancel_without_the_bot(pid, latched=sent is not None)
        if sent is None and pid is not None:
            ui.give_up(
                "Not killed: the bot is running and has not received the kill, so it may keep trading.",
                "./coin halt ends it",
            )
        return
    gate = answered.kill.gate_shut_ms if answered.kill else 0.0
    ui.line(ui.GOOD, f"the bot closed its order gate {gate:.0f} ms after it saw the kill")
    if answered.verdict is not None and answered.verdict.word in UNFIT:
        word = Verdict(answered.verdict.word).shown.upper()
        ui.line(ui.WARN, f"it is {word}: {answered.verdict.reason or 'no reason given'}")
    follow_clearing(paths, began)


def _prepare(paths: DataPaths) -> None:
    """The folder, where it is missing; whatever is wrong with it is no reason not to kill."""
    try:
        paths.prepare()
    except OSError as error:
        ui.line(ui.WARN, f"{error.strerror or error}")


def _send(paths: DataPaths, command_id: str) -> SentCommand | None:
    """By each way that works, and say which; None = by none."""
    try:
        if data_folder.is_foreign(paths.root):
            why = "control.json was not written: the bot runs as another user and could not read it"
            sent = send_kill_file(paths.kill, BY, why)
        else:
            sent = send(paths, Cmd.KILL, by=BY, command_id=command_id)
    except NotSent as error:
        ui.line(ui.BAD, f"the kill switch could not be set: {error}")
        return None
    ui.line(ui.GOOD if not sent.failed else ui.WARN, sent.text)
    return sent


def _bot_process(paths: DataPaths) -> int | None:
    """The bot's pid by its lock, its state file or, where both are gone, the process table; None = it isn't there."""
    pid = bot_pid(paths)
    return (
        pid if pid is not None else next((one.pid for one in orphans.find(()) if one.name == DEFAULT_BOT.process), None)
    )


def _why_silent(pid: int | None) -> str:
    if pid is None:
        return "the bot isn't running"
    if pid_stopped(pid):
        return f"the bot's process (pid {pid}) exists, but is stopped by a signal"
    return f"the bot's process (pid {pid}) is running, but has not answered within {ANSWER_WITHIN_S:.0f} s"


def _bot_answers(paths: DataPaths, sent_id: str | None, began: float) -> BotState | None:
    """The state of a bot that lives and reports the latch; None = none did in time."""
    first, _, _ = read_state(paths)
    key = (first.boot_id, first.seq) if first is not None else None
    while time.monotonic() - began < ANSWER_WITHIN_S:
        state, _, _ = read_state(paths)
        # A file that stays as it is may be a dead bot's, killed before: only a new write is an answer.
        if state is not None and (state.boot_id, state.seq) != key and state.kill is not None:
            return state
        if sent_id is not None and wait_receipt(paths, sent_id, began, 0.0, any_state=True) is not None:
            return state
        time.sleep(0.01)
    return None


def follow_clearing(paths: DataPaths, began: float) -> None:
    """Say what the bot does about the kill of `began` (monotonic seconds). Raises typer.Exit where it does nothing."""
    while time.monotonic() - began < CLEARED_WITHIN_S:
        state, _, _ = read_state(paths)
        if state is not None and (alert := alert_of(state, FOLDER_NOT_OWN)) is not None:
            ui.give_up(
                f"The order gate is closed, but the bot is not cancelling orders. {alert.text}",
                "Orders with its name may belong to the bot that this folder was copied from: kill that one.",
                "To cancel every order with this name from here anyway: ./coin halt, then ./coin kill",
            )
        if state is not None and state.kill is not None and state.kill.verified >= 2:
            found, cancelled = state.kill.orders_found or 0, state.kill.orders_cancelled or 0
            seconds = time.monotonic() - began
            ui.line(
                ui.GOOD,
                f"{found} of its orders found, {cancelled} cancelled; the exchange shows none left ({seconds:.1f} s)",
            )
            _say_after(state)
            return
        time.sleep(0.02)
    ui.give_up(
        "The order gate is closed, but the exchange has not yet confirmed that no order is left.",
        "The bot keeps trying: ./coin status, ./coin logs bot -f",
    )


def _say_after(state: BotState) -> None:
    lots = sum(len(position.lots) for position in state.positions or [])
    if lots:
        held = "1 lot stays" if lots == 1 else f"{lots} lots stay"
        ui.line(ui.DOT, f"{held} open (kill sells nothing unless KILL_FLATTEN=true): ./coin flatten sells")
    ui.line(ui.DOT, "The kill survives every restart until ./coin reset-kill releases it.")


def _cancel_without_the_bot(pid: int | None, *, latched: bool) -> None:
    # Loaded only if the bot itself can't be asked: a kill must not wait for the exchange's library.
    from bot.app.emergency import EmergencyFailed, cancel_own_orders  # noqa: PLC0415

    try:
        report = cancel_own_orders(settings.load().settings)
    except SettingsError as error:
        ui.give_up("The exchange can't be reached: the settings are invalid.", *error.problems, code=78)
    except EmergencyFailed as error:
        hint = "The kill is latched: a restarted bot only cancels orders." if latched else "The kill is not latched."
        ui.give_up(f"The bot's orders may still be open: {error}", hint)
    counts = f"{report.found} orders of the bot found, {report.cancelled} cancelled"
    ui.line(ui.GOOD, f"{counts}; the exchange shows none left ({report.cleared_ms:.0f} ms)")
    if latched:
        if pid is not None:
            ui.line(ui.DOT, f"Process {pid} will find the kill when it resumes. If it hangs, the watchdog ends it.")
        ui.line(ui.DOT, "The kill is latched: the bot will start in state KILLED. ./coin reset-kill releases it.")
    else:
        ui.line(ui.WARN, "The kill is not latched: a restarted bot will trade.")
