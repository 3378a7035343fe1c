"""COIN-CHAT's process: one thread decides, each platform has two of its own."""

import importlib
import logging
import os
import queue
import signal
import threading
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from chat.access import HOUR_MS, ChatAccess
from chat.bot_link import BotLink
from chat.conversation import Conversation
from chat.handed import ChatHandover, as_handed_on, taken
from chat.handover_follower import HandoverFollower
from chat.messages import Asked, Delivered, Heard, Pressed
from chat.platform import ChatPlatform, PlatformThreads
from chat.redaction import hide_secrets
from chat.store import ChatStore, ChatStoreError
from chat.telegram import POLL_S, TelegramChat
from chat.telegram_api import API as TELEGRAM_API
from shared import flocks, logs
from shared.bots import CHAT
from shared.build import build_id
from shared.chat_settings import ChatRole
from shared.documents.chat import CHAT_EVERY_S, ChatDoc, ChatPlatformDoc, encode_chat
from shared.exits import Exit
from shared.files import write_whole
from shared.paths import DataPaths

log = logging.getLogger("chat")
STEP_S = 0.1
LOCK_WAIT_S = 10.0
MOST_HEARD = 1_000


def main(descriptor: int) -> int:
    """The second half of `python -m chat`."""
    handed = taken(descriptor)
    paths = DataPaths(Path(handed.data_dir))
    logs.set_up(paths.logs, CHAT, handed.log_level)
    hide_secrets((handed.telegram_token, handed.slack_bot_token, handed.slack_app_token))
    if flocks.take(paths.chat / "chat.lock", LOCK_WAIT_S) is None:  # held until the process ends
        log.error("another %s serves %s", CHAT, paths.root)
        return Exit.LOCKED
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    log.info("chat.started data=%s pid=%d", paths.root, os.getpid())
    try:
        process = ChatProcess(handed, paths, platforms_of(handed))
    except ImportError as error:
        log.error("%s is not installed: .venv/bin/pip install -r requirements-chat.txt", error.name)
        return Exit.SETTINGS
    again = process.run(stop)
    if again is None:
        log.info("chat.stopped")
        return Exit.DONE
    log.info("chat.begins_anew")
    command = as_handed_on(again)
    return os.execv(command[0], command)  # noqa: S606  the lock goes with this image, and the next one takes it


def platforms_of(handed: ChatHandover, poll_s: int = POLL_S) -> list[ChatPlatform]:
    """Those that are set. Slack's library is loaded only then. Raises ImportError where it is missing."""
    found: list[ChatPlatform] = []
    if handed.telegram_token:
        api = handed.telegram_api or TELEGRAM_API
        found.append(TelegramChat(handed.telegram_token, handed.telegram_chat, api, poll_s))
    if handed.slack_app_token:
        # Loaded late: it costs 15 MB, and is installed only where it is set.
        found.append(importlib.import_module("chat.slack").SlackChat(handed))
    return found


class ChatProcess:
    """`run` hears and decides until it is told to stop."""

    def __init__(self, handed: ChatHandover, paths: DataPaths, platforms: Iterable[ChatPlatform]) -> None:
        self._paths = paths
        self._inbox: queue.Queue[Heard] = queue.Queue(MOST_HEARD)
        self._platforms = {one.name: PlatformThreads(one, self._take) for one in platforms}
        store, now_ms = ChatStore(paths.chat / "chat.db"), _now_ms()
        try:
            before = store.refusals(now_ms - HOUR_MS)
        except ChatStoreError as error:
            log.error("store.failed error=%s", error)
            before = []
        access = ChatAccess(handed.users, before)
        self._talk = Conversation(BotLink(paths.root), store, access, now_ms)
        self._store, self._handed = store, handed
        self._follower = HandoverFollower(handed)
        self._started_ms, self._build = now_ms, build_id()
        self._shown: object = None
        self._written_s = 0.0
        self._told_unwritten = False

    def _take(self, heard: Asked | Pressed | Delivered) -> None:
        """Called by the platforms' threads. What nobody can keep up with is dropped: who asked asks again."""
        try:
            self._inbox.put_nowait(heard)
        except queue.Full:
            log.error("chat.dropped: %d updates wait", MOST_HEARD)

    def run(self, stop: threading.Event) -> ChatHandover | None:
        """Until it is told to stop, or other tokens ask for a new beginning: then with them."""
        for one in self._platforms.values():
            one.start()
        again = None
        while not stop.is_set() and again is None:
            self.turn(STEP_S)
            again = self._take_settings()
        for one in self._platforms.values():
            one.close()
        self._store.close()
        return again if not stop.is_set() else None

    def _take_settings(self) -> ChatHandover | None:
        """Take up who may; None = go on. What else was changed needs other connections, and is the answer."""
        found = self._follower.step()
        if found is None:
            return None
        # Another folder is another bot's, and no matter of a running process.
        found = replace(found, data_dir=self._handed.data_dir, log_level=self._handed.log_level)
        same = replace(found, users={}, env_key=None) == replace(_of_file(self._handed), users={}, env_key=None)
        # Where nobody may any more, no platform is named either: everybody is refused, until somebody may again.
        if not same and found.users:
            return replace(found, telegram_api=self._handed.telegram_api, slack_api=self._handed.slack_api)
        self._talk.access.use(found.users)
        operators, viewers = self._talk.access.count(ChatRole.OPERATOR), self._talk.access.count(ChatRole.VIEWER)
        log.info("settings.taken operators=%d viewers=%d", operators, viewers)
        return None

    def turn(self, wait_s: float) -> None:
        """Take what was heard, then what the time brings."""
        try:
            heard: Heard | None = self._inbox.get(timeout=wait_s)
        except queue.Empty:
            heard = None
        now_ms = _now_ms()
        said = self._talk.hear(heard, now_ms) if heard is not None else []
        for one in (*said, *self._talk.step(now_ms)):
            self._platforms[one.platform].say(one)
        self._publish(now_ms)

    def _publish(self, now_ms: int) -> None:
        platforms = [
            ChatPlatformDoc(name=name, link=one.link, since_ms=one.since_ms, answer=one.answer, waiting=one.waiting,
                            failed=one.failed)
            for name, one in self._platforms.items()
        ]  # fmt: skip
        access = self._talk.access
        refusals = [one for one in access.refusals if now_ms - one.at_ms < HOUR_MS]
        people = {role: access.count(role) for role in ChatRole}
        shown = (platforms, refusals, self._talk.store_error, people, self._follower.problem)
        if shown == self._shown and time.monotonic() - self._written_s < CHAT_EVERY_S:
            return
        self._shown, self._written_s = shown, time.monotonic()
        document = ChatDoc(
            ts_ms=now_ms, pid=os.getpid(), started_ms=self._started_ms, build=self._build,
            viewers=people[ChatRole.VIEWER], operators=people[ChatRole.OPERATOR], platforms=platforms,
            refusals=refusals, store_error=self._talk.store_error, settings_problem=self._follower.problem,
        )  # fmt: skip
        try:
            write_whole(self._paths.chat_state, encode_chat(document), durable=False)
        except OSError as error:
            if not self._told_unwritten:
                log.error("chat.json cannot be written: %s", error.strerror or error)
            self._told_unwritten = True
            return
        self._told_unwritten = False


def _of_file(handed: ChatHandover) -> ChatHandover:
    """As `.env` alone has it."""
    return replace(handed, telegram_api=None, slack_api=None)


def _now_ms() -> int:
    return round(time.time() * 1000)
