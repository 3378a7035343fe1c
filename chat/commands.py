"""Every chat command, once: who may, what it changes, what it takes, what its help says."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.chat_settings import ChatRole
from shared.command_table import COMMANDS, Cmd

V, O = ChatRole.VIEWER, ChatRole.OPERATOR  # noqa: E741


@dataclass(frozen=True, slots=True)
class ChatCommand:
    """One word. `cmd`: what it sends to the bot, after a confirmation; None = it only looks, or acknowledges."""

    word: str
    role: ChatRole
    help: str
    takes: str = ""
    cmd: Cmd | None = None

    @property
    def question(self) -> str:
        """What the confirmation says will happen."""
        assert self.cmd is not None
        return COMMANDS[self.cmd].help

    @property
    def danger(self) -> bool:
        return self.cmd in (Cmd.KILL, Cmd.FLATTEN)


_ALL = (
    ChatCommand("status", V, "what the bot is and does, and how old that is", "[bot]"),
    ChatCommand("exposure", V, "what is held, against equity and limits", "[bot]"),
    ChatCommand("position", V, "lots with their result, take profit and stop", "[product] [bot]"),
    ChatCommand("orders", V, "orders that are not over", "[bot]"),
    ChatCommand("pnl", V, "the day's result, open lots, drawdown", "[bot]"),
    ChatCommand("why", V, "why no entry is made now", "[product] [bot]"),
    ChatCommand("alerts", V, "what fires"),
    ChatCommand("ack", O, "say that you know of an alert", "[name] [note]"),
    ChatCommand("pause", O, "no new entries; exits go on", "[bot]", Cmd.PAUSE),
    ChatCommand("resume", O, "let the bot trade", "[bot]", Cmd.START),
    ChatCommand("stop", O, "cancel entry orders, make no decisions", "[bot]", Cmd.STOP),
    ChatCommand("kill", O, "send nothing any more, cancel every order", "[bot]", Cmd.KILL),
    ChatCommand("flatten", O, "sell everything at the market", "[bot]", Cmd.FLATTEN),
    ChatCommand("help", V, "this list"),
)
CHAT_COMMANDS: Mapping[str, ChatCommand] = {one.word: one for one in _ALL}
# They make nothing riskier: they go on where nothing can be written down, as they do from the dashboard.
REDUCING = frozenset({Cmd.KILL, Cmd.STOP, Cmd.PAUSE})
