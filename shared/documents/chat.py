"""`chat/chat.json`: whether COIN-CHAT hears its platforms, and whom it refused. COIN-CHAT writes it.

Every time is in milliseconds since 1970, by the writer's clock. What is not known is null.
"""

from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from shared.documents.versioned import decode_versioned

CHAT_VERSION = 1
CHAT_EVERY_S = 5.0  # between two writes where nothing changes


class ChatLink(StrEnum):
    """Whether a platform is heard."""

    CONNECTING = "connecting"  # since the start, never yet
    CONNECTED = "connected"
    FAILING = "failing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatPlatformDoc:
    """One platform. `since_ms`: from when on `link` has held."""

    name: str
    link: ChatLink
    since_ms: int
    answer: str | None = None  # the platform's own words of why not
    waiting: int = 0  # messages that are not sent yet
    failed: int = 0  # messages that were given up, since the start


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRefusalDoc:
    """Somebody asked who may not. Of one person there is at most one an hour."""

    person: str  # platform:id
    name: str  # as the platform shows it: anybody may call themselves anything
    what: str
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatDoc:
    """The whole document."""

    version: int = CHAT_VERSION
    ts_ms: int
    pid: int
    started_ms: int
    build: str
    viewers: int
    operators: int
    platforms: list[ChatPlatformDoc] = field(default_factory=list)
    refusals: list[ChatRefusalDoc] = field(default_factory=list)  # of the last hour, the newest last
    store_error: str | None = None  # why nothing can be written down: then only kill, stop and pause are taken
    settings_problem: str | None = None  # why a newer .env is not taken up: who may is as it was before


def encode_chat(document: ChatDoc) -> bytes:
    return msgspec.json.encode(document) + b"\n"


def decode_chat(data: bytes) -> ChatDoc:
    """The document in `data`. Raises Unreadable with a sentence for a person; unknown fields are ignored."""
    return decode_versioned(data, ChatDoc, CHAT_VERSION, "a document of COIN-CHAT")
