"""Carries a confirmed command out, once, and finds its receipt."""

import uuid

from chat.bot_link import BotLink
from chat.commands import CHAT_COMMANDS
from chat.confirmations import ChatConfirmation, ConfirmState, with_receipt
from shared.bots import BotRef
from shared.command_table import Cmd
from shared.control import NotSent
from shared.documents.control import ReceiptDoc

S = ConfirmState


class CommandSender:
    """Each method gives the confirmation in its next state; keeping it is the caller's."""

    def __init__(self, link: BotLink) -> None:
        self._link = link

    @staticmethod
    def taken(one: ChatConfirmation, now_ms: int) -> ChatConfirmation:
        """Confirmed; from here on its command has an id."""
        return one.moved(S.TAKEN, taken_ms=now_ms, command_id=str(uuid.uuid4()))

    def sent(self, one: ChatConfirmation, now_ms: int) -> ChatConfirmation:
        """Write control.json. The one place where a command leaves; `one` is on the disk as TAKEN."""
        bot, cmd, command_id = self._parts(one)
        why = self._link.why_not(bot, cmd)
        if why is not None:
            return one.moved(S.NOT_SENT, text=f"{why}.")
        runs = self._link.runs(bot)
        try:
            done = self._link.send(bot, cmd, command_id, one.person.shown)
        except NotSent as error:
            return one.moved(S.NOT_SENT, text=f"{error}.")
        words = [f"{done.text}."] if done.failed else []
        if not runs and cmd is not Cmd.KILL:
            words.append("The bot is not running: it applies this when it starts.")
        return one.moved(S.SENT, sent_ms=now_ms, text=" ".join(words))

    def looked_up(self, one: ChatConfirmation, now_ms: int) -> ChatConfirmation:
        """What became of one that was taken when the process ended. It is not sent again."""
        bot, _, command_id = self._parts(one)
        receipt = self._link.receipt(bot, command_id)
        if receipt is not None:
            return with_receipt(one, receipt, now_ms)
        if self._link.was_sent(bot, command_id):
            return one.moved(S.SENT, sent_ms=one.taken_ms)
        return one.moved(S.UNKNOWN)

    def receipt(self, one: ChatConfirmation) -> ReceiptDoc | None:
        """None = the bot shows none."""
        bot, _, command_id = self._parts(one)
        return self._link.receipt(bot, command_id)

    @staticmethod
    def _parts(one: ChatConfirmation) -> tuple[BotRef, Cmd, str]:
        cmd = CHAT_COMMANDS[one.word].cmd
        assert cmd is not None and one.command_id is not None
        return BotRef(one.bot), cmd, one.command_id
