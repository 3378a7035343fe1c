"""What a platform must be able to do, and the thread that says what is to be said on it."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from chat.messages import Asked, Content, Delivered, MessageEdit, MessagePost, MessageRef, Pressed, Said, Toast
from chat.say_queue import SayItem, SayQueue
from shared.documents.chat import ChatLink

log = logging.getLogger("chat")
AGAIN_S, CLOSE_S = 5.0, 2.0
Hear = Callable[[Asked | Pressed], None]
Report = Callable[[ChatLink, str | None], None]


class NotSaid(Exception):
    """The platform did not take it. `final`: it never will. The text is what came back, without any secret."""

    def __init__(self, text: str, *, retry_after_s: float | None = None, final: bool = False) -> None:
        super().__init__(text)
        self.retry_after_s, self.final = retry_after_s, final


class ChatPlatform(Protocol):
    """`listen` blocks in a thread of its own until `close`; the others block for some seconds at most, in another
    thread, and raise NotSaid. Whatever else they raise is taken for a failure that passes."""

    name: str

    def listen(self, hear: Hear, report: Report) -> None: ...

    def close(self) -> None: ...

    def post(self, chat: str, content: Content) -> MessageRef: ...

    def edit(self, ref: MessageRef, content: Content) -> None: ...

    def toast(self, toast: Toast) -> None: ...


class PlatformThreads:
    """One platform's two threads. `link`, `since_ms`, `answer`: whether it is heard, as chat.json shows it."""

    def __init__(self, platform: ChatPlatform, hear: Callable[[Asked | Pressed | Delivered], None]) -> None:
        self.platform, self._hear = platform, hear
        self.link, self.since_ms = ChatLink.CONNECTING, _now_ms()
        self.answer: str | None = None
        self._queue = SayQueue()
        self._news = threading.Condition()
        self._closed = False
        self._listener: threading.Thread | None = None

    @property
    def waiting(self) -> int:
        return self._queue.waiting

    @property
    def failed(self) -> int:
        return self._queue.failed

    def start(self) -> None:
        # Daemons: an end of the process does not wait for long for a server that does not answer.
        made = [
            threading.Thread(target=run, name=f"{self.platform.name} {name}", daemon=True)
            for name, run in (("hears", self._listen), ("says", self._talk))
        ]
        for thread in made:
            thread.start()
        self._listener = made[0]

    def close(self) -> None:
        """Hang up; waits for two seconds at most."""
        self._closed = True
        self.platform.close()
        if self._listener is not None:
            self._listener.join(CLOSE_S)

    def say(self, said: Said) -> None:
        """Never blocks for longer than the other threads touch the queue."""
        with self._news:
            self._queue.add(said, time.monotonic())
            self._news.notify()

    def _listen(self) -> None:
        while not self._closed:
            try:
                self.platform.listen(self._hear, self._report)
            except Exception as error:  # another program's library: its trouble must not end ours
                log.exception("chat.failed platform=%s", self.platform.name)
                self._report(ChatLink.FAILING, f"it failed: {type(error).__name__}")
                time.sleep(AGAIN_S)

    def _report(self, link: ChatLink, answer: str | None) -> None:
        if link is not self.link:
            self.since_ms = _now_ms()
            log.info("chat.link platform=%s link=%s answer=%s", self.platform.name, link, answer)
        self.link, self.answer = link, answer

    def _talk(self) -> None:
        while True:
            with self._news:
                item, wait_s = self._queue.next(time.monotonic())
                if item is None:
                    self._news.wait(wait_s)
                    continue
                said = item.said
                ref = self._queue.ref_of(said) if isinstance(said, MessageEdit) else None
            self._say(item, said, ref)

    def _say(self, item: SayItem, said: Said, ref: MessageRef | None) -> None:
        made: MessageRef | None = None
        trouble: NotSaid | None = None
        try:
            match said:
                case MessagePost():
                    made = self.platform.post(said.chat, said.content)
                case MessageEdit():
                    assert ref is not None
                    self.platform.edit(ref, said.content)
                case Toast():
                    self.platform.toast(said)
        except NotSaid as error:
            trouble = error
        except Exception as error:  # another program's library
            log.exception("chat.failed platform=%s", self.platform.name)
            trouble = NotSaid(type(error).__name__)
        with self._news:
            self._settle(item, said, made, trouble)
        if isinstance(said, MessagePost) and (made is not None or (trouble is not None and trouble.final)):
            self._hear(Delivered(said.number, made, str(trouble or "")))

    def _settle(self, item: SayItem, said: Said, made: MessageRef | None, trouble: NotSaid | None) -> None:
        now_s = time.monotonic()
        if trouble is None:
            self._queue.done(item, said, made, now_s)
        elif trouble.final:
            log.warning("chat.not_said platform=%s answer=%s", self.platform.name, trouble)
            self._queue.give_up(item)
        else:
            log.warning("chat.not_said platform=%s answer=%s again=yes", self.platform.name, trouble)
            self._queue.later(item, now_s, trouble.retry_after_s)


def _now_ms() -> int:
    return round(time.time() * 1000)
