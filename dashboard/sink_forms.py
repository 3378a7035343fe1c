"""The sinks that can be set up in the browser: their fields, what each may hold, and how they get into `.env`.

No value is ever shown again: the page says whether a sink is set, and since when.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

from shared.alert_settings import SET_IN_BROWSER, SINK_NAMES, parse_quiet_hours, set_in_browser
from shared.public_hosts import NotPublic, Resolver, public_addresses, resolved
from shared.settings import Settings

LONGEST = 2_000
SMTP_PORTS = frozenset({25, 465, 587, 2465, 2525, 2587})
# Services of Apprise whose host is its own, so that no URL from a browser names one. Any other by .env, by hand.
APPRISE_SERVICES = frozenset({
    "discord", "pover", "pbul", "tgram", "webexteams", "wxteams", "pagerduty", "opsgenie", "pushed", "pushy", "join",
    "simplepush", "prowl", "spontit", "twilio", "sendgrid", "mailgun", "sparkpost", "clicksend", "messagebird",
    "vonage", "line", "pagertree", "threema", "signl4", "pushsafers", "wecombot", "dingtalk", "feishu", "lark", "ifttt",
})  # fmt: skip


class SinkRefused(Exception):
    """What was typed cannot be taken; the text says why, without it."""


Check = Callable[[str, Resolver], str]


@dataclass(frozen=True, slots=True)
class SinkField:
    """One box of a form: the setting that it becomes."""

    key: str
    label: str
    check: Check
    secret: bool
    example: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class SinkKind:
    """One way to a person. `name` is the sink's, as `ALERT_MIN_SEVERITY` and the list of sinks have it."""

    name: str
    title: str
    text: str
    fields: tuple[SinkField, ...]
    appends: bool = False  # what is typed is added to what is set

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(field.key for field in self.fields)


