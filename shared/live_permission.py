"""The permission for live entries: of one folder, one key and the settings as they are; sealed with the key, expiring.

`./coin enable-live` makes it after a checklist and a typed word; the bot's order gate refuses every live entry
without a valid one. Sales of own lots need none: a lot must not lose its stop because a week is over. The seal
(HMAC-SHA256 with the private key) keeps an edited file from counting, the folder's id a copied one.

With PROFILE=prod it needs a GO of the lab for the strategy with these settings, or a person's words why it trades
without one; both are kept in it.

Every setting is bound but those whose line in the table says why it need not be, so that a new one is bound.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, fields

import msgspec
import orjson

from shared.artifacts import digests
from shared.files import Unreadable, parse_object
from shared.lab_verdicts import GO, LabStanding
from shared.legacy_names import RETIRED
from shared.models.states import digests_of
from shared.setting_table import RULES
from shared.settings import Profile, Secret, Settings, public_values
from shared.times import from_epoch_ms, iso_seconds

VERSION = 3
DAY_MS = 86_400_000
LONGEST_MS = 30 * DAY_MS
NAMED = 3  # changes that a sentence names; the rest are counted
# What a person may change without a new permission, each with the reason why it changes nothing that was agreed to.
HARMLESS: Mapping[str, str] = {key: rule.harmless for key, rule in RULES.items() if rule.harmless}
# A default of these is adjusted to the account's fees, the same value set by hand is not (`bot.engine.execution.edge`).
ADJUSTED = ("TRAIL_ACTIVATE_PCT",)


@dataclass(frozen=True, slots=True)
class Permission:
    """Times in epoch milliseconds; `key` is a hash; `settings` are public values, `artifacts` SHA-256 by file.

    `lab`: GO, NO-GO or none, as the lab said when it was made; `lab_text`: which verdict, or why there was none;
    `reason`: why it was made without a GO, in the words of `by`; empty = none was given.
    """

    version: int
    bot: str
    folder: str
    key: str
    settings: Mapping[str, str]
    artifacts: Mapping[str, str]
    granted_ms: int
    expires_ms: int
    by: str
    lab: str
    lab_text: str
    reason: str
    seal: str = ""

    @property
    def without_go(self) -> bool:
        return self.lab != GO


@dataclass(frozen=True, slots=True)
class PermissionTerms:
    """What a permission is for: the bot, its folder, and everything that decides."""

    bot: str
    folder: str
    settings: Mapping[str, str]
    artifacts: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Of the settings and files that a person agrees to."""
        agreed = {"settings": self.settings, "artifacts": self.artifacts}
        return hashlib.sha256(orjson.dumps(agreed, option=orjson.OPT_SORT_KEYS)).hexdigest()[:32]


def terms(settings: Settings, folder: str) -> PermissionTerms:
    """As these settings and the strategy's files are now."""
    artifacts = digests(*settings.strategy_files)
    for name in settings.strategy_files:
        artifacts |= digests_of(name, settings.strategy_options, settings.paths.models)
    return PermissionTerms(settings.bot_name, folder, bound_values(settings), artifacts)


def bound_values(settings: Settings) -> dict[str, str]:
    """Every setting that the permission is bound to, a strategy's own ones among them. No secret is among them."""
    values = {key: value for key, value in public_values(settings).items() if key not in HARMLESS}
    for key in ADJUSTED:
        values[key] += "" if key in settings.by_hand else " (default)"
    return values


def key_hash(key_name: str) -> str:
    return hashlib.sha256(key_name.encode()).hexdigest()[:32]


