"""The bots as COIN-CHAT knows them: their documents are read, and control.json is written as every sender does."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shared import alert_requests
from shared.alert_requests import AlertAsk, AlertRequest
from shared.audit_log import AuditLog
from shared.bots import DEFAULT_BOT, BotRef, bots_in
from shared.command_table import Cmd
from shared.control import LEVEL_OF, NotSent, SentCommand, refusal, send
from shared.data_folder import is_foreign
from shared.documents.alerts import WATCHER_GONE_S, AlertsDoc, decode_alerts
from shared.documents.control import ReceiptDoc
from shared.documents.state import BotState, decode_state
from shared.figures import ago
from shared.files import TolerantReader, Unreadable, read_bytes
from shared.liveness import BotSeen, look, read_state
from shared.paths import DataPaths

log = logging.getLogger("chat")
LOOK_S = 0.05
AUDIT_S = 1.0


@dataclass(frozen=True, slots=True)
class AlertsSeen:
    """alerts.json as it is now. `trouble`: why it is none, or old."""

    document: AlertsDoc | None
    trouble: str | None


class BotLink:
    """All bots of one data folder."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._paths = DataPaths(data_dir)
        self._audit = AuditLog(self._paths.audit, "chat")
        self._readers: dict[str, TolerantReader[BotState]] = {}

    # ---- looking ----

    def bots(self) -> list[BotRef]:
        return bots_in(self._data_dir)

    def seen(self, bot: BotRef) -> BotSeen:
        """The bot as it is now, with its verdict; waits for its next write for at most some 50 ms."""
        return look(bot.paths(self._data_dir), watch_s=LOOK_S)

    def alerts(self, now_ms: int) -> AlertsSeen:
        try:
            found = decode_alerts(read_bytes(self._paths.alerts))
        except FileNotFoundError:
            return AlertsSeen(None, "COIN-WATCH never ran here, so nothing is known of alerts")
        except (Unreadable, OSError) as error:
            return AlertsSeen(None, f"alerts.json cannot be read: {error}")
        age_s = (now_ms - found.ts_ms) / 1000
        old = f"COIN-WATCH has not looked for {ago(age_s)}: nobody watches" if age_s > WATCHER_GONE_S else None
        return AlertsSeen(found, old)

    # ---- commanding ----

    def why_not(self, bot: BotRef, cmd: Cmd) -> str | None:
        """Why the command cannot be given now, for a person; None = it can. A kill always can."""
        if cmd is Cmd.KILL:
            return None
        if is_foreign(bot.folder(self._data_dir)):
            return "the data folder belongs to another user, whose bot is not commanded from here"
        seen = self.seen(bot)
        if seen.state is not None and seen.alive:
            return refusal(cmd, {}, seen.state.status)
        if cmd.value not in LEVEL_OF:
            return f"the bot is not running ({seen.verdict().reason or seen.shown})"
        killed = bot.paths(self._data_dir).kill.exists() or (seen.state is not None and seen.state.kill is not None)
        if cmd is Cmd.START and killed:
            return "it is killed, and only ./coin reset-kill or the dashboard lifts that"
        return None

    def runs(self, bot: BotRef) -> bool:
        """Whether its process is there to read a command."""
        return self.seen(bot).alive is True

    def send(self, bot: BotRef, cmd: Cmd, command_id: str, by: str) -> SentCommand:
        """Write it, with its line in the audit trail. Raises NotSent.

        Nothing delays a kill: its line is written once it is sent. Where the line cannot be written, only what makes
        nothing riskier goes on.
        """
        facts: dict[str, object] = {"cmd": cmd.value, "args": {}, "id": command_id, "bot": bot.name}
        if cmd is not Cmd.KILL:
            self._write_down("command", facts, by, needed=cmd is Cmd.START or cmd.value not in LEVEL_OF)
        paths = bot.paths(self._data_dir)
        state, _, _ = read_state(paths)
        seen_ids = [receipt.id for receipt in state.receipts] if state is not None else []
        try:
            sent = send(paths, cmd, by=by, seen_ids=seen_ids, command_id=command_id)
        except NotSent as error:
            self._write_down("not_sent", {**facts, "why": str(error)}, by, needed=False)
            raise
        if cmd is Cmd.KILL:
            self._write_down("command", facts, by, needed=False)
        log.info("command.sent id=%s cmd=%s bot=%s by=%s", command_id, cmd.value, bot.name, by)
        return sent

    def note_refused(self, what: str, by: str, why: str) -> None:
        """A line of the audit trail for what was not done."""
        self._write_down("refused", {"cmd": what, "why": why}, by, needed=False, role="none")

    def _write_down(
        self, what: str, facts: Mapping[str, object], by: str, *, needed: bool, role: str = "operator"
    ) -> None:
        try:
            self._audit.write(what, by=by, role=role, address="chat", facts=facts, wait_s=AUDIT_S)
        except OSError as error:
            log.error("audit.write_failed what=%s error=%s", what, error.strerror)
            if needed:
                raise NotSent(f"the audit trail cannot be written ({error.strerror or error})", 507) from error

    def receipt(self, bot: BotRef, command_id: str) -> ReceiptDoc | None:
        """Of the newest ones that the bot shows."""
        reader = self._readers.get(bot.name)
        if reader is None:
            reader = self._readers[bot.name] = TolerantReader(bot.paths(self._data_dir).state, decode_state)
        state = reader.look().value
        found = state.receipts if state is not None else ()
        return next((receipt for receipt in found if receipt.id == command_id), None)

    def was_sent(self, bot: BotRef, command_id: str) -> bool:
        """Whether control.json still names the command, or the bot's receipts do."""
        if self.receipt(bot, command_id) is not None:
            return True
        try:
            return command_id.encode() in read_bytes(bot.paths(self._data_dir).control)
        except (OSError, Unreadable):
            return False

    # ---- alerts ----

    def acknowledge(self, name: str, by: str, note: str, now_ms: int) -> Path:
        """Ask COIN-WATCH for it; the file that is gone once it is taken. Raises OSError."""
        request = AlertRequest(ask=AlertAsk.ACKNOWLEDGE, at_ms=now_ms, by=by, name=name, note=note[:200])
        return alert_requests.put(self._paths, request)


def named_bot(bots: list[BotRef], words: tuple[str, ...]) -> tuple[BotRef, tuple[str, ...]]:
    """The bot that one of the words names, the default one without, and the other words."""
    by_name = {bot.name.lower(): bot for bot in bots}
    for place, word in enumerate(words):
        if word.lower() in by_name:
            return by_name[word.lower()], words[:place] + words[place + 1 :]
    return DEFAULT_BOT, words
