"""What the first half of `python -m chat` hands to the second one: no setting that is not here is known there."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from shared.chat_settings import ChatRole

HANDED, READ = "--handed", "--read"  # words of `python -m chat`
MOST_BYTES = 65_536  # what a pipe holds before somebody reads


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatHandover:
    """All that COIN-CHAT knows of the settings. `…_api`: another server than the platform's own, for tests.

    `env_file` is followed by its `env_key` (inode, mtime, size) alone.
    """

    data_dir: str
    log_level: str
    users: Mapping[str, ChatRole]
    telegram_token: str = ""
    telegram_chat: str = ""
    slack_bot_token: str = ""
    slack_app_token: str = ""
    slack_channel: str = ""
    telegram_api: str | None = None
    slack_api: str | None = None
    env_file: str = ""
    env_key: tuple[int, int, int] | None = None

    def __repr__(self) -> str:
        return f"ChatHandover({self.data_dir}, {len(self.users)} users)"


def as_handed_on(handed: ChatHandover) -> list[str]:
    """The command of the second half, which reads `handed` from a pipe. Raises ValueError where it is too long."""
    data = msgspec.json.encode(handed)
    if len(data) > MOST_BYTES:
        raise ValueError("CHAT_USERS is too long")
    reads, writes = os.pipe()
    os.set_inheritable(reads, True)
    os.write(writes, data)
    os.close(writes)
    return [sys.executable, "-m", "chat", HANDED, str(reads)]


def taken(descriptor: int) -> ChatHandover:
    """What the first half left. Raises OSError, ValueError."""
    with os.fdopen(descriptor, "rb") as pipe:
        return msgspec.json.decode(pipe.read(MOST_BYTES), type=ChatHandover)
