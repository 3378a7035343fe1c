"""Roles and the one who asks."""

from dataclasses import dataclass
from enum import StrEnum

# How old a sign-in may be where the bot is made to trade with real money, or a passkey is added.
FRESH_S = 15 * 60.0


class Role(StrEnum):
    VIEWER = "viewer"  # reads
    OPERATOR = "operator"  # reads and commands


@dataclass(frozen=True, slots=True)
class Principal:
    """Who sent a request. `csrf` is empty for a machine with a bearer token, which no browser sends by itself."""

    role: Role
    kind: str  # session or token
    key: str  # hash of the secret: what streams are counted by
    csrf: str = ""
    signed_in_s: float = 0.0  # seconds since this session's person last showed who they are
    name: str = ""  # of a token

    @property
    def operator(self) -> bool:
        return self.role is Role.OPERATOR
