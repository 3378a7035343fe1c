"""A confirmation as its message shows it, from question to receipt. Pure."""

from chat.commands import CHAT_COMMANDS
from chat.confirmations import LIVES_MS, ChatConfirmation, ConfirmState
from chat.messages import ChatButton, Content
from shared.bots import DEFAULT_NAME
from shared.command_table import COMMANDS, Cmd

S = ConfirmState


def content_of(one: ChatConfirmation) -> Content:
    """The whole message: what was asked, and how far it came."""
    command = CHAT_COMMANDS[one.word]
    assert command.cmd is not None
    bot = "" if one.bot == DEFAULT_NAME else f" {one.bot}"
    lines = [f"Asked by {one.person.shown}."]
    if one.state is S.ASKED:
        lines.insert(0, command.question)
        lines.append(f"Confirm within {LIVES_MS // 1000} s. Only who asked can.")
        yes = ChatButton(f"Yes, {one.word}", one.token, yes=True, danger=command.danger)
        return Content(f"/{one.word}{bot}?", tuple(lines), (yes, ChatButton("No", one.token, yes=False)))
    lines += _way(one)
    return Content(f"/{one.word}{bot}: {_head(one)}", tuple(lines))


def _head(one: ChatConfirmation) -> str:
    match one.state:
        case S.DECLINED:
            return "not done, you said no"
        case S.LAPSED:
            return "not done, it was not confirmed in time"
        case S.NOT_SENT:
            return "NOT SENT"
        case S.TAKEN:
            return "confirmed"
        case S.SENT:
            return "NOT DELIVERED yet" if one.told_unseen else "sent"
        case S.SEEN:
            return "taken up"
        case S.DONE:
            return "done"
        case S.FAILED:
            return "REFUSED"
        case S.UNANSWERED:
            return "NO RECEIPT"
        case _:
            return "NOT KNOWN whether it was sent"


def _way(one: ChatConfirmation) -> list[str]:
    """The steps so far, with what each took."""
    steps = []
    if one.taken_ms is not None:
        steps.append(f"confirmed after {(one.taken_ms - one.asked_ms) / 1000:.1f} s")
    if one.sent_ms is not None:
        steps.append("sent")
        steps += [f"taken up after {max(0, one.seen_ms - one.sent_ms)} ms"] if one.seen_ms is not None else []
        ended = "done" if one.state is S.DONE else "ended"
        steps += [f"{ended} after {max(0, one.done_ms - one.sent_ms)} ms"] if one.done_ms is not None else []
    lines = [f"{' → '.join(steps)}."] if steps else []
    return [*lines, *filter(None, (one.text, *_told(one)))]


def _told(one: ChatConfirmation) -> tuple[str, ...]:
    """What a person must know of the state that it is in."""
    cmd = CHAT_COMMANDS[one.word].cmd
    match one.state:
        case S.DONE:
            assert cmd is not None
            return (COMMANDS[cmd].done,)
        case S.SENT if one.told_unseen:
            return (_unseen(cmd),)
        case S.UNANSWERED:
            seen = (
                "It was taken up, and no end of it was seen" if one.seen_ms is not None else "The bot never took it up"
            )
            return (f"{seen} within 10 minutes. /status shows what the bot does now.",)
        case S.UNKNOWN:
            return (
                "COIN-CHAT ended after the confirmation, before it wrote down that the command was sent, and neither "
                "control.json nor a receipt names it. It is not sent again. /status shows what the bot does now.",
            )
    return ()


def _unseen(cmd: Cmd | None) -> str:
    if cmd is Cmd.KILL:
        return (
            "The bot has not taken it up within 2 s. The file KILL is there, so it sends nothing when it runs again. "
            "Its orders may still rest at the exchange: ./coin kill on the machine cancels them without it."
        )
    return "The bot has not taken it up within 2 s: /status says whether it runs. /kill works without it."
