"""API keys and the check of a JWT."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

LEEWAY_S = 5
LIFETIME_S = 120
REAL_HOST = "api.coinbase.com"


class Right(StrEnum):
    VIEW = "view"
    TRADE = "trade"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key that the venue issued: it knows the public half."""

    name: str
    public: EllipticCurvePublicKey | Ed25519PublicKey
    rights: frozenset[Right]
    portfolio: str

    @property
    def algorithm(self) -> str:
        return "EdDSA" if isinstance(self.public, Ed25519PublicKey) else "ES256"


class TokenRejected(Exception):
    """A token that does not hold; the text is for our log, the client learns only that it was refused."""


def check(
    token: str, keys: Mapping[str, IssuedKey], now_s: float, uris: tuple[str, ...] | None, hosts: tuple[str, ...] = ()
) -> IssuedKey:
    """The key that signed `token`. `uris`: "METHOD path" of the request, None on the stream. Raises Refused."""
    key = keys.get(_key_named(token))
    if key is None:
        raise TokenRejected("unknown key")
    options: Any = {
        "verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False, "verify_iss": False,
    }  # fmt: skip
    try:
        claims = jwt.decode(token, key.public, algorithms=[key.algorithm], options=options)
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise TokenRejected(f"signature or claims: {error}") from error
    _check_claims(claims, key, now_s)
    if uris is not None:
        _check_uri(claims, uris, hosts)
    return key


def _key_named(token: str) -> str:
    """The key that the token's header names; "" = none. `jwt.decode` judges the rest of the header, and all else."""
    segment = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except (ValueError, RecursionError) as error:
        raise TokenRejected(f"not a token: {error}") from error
    if not isinstance(header, dict):
        raise TokenRejected("not a token: its header is no object")
    return str(header.get("kid", ""))


def _check_claims(claims: Mapping[str, Any], key: IssuedKey, now_s: float) -> None:
    if claims.get("sub") != key.name:
        raise TokenRejected("sub is not the key")
    if claims.get("iss") not in ("cdp", "coinbase-cloud"):
        raise TokenRejected("iss")
    not_before, expires = claims.get("nbf"), claims.get("exp")
    for value in (not_before, expires):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TokenRejected("nbf or exp missing")
    assert isinstance(not_before, int | float) and isinstance(expires, int | float)
    if not expires > now_s:
        raise TokenRejected(f"expired {now_s - expires:.0f} s ago")
    if not not_before <= now_s + LEEWAY_S:
        raise TokenRejected(f"not valid for another {not_before - now_s:.0f} s")
    if not expires - not_before <= LIFETIME_S:
        raise TokenRejected("lives too long")


def _check_uri(claims: Mapping[str, Any], wanted: tuple[str, ...], hosts: tuple[str, ...]) -> None:
    """`uri` (SDK) or `uris[0]` (CDP, ccxt), scheme ignored, host ours or the venue's own."""
    claimed = claims.get("uri")
    uris = claims.get("uris")
    if claimed is None and isinstance(uris, list) and uris:
        claimed = uris[0]
    if not isinstance(claimed, str):
        raise TokenRejected("no uri")
    method, _, rest = claimed.partition(" ")
    for scheme in ("https://", "http://"):
        rest = rest.removeprefix(scheme)
    host, slash, path = rest.partition("/")
    if f"{method} {slash}{path}" not in wanted:
        raise TokenRejected(f"uri {claimed!r} is not {wanted[0]!r}")
    if host != REAL_HOST and host not in hosts:
        raise TokenRejected(f"host {host!r}")
