"""`./coin alerts`: what fires, who was told, acknowledging, a test through each sink."""

import getpass
import time
from pathlib import Path
from typing import Annotated

import typer

from cli import ui
from cli.context import data_paths
from cli.options import Json
from shared import alert_requests
from shared.alert_requests import AlertAsk, AlertRequest
from shared.disk_room import disk_full
from shared.documents.alerts import (
    WATCHER_GONE_S,
    AlertPhase,
    AlertsDoc,
    AlertSeverity,
    AlertStateDoc,
    RuleState,
    SentState,
    decode_alerts,
)
from shared.documents.chat import CHAT_EVERY_S, ChatLink, decode_chat
from shared.exits import Exit
from shared.figures import ago
from shared.files import Unreadable, read_bytes
from shared.times import from_epoch_ms, iso_seconds
from watch.alert_store import AlertStoreError, history

TAKEN_S = 5.0
TEST_S = 30.0


def document() -> tuple[AlertsDoc | None, str | None]:
    """(the document, why it is none or old)."""
    try:
        found = decode_alerts(read_bytes(data_paths().alerts))
    except FileNotFoundError:
        return None, "COIN-WATCH never ran here: ./coin start"
    except (Unreadable, OSError) as error:
        return None, f"alerts.json cannot be read: {error}"
    age_s = time.time() - found.ts_ms / 1000
    if age_s <= WATCHER_GONE_S:
        return found, None
    if disk_full(data_paths().root):
        why = f"The disk of the data folder is full, so COIN-WATCH has written nothing for {ago(age_s)}"
        return found, f"{why}. It goes on telling its sinks. Make room: df -h"
    return found, f"COIN-WATCH has not looked for {ago(age_s)}: ./coin start"


def _watched() -> AlertsDoc:
    """The document of a watcher that runs; ends with code 1 where none does."""
    found, trouble = document()
    if found is None or trouble is not None:
        ui.give_up(trouble or "no document")
    return found


def alerts(context: typer.Context, json: Json = False) -> int:
    """The list, unless a command below `alerts` was called."""
    return show(json) if context.invoked_subcommand is None else 0


def show(json: Json = False) -> int:
    """Print what fires, the worst first. 0 = nothing fires, 1 = something does, or nobody watches."""
    found, trouble = document()
    if json:
        ui.say_json({"trouble": trouble, "alerts": found})
        return 1 if trouble or found is None or found.firing else 0
    if trouble is not None:
        ui.line(ui.BAD, trouble)
    if found is None:
        return 1
    for alert in found.firing:
        _print_alert(alert, found)
    if not found.firing:
        rules = f"{len(found.rules)} rules watch {', '.join(found.bots)}."
        if trouble is None:
            ui.line(ui.GOOD, f"Nothing fires. {rules}")
        else:
            ui.line(ui.DOT, f"Nothing fired then; what fires now is not known. {rules}")
    for sink in found.sinks:
        mark = ui.GOOD if not sink.failures else ui.BAD
        last = f", last {_at(sink.last_ms)}: {sink.last_answer}" if sink.last_ms is not None else ", nothing sent yet"
        waits = f", {sink.waiting} waiting" if sink.waiting else ""
        ui.line(mark, f"{sink.name} ({sink.to}), from {sink.least.value}{waits}{last}")
    if not found.sinks:
        why = "ALERT_ENABLE is false" if not found.enabled else "set SLACK_WEBHOOK, TELEGRAM_BOT_TOKEN or another one"
        ui.line(ui.WARN, f"No sink is set, so nobody is sent an alert: {why} (docs/operations.md)")
    _print_chat()
    for problem in found.problems:
        ui.line(ui.BAD, problem)
    if found.store_error is not None:
        ui.line(ui.BAD, f"Alerts are not kept on disk: {found.store_error}")
    return 1 if found.firing or trouble is not None else 0


def _print_chat() -> None:
    """Where COIN-CHAT ever ran: whether its platforms are heard, and who was refused within the hour."""
    try:
        chat = decode_chat(read_bytes(data_paths().chat_state))
    except FileNotFoundError:
        return
    except (Unreadable, OSError) as error:
        ui.line(ui.BAD, f"chat.json cannot be read: {error}")
        return
    age_s = time.time() - chat.ts_ms / 1000
    if age_s > 2 * CHAT_EVERY_S:
        ui.line(ui.DOT, f"COIN-CHAT does not run, since {ago(age_s)}: no command from a chat is heard")
        return
    for one in chat.platforms:
        heard = one.link is ChatLink.CONNECTED
        why = f": {one.answer}" if one.answer else ""
        who = f"{_count(chat.operators, 'operator')}, {_count(chat.viewers, 'viewer')}"
        ui.line(ui.GOOD if heard else ui.BAD, f"Commands from {one.name}: {one.link}{why} ({who})")
    for refusal in chat.refusals:
        ui.line(ui.WARN, f"{refusal.name} ({refusal.person}) was refused {refusal.what}, {_at(refusal.at_ms)}")
    if chat.settings_problem is not None:
        ui.line(ui.BAD, f"COIN-CHAT: {chat.settings_problem}")
    if chat.store_error is not None:
        ui.line(ui.BAD, f"COIN-CHAT takes only kill, stop and pause: {chat.store_error}")


