"""A push message as RFC 8291 encrypts it (aes128gcm, one record), and what says who sends it (RFC 8292, VAPID)."""

import base64
import os
import time
from pathlib import Path
from urllib.parse import urlsplit

import jwt
from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

RECORD = 4096  # bytes; every push service takes one record of that size
MOST_TEXT = RECORD - 16 - 1 - 86  # what fits: tag, delimiter and header aside
STEP = 256  # lengths are rounded up to it, so that they tell little of the text
TOKEN_S = 12 * 3600


def unpacked(text: str) -> bytes:
    """base64url without its padding. Raises ValueError."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def packed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def point(key: ec.EllipticCurvePublicKey) -> bytes:
    """65 bytes, uncompressed."""
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def encrypted(
    text: bytes, p256dh: str, auth: str, *, salt: bytes | None = None, own: ec.EllipticCurvePrivateKey | None = None,
    step: int = STEP,
) -> bytes:  # fmt: skip
    """The body of the request. Raises ValueError where the subscription's keys are none, or the text does not fit.

    `salt` and `own` are for a test with known values; each message has new ones.
    """
    salt = os.urandom(16) if salt is None else salt
    own = ec.generate_private_key(ec.SECP256R1()) if own is None else own
    theirs = unpacked(p256dh)
    try:
        shared = own.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    except (ValueError, InvalidKey) as error:
        raise ValueError("the subscription's key is no point of the curve") from error
    mine = point(own.public_key())
    secret = _derived(unpacked(auth), shared, b"WebPush: info\0" + theirs + mine, 32)
    key = _derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(salt, secret, b"Content-Encoding: nonce\0", 12)
    if len(text) > MOST_TEXT:
        raise ValueError("the message is too long for one record")
    room = min(-(len(text) + 1) % step, MOST_TEXT - len(text))
    sealed = AESGCM(key).encrypt(nonce, text + b"\x02" + bytes(room), None)
    return salt + RECORD.to_bytes(4, "big") + bytes([len(mine)]) + mine + sealed


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def vapid_key(path: Path) -> ec.EllipticCurvePrivateKey:
    """The key of this installation. Raises OSError, ValueError (it is none)."""
    found = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(found, ec.EllipticCurvePrivateKey) or not isinstance(found.curve, ec.SECP256R1):
        raise ValueError(f"{path.name} is no P-256 key")
    return found


def authorization(key: ec.EllipticCurvePrivateKey, endpoint: str, contact: str, now_s: float | None = None) -> str:
    """The header that names the sender. `contact`: an https or mailto URL by which the push service can reach us."""
    parts = urlsplit(endpoint)
    now_s = time.time() if now_s is None else now_s
    claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": int(now_s) + TOKEN_S, "sub": contact}
    token = jwt.encode(claims, key, algorithm="ES256")
    return f"vapid t={token}, k={packed(point(key.public_key()))}"
