"""Which sinks are set, and how each is made. Its module is loaded only then: libraries cost memory."""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from shared import push_devices
from shared.alert_settings import alert_problems, parse_least_severity, set_in_browser
from shared.documents.alerts import AlertSeverity
from shared.files import Unreadable
from shared.paths import DataPaths
from shared.push_devices import PushDevice
from shared.setting_table import Settings
from watch.sinks.sink import AlertSink


@dataclass(frozen=True, slots=True)
class _Way:
    """`arguments`: of the class, for each sink that is made of it; none = it is not set. `url`: the setting that says
    where it goes; set in the browser, it may lead to public addresses only."""

    module: str
    made_by: str
    arguments: Callable[[Settings], list[tuple[object, ...]]]
    url: str = ""


def _all(*values: object) -> list[tuple[object, ...]]:
    """One sink, where every part of it is set."""
    return [values] if all(values) else []


_WAYS = {
    "slack": _Way("slack", "SlackWebhook", lambda s: _all(s.slack_webhook.reveal()), "SLACK_WEBHOOK"),
    "slack-app": _Way("slack", "SlackApp", lambda s: _all(s.slack_bot_token.reveal(), s.slack_alert_channel)),
    "teams": _Way("teams", "TeamsWorkflow", lambda s: _all(s.teams_webhook_url.reveal()), "TEAMS_WEBHOOK_URL"),
    "telegram": _Way("telegram", "TelegramBot", lambda s: _all(s.telegram_bot_token.reveal(), s.telegram_chat_id)),
    "webhook": _Way("webhook", "JsonWebhook", lambda s: _all(s.alert_webhook_url.reveal()), "ALERT_WEBHOOK_URL"),
    "mail": _Way("mail", "SmtpMail", lambda s: _all(s.alert_smtp_url.reveal(), s.alert_mail_from, s.alert_mail_to),
                 "ALERT_SMTP_URL"),
    "apprise": _Way(
        "apprise_urls", "AppriseUrl",
        lambda s: [(url, place) for place, url in enumerate(s.alert_urls.reveal().split(), 1)],
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SinkPlan:
    """The sinks that are set with the least severity of each; `problems`: what is set wrong or cannot be made."""

    sinks: tuple[tuple[AlertSink, AlertSeverity], ...]
    problems: tuple[str, ...]
    made_of: Mapping[str, object] = field(default_factory=dict)  # sink to what it was made of: equal = the same sink


def sinks_of(settings: Settings, paths: DataPaths | None = None) -> SinkPlan:
    """Made by the settings, and with `paths` by the devices that asked for push; ALERT_ENABLE=false makes none."""
    if not settings.alert_enable:
        return SinkPlan((), ())
    problems = alert_problems(settings)
    try:
        least = parse_least_severity(settings.alert_min_severity)
    except ValueError:
        least = {"": AlertSeverity.WARNING.value}
    made = list[tuple[AlertSink, AlertSeverity]]()
    made_of: dict[str, object] = {}
    browser = set_in_browser(settings)
    for name, way in _WAYS.items():
        arguments = way.arguments(settings)
        if not arguments:
            continue
        try:
            kind = getattr(importlib.import_module(f"watch.sinks.{way.module}"), way.made_by)
        except ImportError as error:
            problems.append(f"{name}: {error.name} is not installed: .venv/bin/pip install -r requirements-alerts.txt")
            continue
        more = {"only_public": True} if way.url in browser else {}
        for one in arguments:
            sink = kind(*one, **more)
            made.append((sink, AlertSeverity(least.get(name, least[""]))))
            made_of[sink.name] = (name, one, *more)
    for device in _devices(paths, problems) if paths is not None else []:
        assert paths is not None
        try:
            push = importlib.import_module("watch.sinks.push")
            sink = push.made(device, paths, settings.alert_push_hosts)
        except (OSError, ValueError) as error:
            problems.append(f"push: the key of this installation cannot be used: {error}")
            break
        made.append((sink, AlertSeverity(least.get("push", least[""]))))
        made_of[sink.name] = device
    return SinkPlan(tuple(made), tuple(problems), made_of)


def _devices(paths: DataPaths, problems: list[str]) -> list[PushDevice]:
    try:
        return push_devices.read(paths)
    except (Unreadable, OSError) as error:
        problems.append(f"push: the list of devices cannot be read: {error}")
        return []