def _count(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _print_alert(alert: AlertStateDoc, found: AlertsDoc) -> None:
    lasts = ago(max(0.0, (found.ts_ms - alert.since_ms) / 1000))
    bad = alert.severity is AlertSeverity.CRITICAL
    ui.line(ui.BAD if bad else ui.WARN, f"{alert.severity.value.upper()}, {lasts}: {alert.title}")
    ui.plain(f"      {alert.text}")
    if alert.phase is AlertPhase.ACKNOWLEDGED:
        note = f': "{alert.note}"' if alert.note else ""
        ui.plain(f"      Acknowledged by {alert.acknowledged_by}, {_at(alert.acknowledged_ms)}{note}")
    told = {s.sink for s in alert.sent if s.state is SentState.SENT}
    waits = {s.sink for s in alert.sent if s.state is SentState.WAITING} - told
    reached = f"Told by {', '.join(sorted(told))}." if told else "Nobody was told."
    ui.plain(f"      {reached}{f' Waiting: {chr(44).join(sorted(waits))}.' if waits else ''} Rules: "
             f"{', '.join(alert.rules)}. ./coin alerts ack {alert.name}")  # fmt: skip


def acknowledge(
    name: Annotated[str, typer.Argument(help="As ./coin alerts shows it, such as exchange.sim.")],
    note: Annotated[str, typer.Option("--note", help="What the others should know.")] = "",
) -> None:
    """Say that you know; it is not repeated for a day unless it gets worse."""
    found = _watched()
    if all(alert.name != name for alert in found.firing):
        names = ", ".join(alert.name for alert in found.firing) or "nothing fires"
        ui.give_up(f"No alert {name!r} fires.", f"There are: {names}", code=Exit.USAGE)
    _ask(AlertRequest(ask=AlertAsk.ACKNOWLEDGE, at_ms=_now_ms(), by=_user(), name=name, note=note[:200]))
    ui.line(ui.GOOD, f"{name} is acknowledged by {_user()}")


def test() -> int:
    """Send one message through each sink and print what came back. 1 = a sink did not take it."""
    before = _watched()
    if not before.sinks:
        return show()
    asked_ms = _now_ms()
    _ask(AlertRequest(ask=AlertAsk.TEST, at_ms=asked_ms, by=_user()))
    until_s = time.monotonic() + TEST_S
    left, failed = {sink.name for sink in before.sinks}, 0
    while left and time.monotonic() < until_s:
        time.sleep(0.1)
        for sink in _watched().sinks:
            if sink.name in left and sink.test_ms is not None and sink.test_ms >= asked_ms:
                left.remove(sink.name)
                failed += not sink.test_ok
                ui.line(ui.GOOD if sink.test_ok else ui.BAD, f"{sink.name} ({sink.to}): {sink.test_answer}")
    for name in sorted(left):
        ui.line(ui.BAD, f"{name}: no answer within {TEST_S:.0f} s")
    return 1 if failed or left else 0


def show_history(
    most: Annotated[int, typer.Option("-n", "--lines", min=1, max=5000, help="How many.")] = 20, json: Json = False
) -> None:
    """Print the newest alerts of the last 90 days, newest first."""
    try:
        found = history(data_paths().watch / "alerts.db", most)
    except AlertStoreError as error:
        ui.give_up(str(error))
    if json:
        ui.say_json(found)
        return
    for alert in found:
        until_ms = alert.resolved_ms or _now_ms()
        lasted = ago(max(0.0, (until_ms - alert.since_ms) / 1000))
        state = "fires" if alert.active else "resolved"
        ui.plain(f"  {iso_seconds(from_epoch_ms(alert.since_ms))}  {alert.severity.value:8} {state:8} {lasted:>14}  "
                 f"{alert.cause:22} {alert.title}")  # fmt: skip
    if not found:
        ui.line(ui.DOT, "No alert was ever kept here.")


def rules(json: Json = False) -> None:
    """Print every rule with what it sees now and how far that is from its threshold."""
    found = _watched()
    if json:
        ui.say_json(found.rules)
        return
    group = None
    marks = {RuleState.FIRING: ui.BAD, RuleState.PENDING: ui.WARN, RuleState.NEAR: ui.WARN, RuleState.QUIET: ui.GOOD}
    for rule in found.rules:
        if rule.group != group:
            group = rule.group
            ui.plain(f"\n  {ui.paint(group, 'bold')}")
        share = f"{rule.share:4.0%}" if rule.share is not None else "    "
        held = f" for {rule.for_s:g} s" if rule.for_s else ""
        now = f"{rule.value} ({rule.subject})" if rule.value is not None else "not known now"
        ui.line(marks.get(rule.state, ui.DOT), f"{rule.name:18} {rule.severity.value:8} {rule.state.value:7} {share}  "
                f"{now}; fires at {rule.threshold}{held}")  # fmt: skip


def _ask(request: AlertRequest) -> None:
    """Leave it, and wait until it is taken."""
    try:
        left: Path = alert_requests.put(data_paths(), request)
    except OSError as error:
        ui.give_up(f"The request cannot be written: {error.strerror or error}")
    until_s = time.monotonic() + TAKEN_S
    while left.exists():
        if time.monotonic() > until_s:
            left.unlink(missing_ok=True)
            ui.give_up("COIN-WATCH did not take the request.", "./coin logs watch")
        time.sleep(0.05)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "shell"


def _now_ms() -> int:
    return round(time.time() * 1000)


def _at(at_ms: int | None) -> str:
    return iso_seconds(from_epoch_ms(at_ms)) if at_ms is not None else "–"
