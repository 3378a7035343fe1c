"""Who may speak to the bot from a chat: CHAT_USERS, a table of ids with roles, and what is set by half.

Read by `shared.alert_settings`, COIN-CHAT and `./coin`.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from shared.setting_table import Settings


class ChatRole(StrEnum):
    """What a person may do: look, or look and command."""

    VIEWER = "viewer"
    OPERATOR = "operator"

    def may(self, least: "ChatRole") -> bool:
        return self is ChatRole.OPERATOR or least is ChatRole.VIEWER


SLACK, TELEGRAM = "slack", "telegram"
PLATFORMS = (SLACK, TELEGRAM)
_FORM = "written platform:id:role, such as telegram:123456789:operator or slack:U024BE7LH:viewer"


def parse_chat_users(entries: Iterable[str]) -> Mapping[str, ChatRole]:
    """ "telegram:123456789" to the role of that person. Raises ValueError with what is wrong.

    An id is the platform's own and never changes; a name could be taken by somebody else.
    """
    found: dict[str, ChatRole] = {}
    for entry in entries:
        platform, _, rest = entry.partition(":")
        name, _, role = rest.partition(":")
        if platform not in PLATFORMS:
            raise ValueError(f"{entry}: {_FORM}")
        if not (name.isdecimal() if platform == TELEGRAM else _slack_id(name)):
            raise ValueError(f"{entry}: {name or 'nothing'} is no user's id of {platform}; {_FORM}")
        if role not in list(ChatRole):
            raise ValueError(f"{entry}: {role or 'nothing'} is none of {', '.join(ChatRole)}; {_FORM}")
        if f"{platform}:{name}" in found:
            raise ValueError(f"{platform}:{name} stands there twice")
        found[f"{platform}:{name}"] = ChatRole(role)
    return found


def _slack_id(text: str) -> bool:
    return len(text) > 1 and text[0] in "UW" and text.isascii() and text.isalnum() and text == text.upper()


def chat_platforms(s: Settings) -> frozenset[str]:
    """The platforms that CHAT_USERS names; empty = there is no chat, or it is written wrong."""
    try:
        return frozenset(person.partition(":")[0] for person in parse_chat_users(s.chat_users))
    except ValueError:
        return frozenset()


def chat_problems(s: Settings) -> list[str]:
    """What keeps COIN-CHAT from its work, a line each; empty where it is not set at all."""
    if not s.chat_users:
        return []
    try:
        parse_chat_users(s.chat_users)
    except ValueError as error:
        return [f"CHAT_USERS={','.join(s.chat_users)}: {error}"]
    wanted, found = chat_platforms(s), []
    if TELEGRAM in wanted and not s.telegram_bot_token:
        found.append("CHAT_USERS names telegram: TELEGRAM_BOT_TOKEN is not set")
    if SLACK in wanted:
        missing = [
            name for name, value in (("SLACK_BOT_TOKEN", s.slack_bot_token), ("SLACK_APP_TOKEN", s.slack_app_token))
            if not value
        ]  # fmt: skip
        found += [f"CHAT_USERS names slack: {name} is not set" for name in missing]
    return found
