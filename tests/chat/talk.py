"""A conversation with a bot that only writes down what it is sent, and time that is turned by hand."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from chat.access import ChatAccess
from chat.bot_link import BotLink
from chat.conversation import Conversation
from chat.messages import (
    Asked,
    ChatPerson,
    Content,
    Delivered,
    MessageEdit,
    MessagePost,
    MessageRef,
    Pressed,
    Said,
    Toast,
)
from chat.store import ChatStore
from shared.bots import BotRef
from shared.chat_settings import ChatRole
from shared.command_table import Cmd
from shared.control import Command, NotSent, SentCommand
from shared.documents.control import ReceiptDoc, ReceiptState

T0 = 1_800_000_000_000
OPERATOR = ChatPerson("telegram", "111", "@ann")
OTHER = ChatPerson("telegram", "112", "@olga")
VIEWER = ChatPerson("telegram", "222", "@vic")
STRANGER = ChatPerson("telegram", "333", "@eve")
USERS: Mapping[str, ChatRole] = {
    OPERATOR.key: ChatRole.OPERATOR, OTHER.key: ChatRole.OPERATOR, VIEWER.key: ChatRole.VIEWER,
    "slack:U1": ChatRole.OPERATOR,
}  # fmt: skip


class RecordingLink(BotLink):
    """Of a bot that runs. `sent`: (bot, command, id, by) in order; `trouble`: why nothing can be sent."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.sent: list[tuple[str, Cmd, str, str]] = []
        self.refused: list[tuple[str, str]] = []
        self.receipts: dict[str, ReceiptDoc] = {}
        self.trouble = self.not_now = ""
        self.alive = True
        self.in_ring: set[str] = set()

    def why_not(self, bot: BotRef, cmd: Cmd) -> str | None:
        return self.not_now or None

    def runs(self, bot: BotRef) -> bool:
        return self.alive

    def send(self, bot: BotRef, cmd: Cmd, command_id: str, by: str) -> SentCommand:
        if self.trouble:
            raise NotSent(self.trouble, 507)
        self.sent.append((bot.name, cmd, command_id, by))
        return SentCommand(Command(seq=1, id=command_id, cmd=cmd, at=""))

    def note_refused(self, what: str, by: str, why: str) -> None:
        self.refused.append((what, by))

    def receipt(self, bot: BotRef, command_id: str) -> ReceiptDoc | None:
        return self.receipts.get(command_id)

    def was_sent(self, bot: BotRef, command_id: str) -> bool:
        return command_id in self.in_ring or command_id in self.receipts

    def answer(self, state: ReceiptState, reason: str | None = None, **result: str) -> None:
        """The bot's word on the command that was sent last."""
        _, cmd, command_id, by = self.sent[-1]
        self.receipts[command_id] = ReceiptDoc(
            id=command_id, cmd=cmd, state=state, by=by, sent_ms=None, seen_ms=T0 + 40, done_ms=T0 + 90, reason=reason,
            result=result or None,
        )  # fmt: skip


@dataclass
class Talk:
    """`restart` begins a new conversation over what the store holds, as a new process does."""

    folder: Path
    users: Mapping[str, ChatRole] = field(default_factory=lambda: dict(USERS))
    now_ms: int = T0
    said: list[Said] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._updates = 0
        self.link = RecordingLink(self.folder)
        self.restart()

    def restart(self) -> list[Said]:
        self.store = ChatStore(self.folder / "chat.db")
        self.access = ChatAccess(self.users, self.store.refusals(self.now_ms - 3_600_000))
        self.conversation = Conversation(self.link, self.store, self.access, self.now_ms)
        return self.step()

    def asks(self, person: ChatPerson, text: str, **more: object) -> list[Said]:
        word, *arguments = text.split()
        self._updates += 1
        return self.hears(Asked(f"u{self._updates}", person, person.id, word.lstrip("/"), tuple(arguments), **more))  # type: ignore[arg-type]

    def question(self, person: ChatPerson, text: str) -> tuple[str, MessagePost]:
        """(the token of its buttons, the question), delivered."""
        (post,) = self.asks(person, text)
        assert isinstance(post, MessagePost) and post.content.buttons, post
        self.hears(Delivered(post.number, MessageRef(person.id, f"m{post.number}")))
        return post.content.buttons[0].token, post

    def presses(self, person: ChatPerson, token: str, *, yes: bool = True, update: str = "") -> list[Said]:
        self._updates += 1
        return self.hears(Pressed(update or f"u{self._updates}", person, person.id, token, yes, "q1"))

    def hears(self, heard: Asked | Pressed | Delivered) -> list[Said]:
        found = [*self.conversation.hear(heard, self.now_ms), *self.conversation.step(self.now_ms)]
        self.said += found
        return found

    def step(self, later_ms: int = 0) -> list[Said]:
        self.now_ms += later_ms
        found = self.conversation.step(self.now_ms)
        self.said += found
        return found

    @property
    def commands(self) -> list[Cmd]:
        return [cmd for _, cmd, _, _ in self.link.sent]


def texts(said: list[Said]) -> list[str]:
    """The heads of messages, and toasts in brackets."""
    return [f"[{one.text}]" if isinstance(one, Toast) else one.content.head for one in said]


def shown(said: list[Said]) -> Content:
    """The newest content of a message."""
    return next(one.content for one in reversed(said) if isinstance(one, MessagePost | MessageEdit))
