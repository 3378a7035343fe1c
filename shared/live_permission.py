"""The permission for live orders: bound to one key and to the limits as they are, sealed with the key, expiring.

`./coin enable-live` makes it after a checklist and a typed word; the bot's order gate refuses every live order
without a valid one. The seal (HMAC-SHA256 with the private key) keeps a copied or edited file from counting.
"""

import hashlib
import hmac
from dataclasses import asdict, dataclass

import msgspec
import orjson

from shared.files import Unreadable, parse_object
from shared.settings import Secret, Settings, public_values
from shared.times import from_epoch_ms, iso_seconds

VERSION = 1
DAY_MS = 86_400_000
LONGEST_MS = 30 * DAY_MS
# What a person agreed to: a change of any of these ends the permission.
LIMIT_KEYS = (
    "BOT_NAME", "PROFILE", "PRODUCTS", "STRATEGY", "SIZING", "ORDER_MIN_USD", "RISK_PER_TRADE_PCT", "FIXED_ORDER_USD",
    "TARGET_DAY_VOL_PCT", "KELLY_CAP_PCT", "KELLY_CONFIDENCE", "USE_LIVE_EQUITY", "USD_EQUITY", "VOL_RISK_ADJUST",
    "MAX_ORDER_USD", "MAX_PRODUCT_USD", "MAX_TOTAL_USD", "MAX_BASE", "MAX_DAILY_LOSS_PCT", "MAX_DAILY_LOSS_USD",
    "MAX_DRAWDOWN_PCT", "MAX_CONSECUTIVE_LOSSES", "MAX_CONCURRENT_LOTS", "MAX_TOTAL_LOTS", "MAX_ORDERS_PER_MIN",
    "MAX_ERROR_RATE_PCT", "MAX_API_ERROR_PCT", "MAX_VOL_SPIKE", "MAX_SPREAD_PCT", "MIN_DEPTH_USD", "VOL_BAND_METHOD",
    "MAX_IMPACT_BP", "LOW_FUNDS", "DAILY_BREAKER_MARK_TO_MARKET",
    "VOL_BAND_LOW_PCT", "VOL_BAND_HIGH_PCT", "VOLATILITY_MULT", "VOLATILITY_METHOD", "VOLATILITY_WINDOW",
    "VOLATILITY_ALPHA", "ATR_WINDOW", "CORRELATION_LIMIT", "CORRELATION_WINDOW",
    "PRICE_COLLAR_PCT", "STALE_DATA_SEC", "TRADING_WINDOW_UTC",
    "STOP_LOSS_PCT", "ENTRY_ORDER", "SCANNER_MAX_PRODUCTS", "EDGE_GATE", "MIN_EDGE_PCT",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Permission:
    """Times in epoch milliseconds; `key` and `limits` are hashes."""

    version: int
    bot: str
    key: str
    limits: str
    granted_ms: int
    expires_ms: int
    by: str
    seal: str = ""


def key_hash(key_name: str) -> str:
    return hashlib.sha256(key_name.encode()).hexdigest()[:32]


def limits_hash(settings: Settings) -> str:
    """Of every limit that a person agreed to, and of the strategy's own settings."""
    values = public_values(settings)
    agreed = {key: values[key] for key in LIMIT_KEYS} | dict(settings.strategy_options)
    return hashlib.sha256(orjson.dumps(agreed, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def grant(settings: Settings, key_name: str, secret: Secret, now_ms: int, by: str) -> bytes:
    """The permission file's bytes, valid for LIVE_PERMISSION_DAYS from now."""
    expires_ms = now_ms + round(settings.live_permission_days * DAY_MS)
    found = Permission(
        VERSION, settings.bot_name, key_hash(key_name), limits_hash(settings), now_ms, expires_ms, by
    )  # fmt: skip
    document = asdict(found) | {"seal": _seal(found, secret)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read(data: bytes) -> Permission:
    """The permission in `data`. Raises Unreadable."""
    try:
        return msgspec.convert(parse_object(data), Permission)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a live permission: {error}") from error


def problem(
    data: bytes | None, settings: Settings, key_name: str, secret: Secret, now_ms: int, *, reducing: bool = False
) -> str | None:
    """Why live orders are locked, for a person; None = the permission holds. Fails closed.

    `reducing`: for the sale of an own lot, a permission of this key is enough, though it ended or limits changed: a
    lot must not lose its stop because a week is over.
    """
    if data is None:
        return "no permission"
    try:
        found = read(data)
    except Unreadable as error:
        return str(error)
    if found.version != VERSION:
        return f"a permission of version {found.version}"
    if not hmac.compare_digest(found.seal, _seal(found, secret)):
        return "the permission was not made with this key"
    if found.key != key_hash(key_name) or found.bot != settings.bot_name:
        return "the permission is for another key or bot"
    if reducing:
        return None
    if found.limits != limits_hash(settings):
        return "limits changed since the permission"
    if now_ms >= found.expires_ms or found.expires_ms - found.granted_ms > LONGEST_MS:
        return f"the permission ended {iso_seconds(from_epoch_ms(found.expires_ms))}"
    if found.granted_ms > now_ms + DAY_MS:
        return "the permission is from the future: look at the clock"
    return None


def _seal(found: Permission, secret: Secret) -> str:
    names = ("version", "bot", "key", "limits", "granted_ms", "expires_ms", "by")
    text = "\n".join(str(getattr(found, name)) for name in names)
    return hmac.new(secret.reveal().encode(), text.encode(), hashlib.sha256).hexdigest()
