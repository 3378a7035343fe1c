"""The API key: read from a 0600 file, checked before it is used, never shown. Its secret is a PEM (ES256) or base64
(Ed25519)."""

import os
import stat
from pathlib import Path

import orjson

from bot.venues.port import ApiKey, BadKey, NoKeyYet
from shared.settings import Secret, Settings


def load_key(settings: Settings, key_file: Path | None, *, may_wait: bool) -> ApiKey:
    """The key from `key_file`, else from `.env`. Raises BadKey, or NoKeyYet where `may_wait`."""
    if key_file is None:
        if not (settings.coinbase_api_key_name and settings.coinbase_api_private_key):
            raise BadKey("no key: set COINBASE_KEY_FILE, or COINBASE_API_KEY_NAME and COINBASE_API_PRIVATE_KEY in .env")
        return checked(ApiKey(settings.coinbase_api_key_name, settings.coinbase_api_private_key), ".env")
    try:
        data = _read_private(key_file)
    except FileNotFoundError:
        if may_wait:
            raise NoKeyYet(f"{key_file.name} is not there yet") from None
        raise BadKey(f"key file {key_file} does not exist") from None
    try:
        raw = orjson.loads(data)
        key = ApiKey(str(raw.get("name") or raw["id"]), Secret(str(raw["privateKey"]).replace("\\n", "\n")))
    except (orjson.JSONDecodeError, KeyError, AttributeError):
        raise BadKey(f"key file {key_file} is not the JSON that Coinbase hands out (name, privateKey)") from None
    return checked(key, str(key_file))


def _read_private(path: Path) -> bytes:
    """The file's bytes, only where it is a regular file of ours that nobody else may read."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadKey(f"key file {path} cannot be read: {error.strerror} (a symbolic link is refused)") from None
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise BadKey(f"key file {path} is no regular file")
        if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise BadKey(f"key file {path} may be read by others (mode {found.st_mode & 0o777:04o}): chmod 600 {path}")
        if found.st_uid != os.geteuid():
            raise BadKey(f"key file {path} belongs to another user (uid {found.st_uid})")
        return os.read(handle, 65_536)
    finally:
        os.close(handle)


def checked(key: ApiKey, where: str) -> ApiKey:
    """The key, if a token can be signed with it. Raises BadKey without a word of the secret."""
    from coinbase import jwt_generator  # noqa: PLC0415 (heavy; only the bot's start needs it)

    try:
        jwt_generator.build_ws_jwt(key.name, key.secret.reveal())
    except Exception:
        raise BadKey(f"the private key in {where} is no EC (PEM) or Ed25519 (base64) key") from None
    return key


def stream_token(key: ApiKey) -> str:
    """A fresh token for one subscribe message; valid for 120 s."""
    from coinbase import jwt_generator  # noqa: PLC0415

    return str(jwt_generator.build_ws_jwt(key.name, key.secret.reveal()))
