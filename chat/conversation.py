"""What COIN-CHAT does about what it hears: who may, once for each update, what is answered and what is asked back.

No thread, socket or clock: `hear` and `step` are given the time and return what is to be said. What must outlive a
crash is in the store before anything is done (see `confirmations`).
"""

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from chat import answers
from chat.access import ChatAccess
from chat.bot_link import BotLink, named_bot
from chat.commands import CHAT_COMMANDS, REDUCING, ChatCommand
from chat.confirm_texts import content_of
from chat.confirmations import FOLLOWED, ChatConfirmation, ConfirmState, new_token, overdue, with_receipt
from chat.following import CommandSender
from chat.messages import Asked, ChatPerson, Content, Delivered, Heard, MessageEdit, MessagePost, Pressed, Said, Toast
from chat.store import ChatStore, ChatStoreError
from shared.chat_settings import SLACK, ChatRole
from shared.documents.alerts import AlertPhase

log = logging.getLogger("chat")
OLD_S = 60.0  # an update that waited for longer is answered "too old"
TOLD_AGAIN_MS = 1_200_000  # of this age, a message is made to show what holds after a restart
TAKEN_MS = 5_000  # within which COIN-WATCH takes a request
S = ConfirmState
T = TypeVar("T")


@dataclass(slots=True)
class WaitingAck:
    """An acknowledgement that COIN-WATCH has not shown yet."""

    message: int
    platform: str
    name: str
    request: Path
    until_ms: int


