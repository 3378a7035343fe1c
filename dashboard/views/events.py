"""Events, the activity log, the audit trail and the receipts as rows."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.rows import ActivityRow, LedgerCommand
from dashboard.views import commands
from dashboard.views import format as f
from dashboard.views.snapshot import Snapshot
from shared.audit_log import ChainCheck
from shared.documents.control import ReceiptDoc, ReceiptState
from shared.documents.events import EventDoc

KINDS = ("entry", "exit", "order", "command", "risk", "feed", "boot", "day")


@dataclass(frozen=True, slots=True)
class EventRow:
    at: datetime | None
    icon: str
    tone: str
    product: str
    text: str


@dataclass(frozen=True, slots=True)
class AuditRow:
    at: datetime | None
    icon: str
    tone: str
    what: str
    by: str
    source: str
    detail: str


_WHAT = {
    "command": ("ok", "ink2", "Command"),
    "refused": ("shut", "warn", "Command refused"),
    "command_ended": ("dash", "ink2", "Command ended"),
    "kill_file": ("bads", "bad", "KILL file"),
    "adopt_folder": ("key", "warn", "Folder adopted"),
    "restore": ("key", "warn", "Backup restored"),
    "not_sent": ("bads", "bad", "Command not sent"),
    "login": ("key", "ink2", "Signed in"),
    "login_failed": ("warns", "warn", "Sign-in failed"),
    "session_ended": ("out", "ink2", "Session ended"),
    "sessions_removed": ("out", "warn", "sessions.json removed: sessions ended"),
    "password_changed": ("key", "warn", "Password changed: sessions ended"),
    "confirmed": ("finger", "ink2", "Sign-in confirmed"),
    "passkey_added": ("finger", "ink2", "Passkey added"),
    "passkey_removed": ("finger", "ink2", "Passkey removed"),
    "passkey_refused": ("warns", "warn", "Passkey refused"),
    "settings_changed": ("settings", "ink2", "Settings changed"),
    "settings_not_written": ("bads", "bad", "Settings not written"),
    "strategy_chosen": ("strategy", "ink2", "Strategy chosen"),
    "token_made": ("key", "ink2", "Token created"),
    "token_revoked": ("x", "ink2", "Token revoked"),
    "pm2_start": ("play", "ink2", "PM2 asked to start the bot"),
    "pm2_restart": ("play", "ink2", "PM2 asked to restart the bot"),
    "pm2_restart_failed": ("bads", "bad", "PM2 did not restart the bot"),
    "pm2_start_failed": ("bads", "bad", "PM2 did not start the bot"),
}


_AMOUNT = re.compile(r"[:\s]([+\-−])\d[\d.,]*(?: USD)?\.?$")
_EVENT_ICON = {
    "entry": "run",
    "exit": "up",
    "command": "ok",
    "boot": "play",
    "risk": "risk",
    "feed": "health",
    "order": "orders",
    "day": "dash",
}
_TONE = {"good": "ok", "bad": "bad", "warn": "warn", "info": "ink2"}


def event(doc: EventDoc) -> EventRow:
    """One event with the icon of its kind and the hue of its level; the product's name is taken off the text."""
    icon, tone = _EVENT_ICON.get(doc.kind, "dash"), _TONE.get(doc.level, "ink2")
    if doc.kind == "exit":
        icon, tone = _exit(doc, tone)
    if doc.level == "bad" and doc.kind not in ("exit",):
        icon = "bads"
    if doc.level == "warn" and doc.kind not in ("exit", "entry"):
        icon = "warns"
    product = f.clean(doc.product_id or "")
    text = f.clean(doc.text)
    if product and text.startswith(product):
        text = text[len(product) :].lstrip(" :")
    return EventRow(f.of_ms(doc.at_ms), icon, tone, product, f.minus(text))


