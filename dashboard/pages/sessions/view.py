"""Sessions, tokens and passkeys as rows of the page that lists them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from dashboard.auth.passkeys import Passkey
from dashboard.auth.roles import Role
from dashboard.auth.sessions import ID_CHARS, LoginSession
from dashboard.auth.tokens import Token
from dashboard.views import format as f

_PHONES = ("Android", "iPhone", "iPad")
_HOW = {"link": "login link", "password": "password", "passkey": "passkey"}
JUST_NOW_S = 60.0


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: str
    icon: str
    browser: str
    address: str
    role: str
    how: str
    began: datetime
    used: str
    this: bool


@dataclass(frozen=True, slots=True)
class TokenRow:
    id: str
    name: str
    made: datetime | None
    may: str
    ends: str
    expired: bool
    used: str
    address: str


@dataclass(frozen=True, slots=True)
class PasskeyRow:
    id: str
    name: str
    role: str
    made: datetime
    used: str
    host: str
    here: bool  # it works under the name by which this page was asked for
    locked: bool


def sessions(found: Mapping[str, LoginSession], mine: str, role: Role, now: datetime) -> list[SessionRow]:
    """The one that asks first. A viewer sees that one alone."""
    rows = [_session(key, one, key == mine, now) for key, one in found.items() if key == mine or role is Role.OPERATOR]
    return sorted(rows, key=lambda row: not row.this)


def _session(key: str, one: LoginSession, this: bool, now: datetime) -> SessionRow:
    phone = any(word in one.agent for word in _PHONES)
    return SessionRow(
        key[:ID_CHARS], "phone" if phone else "pc", f.clean(one.agent) or "Unknown", f.clean(one.address) or f.DASH,
        one.role.value, _HOW.get(one.how, f.DASH), _time(one.began_s), "now" if this else _ago(one.used_s, now), this,
    )  # fmt: skip


def tokens(found: list[Token], now: datetime) -> list[TokenRow]:
    return [
        TokenRow(
            one.id, f.clean(one.name), None if one.made_s is None else _time(one.made_s),
            one.role.value, _ends(one, now), one.expired,
            "not yet" if one.used_s is None else _ago(one.used_s, now), f.clean(one.address),
        )
        for one in found
    ]  # fmt: skip


def passkeys(found: list[Passkey], rp_id: str | None, now: datetime) -> list[PasskeyRow]:
    return [
        PasskeyRow(
            one.id, f.clean(one.name), one.role.value, _time(one.made_s),
            "not used yet" if one.used_s is None else _ago(one.used_s, now), f.clean(one.rp_id), one.rp_id == rp_id,
            one.locked_s is not None,
        )
        for one in found
    ]  # fmt: skip


def _time(at_s: float) -> datetime:
    return datetime.fromtimestamp(at_s, UTC)


def _ago(at_s: float, now: datetime) -> str:
    """Last uses are kept to the minute, so nothing finer is said."""
    passed = now.timestamp() - at_s
    return "just now" if passed < JUST_NOW_S else f"{f.span(passed)} ago"


def _ends(one: Token, now: datetime) -> str:
    if one.expires_s is None:
        return "never, until revoked"
    return "expired" if one.expired else f"in {f.span(one.expires_s - now.timestamp())}"
