"""A command's path from a request to `control.json`: is it possible, confirmed, in the audit trail, sent."""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import Any

from dashboard.auth.roles import FRESH_S, Principal
from dashboard.auth.sessions import ID_CHARS
from dashboard.hub import Hub
from dashboard.views.commands import starts_process, why_not
from dashboard.views.format import words
from dashboard.views.snapshot import Snapshot
from shared.command_table import COMMANDS, Cmd
from shared.control import LEVEL_OF, NotSent, SentCommand, send
from shared.pm2 import Pm2Unavailable
from shared.settings import Mode

log = logging.getLogger(__name__)
REAUTH_S = FRESH_S
ARG_MAX_CHARS = 2000  # a difference in each of many currencies is one long text, and must arrive whole
LEAST_LATCH_CHARS = 4


class CommandRefused(Exception):
    """Nothing was sent; `status` is the HTTP status of the answer."""

    def __init__(self, status: int, text: str, *, confirm: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.confirm = confirm  # a confirmed sign-in would let it pass


async def dispatch(
    hub: Hub,
    who: Principal,
    address: str,
    word: str,
    args: Mapping[str, str],
    *,
    confirm: str = "",
    held: bool = False,
) -> SentCommand:
    """Send one command; the result tells how it was delivered. Raises CommandRefused."""
    s = hub.reader.snapshot()
    try:
        cmd = Cmd(word)
    except ValueError as error:
        raise CommandRefused(400, "There is no such command.") from error
    by = who.role.value if who.kind == "session" else f"{who.role.value} (token)"
    try:
        kept = _check(who, s, cmd, dict(args), confirm)
        named = str(uuid.uuid4())
        facts = {"cmd": cmd.value, "args": kept, "id": named, **({"how": "held"} if held else {})}
        if cmd is not Cmd.KILL:  # nothing may delay it: its audit line is written once it is sent
            await asyncio.to_thread(_write_down, hub, cmd, facts, by, who, address)
    except CommandRefused as refused:
        hub.counters.commands_refused += 1
        why = {"cmd": cmd.value, "args": dict(args), "why": str(refused), **_signed(who)}
        hub.audit.note("refused", by=by, role=who.role, address=address, facts=why, source=_source(who))
        raise
    try:
        seen = hub.reader.seen_ids()
        sent = await asyncio.to_thread(send, hub.paths, cmd, kept, by=by, seen_ids=seen, command_id=named)
    except NotSent as error:
        why = {"cmd": cmd.value, "id": named, "why": str(error), **_signed(who)}
        hub.audit.note("not_sent", by=by, role=who.role, address=address, facts=why, source=_source(who))
        raise CommandRefused(error.status, f"Not sent: {error}.") from error
    if cmd is Cmd.KILL:
        await asyncio.to_thread(_write_down, hub, cmd, facts, by, who, address)
    hub.counters.commands[cmd.value] = hub.counters.commands.get(cmd.value, 0) + 1
    hub.reader.note_sent(sent, "held K" if held else "")
    log.info("command.sent id=%s cmd=%s by=%s", sent.command.id, cmd.value, by)
    for failure in sent.failed:
        log.error("command.delivery_failed id=%s cmd=%s: %s", sent.command.id, cmd.value, failure)
    if cmd is Cmd.START and starts_process(s):
        await _start_process(hub, by, who, address)
    return sent


def _check(who: Principal, s: Snapshot, cmd: Cmd, args: dict[str, str], confirm: str) -> dict[str, str]:
    """The arguments to send; raises CommandRefused with the reason."""
    rule = COMMANDS[cmd]
    unknown = sorted(set(args) - set(rule.takes))
    if unknown:
        raise CommandRefused(400, f"{words(cmd)} takes {', '.join(rule.takes) or 'no arguments'}.")
    kept = {name: args[name].strip() for name in rule.takes if args.get(name, "").strip()}
    if any(len(value) > ARG_MAX_CHARS for value in kept.values()):
        raise CommandRefused(400, f"{words(cmd)}: an argument of more than {ARG_MAX_CHARS} characters.")
    if cmd is Cmd.RESET_KILL:
        kept["latch_id"] = _latch(s, kept.get("latch_id", ""))
    why = why_not(s, cmd, kept, who.role.value)
    if cmd is Cmd.KILL and who.operator:
        why = ""  # kill is never refused: twice is harmless
    if why:
        raise CommandRefused(409, why)
    if wants_fresh(who, s, cmd):
        raise CommandRefused(
            409, f"With real money, {words(cmd)} requires a sign-in within the last 15 minutes.", confirm=True
        )
    if rule.typed_for and who.kind == "session" and confirm.strip().upper() != rule.typed:
        raise CommandRefused(409, f"Type {rule.typed} to {rule.typed_for}.")
    return kept


def wants_fresh(who: Principal, s: Snapshot, cmd: Cmd) -> bool:
    """Must this person confirm who they are first? Never for commands that reduce risk, and never for a token."""
    live = s.mode == Mode.LIVE and not s.locked
    return COMMANDS[cmd].resumes and live and who.kind == "session" and who.signed_in_s > REAUTH_S


def _latch(s: Snapshot, typed: str) -> str:
    """The whole id of the latch that `typed` names by its end or its beginning."""
    kill = s.state.kill if s.state else None
    if kill is None:
        raise CommandRefused(409, "Not killed.")
    typed = typed.lower()
    whole = kill.latch_id.lower()
    if len(typed) < LEAST_LATCH_CHARS or not (whole.startswith(typed) or whole.endswith(typed)):
        raise CommandRefused(409, "That is not the ID of this kill.")
    return kill.latch_id


def _write_down(hub: Hub, cmd: Cmd, facts: dict[str, Any], by: str, who: Principal, address: str) -> None:
    """Where the audit line cannot be written, only commands that reduce risk go on; a later line counts them."""
    signed = {**facts, **_signed(who)}
    try:
        hub.audit.write("command", by=by, role=who.role, address=address, facts=signed, source=_source(who))
    except OSError as error:
        log.error("audit.write_failed cmd=%s error=%s", cmd.value, error.strerror)
        if cmd.value not in LEVEL_OF or cmd is Cmd.START:
            raise CommandRefused(507, f"The audit trail cannot be written: {error.strerror}.") from error


def _source(who: Principal) -> str:
    return "page" if who.kind == "session" else "api"


def _signed(who: Principal) -> dict[str, str]:
    """Whose it is: the session by the beginning of its cookie's hash, a token by its name."""
    return {"session": who.key[:ID_CHARS]} if who.kind == "session" else {"token": who.name} if who.name else {}


async def _start_process(hub: Hub, by: str, who: Principal, address: str) -> None:
    """Ask PM2 to start the bot's process, which it knows by name. The requested state is on disk already."""
    try:
        await asyncio.to_thread(hub.reader.pm2_client.start, hub.reader.bot.process)
    except Pm2Unavailable as error:
        hub.audit.note("pm2_start_failed", by=by, role=who.role, address=address, facts={"why": str(error)})
        raise CommandRefused(503, f"The command is on disk, but PM2 did not start the bot: {error}.") from error
    hub.audit.note("pm2_start", by=by, role=who.role, address=address, facts={"process": hub.reader.bot.process})
