"""What is heard from a platform and what is said there: plain data, the same for all platforms."""

from dataclasses import dataclass

MOST_LINES_CHARS = 2_800  # of one message: Slack takes 3,000 in a section, Telegram 4,096 in all


@dataclass(frozen=True, slots=True)
class ChatPerson:
    """Who asks. `id` is the platform's own and never changes; `name` is what they call themselves."""

    platform: str
    id: str
    name: str

    @property
    def key(self) -> str:
        """As CHAT_USERS names them, without the role."""
        return f"{self.platform}:{self.id}"

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.key})" if self.name else self.key


@dataclass(frozen=True, slots=True)
class Asked:
    """A message or a slash command. `update`: the platform's number of it, unique there.

    `chat`: where it is answered. `open_chat`: a place where others read along, and none that is set for it. `age_s`:
    since it was sent, by the platform's clock; None = it cannot have waited anywhere.
    """

    update: str
    person: ChatPerson
    chat: str
    word: str  # without a slash, lower case; empty: it was no command
    arguments: tuple[str, ...] = ()
    age_s: float | None = None
    open_chat: bool = False


@dataclass(frozen=True, slots=True)
class Pressed:
    """A button. `callback`: what the platform wants answered about it; empty = nothing."""

    update: str
    person: ChatPerson
    chat: str
    token: str  # of the confirmation
    yes: bool
    callback: str = ""


@dataclass(frozen=True, slots=True)
class ChatButton:
    label: str
    token: str
    yes: bool
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """One message's text, without any markup, and its buttons."""

    head: str
    lines: tuple[str, ...] = ()
    buttons: tuple[ChatButton, ...] = ()

    @property
    def body(self) -> str:
        """The lines, cut where a platform would refuse them; what is left out is said."""
        whole = "\n".join(self.lines)
        if len(whole) <= MOST_LINES_CHARS:
            return whole
        kept = whole[:MOST_LINES_CHARS].rpartition("\n")[0] or whole[:MOST_LINES_CHARS]
        return f"{kept}\n… {len(self.lines) - kept.count(chr(10)) - 1} more lines: the dashboard shows all."


@dataclass(frozen=True, slots=True)
class MessageRef:
    """A message as the platform names it: in which chat, under which number."""

    chat: str
    message: str


@dataclass(frozen=True, slots=True)
class MessagePost:
    """A new message. `number`: ours, by which it is edited later."""

    number: int
    platform: str
    chat: str
    content: Content


@dataclass(frozen=True, slots=True)
class MessageEdit:
    """The message's new content. Only the newest one of a message counts. `ref`: of a message of an earlier run."""

    number: int
    platform: str
    content: Content
    ref: MessageRef | None = None


@dataclass(frozen=True, slots=True)
class Toast:
    """A short word to who pressed a button. `needed`: nothing else tells them, so it must be seen."""

    platform: str
    callback: str
    chat: str
    person: str
    text: str
    needed: bool = False


Said = MessagePost | MessageEdit | Toast


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of a `MessagePost`. `ref` None: it was given up, and `error` says why."""

    number: int
    ref: MessageRef | None
    error: str = ""


Heard = Asked | Pressed | Delivered
