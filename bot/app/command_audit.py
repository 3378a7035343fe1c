"""The bot's part of the audit trail: what reached it without page or shell, and the trail's head in the ledger.

Page and shell write their line themselves, and name the command's id. What comes without one was written into
`control.json` by hand (or its writer could not write the line); a file KILL that nobody names was made by hand.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from bot.app.ports import HandsPorts
from bot.engine.state.control import Latch
from shared.audit_log import Head, ids
from shared.control import Command
from shared.ledger.db import LedgerError
from shared.times import epoch_ms, from_epoch_ms, iso_ms

log = logging.getLogger("audit")
LOOK_S = 1.0
NAMED_WITHIN_S = 6.0  # a kill is sent first and written down after it
SENT_MS = 15_000
ANCHOR_S = 30.0
TAIL = 400
KEPT_MAX = 200  # while the disk is full
FACT = "audit_head"  # "SEQ HASH" of the newest line; ./coin audit verify asks for it


class CommandAudit:
    """Collects in the event loop, writes in the file thread; nothing waits for it."""

    def __init__(self, bot: HandsPorts, latch: Callable[[], Latch | None]) -> None:
        self._bot, self._now_latched = bot, latch
        self._unnamed: list[tuple[float, Command]] = []
        self._rows: list[tuple[str, dict[str, Any]]] = []  # (time, line)
        self._latch: tuple[float, str] | None = None
        self._key: tuple[int, int, int] | None = None
        self._anchored_s = -1e9
        self._said = ""

    def command(self, command: Command, *, own: bool = False) -> None:
        """A command that the bot has seen; `own`: one of its own."""
        if own:
            self._note("command", "bot", command.by, "", {"cmd": command.cmd, "id": command.id})
        elif command.id.startswith("manual:"):
            self.level(command.cmd)
        else:
            self._unnamed.append((self._bot.clock.monotonic_s(), command))
            del self._unnamed[:-KEPT_MAX]

    def level(self, word: str, why: str = "") -> None:
        """The level was changed in control.json by hand."""
        self._note("command", "hand", "by hand", "control.json", {"cmd": word, **({"why": why} if why else {})})

    def killed(self, latch: Latch) -> None:
        """A kill; who sent it may be known a moment later."""
        self._latch = (self._bot.clock.monotonic_s(), latch.latch_id)

    def _note(self, what: str, source: str, by: str, where: str, facts: Mapping[str, Any]) -> None:
        row = {"what": what, "source": source, "by": by, "role": "", "from": where, **facts}
        self._rows.append((iso_ms(self._bot.clock.utc()), row))
        del self._rows[:-KEPT_MAX]

    async def run(self) -> None:
        """For ever."""
        while True:
            await self._bot.clock.sleep(LOOK_S)
            try:
                await self._look()
            except OSError as error:
                self._say(f"audit.jsonl: {error.strerror or error}; missing lines are written as soon as possible")

    async def _look(self) -> None:
        bot, now_s = self._bot, self._bot.clock.monotonic_s()
        await self._name(now_s)
        while self._rows:
            at, row = self._rows[0]
            await bot.offload.run(lambda: bot.fs.audit(bot.paths.audit, row, at))  # noqa: B023  awaited here
            del self._rows[0]
        if now_s - self._anchored_s >= ANCHOR_S:
            self._anchored_s = now_s
            await self._anchor()

    async def _name(self, now_s: float) -> None:
        """What nobody has named by now came by hand."""
        bot = self._bot
        if self._latch is not None and now_s - self._latch[0] >= NAMED_WITHIN_S:
            latch, (_, latch_id) = self._now_latched(), self._latch
            self._latch = None
            known = latch is None or latch.latch_id != latch_id or latch.source.startswith("command by")
            if latch is not None and not known and not await self._written(latch):
                self._note("kill_file", "hand", "by hand", latch.source, {"cmd": "kill", "latch": latch_id})
        if not self._unnamed or now_s - self._unnamed[0][0] < NAMED_WITHIN_S:
            return
        found = set(ids(await bot.offload.run(lambda: bot.fs.audit_tail(bot.paths.audit, TAIL))))
        while self._unnamed and now_s - self._unnamed[0][0] >= NAMED_WITHIN_S:
            command = self._unnamed.pop(0)[1]
            if command.id not in found:
                facts = {"cmd": command.cmd, "args": command.args, "id": command.id}
                facts["why"] = "neither page nor shell wrote it down"
                self._note("command", "hand", command.by, "control.json", facts)

    async def _written(self, latch: Latch) -> bool:
        """True where page or shell wrote a kill down at that time: on a full disk only its file KILL reached us."""
        bot = self._bot
        since = iso_ms(from_epoch_ms(latch.at_ms - SENT_MS))
        found = await bot.offload.run(lambda: bot.fs.audit_tail(bot.paths.audit, TAIL))
        return any(row.get("cmd") == "kill" and str(row.get("at", "")) >= since for row in found)

    async def _anchor(self) -> None:
        """Keep the head in the ledger, as long as the chain still has the one that was kept before."""
        bot = self._bot
        key = bot.fs.stat_key(bot.paths.audit)
        if bot.ledger is None or key is None or key == self._key:
            return
        try:
            kept = bot.ledger.facts().get(FACT, "")
        except LedgerError as error:  # a server that is away: this must not end the bot, which may be killing
            self._say(f"audit.jsonl: its head cannot be kept: {str(error)[:160]}")
            return
        head, finding = await bot.offload.run(lambda: bot.fs.audit_head(bot.paths.audit, kept))
        self._key = key
        if finding:
            self._say(f"audit.jsonl: {finding}: ./coin audit verify")
        elif head is not None and str(head) != kept:
            self._keep(head)

    def _keep(self, head: Head) -> None:
        bot = self._bot
        assert bot.ledger is not None
        try:
            bot.ledger.fact(FACT, str(head), epoch_ms(bot.clock.utc()))
        except LedgerError as error:
            bot.ledger_failed(error)

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            log.error("%s", text)
