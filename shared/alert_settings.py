"""The settings of alerts beyond their types: how they are written, and what is set by half.

Whatever is wrong with them stops nobody: COIN-WATCH goes on with the rest and says so, the bot does not ask.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from shared.chat_settings import SLACK, TELEGRAM, chat_platforms, chat_problems
from shared.setting_table import Settings

SINK_NAMES = ("slack", "slack-app", "teams", "telegram", "webhook", "mail", "apprise", "push")
SEVERITIES = ("warning", "critical")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALERT_SECRETS = (
    "SLACK_WEBHOOK", "SLACK_BOT_TOKEN", "TEAMS_WEBHOOK_URL", "TELEGRAM_BOT_TOKEN", "ALERT_WEBHOOK_URL",
    "ALERT_SMTP_URL", "ALERT_URLS",
)  # fmt: skip
SET_IN_BROWSER = "ALERT_SET_IN_BROWSER"
# All that an operator may ever write into .env from a browser about alerts (and of trading on play money: the choice of
# a strategy, `shared.strategy_choice`). Limits, mode, keys, folders, the sign-in and the watcher itself are not among
# them, and never will be.
BROWSER_SETTINGS = frozenset({
    *ALERT_SECRETS, "SLACK_ALERT_CHANNEL", "TELEGRAM_CHAT_ID", "ALERT_MAIL_FROM", "ALERT_MAIL_TO", "HEARTBEAT_URL",
    "ALERT_MIN_SEVERITY", "ALERT_QUIET_HOURS", SET_IN_BROWSER,
})  # fmt: skip


def parse_quiet_hours(text: str) -> tuple[int, int, tzinfo] | None:
    """(first minute of the day, minute of the end, zone) of "22:00-07:00 Europe/Berlin"; None = empty.

    Raises ValueError with what is wrong.
    """
    if not text.strip():
        return None
    span, _, name = text.strip().partition(" ")
    try:
        start, end = (_minute(part) for part in span.split("-"))
    except ValueError:
        raise ValueError("written HH:MM-HH:MM, such as 22:00-07:00 Europe/Berlin") from None
    if start == end:
        raise ValueError("it begins when it ends")
    return start, end, _zone(name.strip())


def parse_report_at(text: str) -> tuple[int, tzinfo] | None:
    """(minute of the day, zone) of "08:00 Europe/Berlin"; None = empty or off. Raises ValueError with what is wrong."""
    if text.strip().lower() in ("", "off"):
        return None
    clock, _, name = text.strip().partition(" ")
    try:
        minute = _minute(clock)
    except ValueError:
        raise ValueError("written HH:MM, such as 08:00 Europe/Berlin, or off") from None
    return minute, _zone(name.strip())


def _zone(name: str) -> tzinfo:
    """UTC without a name. Raises ValueError."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name}") from None


def _minute(text: str) -> int:
    hour, minute = (int(part) for part in text.split(":"))
    if not (0 <= hour <= 23 and 0 <= minute <= 59):
        raise ValueError(text)
    return hour * 60 + minute


def parse_least_severity(text: str) -> Mapping[str, str]:
    """Sink name to its least severity, of "warning,telegram:critical"; the key "" is for all others.

    Raises ValueError with what is wrong.
    """
    found = {"": "warning"}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, colon, severity = part.rpartition(":")
        if severity not in SEVERITIES:
            raise ValueError(f"{severity} is none of {', '.join(SEVERITIES)}")
        if colon and name not in SINK_NAMES:
            raise ValueError(f"{name} is none of {', '.join(SINK_NAMES)}")
        found[name] = severity
    return found


def set_in_browser(s: Settings) -> dict[str, datetime]:
    """Setting to when it was set in the browser. What is written otherwise counts as set there, too, in 1970: the
    stricter rule holds."""
    found = {}
    for part in s.alert_set_in_browser:
        key, _, text = part.partition("@")
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = datetime.fromtimestamp(0, UTC)
        found[key] = at if at.tzinfo else at.replace(tzinfo=UTC)
    return found


def alert_problems(s: Settings) -> list[str]:
    """What is wrong, a line each. Half of a sink is none, and whoever set it believes that it tells."""
    found = []
    try:
        parse_quiet_hours(s.alert_quiet_hours)
    except ValueError as error:
        found.append(f"ALERT_QUIET_HOURS={s.alert_quiet_hours}: {error}; warnings are sent at any time")
    try:
        parse_least_severity(s.alert_min_severity)
    except ValueError as error:
        found.append(f"ALERT_MIN_SEVERITY={s.alert_min_severity}: {error}; every sink is sent warnings")
    try:
        parse_report_at(s.report_at)
    except ValueError as error:
        found.append(f"REPORT_AT={s.report_at}: {error}; reports are told at 08:00 UTC")
    strangers = [name for name in s.report_to if name not in SINK_NAMES]
    if strangers:
        found.append(f"REPORT_TO: {', '.join(strangers)} is none of {', '.join(SINK_NAMES)}; no report goes there")
    chat = chat_platforms(s)  # there a token alone is enough
    if bool(s.telegram_bot_token) != bool(s.telegram_chat_id) and TELEGRAM not in chat:
        found.append("TELEGRAM_BOT_TOKEN and TELEGRAM_CHAT_ID belong together: without both, nothing is sent")
    if bool(s.slack_bot_token) != bool(s.slack_alert_channel) and SLACK not in chat:
        found.append("SLACK_BOT_TOKEN and SLACK_ALERT_CHANNEL belong together: without both, nothing is sent")
    found += chat_problems(s)
    if s.alert_smtp_url and not (s.alert_mail_from and s.alert_mail_to):
        found.append("ALERT_SMTP_URL needs ALERT_MAIL_FROM and ALERT_MAIL_TO: without them, nothing is sent")
    return found