def grant(
    agreed: PermissionTerms, days: float, key_name: str, secret: Secret, now_ms: int, by: str, lab: LabStanding,
    reason: str = "",
) -> bytes:  # fmt: skip
    """The permission file's bytes, valid for `days` from now."""
    found = Permission(
        VERSION, agreed.bot, agreed.folder, key_hash(key_name), agreed.settings, agreed.artifacts,
        now_ms, now_ms + round(days * DAY_MS), by, lab.answer, lab.text, reason,
    )  # fmt: skip
    document = _fields_of(found) | {"seal": _seal(found, secret)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def read(data: bytes) -> Permission:
    """The permission in `data`. Raises Unreadable."""
    raw = parse_object(data)
    if raw.get("version") in range(1, VERSION):
        raise Unreadable("the permission was made by an earlier version")
    try:
        found = msgspec.convert(raw, Permission)
    except msgspec.ValidationError as error:
        raise Unreadable(f"not a live permission: {error}") from error
    if found.version != VERSION:
        raise Unreadable(f"a permission of version {found.version}")
    return found


def problem(data: bytes | None, now: PermissionTerms, key_name: str, secret: Secret, now_ms: int) -> str | None:
    """Why live entries are locked, for a person; None = the permission holds. Fails closed."""
    if data is None:
        return "no permission"
    try:
        found = read(data)
    except Unreadable as error:
        return str(error)
    if not hmac.compare_digest(found.seal, _seal(found, secret)):
        return "the permission was not made with this key"
    if found.key != key_hash(key_name) or found.bot != now.bot:
        return "the permission is for another key or bot"
    if found.folder != now.folder:
        return "the permission belongs to another data folder"
    changed = changes(found, now)
    if changed:
        return f"changed since the permission: {named(changed)}"
    if found.without_go and not found.reason and needs_go(found.settings):
        return "the permission has neither a GO of the lab nor a reason"
    if now_ms >= found.expires_ms or found.expires_ms - found.granted_ms > LONGEST_MS:
        return f"the permission ended {iso_seconds(from_epoch_ms(found.expires_ms))}"
    if found.granted_ms > now_ms + DAY_MS:
        return "the permission is dated in the future: check the clock"
    return None


def needs_go(settings: Mapping[str, str]) -> bool:
    """Whether these settings, as `bound_values` has them, trade with real money only with a GO, or a reason."""
    return settings.get("PROFILE") == Profile.PROD


def changes(found: Permission, now: PermissionTerms) -> list[str]:
    """What differs from what was agreed to: `MAX_ORDER_USD 100.0 → 50.0`; a file that changed by its name."""
    if found.settings == now.settings and found.artifacts == now.artifacts:
        return []
    told = []
    for key in sorted((found.settings.keys() | now.settings.keys()) - RETIRED.keys()):
        before, after = found.settings.get(key), now.settings.get(key)
        if before != after:
            told.append(f"{key} {_told(before)} → {_told(after)}")
    for name in sorted(found.artifacts.keys() | now.artifacts.keys()):
        if found.artifacts.get(name) != now.artifacts.get(name):
            told.append(name)
    return told


def named(changed: list[str]) -> str:
    """The first few of them, and how many more there are."""
    more = f" and {len(changed) - NAMED} more" if len(changed) > NAMED else ""
    return ", ".join(changed[:NAMED]) + more


def voided_by(data: bytes | None, settings: Settings) -> list[str]:
    """What a start with these settings would change of the permission that is there: said before it is made.

    Without the key, so it says nothing of the seal. Empty where there is no permission to void.
    """
    try:
        found = read(data) if data is not None else None
    except Unreadable:
        return []
    return changes(found, terms(settings, found.folder)) if found is not None else []


def lab_lines(data: bytes | None) -> list[str]:
    """What the permission that is there says of the lab's verdict, for a person; [] where there is none to be read."""
    try:
        found = read(data) if data is not None else None
    except Unreadable:
        return []
    if found is None:
        return []
    told = [f"{found.lab}: {found.lab_text}"]
    return told + ([f'allowed without a GO by {found.by}: "{found.reason}"'] if found.reason else [])


def _told(value: str | None) -> str:
    return "not there" if value is None else value or "empty"


def _fields_of(found: Permission) -> dict[str, object]:
    """Not `asdict`, which copies each setting: the lock is asked once a second and before every live order."""
    return {row.name: getattr(found, row.name) for row in fields(found)}


def _seal(found: Permission, secret: Secret) -> str:
    document = _fields_of(found)
    del document["seal"]
    text = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return hmac.new(secret.reveal().encode(), text, hashlib.sha256).hexdigest()