def _https(text: str) -> tuple[str, int]:
    """(host, port) of an https URL. Raises SinkRefused."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise SinkRefused("This is no URL.") from None
    if parts.scheme != "https" or not parts.hostname or port == 0:
        raise SinkRefused("It must be written https://host/path.")
    if parts.username or parts.password or parts.fragment:
        raise SinkRefused("A URL with a user, a password or a # part is set in .env, by hand.")
    return parts.hostname, port or 443


def _public(host: str, port: int, resolver: Resolver) -> None:
    try:
        public_addresses(host, port, resolver)
    except NotPublic as error:
        raise SinkRefused(
            f"Not from the browser: {error}. Where that is meant, set it in .env by hand, then ./coin restart."
        ) from error


def _any_https(text: str, resolver: Resolver) -> str:
    _public(*_https(text), resolver)
    return text


def _of_hosts(*hosts: str) -> Check:
    """https, and a host of the service itself; one that begins with a dot stands for all names that end so."""

    def check(text: str, _resolver: Resolver) -> str:
        host, port = _https(text)
        if port != 443 or not any(host.endswith(one) if one[0] == "." else host == one for one in hosts):
            raise SinkRefused(
                f"The host must be {' or '.join(one.replace('.', '*.', 1) if one[0] == '.' else one for one in hosts)}."
            )
        return text

    return check


def _like(pattern: str, sentence: str) -> Check:
    compiled = re.compile(pattern)

    def check(text: str, _resolver: Resolver) -> str:
        if not compiled.fullmatch(text):
            raise SinkRefused(sentence)
        return text

    return check


def _smtp(text: str, resolver: Resolver) -> str:
    try:
        parts = urlsplit(text)
        port = parts.port or (465 if parts.scheme == "smtps" else 587)
    except ValueError:
        raise SinkRefused("This is no URL.") from None
    if parts.scheme not in ("smtp", "smtps") or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise SinkRefused("It must be written smtps://user:password@host:465 or smtp://user:password@host:587.")
    if port not in SMTP_PORTS:
        raise SinkRefused(f"The port must be one of {', '.join(map(str, sorted(SMTP_PORTS)))}.")
    _public(parts.hostname, port, resolver)
    return text


_ADDRESS = r"[^\s@,<>\"']{1,64}@[A-Za-z0-9.-]{1,190}"


def _addresses(text: str, _resolver: Resolver) -> str:
    found = [part.strip() for part in text.split(",") if part.strip()]
    if not found or len(found) > 10 or not all(re.fullmatch(_ADDRESS, one) for one in found):
        raise SinkRefused("One to ten mail addresses, with commas between them.")
    return ",".join(found)


def _apprise(text: str, _resolver: Resolver) -> str:
    scheme = text.partition("://")[0].lower()
    if scheme not in APPRISE_SERVICES or " " in text or "?" in text:
        raise SinkRefused(
            "From the browser only services with a host of their own, without options: discord://, pover://, tgram:// "
            "and the like. Any other is set in ALERT_URLS in .env, by hand."
        )
    return text


KINDS: tuple[SinkKind, ...] = (
    SinkKind("slack", "Slack, by a webhook", "Slack: your app, Incoming Webhooks, Add new webhook to workspace.", (
        SinkField("SLACK_WEBHOOK", "Webhook URL", _of_hosts("hooks.slack.com", "hooks.slack-gov.com"), True,
                  "https://hooks.slack.com/services/…"),
    )),
    SinkKind("slack-app", "Slack, by an app", "Each alert has a thread of its own. The app needs chat:write, and a "
             "seat in the channel.", (
        SinkField("SLACK_BOT_TOKEN", "Bot token", _like(r"xox[bp]-[A-Za-z0-9-]{10,250}", "A token begins with xoxb-."),
                  True, "xoxb-…"),
        SinkField("SLACK_ALERT_CHANNEL", "Channel", _like(r"#?[A-Za-z0-9_.-]{1,80}", "A channel's name or its id."),
                  False, "#alerts"),
    )),
    SinkKind("teams", "Microsoft Teams", "A workflow: “Post to a channel when a webhook request is received”.", (
        SinkField("TEAMS_WEBHOOK_URL", "Workflow URL",
                  _of_hosts(".logic.azure.com", ".api.powerplatform.com", ".webhook.office.com"), True,
                  "https://prod-00.westeurope.logic.azure.com/…"),
    )),
    SinkKind("telegram", "Telegram", "A bot by @BotFather; write to it once, or add it to the group.", (
        SinkField("TELEGRAM_BOT_TOKEN", "Bot token",
                  _like(r"[0-9]{5,20}:[A-Za-z0-9_-]{30,64}", "As @BotFather gives it."), True, "123456:ABC…"),
        SinkField("TELEGRAM_CHAT_ID", "Chat", _like(r"-?[0-9]{1,20}|@[A-Za-z0-9_]{4,64}", "A chat's number, or @name."),
                  False, "-1001234567890"),
    )),
    SinkKind("mail", "Mail", "TLS is needed: smtps://, or smtp:// to a server that offers STARTTLS.", (
        SinkField("ALERT_SMTP_URL", "Mail server", _smtp, True, "smtps://user:password@smtp.example.org:465"),
        SinkField("ALERT_MAIL_FROM", "From", _like(_ADDRESS, "One mail address."), False, "bot@example.org"),
        SinkField("ALERT_MAIL_TO", "To", _addresses, False, "you@example.org"),
    )),
    SinkKind("webhook", "A program of yours", "Each message as JSON by POST, to a public address.", (
        SinkField("ALERT_WEBHOOK_URL", "URL", _any_https, True, "https://host/path"),
    )),
    SinkKind("apprise", "Another service, by Apprise", "Each URL that is added is one more sink. Needs "
             "requirements-alerts.txt.", (SinkField("ALERT_URLS", "Apprise URL", _apprise, True, "discord://id/token"),),
             appends=True),
    SinkKind("heartbeat", "Heartbeat", "A service outside that tells you when this machine is gone, such as "
             "healthchecks.io: it is asked every minute.", (
        SinkField("HEARTBEAT_URL", "Ping URL", _any_https, True, "https://hc-ping.com/…"),
    )),
)  # fmt: skip
BY_NAME: Mapping[str, SinkKind] = {kind.name: kind for kind in KINDS}


def is_set(kind: SinkKind, settings: Settings) -> bool:
    """Whether any of its fields holds something."""
    return any(bool(getattr(settings, key.lower())) for key in kind.keys)


def since(kind: SinkKind, settings: Settings) -> datetime | None:
    """When it was set in the browser; None = by hand, and nobody knows when."""
    found = set_in_browser(settings)
    return next((found[key] for key in kind.keys if key in found), None)


def to_set(
    kind: SinkKind, given: Mapping[str, str], settings: Settings, now: datetime, resolver: Resolver = resolved
) -> dict[str, str]:  # fmt: skip
    """What is to be written for this form. Blocks while names are resolved. Raises SinkRefused."""
    values = {}
    for field in kind.fields:
        text = given.get(field.key, "").strip()
        if not text:
            raise SinkRefused(f"{field.label} is missing.")
        if len(text) > LONGEST or not text.isprintable() or any(c in text for c in "'\"\\`") or "#" in text[1:]:
            raise SinkRefused(f"{field.label} holds a character that does not belong there.")
        values[field.key] = field.check(text, resolver)
    if kind.appends:
        (key,) = kind.keys
        before = settings.alert_urls.reveal().split()
        if values[key] in before:
            raise SinkRefused("This one is set already.")
        values[key] = " ".join([*before, values[key]])
    return values | {SET_IN_BROWSER: _noted(settings, kind.keys, now)}


def to_remove(kind: SinkKind, settings: Settings, place: int | None = None) -> dict[str, str]:
    """What is to be written to take it out; `place`, from 1: which of several URLs. Raises SinkRefused."""
    if not is_set(kind, settings):
        raise SinkRefused("It is not set.")
    if kind.appends and place is not None:
        (key,) = kind.keys
        found = settings.alert_urls.reveal().split()
        if not 1 <= place <= len(found):
            raise SinkRefused("There is none of this number.")
        left = " ".join(found[: place - 1] + found[place:])
        if left:
            return {key: left}
    return dict.fromkeys(kind.keys, "") | {SET_IN_BROWSER: _noted(settings, kind.keys, None)}


def rules(given: Mapping[str, str]) -> dict[str, str]:
    """Least severity of each sink and quiet hours, as the settings write them. Raises SinkRefused."""
    for name in ("", *SINK_NAMES):
        if given.get(f"least-{name}", "") not in ("", "warning", "critical"):
            raise SinkRefused("A severity is warning or critical.")
    least = [given.get("least-", "") or "warning"]
    least += [f"{name}:{given[f'least-{name}']}" for name in SINK_NAMES if given.get(f"least-{name}")]
    start, end, zone = (given.get(name, "").strip() for name in ("from", "until", "zone"))
    quiet = ""
    if start or end:
        quiet = f"{start}-{end} {zone}".strip()
        if not re.fullmatch(r"[0-9]{2}:[0-9]{2}-[0-9]{2}:[0-9]{2}( [A-Za-z0-9_/+-]{1,60})?", quiet):
            raise SinkRefused(
                "Quiet hours are two times, such as 22:00 and 07:00, and a time zone, such as Europe/Berlin."
            )
        try:
            parse_quiet_hours(quiet)
        except ValueError as error:
            raise SinkRefused(f"Quiet hours: {error}.") from error
    return {"ALERT_MIN_SEVERITY": ",".join(least), "ALERT_QUIET_HOURS": quiet}


def _noted(settings: Settings, keys: tuple[str, ...], now: datetime | None) -> str:
    """SET_IN_BROWSER with these keys as of `now`; None = without them."""
    found = {key: at for key, at in set_in_browser(settings).items() if key not in keys}
    if now is not None:
        found |= dict.fromkeys(keys, now)
    return ",".join(f"{key}@{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for key, at in sorted(found.items()))