class Conversation:
    """`store_error`: why nothing can be written down now; None = it can."""

    def __init__(self, link: BotLink, store: ChatStore, access: ChatAccess, now_ms: int) -> None:
        self._link, self._store, self.access = link, store, access
        self._sender = CommandSender(link)
        self._numbers = itertools.count(1)
        self._confirmations: dict[str, ChatConfirmation] = {}
        self._messages: dict[int, str] = {}  # our number → token of the confirmation that it shows
        self._shown: dict[str, Content] = {}  # token → what its message shows
        self._acks: list[WaitingAck] = []
        self._taken: set[str] = set()  # updates of this run, where the store cannot be written
        self.store_error: str | None = None
        self._begin(now_ms)

    def _begin(self, now_ms: int) -> None:
        """Take up what the last run left. Nothing of it is sent again."""
        found = self._stored(lambda: self._store.unsettled(now_ms - TOLD_AGAIN_MS)) or []
        for one in found:
            self._confirmations[one.token] = one
            if one.state is S.TAKEN:
                self._keep(self._sender.looked_up(one, now_ms))
        self._stored(lambda: self._store.prune(now_ms))

    # ---- what is heard ----

    def hear(self, heard: Heard, now_ms: int) -> list[Said]:
        """What follows from one update. The same update once more does nothing."""
        match heard:
            case Delivered():
                self._delivered(heard)
                return []
            case Asked():
                return self._asked(heard, now_ms)
            case Pressed():
                return self._pressed(heard, now_ms)

    def _asked(self, asked: Asked, now_ms: int) -> list[Said]:
        person, role = asked.person, self.access.role(asked.person)
        if role is None:
            text = f"You may not use this bot. Your id is {person.key}."
            return self._refuse(person, asked.chat, asked.word or "a message", text, now_ms)
        if not self._first_time(f"{person.platform}:{asked.update}", now_ms):
            return []
        if asked.age_s is not None and asked.age_s > OLD_S:
            old = f"/{asked.word or '…'} was sent {asked.age_s:.0f} s ago, and reached me now"
            return [self._post(asked, Content("Too old: nothing was done", (f"{old}. Send it again.",)))]
        if asked.open_chat:
            text = "Others read along here. Write to me directly, or set this chat's id in .env (docs/chat.md)."
            return [self._post(asked, Content("Not here", (text,)))]
        command = CHAT_COMMANDS.get(asked.word)
        if command is None:
            unknown = f"There is no command {asked.word}" if asked.word else "I take commands"
            return [self._post(asked, Content(f"{unknown}: /help lists them"))]
        if not role.may(command.role):
            text = f"/{command.word} needs the role operator; you are {role}."
            self._refuse(person, asked.chat, command.word, text, now_ms)
            return [self._post(asked, Content(text))]
        if command.cmd is not None:
            return [self._question(asked, command, now_ms)]
        if command.word == "ack":
            return [self._acknowledge(asked, now_ms)]
        try:
            content = self._answer(asked, command, role, now_ms)
        except Exception as error:  # a document that nobody foresaw: the next command must be heard all the same
            log.exception("answer.failed word=%s", command.word)
            content = Content(f"/{command.word} failed: {type(error).__name__}", ("./coin logs chat says more.",))
        return [self._post(asked, content)]

    def _answer(self, asked: Asked, command: ChatCommand, role: ChatRole, now_ms: int) -> Content:
        if command.word == "help":
            return answers.help_of(role, "/coin " if asked.person.platform == SLACK else "/")
        if command.word == "alerts":
            return answers.alerts(self._link.alerts(now_ms))
        bots = self._link.bots()
        bot, rest = named_bot(bots, asked.arguments)
        seen = self._link.seen(bot)
        match command.word:
            case "status":
                found = answers.status(bot.name, seen)
                others = [(one, self._link.seen(one)) for one in bots if one != bot] if not asked.arguments else []
                rows = tuple(f"{one.name}: {other.shown}" for one, other in others)
                return replace(found, lines=found.lines + rows)
            case "exposure":
                return answers.exposure(bot.name, seen)
            case "position":
                return answers.position(bot.name, seen, rest)
            case "orders":
                return answers.orders(bot.name, seen)
            case "pnl":
                return answers.pnl(bot.name, seen)
        return answers.why(bot.name, seen, rest)

    # ---- commands that change ----

    def _question(self, asked: Asked, command: ChatCommand, now_ms: int) -> MessagePost:
        bot, rest = named_bot(self._link.bots(), asked.arguments)
        assert command.cmd is not None
        if rest:
            return self._post(asked, Content(f"Not done: {' '.join(rest)!r} is no bot's name", ()))
        why = self._link.why_not(bot, command.cmd)
        if why is not None:
            return self._post(asked, Content(f"/{command.word}: not possible", (f"{why}.",)))
        one = ChatConfirmation(
            token=new_token(), word=command.word, bot=bot.name, person=asked.person, chat=asked.chat, asked_ms=now_ms
        )
        self._keep(one)
        content = content_of(one)
        post = self._post(asked, content)
        self._messages[post.number], self._shown[one.token] = one.token, content
        return post

    def _pressed(self, pressed: Pressed, now_ms: int) -> list[Said]:
        person, role = pressed.person, self.access.role(pressed.person)
        if role is None:
            said = self._refuse(person, "", "a button", "", now_ms)
            return [*said, self._toast(pressed, "You may not use this bot.", needed=True)]
        if not self._first_time(f"{person.platform}:{pressed.update}", now_ms):
            return []
        one = self._found(pressed.token)
        if one is None:
            return [self._toast(pressed, "This question is not known any more.", needed=True)]
        if person.key != one.person.key:
            self._refuse(person, "", f"the button of /{one.word}", "", now_ms)
            return [self._toast(pressed, f"Only {one.person.name or one.person.key} can answer this.", needed=True)]
        if one.lapses(now_ms):
            self._keep(one.moved(S.LAPSED))
            return [self._toast(pressed, "Too late: nothing was done.", needed=True)]
        if one.state is not S.ASKED:
            return [self._toast(pressed, f"It was answered already: {one.state.replace('_', ' ')}.", needed=True)]
        if not pressed.yes:
            self._keep(one.moved(S.DECLINED))
            return [self._toast(pressed, "Not done.")]
        if not role.may(CHAT_COMMANDS[one.word].role):
            self._keep(one.moved(S.DECLINED, text="The role operator was taken away meanwhile."))
            return [self._toast(pressed, "You may not do this any more.", needed=True)]
        return [self._toast(pressed, self._act(one, now_ms))]

    def _act(self, one: ChatConfirmation, now_ms: int) -> str:
        """Take it, and only once that is on the disk, do it. What is told to who pressed."""
        taken = self._sender.taken(one, now_ms)
        if not self._keep(taken) and CHAT_COMMANDS[one.word].cmd not in REDUCING:
            self._keep(taken.moved(S.NOT_SENT, text=f"It cannot be written down: {self.store_error}."))
            return "Not sent."
        after = self._sender.sent(taken, now_ms)
        self._keep(after)
        return "Not sent." if after.state is S.NOT_SENT else "Sent."

    # ---- alerts ----

    def _acknowledge(self, asked: Asked, now_ms: int) -> MessagePost:
        seen = self._link.alerts(now_ms)
        firing = {} if seen.document is None else {alert.name: alert for alert in seen.document.firing}
        if seen.trouble is not None:
            return self._post(asked, Content("Not acknowledged", (f"{seen.trouble}.",)))
        name, *note = asked.arguments or (tuple(firing) if len(firing) == 1 else ("",))
        if name not in firing:
            names = ", ".join(firing) or "nothing"
            return self._post(asked, Content("Not acknowledged", (f"No alert {name!r} fires. These do: {names}.",)))
        try:
            left = self._link.acknowledge(name, asked.person.shown, " ".join(note), now_ms)
        except OSError as error:
            return self._post(asked, Content("Not acknowledged", (f"It cannot be written: {error.strerror}.",)))
        post = self._post(asked, Content(f"{name}: asked to acknowledge"))
        self._acks.append(WaitingAck(post.number, post.platform, name, left, now_ms + TAKEN_MS))
        return post

    def _step_acks(self, now_ms: int) -> list[Said]:
        said: list[Said] = []
        for ack in list(self._acks):
            content = self._ack_content(ack, now_ms)
            if content is not None:
                self._acks.remove(ack)
                said.append(MessageEdit(ack.message, ack.platform, content))
        return said

    def _ack_content(self, ack: WaitingAck, now_ms: int) -> Content | None:
        """None = not yet."""
        document = self._link.alerts(now_ms).document
        alert = next((one for one in document.firing if one.name == ack.name), None) if document is not None else None
        if not ack.request.exists() and document is not None:
            if alert is None:
                return Content(f"{ack.name}: over by now")
            if alert.phase is AlertPhase.ACKNOWLEDGED:
                return Content(f"{ack.name}: acknowledged by {alert.acknowledged_by}", (alert.title,))
        if now_ms < ack.until_ms:
            return None
        if ack.request.exists():
            ack.request.unlink(missing_ok=True)
            return Content(f"{ack.name}: NOT acknowledged", ("COIN-WATCH did not take the request.",))
        return Content(f"{ack.name}: not known whether it is acknowledged", ("/alerts shows it.",))

    # ---- time ----

    def step(self, now_ms: int) -> list[Said]:
        """What the time and the bot's receipts change: edits of messages."""
        for token, one in list(self._confirmations.items()):
            after = one
            if one.lapses(now_ms):
                after = one.moved(S.LAPSED)
            elif one.state in FOLLOWED:
                receipt = self._sender.receipt(one)
                after = overdue(with_receipt(one, receipt, now_ms) if receipt is not None else one, now_ms)
            if after != one:
                self._keep(after)
            self._forget_if_over(token, now_ms)
        return [*self._edits(), *self._step_acks(now_ms)]

    def _edits(self) -> list[Said]:
        """Of messages that show something else than what holds."""
        said: list[Said] = []
        numbers = {token: number for number, token in self._messages.items()}
        for token, one in self._confirmations.items():
            content = content_of(one)
            if self._shown.get(token) == content:
                continue
            if token not in numbers:
                if one.ref is None:
                    continue  # the question never reached anybody
                numbers[token] = number = next(self._numbers)
                self._messages[number] = token
            self._shown[token] = content
            said.append(MessageEdit(numbers[token], one.person.platform, content, one.ref))
        return said

    def _forget_if_over(self, token: str, now_ms: int) -> None:
        one = self._confirmations[token]
        over = one.state not in FOLLOWED | {S.ASKED, S.TAKEN}
        if over and now_ms - one.asked_ms > TOLD_AGAIN_MS and self._shown.get(token) == content_of(one):
            del self._confirmations[token], self._shown[token]
            self._messages = {number: other for number, other in self._messages.items() if other != token}

    # ---- small parts ----

    def _delivered(self, done: Delivered) -> None:
        token = self._messages.get(done.number)
        one = self._confirmations.get(token) if token is not None else None
        if one is not None and done.ref is not None:
            self._keep(replace(one, ref=done.ref))

    def _found(self, token: str) -> ChatConfirmation | None:
        one = self._confirmations.get(token)
        return one if one is not None else self._stored(lambda: self._store.find(token))

    def _first_time(self, update: str, now_ms: int) -> bool:
        """Whether it was never taken; where nothing can be written, this run's memory alone knows."""
        if update in self._taken:
            return False
        self._taken.add(update)
        if len(self._taken) > 10_000:
            self._taken = {update}
        return self._stored(lambda: self._store.claim(update, now_ms)) is not False

    def _keep(self, one: ChatConfirmation) -> bool:
        """Whether it is on the disk; in memory it is anyway."""
        self._confirmations[one.token] = one
        self._stored(lambda: self._store.keep(one))
        return self.store_error is None

    def _stored(self, ask: Callable[[], T]) -> T | None:
        """What the store says; None, with `store_error`, where it cannot."""
        try:
            found = ask()
        except ChatStoreError as error:
            if self.store_error is None:
                log.error("store.failed error=%s", error)
            self.store_error = str(error)
            return None
        self.store_error = None
        return found

    def _refuse(self, person: ChatPerson, chat: str, what: str, text: str, now_ms: int) -> list[Said]:
        """Once an hour: a line in the audit trail, an alert, and (with a `chat`) one message to who asked."""
        refusal = self.access.refused(person, what, now_ms)
        if refusal is None:
            return []
        log.warning("refused person=%s what=%s", person.key, what)
        self._stored(lambda: self._store.refuse(refusal))
        self._link.note_refused(what, person.shown, "not allowed")
        if not chat:
            return []
        return [MessagePost(next(self._numbers), person.platform, chat, Content(text))]

    def _post(self, asked: Asked, content: Content) -> MessagePost:
        return MessagePost(next(self._numbers), asked.person.platform, asked.chat, content)

    @staticmethod
    def _toast(pressed: Pressed, text: str, *, needed: bool = False) -> Toast:
        return Toast(pressed.person.platform, pressed.callback, pressed.chat, pressed.person.id, text, needed)