def _exit(doc: EventDoc, tone: str) -> tuple[str, str]:
    """A gain points up and a loss down, by the amount that the text ends with; what only prepares an exit does not."""
    amount = _AMOUNT.search(doc.text)
    if amount is None:
        return ("down", "bad") if doc.level == "bad" else ("run", tone)
    return ("up", "ok") if amount[1] == "+" else ("down", "bad")


def entry(e: ActivityRow) -> EventRow:
    """A line of the activity log."""
    return event(EventDoc(at="", at_ms=e.at_ms, kind=e.kind, level=e.level, text=e.text, product_id=e.product_id))


def audit(row: dict[str, Any]) -> AuditRow:
    """A line of the audit trail. Its words come from outside, so they are made visible, not obeyed."""
    what = str(row.get("what", "?"))
    icon, tone, word = _WHAT.get(what, ("dash", "ink2", f.clean(what)[:40]))
    given = row.get("args")
    args = given if isinstance(given, dict) else {}
    detail = (
        commands.heading(f.clean(str(row["cmd"])), {str(k): str(v) for k, v in args.items()}) if "cmd" in row else ""
    )
    for name in ("name", "id", "ended"):
        if row.get(name):
            detail = f"{detail} {_short(f.clean(str(row[name])))}".strip()
            break
    if row.get("how"):
        detail += f"{', ' if detail else ''}{f.clean(str(row['how']))}"
    if row.get("times"):
        detail += f", {f.clean(str(row['times']))} times"
    if row.get("code") not in (None, 0):
        detail += f", exit code {f.clean(str(row['code']))}"
    if row.get("missed"):
        detail += f" ({f.clean(str(row['missed']))} earlier ones could not be written)"
    if row.get("why"):
        detail += f": {f.clean(str(row['why']))}" if detail else f.clean(str(row["why"]))
    return AuditRow(
        f.of_text(str(row.get("at", ""))), icon, tone, word, f.clean(str(row.get("by", "?"))),
        _where(row), detail[:300],
    )  # fmt: skip


def _short(text: str) -> str:
    """A name as it is; of a UUID the first 8 digits."""
    return text[:8] if len(text) == 36 and text.count("-") == 4 else text[:60]


def _where(row: dict[str, Any]) -> str:
    """Page, shell, hand or API, and from which address."""
    where = (f.clean(str(row.get(name, ""))) for name in ("source", "from"))
    return ", ".join(dict.fromkeys(filter(None, where)))


def chain(found: ChainCheck | None) -> str:
    """Whether the audit trail is as it was written, in a few words."""
    if found is None:
        return "cannot be read"
    if found.findings:
        return f"NOT INTACT: {found.findings[0]} (./coin audit verify)"
    if found.head is None:
        return "page, shell, hand, API"
    at = f.of_text(found.head.at)
    return f"{f.plural(found.entries, 'entry', 'entries')} intact" + (f", newest {at:%Y-%m-%d %H:%M} UTC" if at else "")


def receipts(s: Snapshot, rows: list[LedgerCommand] | None) -> list[commands.ReceiptRow]:
    """The bot's receipts: the newest from its state file, older ones from the ledger."""
    return commands.history(_docs(s, rows), s)


def drills(s: Snapshot, rows: list[LedgerCommand] | None) -> list[ReceiptDoc]:
    """Receipts of drills that ended, newest first."""
    over = [r for r in _docs(s, rows) if r.cmd == "drill" and r.state is not ReceiptState.SEEN]
    return sorted(over, key=lambda r: r.seen_ms, reverse=True)


def _docs(s: Snapshot, rows: list[LedgerCommand] | None) -> list[ReceiptDoc]:
    found = {r.id: r for r in (s.state.receipts if s.state else [])}
    for row in rows or []:
        if row.id not in found and row.state in list(ReceiptState):
            found[row.id] = ReceiptDoc(
                id=row.id, cmd=row.cmd, state=ReceiptState(row.state), by=row.by, sent_ms=row.sent_ms,
                seen_ms=row.seen_ms, done_ms=row.done_ms, reason=row.reason, result=row.result,
            )  # fmt: skip
    return list(found.values())
