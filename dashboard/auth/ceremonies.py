"""Registering and using passkeys (WebAuthn): challenges that work once, and what an authenticator signed, checked.

The checking is the library's. It is imported by the first ceremony, not at the start: it costs 10 MiB, and most
dashboards have no passkey.
"""

import json
import logging
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from dashboard.auth.origin import RelyingParty
from dashboard.auth.passkeys import CountWentBack, Passkey, Passkeys
from dashboard.auth.roles import Role

if TYPE_CHECKING:
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestedCredentialData

# ruff: noqa: PLC0415
log = logging.getLogger(__name__)
CHALLENGE_S = 300.0
MOST_OPEN = 300
_TIMEOUT_MS = 120_000


class CeremonyPurpose(StrEnum):
    """What a challenge was given for; it serves nothing else."""

    REGISTER = "register"
    LOGIN = "login"
    CONFIRM = "confirm"


class PasskeyRefused(Exception):
    """The text is for the person, `why` for the log and the audit trail."""

    def __init__(self, text: str, why: str, passkey: Passkey | None = None) -> None:
        super().__init__(text)
        self.why = why
        self.passkey = passkey


@dataclass(frozen=True, slots=True)
class _Open:
    """A challenge that waits for its answer."""

    purpose: CeremonyPurpose
    holder: str
    party: RelyingParty
    until: float
    state: Any
    role: Role | None = None
    name: str = ""


class Ceremonies:
    """The challenges of one dashboard. They live in memory: one that a restart loses is asked for again."""

    def __init__(self, passkeys: Passkeys, clock: Callable[[], float] = time.monotonic) -> None:
        self._passkeys = passkeys
        self._clock = clock
        self._open: dict[str, _Open] = {}

    def begin_registration(self, party: RelyingParty, holder: str, role: Role, name: str) -> dict[str, Any]:
        """Options for `navigator.credentials.create`. Raises OSError."""
        from fido2.webauthn import PublicKeyCredentialUserEntity, ResidentKeyRequirement, UserVerificationRequirement

        user = PublicKeyCredentialUserEntity(
            id=self._passkeys.handle(role).encode(), name=f"COIN {role.value}", display_name=f"COIN {role.value}"
        )
        options, state = _server(party).register_begin(
            user,
            [_attested(one) for one in self._passkeys.known_at(party.id)],
            resident_key_requirement=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
            challenge=secrets.token_bytes(32),
        )
        self._keep(_Open(CeremonyPurpose.REGISTER, holder, party, self._until(), state, role, name))
        return _as_json(options)

    def begin_use(self, party: RelyingParty, holder: str, purpose: CeremonyPurpose) -> dict[str, Any]:
        """Options for `navigator.credentials.get`. They name no passkey: the authenticator finds its own."""
        from fido2.webauthn import UserVerificationRequirement

        options, state = _server(party).authenticate_begin(
            user_verification=UserVerificationRequirement.REQUIRED, challenge=secrets.token_bytes(32)
        )
        self._keep(_Open(purpose, holder, party, self._until(), state))
        return _as_json(options)

    def register(self, holder: str, answer: Any) -> Passkey:
        """Keep the passkey that was made. Raises PasskeyRefused, OSError."""
        asked = self._take(CeremonyPurpose.REGISTER, holder, answer)
        try:
            made = _server(asked.party).register_complete(asked.state, answer)
            data = made.credential_data
            if data is None or asked.role is None:
                raise ValueError("no credential")
            passkey = Passkey(
                _text(data.credential_id), _text(bytes(data)), asked.role, asked.name, asked.party.id, time.time(),
                made.counter,
            )  # fmt: skip
        except Exception as error:  # whatever a client sends is refused; it is no error of ours
            raise PasskeyRefused("The passkey was not accepted.", _why(error)) from error
        try:
            self._passkeys.add(passkey)
        except ValueError as error:
            raise PasskeyRefused(str(error), "known already, or too many") from error
        return passkey

    def use(self, holder: str, answer: Any, purpose: CeremonyPurpose, address: str) -> Passkey:
        """The passkey that answered, its use noted. Raises PasskeyRefused, OSError."""
        asked = self._take(purpose, holder, answer)
        known = self._passkeys.known_at(asked.party.id)
        try:
            data = _server(asked.party).authenticate_complete(asked.state, [_attested(one) for one in known], answer)
            one = next(one for one in known if one.credential == _text(data.credential_id))
            response = answer["response"]
            count = int.from_bytes(_bytes(response["authenticatorData"])[33:37], "big")
            handle = response.get("userHandle")
            if handle and _bytes(handle) != self._passkeys.handle(one.role).encode():
                raise ValueError("the answer is for another user")
        except Exception as error:  # whatever a client sends is refused; it is no error of ours
            raise PasskeyRefused("This passkey was not accepted.", _why(error)) from error
        if one.locked_s is not None:
            raise PasskeyRefused(
                "This passkey is locked: its signature counter went backwards. Remove it.", "locked", one
            )
        try:
            return self._passkeys.used(one.credential, count, address)
        except CountWentBack as error:
            text = "This passkey's signature counter went backwards, so there may be a copy. It is locked: use a link."
            raise PasskeyRefused(text, f"count went back: {error}", one) from error
        except KeyError as error:
            raise PasskeyRefused("This passkey was removed.", "removed") from error

    def _until(self) -> float:
        return self._clock() + CHALLENGE_S

    def _keep(self, asked: _Open) -> None:
        now = self._clock()
        self._open = {key: one for key, one in self._open.items() if one.until > now}
        while len(self._open) >= MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._open[asked.state["challenge"]] = asked

    def _take(self, purpose: CeremonyPurpose, holder: str, answer: Any) -> _Open:
        """The challenge that was answered; it is used up by this, whatever comes of it. Raises PasskeyRefused."""
        try:
            challenge = json.loads(_bytes(answer["response"]["clientDataJSON"]))["challenge"]
            asked = self._open.pop(challenge.rstrip("="), None)
            foreign = json.loads(_bytes(answer["response"]["clientDataJSON"])).get("crossOrigin", False)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise PasskeyRefused("The answer is not valid.", _why(error)) from error
        if asked is None or asked.until <= self._clock():
            raise PasskeyRefused("The challenge has expired or was already used. Try again.", "challenge not open")
        if asked.purpose is not purpose or asked.holder != holder or foreign:
            raise PasskeyRefused("The answer is for another page. Try again.", "challenge of another holder")
        return asked


def _server(party: RelyingParty) -> "Fido2Server":
    from fido2.server import Fido2Server
    from fido2.webauthn import AttestationConveyancePreference, PublicKeyCredentialRpEntity

    made = Fido2Server(
        PublicKeyCredentialRpEntity(id=party.id, name="COIN"),
        attestation=AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin == party.origin,
    )
    made.timeout = _TIMEOUT_MS  # type: ignore[assignment]  # the library's own type forgets that it may be set
    return made


def _attested(one: Passkey) -> "AttestedCredentialData":
    from fido2.webauthn import AttestedCredentialData

    return AttestedCredentialData(_bytes(one.public))


def _as_json(options: Any) -> dict[str, Any]:
    """The library's options as plain JSON, bytes as base64url."""
    found: dict[str, Any] = json.loads(json.dumps(_plain(dict(options)["publicKey"])))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return _text(value)
    if hasattr(value, "keys"):
        return {key: _plain(value[key]) for key in value if value[key] is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:200]
