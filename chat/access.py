"""Who may, and who was refused: each stranger is told so once an hour, and one alert an hour tells of them."""

from collections.abc import Mapping

from chat.messages import ChatPerson
from shared.chat_settings import ChatRole
from shared.documents.chat import ChatRefusalDoc

HOUR_MS = 3_600_000
MOST_AN_HOUR = 30  # refusals that are told at all: anybody can find a bot and write to it


class ChatAccess:
    """`users`: CHAT_USERS. `refusals`: those of the last hour, from before a restart."""

    def __init__(self, users: Mapping[str, ChatRole], refusals: list[ChatRefusalDoc]) -> None:
        self._users = dict(users)
        self.refusals = list(refusals)

    def use(self, users: Mapping[str, ChatRole]) -> None:
        """CHAT_USERS as they are now: of the next update and the next press."""
        self._users = dict(users)

    def role(self, person: ChatPerson) -> ChatRole | None:
        """None = a stranger."""
        return self._users.get(person.key)

    def count(self, role: ChatRole) -> int:
        return sum(1 for one in self._users.values() if one is role)

    def refused(self, person: ChatPerson, what: str, now_ms: int) -> ChatRefusalDoc | None:
        """Remember it; None = this person was told within the hour, or too many were."""
        self.refusals = [one for one in self.refusals if 0 <= now_ms - one.at_ms < HOUR_MS]
        if len(self.refusals) >= MOST_AN_HOUR or any(one.person == person.key for one in self.refusals):
            return None
        made = ChatRefusalDoc(person=person.key, name=person.name[:60], what=what[:60], at_ms=now_ms)
        self.refusals.append(made)
        return made
